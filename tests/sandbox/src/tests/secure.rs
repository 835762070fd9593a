//! JWE and signatures against a second implementation: GCM built here from AES in counter mode and GHASH
//! (NIST SP 800-38D), and fixed values that another library has made.

use aws_lc_rs::cipher::{AES_256, DecryptingKey, DecryptionContext, UnboundCipherKey};
use aws_lc_rs::iv::FixedLength;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::{Answer, Client, KEY, send};
use crate::toss::jwe;
use crate::toss::security::Security;
use crate::{Endpoint, SignatureKey};

pub(crate) const MODE: (&str, &str) = ("TossPayments-api-security-mode", "ENCRYPTION");
const HEADER: &str = r#"{"alg":"dir","enc":"A256GCM","iat":"2026-11-23T16:00:00+09:00","nonce":"0b8f1c2e-6a3d-4f57-9c1b-2e4d6f8a0c13"}"#;
const PLAIN: &str = r#"{"refSellerId":"mentor-0001","name":"김멘토"}"#;
/// Of the header and the text above, the vector 01 02 … 0c and the test key.
const JWE: &str = "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIiwiaWF0IjoiMjAyNi0xMS0yM1QxNjowMDowMCswOTowMCIsIm5vbmNlIjoiMGI4ZjFjMmUtNmEzZC00ZjU3LTljMWItMmU0ZDZmOGEwYzEzIn0..AQIDBAUGBwgJCgsM.HdXWrBZaNbh6plJHgYPvsNg8AH5j-intSK-7B3k1OzjSiPDaD0Idp53CWXWCEKJR.xGXSFbxHLEp_470HCdFW3A";

/// The bytes of the test key, not read by the code under test.
const BYTES: [u8; 32] = [
    0x5d, 0x1f, 0x0c, 0x8e, 0x7a, 0x93, 0x4b, 0x26, 0xb8, 0xc4, 0xe1, 0xd2, 0xf3, 0xa6, 0x97, 0x88, 0x05,
    0x16, 0x27, 0x38, 0x49, 0x5a, 0x6b, 0x7c, 0x8d, 0x9e, 0xaf, 0xb0, 0xc1, 0xd2, 0xe3, 0xf4,
];

/// A request's body, sealed as a client would.
pub(crate) fn request(plain: &[u8]) -> String {
    seal(&BYTES, HEADER, [9; 12], plain)
}

/// The answer with its body opened, if it is a JWE; otherwise as it is.
pub(crate) fn open(answer: Answer) -> Answer {
    if answer.text.starts_with('{') {
        return answer;
    }
    let (_, plain) = unseal(&BYTES, &answer.text).expect("sealed with the test key");
    let text = String::from_utf8(plain).expect("UTF-8");
    let json = serde_json::from_str(&text).expect("JSON");
    Answer { status: answer.status, text, json }
}

fn counter_mode(key: &[u8; 32], counter: [u8; 16], data: &[u8]) -> Vec<u8> {
    let key = UnboundCipherKey::new(&AES_256, key).expect("a key");
    let context = DecryptionContext::Iv128(FixedLength::from(counter));
    let mut data = data.to_vec();
    DecryptingKey::ctr(key).expect("a cipher").decrypt(&mut data, context).expect("any length");
    data
}

fn counter(iv: [u8; 12], count: u8) -> [u8; 16] {
    let mut block = [0; 16];
    block[..12].copy_from_slice(&iv);
    block[15] = count;
    block
}

fn tag(key: &[u8; 32], iv: [u8; 12], aad: &[u8], text: &[u8]) -> Vec<u8> {
    let block = |bytes: &[u8]| {
        let mut padded = [0; 16];
        padded[..bytes.len()].copy_from_slice(bytes);
        u128::from_be_bytes(padded)
    };
    let h = block(&counter_mode(key, [0; 16], &[0; 16]));
    let lengths = (aad.len() as u128 * 8) << 64 | (text.len() as u128 * 8);
    let blocks = aad.chunks(16).chain(text.chunks(16)).map(block).chain([lengths]);
    let hash = blocks.fold(0, |hash, block| times(hash ^ block, h));
    counter_mode(key, counter(iv, 1), &hash.to_be_bytes())
}

fn times(x: u128, y: u128) -> u128 {
    let (mut product, mut v) = (0, y);
    for bit in (0..128).rev() {
        if x >> bit & 1 == 1 {
            product ^= v;
        }
        v = if v & 1 == 1 { v >> 1 ^ 0xe1 << 120 } else { v >> 1 };
    }
    product
}

fn seal(key: &[u8; 32], header: &str, iv: [u8; 12], plain: &[u8]) -> String {
    let protected = URL_SAFE_NO_PAD.encode(header);
    let text = counter_mode(key, counter(iv, 2), plain);
    let tag = tag(key, iv, protected.as_bytes(), &text);
    let [iv, text, tag] = [&iv[..], &text, &tag].map(|part| URL_SAFE_NO_PAD.encode(part));
    format!("{protected}..{iv}.{text}.{tag}")
}

fn unseal(key: &[u8; 32], jwe: &str) -> Option<(Value, Vec<u8>)> {
    let parts: Vec<&str> = jwe.split('.').collect();
    let decode = |at: usize| URL_SAFE_NO_PAD.decode(parts[at]).expect("base64url");
    assert_eq!((parts.len(), parts[1]), (5, ""));
    let iv = decode(2).try_into().expect("96 bits");
    let text = decode(3);
    let header = serde_json::from_slice(&decode(0)).expect("a header");
    let genuine = tag(key, iv, parts[0].as_bytes(), &text) == decode(4);
    genuine.then(|| (header, counter_mode(key, counter(iv, 2), &text)))
}

#[test]
fn both_implementations_agree_with_a_third_one() {
    let iv = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];
    assert_eq!(seal(&BYTES, HEADER, iv, PLAIN.as_bytes()), JWE);
    assert_eq!(jwe::seal(&BYTES, HEADER, iv, PLAIN.as_bytes()), JWE);
    assert_eq!(jwe::open(&BYTES, JWE).as_deref(), Some(PLAIN.as_bytes()));
    assert_eq!(unseal(&BYTES, JWE).map(|(_, plain)| plain).as_deref(), Some(PLAIN.as_bytes()));
    for length in [0, 1, 15, 16, 17, 1_000] {
        let plain = vec![b'x'; length];
        assert_eq!(jwe::open(&BYTES, &seal(&BYTES, HEADER, iv, &plain)), Some(plain));
    }
}

#[test]
fn a_body_that_was_touched_or_has_another_header_is_not_opened() {
    assert_eq!(jwe::open(&[1; 32], JWE), None);
    for at in [3, 4] {
        let mut parts: Vec<String> = JWE.split('.').map(str::to_owned).collect();
        let first = if parts[at].starts_with('A') { "B" } else { "A" };
        parts[at].replace_range(..1, first);
        assert_eq!(jwe::open(&BYTES, &parts.join(".")), None, "part {at}");
    }
    for (from, to) in [
        ("dir", "A256KW"),
        ("A256GCM", "A128GCM"),
        ("16:00:00+", "16:00:00.5+"),
        ("+09:00", ""),
        ("0b8f1c2e", "x"),
        (r#""nonce""#, r#""once""#),
    ] {
        let sealed = seal(&BYTES, &HEADER.replace(from, to), [1; 12], b"{}");
        assert_eq!(jwe::open(&BYTES, &sealed), None, "{to}");
    }
    for garbage in ["", "....", "a.b.c.d.e", "{}"] {
        assert_eq!(jwe::open(&BYTES, garbage), None);
    }
}

#[test]
fn signatures_are_those_another_library_makes() {
    let mut security = Security::default();
    let now = chrono::DateTime::from_timestamp(1_795_417_200, 0).expect("valid");
    let body = br#"{"eventType":"payout.changed"}"#;
    let sign = |security: &Security| security.sign(body, "2026-11-23T16:00:00+09:00", now);
    assert_eq!(sign(&security), "v1:I4BVB1gC0lUzgDRvxNDQ1sdODg5PNy7uOLGuPzC8GYk=");
    security.form = SignatureKey::Ascii;
    assert_eq!(sign(&security), "v1:bBVNT7qEtk4N/UCaBjf1Y0f4LXA/p/sgY1wgUElRBAM=");
    assert!(Security::new("5d1f").is_err() && Security::new(&"g".repeat(64)).is_err());
}

#[tokio::test]
async fn replies_are_sealed_errors_too_and_their_header_is_not_like_ours() {
    let c = Client::start().await;
    let answer = send(c.sealed_with("/v2/sellers", &json!({ "refSellerId": "mentor-0001" }))).await;
    let (header, plain) = unseal(&BYTES, &answer.text).expect("sealed");
    assert_eq!((&header["alg"], &header["enc"]), (&json!("dir"), &json!("A256GCM")));
    assert!(header["iat"].as_str().is_some_and(|iat| iat.contains('.') && iat.ends_with("+09:00")));
    let body: Value = serde_json::from_slice(&plain).expect("JSON");
    assert_eq!((answer.status, &body["error"]["code"]), (400, &json!("INVALID_REQUEST")));
    // The call is recorded with what was in the body.
    let call = &c.sandbox.calls_to(Endpoint::Seller)[0];
    assert_eq!((&call.body["refSellerId"], call.encrypted), (&json!("mentor-0001"), true));

    let url = format!("{}/v2/balances", c.sandbox.url());
    let get = || c.http.get(&url).basic_auth(KEY, Some(""));
    let sealed = send(get().header(MODE.0, MODE.1)).await;
    assert_eq!(open(sealed).json["entityType"], "balance");
    assert_eq!(send(get()).await.json["entityType"], "balance");
}

#[tokio::test]
async fn a_plain_body_or_one_of_another_key_is_refused_in_plain_json() {
    let c = Client::start().await;
    let body = json!({ "refSellerId": "mentor-0001" });
    let url = format!("{}/v2/sellers", c.sandbox.url());
    let post = |body: String| c.http.post(&url).basic_auth(KEY, Some("")).body(body);
    let wrong = seal(&[7; 32], HEADER, [1; 12], b"{}");
    for request in [
        c.post("/v2/sellers", &body),
        c.post("/v2/sellers", &body).header(MODE.0, MODE.1),
        post(wrong).header(MODE.0, MODE.1),
        // The header that announces the encryption is missing.
        post(request(b"{}")),
    ] {
        send(request).await.is_v2(400, "INVALID_REQUEST");
    }
    let unknown = c.http.post(&url).basic_auth("other", Some("")).header(MODE.0, MODE.1).body(request(b"{}"));
    send(unknown).await.is_v2(401, "UNAUTHORIZED_KEY");
    assert!(c.sandbox.sellers().is_empty());
}

#[tokio::test]
async fn an_old_key_opens_and_seals_for_seven_days() {
    let c = Client::start().await;
    c.sandbox.freeze(c.sandbox.now());
    c.sandbox.rotate_security_key(&"ab".repeat(32)).expect("a key");
    let ask = || async { send(c.sealed_with("/v2/sellers", &json!({}))).await };
    assert!(unseal(&BYTES, &ask().await.text).is_some());
    let new = seal(&[0xab; 32], HEADER, [1; 12], b"{}");
    let url = format!("{}/v2/sellers", c.sandbox.url());
    let answer = send(c.http.post(url).basic_auth(KEY, Some("")).header(MODE.0, MODE.1).body(new)).await;
    assert!(unseal(&[0xab; 32], &answer.text).is_some());
    c.sandbox.advance(chrono::TimeDelta::days(7));
    ask().await.is_v2(400, "INVALID_REQUEST");
    assert!(c.sandbox.rotate_security_key("short").is_err());
}
