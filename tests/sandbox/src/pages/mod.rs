//! Pages for people: an index of everything, and below it the checkout, payouts and mails.

pub(crate) mod checkout;
pub(crate) mod mail;
pub(crate) mod money;

use std::fmt::Write as _;
use std::sync::Arc;

use poem::http::StatusCode;
use poem::web::Data;
use poem::{Response, handler};
use serde::Serialize;
use serde_json::Value;

use crate::clock::kst;
use crate::html::{escape, page, won};
use crate::state::Shared;

/// Rows of each table of the index.
const SHOWN: usize = 20;

const COMMANDS: &str = "\
# the next confirm is declined / is committed but never answered
curl -d '{\"on\":\"confirm\",\"times\":1,\"effect\":{\"decline\":\"REJECT_CARD_PAYMENT\"}}' -H 'content-type: application/json' URL/sandbox/faults
curl -d '{\"on\":\"confirm\",\"times\":1,\"effect\":{\"drop_after_commit\":true}}' -H 'content-type: application/json' URL/sandbox/faults
curl -X DELETE URL/sandbox/faults
# webhooks: normal, early, twice, late, none
curl -d '{\"mode\":\"late\"}' -H 'content-type: application/json' URL/sandbox/webhooks
curl -X POST URL/sandbox/webhooks/release
# staff cancel in the console; payouts arrive by themselves
curl -d '{\"paymentKey\":\"…\"}' -H 'content-type: application/json' URL/sandbox/console/cancel
curl -d '{\"autoComplete\":true}' -H 'content-type: application/json' URL/sandbox/payouts/settings
# the next mail is refused for good / taken but never answered; the mail server goes away and comes back
curl -d '{\"on\":\"smtp\",\"times\":1,\"effect\":{\"decline\":\"5.1.1\"}}' -H 'content-type: application/json' URL/sandbox/faults
curl -d '{\"on\":\"smtp\",\"times\":1,\"effect\":{\"drop_after_commit\":true}}' -H 'content-type: application/json' URL/sandbox/faults
curl -d '{\"down\":true}' -H 'content-type: application/json' URL/sandbox/smtp
# ten minutes later
curl -d '{\"offsetSeconds\":601}' -H 'content-type: application/json' URL/sandbox/clock";

/// `GET /`.
#[handler]
pub(crate) fn index(Data(shared): Data<&Arc<Shared>>) -> Response {
    let state = shared.lock();
    let mut body = format!(
        "<h1>Sandbox</h1><p class=\"note\">Toss Payments · FCM · SMTP &middot; {} &middot; {}</p>\
         <p><a href=\"/mail\">메일 Mail</a> &middot; {}</p>",
        escape(&kst(shared.clock.now()).to_rfc3339()),
        escape(&shared.smtp_url),
        [
            "payments", "sellers", "payouts", "balance", "calls", "faults", "webhooks", "pushes", "mails",
            "tally", "clock"
        ]
        .map(|name| format!("<a href=\"/sandbox/{name}\">{name}</a>"))
        .join(" &middot; "),
    );
    let payments = state.payments.list().rev().take(SHOWN).map(|p| {
        let amount = format!("{} / {}", won(p.balance_amount), won(p.total_amount));
        [name(p.status), p.order_id.clone(), p.payment_key.clone(), amount]
    });
    table(&mut body, "결제 Payments", ["상태", "orderId", "paymentKey", "잔액 / 금액"], payments);
    money::tables(&mut body, &state);
    let calls = state.calls.list();
    let calls = calls.iter().rev().take(SHOWN).map(|c| {
        let status = c.status.map_or_else(|| "–".to_owned(), |s| s.to_string());
        [name(c.endpoint), c.path.clone(), c.order_id.clone().unwrap_or_default(), status]
    });
    table(&mut body, "호출 Calls", ["endpoint", "path", "orderId", "status"], calls);
    let deliveries = state.webhooks.log.iter().rev().take(SHOWN).map(|d| {
        let status = d.status.map_or_else(|| "–".to_owned(), |s| s.to_string());
        let data = &d.body["data"];
        let flat = if data.is_null() { &d.body } else { data };
        let entity = &d.body["entityBody"];
        let status_of = if entity.is_null() { flat } else { entity };
        let what = ["orderId", "refPayoutId", "refSellerId"].map(|name| text(&status_of[name])).concat();
        [text(&status_of["status"]), what, d.transmission_id.clone(), status]
    });
    table(&mut body, "웹훅 Webhooks", ["상태", "orderId / ref", "transmission-id", "status"], deliveries);
    let pushes = state.fcm.list();
    let pushes = pushes.iter().rev().take(SHOWN).map(|p| {
        let or_none = |text: &Option<String>| text.clone().unwrap_or_default();
        [or_none(&p.title), or_none(&p.body), or_none(&p.token), kst(p.at).to_rfc3339()]
    });
    table(&mut body, "푸시 Pushes", ["제목", "내용", "token", "at"], pushes);
    drop(state);
    let _infallible =
        write!(body, "<h2>명령 Commands</h2><pre>{}</pre>", escape(&COMMANDS.replace("URL", &shared.url)));
    page(StatusCode::OK, "Sandbox", &body)
}

fn table<const N: usize>(
    out: &mut String,
    title: &str,
    heads: [&str; N],
    rows: impl Iterator<Item = [String; N]>,
) {
    let cells = |tag: &str, row: &[String; N]| -> String {
        row.iter().map(|cell| format!("<{tag}>{}</{tag}>", escape(cell))).collect()
    };
    let rows: Vec<String> = rows.map(|row| format!("<tr>{}</tr>", cells("td", &row))).collect();
    let _infallible = write!(out, "<h2>{}</h2>", escape(title));
    if rows.is_empty() {
        out.push_str("<p class=\"note\">없음 None</p>");
    } else {
        let head = cells("th", &heads.map(str::to_owned));
        let _infallible = write!(out, "<table><tr>{head}</tr>{}</table>", rows.concat());
    }
}

/// The name an enum has on the wire.
fn name(value: impl Serialize) -> String {
    serde_json::to_value(value).map(|v| text(&v)).unwrap_or_default()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
