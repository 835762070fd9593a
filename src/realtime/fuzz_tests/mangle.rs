//! Inputs: what a client says rightly, made wrong in every way that comes to mind. The tests over sockets use them, too.

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, RngExt, SeedableRng};
use serde_json::{Map, Value, json};

const ROOM: &str = "0197a0b0-0000-7000-8000-000000000001";

/// The input that a seed stands for, of `most` bytes at most.
pub fn input(seed: u64, most: usize) -> String {
    let dice = &mut StdRng::seed_from_u64(seed);
    let mut text = match dice.random_range(0..20) {
        0 => noise(dice),
        1 => random(dice, 0).to_string(),
        2 => valid(dice).to_string(),
        3..11 => {
            let mut frame = valid(dice);
            for _ in 0..dice.random_range(1..4) {
                change(dice, &mut frame);
            }
            frame.to_string()
        }
        _ => {
            let mut text = valid(dice).to_string();
            for _ in 0..dice.random_range(1..4) {
                text = cut_up(dice, text);
            }
            text
        }
    };
    let mut end = text.len().min(most);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
    text
}

fn valid(dice: &mut StdRng) -> Value {
    let n = dice.random_range(0..1_000);
    let mut text = || "안녕하세요 hello 👋".repeat(dice.random_range(1..9));
    let mut frame = match n % 22 {
        0 => json!({ "type": "ping" }),
        1 => json!({ "type": "resume", "after": n }),
        2 => json!({ "type": "auth.refresh", "token": "a.b.c" }),
        3 => json!({ "type": "chat.join", "after": n }),
        4 => json!({ "type": "chat.leave" }),
        5 => json!({ "type": "chat.send", "clientId": format!("c-{n}"), "text": text(), "replyTo": n }),
        6 => json!({ "type": "chat.send", "clientId": format!("c-{n}"), "fileId": ROOM }),
        7 => json!({ "type": "chat.edit", "clientId": "e", "seq": n, "text": text() }),
        8 => json!({ "type": "chat.delete", "clientId": "d", "seq": n }),
        9 => json!({ "type": "chat.react", "clientId": "r", "seq": n, "emoji": "👍🏽", "on": true }),
        10 => json!({ "type": "chat.read", "seq": n }),
        11 => json!({ "type": "chat.typing", "on": true }),
        12 => json!({ "type": "chat.history", "before": n, "limit": 50 }),
        13 => json!({ "type": "session.join", "takeOver": true }),
        14 => json!({ "type": "session.leave" }),
        15 => {
            let lines = if n < 100 { n * 8 } else { n / 10 };
            let sdp = json!({ "type": "offer", "sdp": "v=0\r\n".repeat(lines) });
            json!({ "type": "rtc.signal", "epoch": n, "kind": "offer", "payload": sdp })
        }
        16 => {
            let candidate = json!({ "candidate": "candidate:1 1 udp 1 127.0.0.1 9 typ host", "sdpMid": "0" });
            json!({ "type": "rtc.signal", "epoch": n, "kind": "candidate", "payload": candidate })
        }
        17 => json!({ "type": "rtc.restart" }),
        18 => json!({ "type": "rtc.media", "mic": true, "camera": false, "ready": true }),
        19 => json!({ "type": "rtc.screen", "action": "grant" }),
        20 => json!({ "type": "rtc.turn" }),
        _ => {
            let report = json!({
                "rttMs": 40.5, "lossPct": 1, "resolution": "1280x720", "freezes": 0, "relayed": false,
            });
            json!({ "type": "rtc.quality", "report": report })
        }
    };
    let is_for_room = frame["type"].as_str().is_some_and(|kind| kind.contains('.') && kind != "auth.refresh");
    // The live room alone gets it without.
    if is_for_room && dice.random_range(0..8) > 0 {
        frame["room"] = json!(ROOM);
        if dice.random_range(0..2) == 0 {
            frame["ref"] = json!(format!("c{n}"));
        }
    }
    frame
}

/// Texts that were somebody's undoing before.
const TEXTS: [&str; 11] = [
    "",
    "0",
    "\u{0}",
    "\u{feff}\u{202e}\u{200d}\u{fe0f}",
    "../../../etc/passwd",
    "'; DROP TABLE reservations; --",
    "00000000-0000-0000-0000-000000000000",
    "{0197a0b0-0000-7000-8000-000000000001}",
    "0197A0B0000070008000000000000001",
    "chat.send",
    "rtc.dance",
];

/// And other values.
fn nasty(dice: &mut StdRng) -> Value {
    match dice.random_range(0..28) {
        0..4 => nested(dice),
        4..8 => random(dice, 0),
        8..16 => json!(pick(dice, &TEXTS)),
        16 => Value::Null,
        17 => json!(true),
        18 => json!(i64::MAX),
        19 => json!(i64::MIN),
        20 => json!(u64::MAX),
        21 => json!(dice.random_range(-1..2)),
        22 => json!(*[1.5, 1e308, -0.0, 1e-320].choose(dice).expect("numbers")),
        23 => json!(["a\u{301}", "👩‍👩‍👧‍👦", "x"].choose(dice).expect("texts").repeat(dice.random_range(1..2_000))),
        24 => json!({ "$where": "sleep(1000)", "$gt": "" }),
        25 => json!({ "_placeholder": true, "num": 0 }),
        26 => json!({ "__proto__": { "admin": true } }),
        _ => json!([{}, []]),
    }
}

/// Deeper than any parser likes, and not so deep that making it would end this test.
fn nested(dice: &mut StdRng) -> Value {
    let as_object = dice.random_range(0..2) == 0;
    let mut value = json!(1);
    for _ in 0..dice.random_range(1..180) {
        value = if as_object {
            Value::Object(Map::from_iter([("a".to_owned(), value)]))
        } else {
            Value::Array(vec![value])
        };
    }
    value
}

fn random(dice: &mut StdRng, depth: u32) -> Value {
    match dice.random_range(0..if depth < 4 { 8 } else { 5 }) {
        0 => Value::Null,
        1 => json!(dice.random::<i64>()),
        2 => json!(dice.random::<f64>() * 10f64.powi(dice.random_range(-300..300))),
        3 => json!(noise(dice)),
        4 => json!(dice.random::<bool>()),
        5 | 6 => (0..dice.random_range(0..6)).map(|_| random(dice, depth + 1)).collect(),
        _ => {
            let mut fields = Map::new();
            for _ in 0..dice.random_range(0..6) {
                fields.insert(word(dice), random(dice, depth + 1));
            }
            Value::Object(fields)
        }
    }
}

fn word(dice: &mut StdRng) -> String {
    let words = [
        "type",
        "room",
        "ref",
        "seq",
        "after",
        "before",
        "limit",
        "clientId",
        "client_id",
        "text",
        "from",
        "to",
        "userId",
        "payload",
        "sdp",
        "candidate",
        "report",
        "kind",
        "epoch",
        "takeOver",
        "take_over",
        "token",
        "on",
        "",
        "Type",
        "rооm",
        "\u{0}",
    ];
    (*words.choose(dice).expect("words")).to_owned()
}

fn noise(dice: &mut StdRng) -> String {
    let mut bytes = vec![0; dice.random_range(0..300)];
    dice.fill_bytes(&mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Changes a frame that stays JSON.
fn change(dice: &mut StdRng, frame: &mut Value) {
    let Value::Object(fields) = frame else { return };
    let names: Vec<String> = fields.keys().cloned().collect();
    let Some(name) = names.choose(dice).cloned() else { return };
    match dice.random_range(0..8) {
        0 => drop(fields.remove(&name)),
        1 => drop(fields.insert(word(dice), nasty(dice))),
        2 => {
            if let Some(value) = fields.remove(&name) {
                fields.insert(word(dice), value);
            }
        }
        3 => {
            let other = names.choose(dice).cloned().unwrap_or_default();
            let (one, two) = (fields[&name].clone(), fields.get(&other).cloned().unwrap_or_default());
            fields.insert(name, two);
            fields.insert(other, one);
        }
        4 => *frame = Value::Array(vec![frame.take()]),
        5 if fields[&name].is_object() => change(dice, &mut fields[&name]),
        _ => drop(fields.insert(name, nasty(dice))),
    }
}

/// Changes a text that need not stay JSON.
fn cut_up(dice: &mut StdRng, text: String) -> String {
    let chars: Vec<char> = text.chars().collect();
    let at = dice.random_range(0..=chars.len());
    let to = (at + dice.random_range(0..40)).min(chars.len());
    let (before, cut, after) =
        (String::from_iter(&chars[..at]), String::from_iter(&chars[at..to]), String::from_iter(&chars[to..]));
    match dice.random_range(0..11) {
        0 => before,
        1 => before + &after,
        2 => format!("{before}{}{after}", cut.repeat(dice.random_range(2..30))),
        3 => format!("{before}{}{cut}{after}", noise(dice)),
        4 => format!(
            "{before}{}{cut}{after}",
            pick(dice, &["\"", "\\", "{", "}", "[", "]", ",", ":", "\n", "\u{feff}"])
        ),
        5 => format!(
            "{before}{}{after}",
            pick(dice, &[r"\ud800", r"\udc00\ud800", r"\u0000", r"\x41", r"\u12"])
        ),
        6 => {
            let number =
                pick(dice, &["1e999", "-1e999", "-0", "00", "1.", ".5", "NaN", "Infinity", "0x10", "1_000"]);
            digits(&text, number)
        }
        7 => digits(&text, &"9".repeat(dice.random_range(1..400))),
        8 => format!("{text}{text}"),
        // A key twice.
        9 => text.replacen('{', &format!("{{\"{}\":{},", word(dice), nasty(dice)), 1),
        _ => {
            let deep = dice.random_range(1..4_000);
            format!("{before}{}{after}", pick(dice, &["[", "{\"a\":", "["]).repeat(deep))
        }
    }
}

fn pick<'a>(dice: &mut StdRng, of: &[&'a str]) -> &'a str {
    of.choose(dice).expect("some")
}

/// The first number of a text as another one.
fn digits(text: &str, number: &str) -> String {
    match text.find(|c: char| c.is_ascii_digit()) {
        Some(at) => {
            let rest = text[at..].trim_start_matches(|c: char| c.is_ascii_digit());
            format!("{}{number}{rest}", &text[..at])
        }
        None => format!("{text}{number}"),
    }
}
