//! What somebody says: stars and words, fit to be shown. Pure.

/// Characters of a review, and of the reply to one.
pub const MAX_TEXT: usize = 2_000;

/// 1 to 5.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, sqlx::Type)]
#[sqlx(transparent)]
pub struct Stars(u8);

impl Stars {
    /// # Errors
    /// For everything but 1 to 5.
    pub fn new(stars: u8) -> Result<Self, Invalid> {
        let stars = Some(stars).filter(|n| (1..=5).contains(n));
        stars.map(Self).ok_or(Invalid { field: "stars", rule: "takes 1 to 5" })
    }

    pub fn get(self) -> u8 {
        self.0
    }
}

/// A field that breaks a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field} {rule}")]
pub struct Invalid {
    /// As API clients write it.
    pub field: &'static str,
    /// The rest of a sentence that starts with the field.
    pub rule: &'static str,
}

/// Words fit to be shown: without white space around them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Words(String);

impl Words {
    /// # Errors
    /// Unless there are 1 to [`MAX_TEXT`] characters, of which something can be seen; no control characters but line
    /// ends and tabs; none that turn the direction of the text that follows.
    pub fn parse(field: &'static str, text: &str) -> Result<Self, Invalid> {
        let plain = text.replace("\r\n", "\n");
        let plain = plain.trim();
        if plain.chars().any(|c| is_control(c) && !matches!(c, '\n' | '\t')) {
            return Err(Invalid { field, rule: "takes no control characters" });
        }
        if plain.chars().all(|c| c.is_whitespace() || is_invisible(c)) || plain.chars().count() > MAX_TEXT {
            return Err(Invalid { field, rule: "takes 1 to 2,000 characters" });
        }
        Ok(Self(plain.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn is_control(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200d}' | '\u{2060}'..='\u{2064}' | '\u{feff}' | '\u{3164}' | '\u{115f}' | '\u{1160}')
}

/// What somebody says of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    pub stars: Stars,
    pub words: Words,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_are_one_to_five() {
        for stars in 1..=5 {
            assert_eq!(Stars::new(stars).map(Stars::get), Ok(stars));
        }
        for stars in [0, 6, 255] {
            assert!(Stars::new(stars).is_err(), "{stars}");
        }
    }

    #[test]
    fn words_are_trimmed_and_seen() {
        let parse = |text: &str| Words::parse("text", text).map(|words| words.as_str().to_owned());
        assert_eq!(parse("  좋았어요 👩‍💻\r\n또 올게요\t\n "), Ok("좋았어요 👩‍💻\n또 올게요".to_owned()));
        assert_eq!(parse(&"가".repeat(MAX_TEXT)).map(|text| text.chars().count()), Ok(MAX_TEXT));
        assert_eq!(
            parse("<script>alert(1)</script>").as_deref(),
            Ok("<script>alert(1)</script>"),
            "text is text"
        );
        for bad in [
            "",
            " \n\t ",
            "\u{200b}\u{feff}\u{3164}",
            "a\u{0}b",
            "a\u{1b}[31mb",
            "a\rb",
            "a\u{7f}",
            "a\u{85}b",
            "\u{202e}evil",
            "a\u{2066}b",
            "a\u{2028}b",
            &"a".repeat(MAX_TEXT + 1),
        ] {
            assert_eq!(parse(bad).map_err(|invalid| invalid.field), Err("text"), "{bad:?}");
        }
    }
}
