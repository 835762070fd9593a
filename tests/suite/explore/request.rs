//! How the operations of a round are asked for.

use konnect_tests::{Answer, Person};
use serde_json::{Value, json};

use super::act::What;
use super::model::{Id, Side, World};
use super::place::Cast;

/// Who asks for it, where, and with which body.
pub fn request(what: &What, world: &World, cast: &Cast, admin: &Person) -> (Person, String, Value) {
    let path = |id: &Id, rest: &str| match id {
        Id::Row(id) => format!("/v1/reservations/{id}{rest}"),
        Id::New(_) => unreachable!("bookings of this round are not known"),
    };
    let booking = |id: &Id| &world.bookings[world.at(id).expect("a booking")];
    let side = |id: &Id, by: Side| match by {
        Side::Mentee => cast.mentees[booking(id).mentee].clone(),
        Side::Mentor => cast.mentors[booking(id).mentor()].clone(),
    };
    let seen = |version: &i64| json!({ "expectedVersion": version });
    let why = |version: &i64| json!({ "expectedVersion": version, "reason": "a game" });
    match what {
        What::Reserve { mentee, offering, start } => {
            let body = json!({ "offeringId": cast.offerings[*offering], "startsAt": start });
            (cast.mentees[*mentee].clone(), "/v1/reservations".to_owned(), body)
        }
        What::Order { id } => (side(id, Side::Mentee), path(id, "/payment-orders"), json!({})),
        What::Confirm { attempt, body } => {
            let (at, _) = world.with_attempt(attempt).expect("an attempt");
            let payer = cast.mentees[world.bookings[at].mentee].clone();
            (payer, "/v1/payments/confirm".to_owned(), body.clone())
        }
        What::Approve { id } => (side(id, Side::Mentor), path(id, "/approve"), Value::Null),
        What::Reject { id } => (side(id, Side::Mentor), path(id, "/reject"), json!({ "reason": "a game" })),
        What::Cancel { id, by, version } => (side(id, *by), path(id, "/cancel"), why(version)),
        What::Goodwill { id, amount } => {
            let Id::Row(id) = id else { unreachable!("bookings of this round are not known") };
            let body = json!({ "amount": amount, "bearer": "platform", "reason": "a game" });
            (admin.clone(), format!("/v1/admin/reservations/{id}/refunds"), body)
        }
        What::Propose { id, by, to, version } => {
            let body = json!({ "startsAt": to, "expectedVersion": version, "reason": "a game" });
            (side(id, *by), path(id, "/reschedules"), body)
        }
        What::Accept { id, by, version } => (side(id, *by), path(id, "/reschedules/accept"), seen(version)),
        What::Decline { id, by, version } => (side(id, *by), path(id, "/reschedules/decline"), why(version)),
        What::Withdraw { id, by, version } => {
            (side(id, *by), path(id, "/reschedules/withdraw"), seen(version))
        }
        _ => unreachable!("a job is no request"),
    }
}

/// The status of a success, the code of a refusal.
pub fn answer(answer: Answer, is_payment: bool) -> String {
    match (answer.status.as_u16(), answer.body["code"].as_str()) {
        (200 | 202, _) if is_payment => "accepted".to_owned(),
        (status @ 200..=299, _) => status.to_string(),
        (_, Some(code)) if code != "internal" => code.to_owned(),
        _ => format!("fault {} {:#}", answer.status, answer.body),
    }
}
