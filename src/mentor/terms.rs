//! How text is made searchable: one way of writing it, and the terms under which it is found. Pure.
//!
//! Neither server's full-text search can be relied on: MySQL cuts Korean into pairs of syllables by a parser that MariaDB
//! does not have, and MariaDB's own looks for whole words between blanks, which Korean does not keep to ("백엔드개발자를").
//! So the terms are made here: words of letters and digits as they are, found by their beginning, and of words in
//! syllables or ideographs every pair of neighbours, found anywhere.

use std::collections::BTreeSet;

use unicode_normalization::UnicodeNormalization;

/// Characters of a term.
const LONGEST: usize = 32;
/// Characters of a card's text that are searched.
const MOST_TEXT: usize = 8_000;

/// One way of writing: composed, compatible forms (NFKC), lower case, single blanks.
pub(super) fn plain(text: &str) -> String {
    let folded: String = text.nfkc().flat_map(char::to_lowercase).map(blank).collect();
    // Lower case can leave what is not composed.
    let composed: String = folded.nfkc().take(MOST_TEXT).collect();
    composed.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn blank(c: char) -> char {
    if c.is_control() { ' ' } else { c }
}

/// The terms of a text in its [`plain`] writing.
pub(super) fn terms(plain: &str) -> BTreeSet<String> {
    let mut terms = BTreeSet::new();
    for run in runs(plain) {
        match run {
            Run::Word(word) => {
                terms.insert(cut(word));
            }
            Run::Syllables(syllables) => {
                terms.extend(syllables.windows(2).map(|pair| pair.iter().collect::<String>()));
                terms.extend(syllables.last().map(char::to_string));
            }
        }
    }
    terms
}

/// What a text must have to be found.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Wanted {
    Term(String),
    /// A term that begins so.
    Beginning(String),
}

/// The words of a query, and what the terms of a text must be for all of them to be in it. Some texts have all the terms
/// and not the words: those are ruled out by the words.
pub(super) fn wanted(query: &str) -> (Vec<String>, Vec<Wanted>) {
    let words: BTreeSet<String> =
        plain(query).split(' ').filter(|w| !w.is_empty()).map(str::to_owned).collect();
    let mut wanted = BTreeSet::new();
    for word in &words {
        for run in runs(word) {
            match run {
                Run::Word(word) => {
                    wanted.insert(Wanted::Beginning(cut(word)));
                }
                Run::Syllables(syllables) if syllables.len() == 1 => {
                    wanted.insert(Wanted::Beginning(syllables[0].to_string()));
                }
                Run::Syllables(syllables) => {
                    wanted.extend(syllables.windows(2).map(|pair| Wanted::Term(pair.iter().collect())));
                }
            }
        }
    }
    (words.into_iter().collect(), wanted.into_iter().collect())
}

/// The end of all texts that begin with `start`, for a range of an index by code points.
pub(super) fn end_of(start: &str) -> String {
    let mut end = start.to_owned();
    end.push(char::MAX);
    end
}

enum Run<'a> {
    Word(&'a str),
    Syllables(Vec<char>),
}

/// Letters and digits that stand together, parted where the kind of writing changes.
fn runs(plain: &str) -> Vec<Run<'_>> {
    let mut runs = Vec::new();
    let mut rest = plain;
    while let Some(first) = rest.chars().next() {
        let kind = kind(first);
        let end = rest.find(|c| self::kind(c) != kind).unwrap_or(rest.len());
        let (run, after) = rest.split_at(end);
        match kind {
            Kind::Word => runs.push(Run::Word(run)),
            Kind::Syllable => runs.push(Run::Syllables(run.chars().collect())),
            Kind::Neither => {}
        }
        rest = after;
    }
    runs
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Word,
    Syllable,
    Neither,
}

fn kind(c: char) -> Kind {
    match c {
        // Hangul (letters, syllables), kana, ideographs.
        '\u{1100}'..='\u{11ff}'
        | '\u{3040}'..='\u{30ff}'
        | '\u{3130}'..='\u{318f}'
        | '\u{3400}'..='\u{9fff}'
        | '\u{a960}'..='\u{a97f}'
        | '\u{ac00}'..='\u{d7ff}'
        | '\u{f900}'..='\u{faff}'
        | '\u{20000}'..='\u{3ffff}' => Kind::Syllable,
        c if c.is_alphanumeric() => Kind::Word,
        _ => Kind::Neither,
    }
}

fn cut(word: &str) -> String {
    word.chars().take(LONGEST).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn is_found(query: &str, text: &str) -> bool {
        let text = plain(text);
        let terms = terms(&text);
        let (words, wanted) = wanted(query);
        let has = |wanted: &Wanted| match wanted {
            Wanted::Term(term) => terms.contains(term),
            Wanted::Beginning(start) => terms.range(start.clone()..end_of(start)).next().is_some(),
        };
        wanted.iter().all(has) && words.iter().all(|word| text.contains(word))
    }

    #[test]
    fn words_are_found_by_their_beginning_and_korean_anywhere() {
        let text = "백엔드개발자를 위한 Rust·Kotlin 멘토링 (Node.js, C++) 1:1";
        for query in [
            "rust",
            "RUST",
            "Ru",
            "엔드",
            "드",
            "를",
            "개발자",
            "백엔드개발자",
            "멘토링 rust",
            "node.js",
            "js",
            "c++",
            "１:1",
            "(node",
            "링",
        ] {
            assert!(is_found(query, text), "{query}");
        }
        for query in [
            "ust",
            "java",
            "백드",
            "자개",
            "c#",
            "멘토링rust",
            "%",
            "_",
            "+rust",
            "-rust",
            "\"",
            "rust*",
            "\\",
        ] {
            assert!(!is_found(query, text), "{query}");
        }
    }

    #[test]
    fn signs_of_search_languages_are_plain_characters() {
        for sign in ["%", "_", "\\", "+", "*", "\"", "'", "(", "@", ">"] {
            assert!(is_found(sign, &format!("a {sign} b")), "{sign}");
            assert!(!is_found(sign, "a b"), "{sign}");
        }
    }

    #[test]
    fn decomposed_hangul_and_wide_letters_are_the_same() {
        let decomposed: String = "멘토".nfd().collect();
        assert_ne!(decomposed, "멘토");
        assert!(is_found(&decomposed, "멘토링"));
        assert!(is_found("멘토", &decomposed));
        assert!(is_found("Ｒｕｓｔ", "rust"));
        assert_eq!(plain("  A\u{0}b\n\tC  "), "a b c");
    }

    proptest! {
        #[test]
        fn every_word_of_a_text_finds_it(text in "[a-z0-9가-힣漢字かな.+ -]{0,60}") {
            for word in plain(&text).split(' ') {
                prop_assert!(is_found(word, &text), "{word:?} in {text:?}");
            }
        }

        #[test]
        fn whatever_is_typed_makes_terms_that_fit(text in "\\PC{0,200}") {
            for term in terms(&plain(&text)) {
                prop_assert!((1..=LONGEST).contains(&term.chars().count()));
            }
            let _ = wanted(&text);
        }
    }
}
