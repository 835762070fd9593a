use super::*;

#[test]
fn only_the_listed_moves_are_allowed() {
    use State::{Published, Sealed, Withdrawn};
    let allowed = [
        (Sealed, Move::Write, Sealed),
        (Withdrawn, Move::Write, Sealed),
        (Sealed, Move::Publish, Published),
        (Sealed, Move::Withdraw, Withdrawn),
        (Published, Move::Withdraw, Withdrawn),
    ];
    for from in State::ALL {
        for step in [Move::Write, Move::Publish, Move::Withdraw] {
            let to = allowed.iter().find(|(f, s, _)| (f, *s) == (from, step)).map(|m| m.2);
            assert_eq!(from.after(step), to, "{from:?} {step:?}");
        }
    }
}

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
