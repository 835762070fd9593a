//! Files for spreadsheets: personal data masked, and nothing that a spreadsheet would run. Pure.

use crate::clock::Instant;
use crate::money::Krw;

/// One cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cell {
    /// Words of people, and of ours.
    Text(String),
    /// Won, or a count.
    Number(i64),
    Empty,
}

impl Cell {
    pub fn text(text: impl ToString) -> Self {
        Self::Text(text.to_string())
    }

    /// RFC 3339, in UTC.
    pub fn at(at: Instant) -> Self {
        Self::Text(at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true))
    }

    pub fn won(amount: Krw) -> Self {
        Self::Number(amount.0)
    }

    pub fn or_empty(cell: Option<Self>) -> Self {
        cell.unwrap_or(Self::Empty)
    }
}

/// A line of a file (RFC 4180), with its end.
pub fn row(cells: &[Cell]) -> String {
    let cells: Vec<String> = cells.iter().map(written).collect();
    cells.join(",") + "\r\n"
}

fn written(cell: &Cell) -> String {
    match cell {
        Cell::Number(number) => number.to_string(),
        Cell::Empty => String::new(),
        Cell::Text(text) => {
            let plain = inert(text);
            if plain.contains(['"', ',', '\n', '\r', ';', '\t']) || plain != plain.trim() {
                format!("\"{}\"", plain.replace('"', "\"\""))
            } else {
                plain
            }
        }
    }
}

/// Text that a spreadsheet takes for text: what begins like a formula gets an apostrophe before it. Spreadsheets skip
/// blanks and marks that nobody sees, so they are skipped here as well.
fn inert(text: &str) -> String {
    let clean: String = text.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect();
    let begins = clean.chars().find(|c| !c.is_whitespace() && !is_invisible(*c));
    let is_formula = begins.is_some_and(|c| matches!(c, '=' | '+' | '-' | '@' | '＝' | '＋' | '－' | '＠'));
    if is_formula || clean.starts_with('\t') { format!("'{clean}") } else { clean }
}

fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// `k***@d***.com` of `kim@domain.com`.
pub fn masked_email(email: &str) -> String {
    let first = |text: &str| text.chars().next().map(String::from).unwrap_or_default();
    let Some((name, domain)) = email.rsplit_once('@') else { return "***".to_owned() };
    let (host, zone) = domain.rsplit_once('.').map_or((domain, ""), |(host, zone)| (host, zone));
    let zone = if zone.is_empty() { String::new() } else { format!(".{zone}") };
    format!("{}***@{}***{zone}", first(name), first(host))
}

/// `김*수` of `김민수`: the first and the last letter of a name, the first of two alone, and none of one.
pub fn masked_name(name: &str) -> String {
    let letters: Vec<char> = name.trim().chars().collect();
    match letters[..] {
        [] => String::new(),
        [_] => "*".to_owned(),
        [first, _] => format!("{first}*"),
        [first, ref middle @ .., last] => format!("{first}{}{last}", "*".repeat(middle.len())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_are_masked() {
        for (email, masked) in [
            ("kim@domain.com", "k***@d***.com"),
            ("김@예.kr", "김***@예***.kr"),
            ("a@b.co.kr", "a***@b***.kr"),
            ("x@localhost", "x***@l***"),
            ("nonsense", "***"),
            ("a@b@c.com", "a***@c***.com"),
        ] {
            assert_eq!(masked_email(email), masked);
        }
        for (name, masked) in [
            ("김민수", "김*수"),
            ("이수", "이*"),
            ("김", "*"),
            ("", ""),
            ("Anna Lee", "A******e"),
            (" 남궁민수 ", "남**수"),
        ] {
            assert_eq!(masked_name(name), masked, "{name}");
        }
    }

    #[test]
    fn nothing_is_run() {
        for formula in [
            "=1+1",
            "+82",
            "-1",
            "@SUM(A1)",
            " =1",
            "\t=1",
            "\u{200b}=1",
            "＝1",
            "\r=1",
            "\n=cmd|' /C calc'!A0",
        ] {
            let cell = written(&Cell::text(formula));
            assert!(cell.trim_start_matches('"').starts_with('\''), "{formula:?}: {cell:?}");
        }
        for plain in ["a=1", "김민수", "1-2", "a@b"] {
            assert_eq!(written(&Cell::text(plain)), plain);
        }
        assert_eq!(written(&Cell::won(Krw(-500))), "-500", "an amount of ours is a number");
    }

    #[test]
    fn lines_are_those_of_the_standard() {
        let cells = [Cell::text("a,\"b\"\nc"), Cell::Empty, Cell::Number(7), Cell::text(" x")];
        assert_eq!(row(&cells), "\"a,\"\"b\"\"\nc\",,7,\" x\"\r\n");
    }
}
