use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::TimeDelta;
use serde_json::json;

use super::payouts::express;
use super::{Client, Receiver};
use crate::{SellerStatus, Signature, SignatureKey, TEST_SECURITY_KEY, WebhookMode};

const HEADER: &str = "tosspayments-webhook-signature";
const TIME: &str = "tosspayments-webhook-transmission-time";

/// HMAC-SHA256 built from the hash alone (RFC 2104).
fn hmac(key: &[u8], data: &[u8]) -> String {
    let hash = |parts: [&[u8]; 2]| {
        let mut context = aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256);
        parts.iter().for_each(|part| context.update(part));
        context.finish().as_ref().to_vec()
    };
    let mut block = [0; 64];
    block[..key.len()].copy_from_slice(key);
    let inner = hash([&block.map(|byte| byte ^ 0x36), data]);
    STANDARD.encode(hash([&block.map(|byte| byte ^ 0x5c), &inner]))
}

/// Which of the signatures in the newest webhook this key has made.
fn matching(receiver: &Receiver, key: &[u8]) -> Vec<bool> {
    let (body, signature) = receiver.last(HEADER);
    let time = receiver.last(TIME).1.expect("a time");
    let right = format!("v1:{}", hmac(key, &[&body, &b":"[..], time.as_bytes()].concat()));
    signature.unwrap_or_default().split(',').map(|one| one == right).collect()
}

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hex")).collect()
}

#[tokio::test]
async fn payouts_and_sellers_are_told_signed_over_the_bytes_and_the_time() {
    let c = Client::start().await;
    let receiver = Receiver::start(&c).await;
    let seller = c.ready_to_pay().await;
    c.sandbox.settle().await;
    let key = bytes(TEST_SECURITY_KEY);
    assert_eq!(matching(&receiver, &key), [true]);
    c.pay_out(json!([express("payout-1", &seller, 5_000)])).await;
    c.sandbox.complete_payout("payout-1").expect("under way");
    c.sandbox.settle().await;
    assert_eq!(matching(&receiver, &key), [true]);
    // Whoever parses the body and writes it again gets other bytes.
    let (body, _) = receiver.last(HEADER);
    assert!(String::from_utf8_lossy(&body).contains(r#""value":5000.0"#));
    let again = serde_json::from_slice::<serde_json::Value>(&body).expect("JSON").to_string();
    assert_ne!(again.as_bytes(), body);

    c.sandbox.signature_key(SignatureKey::Ascii);
    c.sandbox.set_seller_status(&seller, SellerStatus::KycRequired).expect("known");
    c.sandbox.settle().await;
    assert_eq!(matching(&receiver, TEST_SECURITY_KEY.as_bytes()), [true]);
    assert!(c.sandbox.webhook_deliveries().iter().all(|delivery| delivery.signed));
}

#[tokio::test]
async fn with_two_keys_there_are_two_signatures_until_the_old_key_ends() {
    let c = Client::start().await;
    let receiver = Receiver::start(&c).await;
    c.ready_to_pay().await;
    let new = "ab".repeat(32);
    c.sandbox.rotate_security_key(&new).expect("a key");
    let tell = || async {
        c.sandbox.set_seller_status("mentor-0001", SellerStatus::Approved).expect("known");
        c.sandbox.settle().await;
    };
    tell().await;
    assert_eq!(matching(&receiver, &bytes(TEST_SECURITY_KEY)), [true, false]);
    assert_eq!(matching(&receiver, &bytes(&new)), [false, true]);
    c.sandbox.advance(TimeDelta::days(7));
    tell().await;
    assert_eq!(matching(&receiver, &bytes(&new)), [true]);
}

#[tokio::test]
async fn forged_signatures_are_wrong_in_the_way_that_was_asked_for() {
    let c = Client::start().await;
    let receiver = Receiver::start(&c).await;
    c.sandbox.freeze(c.sandbox.now());
    let key = bytes(TEST_SECURITY_KEY);
    let body = json!({ "eventType": "payout.changed", "entityBody": { "refPayoutId": "payout-1" } });
    for (signature, header, right) in [
        (Signature::Valid, true, true),
        (Signature::OldTime, true, true),
        (Signature::Missing, false, false),
        (Signature::WrongKey, true, false),
        (Signature::OtherBody, true, false),
        (Signature::OtherTime, true, false),
        (Signature::Malformed, true, false),
    ] {
        assert_eq!(c.sandbox.forge_signed_webhook(body.clone(), signature).await, Some(200));
        assert_eq!(receiver.last(HEADER).1.is_some(), header, "{signature:?}");
        assert_eq!(matching(&receiver, &key), [right], "{signature:?}");
        let time = receiver.last(TIME).1.expect("a time");
        let time = chrono::DateTime::parse_from_rfc3339(&time).expect("a time");
        let old = c.sandbox.now() - time.to_utc() > TimeDelta::hours(23);
        assert_eq!(old, signature == Signature::OldTime);
    }
    let raw = c.sandbox.forge_webhook_raw(b"no JSON".to_vec(), &[("x-anything", "1")]).await;
    assert_eq!((raw, receiver.last("x-anything")), (Some(200), (b"no JSON".to_vec(), Some("1".into()))));
    assert_eq!(receiver.last(TIME).1, None);
}

#[tokio::test]
async fn a_delivery_can_be_sent_again_later_with_its_id() {
    let c = Client::start().await;
    let receiver = Receiver::start(&c).await;
    c.ready_to_pay().await;
    c.sandbox.settle().await;
    let sent = c.sandbox.webhook_deliveries()[0].clone();
    c.sandbox.advance(TimeDelta::hours(5));
    assert_eq!(c.sandbox.resend_webhook(&sent.transmission_id, 5).await, Some(200));
    let got = receiver.got.lock().expect("not poisoned").clone();
    assert_eq!((&got[1].0, got[1].1.as_str(), &got[1].2), (&sent.transmission_id, "5", &got[0].2));
    assert_eq!(matching(&receiver, &bytes(TEST_SECURITY_KEY)), [true]);
    assert_eq!(c.sandbox.resend_webhook("unknown", 1).await, None);
    // What is held for later is signed at the time it is sent.
    c.sandbox.webhooks(WebhookMode::Late);
    c.sandbox.set_seller_status("mentor-0001", SellerStatus::KycRequired).expect("known");
    c.sandbox.advance(TimeDelta::hours(1));
    assert_eq!(c.sandbox.release_webhooks().await, 1);
    assert_eq!(matching(&receiver, &bytes(TEST_SECURITY_KEY)), [true]);
}
