//! What people may write: texts, emoji, and the names clients give their messages. Pure.

use super::error::Error;

/// Characters of a message.
pub const MAX_TEXT: usize = 4000;
/// Kinds of reactions that one message may have.
pub const MAX_KINDS: usize = 20;
/// Bytes of the longest emoji: a couple with two skin tones has 35.
const MAX_EMOJI: usize = 40;
const MAX_CLIENT_ID: usize = 64;

const JOINER: char = '\u{200d}';
const AS_EMOJI: char = '\u{fe0f}';
const KEYCAP: char = '\u{20e3}';

/// A text without control characters (line ends and tabs stay) and without white space around it.
///
/// # Errors
/// `TextEmpty`, `TextTooLong`
pub fn clean(text: &str) -> Result<String, Error> {
    let plain: String =
        text.replace("\r\n", "\n").chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect();
    let plain = plain.trim();
    if plain.chars().all(|c| c.is_whitespace() || is_invisible(c)) {
        return Err(Error::TextEmpty);
    }
    if plain.chars().count() > MAX_TEXT {
        return Err(Error::TextTooLong);
    }
    Ok(plain.to_owned())
}

fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2060}'..='\u{2064}' | '\u{feff}' | '\u{3164}' | '\u{115f}' | '\u{1160}')
}

/// # Errors
/// `ClientIdInvalid`
pub fn check_client_id(id: &str) -> Result<(), Error> {
    let plain = (1..=MAX_CLIENT_ID).contains(&id.len())
        && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.:".contains(&b));
    if plain { Ok(()) } else { Err(Error::ClientIdInvalid) }
}

/// One emoji: pictures joined into one, a flag, or a keycap (Unicode Technical Standard 51, in outline).
///
/// # Errors
/// `EmojiInvalid`
pub fn check_emoji(text: &str) -> Result<(), Error> {
    let chars: Vec<char> = text.chars().collect();
    let fits = text.len() <= MAX_EMOJI && is_emoji(&chars);
    if fits { Ok(()) } else { Err(Error::EmojiInvalid) }
}

fn is_emoji(chars: &[char]) -> bool {
    if let [a, b] = chars
        && is_regional(*a)
        && is_regional(*b)
    {
        return true;
    }
    if let [digit, rest @ ..] = chars
        && (digit.is_ascii_digit() || matches!(digit, '#' | '*'))
    {
        return rest == [KEYCAP] || rest == [AS_EMOJI, KEYCAP];
    }
    chars.split(|c| *c == JOINER).all(is_picture)
}

/// A picture, perhaps with a presentation, a skin tone, or the letters of a region behind it.
fn is_picture(part: &[char]) -> bool {
    let [first, rest @ ..] = part else { return false };
    let modifies = |c: &char| matches!(c, &AS_EMOJI | '\u{1f3fb}'..='\u{1f3ff}' | '\u{e0020}'..='\u{e007f}');
    is_pictographic(*first) && rest.iter().all(modifies)
}

fn is_regional(c: char) -> bool {
    matches!(c, '\u{1f1e6}'..='\u{1f1ff}')
}

fn is_pictographic(c: char) -> bool {
    match c {
        '\u{1f1e6}'..='\u{1f1ff}' => false,
        '\u{1f000}'..='\u{1faff}' => true,
        '\u{2190}'..='\u{21ff}' | '\u{2300}'..='\u{23ff}' | '\u{24c2}' => true,
        '\u{25a0}'..='\u{27bf}' | '\u{2900}'..='\u{297f}' | '\u{2b00}'..='\u{2bff}' => true,
        '\u{3030}' | '\u{303d}' | '\u{3297}' | '\u{3299}' => true,
        '\u{a9}' | '\u{ae}' | '\u{203c}' | '\u{2049}' | '\u{2122}' | '\u{2139}' => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_lose_what_nobody_sees_and_keep_their_lines() {
        assert_eq!(clean("  a\r\nb\u{0}\u{1b}[31m\tc \n").unwrap(), "a\nb[31m\tc");
        assert_eq!(clean("👨‍👩‍👧‍👦").unwrap(), "👨‍👩‍👧‍👦");
        for empty in ["", " \n\t ", "\u{0}\u{7}", "\u{200b}\u{feff}", "\u{3164}"] {
            assert!(matches!(clean(empty), Err(Error::TextEmpty)), "{empty:?}");
        }
        assert_eq!(clean(&"한".repeat(4000)).unwrap().chars().count(), 4000);
        assert!(matches!(clean(&"한".repeat(4001)), Err(Error::TextTooLong)));
    }

    #[test]
    fn emoji_are_emoji() {
        let good =
            ["👍", "❤️", "❤", "🎉", "👍🏽", "🇰🇷", "1️⃣", "#⃣", "👨‍👩‍👧‍👦", "👩🏽‍❤️‍💋‍👨🏿", "🏴󠁧󠁢󠁳󠁣󠁴󠁿", "☺️", "✅", "🏳️‍🌈", "⏰", "©️"];
        for emoji in good {
            assert!(check_emoji(emoji).is_ok(), "{emoji}");
        }
        let bad = [
            "",
            "a",
            "1",
            "좋아",
            "👍👍",
            "👍 ",
            "<b>",
            "$set",
            "a.b",
            "🇰",
            "\u{200d}",
            "👍\u{200d}",
            "\u{fe0f}",
        ];
        for text in bad {
            assert!(check_emoji(text).is_err(), "{text:?}");
        }
        assert!(check_emoji(&"🏽".repeat(12)).is_err());
    }

    #[test]
    fn client_ids_are_short_and_plain() {
        for good in ["a", "c-1", "019ab123-4567-7abc-8def-0123456789ab", &"x".repeat(64)] {
            assert!(check_client_id(good).is_ok(), "{good}");
        }
        for bad in ["", " ", "a b", "$x", "한글", &"x".repeat(65)] {
            assert!(check_client_id(bad).is_err(), "{bad}");
        }
    }
}
