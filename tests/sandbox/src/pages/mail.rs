//! The mails that were taken: a list, and each as text, as HTML in a frame that can do nothing, with its calendar part
//! as a file.

use std::fmt::Write as _;
use std::sync::Arc;

use poem::http::StatusCode;
use poem::web::{Data, Path};
use poem::{Response, handler};

use crate::clock::kst;
use crate::html::{escape, page};
use crate::smtp::Mail;
use crate::state::Shared;

/// What a mail's HTML may do: show its own styles. In a sandbox without an origin, even when it is opened alone.
const FRAME_POLICY: &str = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'";

/// `GET /mail`.
#[handler]
pub(crate) fn list(Data(shared): Data<&Arc<Shared>>) -> Response {
    let mut body = "<h1>메일 Mail</h1><p><a href=\"/\">Sandbox</a></p><table>\
        <tr><th>받는 사람 To</th><th>제목 Subject</th><th></th></tr>"
        .to_owned();
    let mails = shared.lock().mailbox.list();
    for taken in mails.iter().rev() {
        let subject = if taken.subject.is_empty() { "(제목 없음)" } else { &taken.subject };
        let _infallible = write!(
            body,
            "<tr><td>{}</td><td><a href=\"/mail/{}\">{}</a></td><td><small>{}</small></td></tr>",
            escape(&taken.to.join(", ")),
            taken.number,
            escape(subject),
            escape(&kst(taken.at).to_rfc3339()),
        );
    }
    body.push_str("</table>");
    if mails.is_empty() {
        body.push_str("<p class=\"note\">아직 메일이 없습니다. No mail yet.</p>");
    }
    page(StatusCode::OK, "Mail", &body)
}

/// `GET /mail/{n}`.
#[handler]
pub(crate) fn one(Path(number): Path<u64>, Data(shared): Data<&Arc<Shared>>) -> Response {
    let Some(found) = shared.lock().mailbox.get(number) else { return nothing() };
    let mut body = format!(
        "<p><a href=\"/mail\">메일 Mail</a></p><h1>{}</h1><p class=\"note\">{} &rarr; {}<br>{}</p>",
        escape(&found.subject),
        escape(&found.from),
        escape(&found.to.join(", ")),
        escape(&kst(found.at).to_rfc3339()),
    );
    if found.calendar.is_some() {
        let _infallible = write!(body, "<p><a href=\"/mail/{number}/invite.ics\">초대장 invite.ics</a></p>");
    }
    if found.html.is_some() {
        let _infallible = write!(
            body,
            "<h2>HTML</h2><iframe sandbox title=\"HTML\" src=\"/mail/{number}/html\" \
             style=\"width:100%;height:40rem;border:1px solid var(--line);border-radius:.6rem\"></iframe>"
        );
    }
    let _infallible = write!(
        body,
        "<h2>텍스트 Text</h2><pre>{}</pre><details><summary>원문 Raw</summary><pre>{}</pre></details>",
        escape(&found.text),
        escape(&found.raw),
    );
    page(StatusCode::OK, &found.subject, &body)
}

/// `GET /mail/{n}/html`: the HTML part as it is.
#[handler]
pub(crate) fn html(Path(number): Path<u64>, Data(shared): Data<&Arc<Shared>>) -> Response {
    let Some(html) = part(shared, number, |mail| mail.html) else { return nothing() };
    Response::builder()
        .content_type("text/html; charset=utf-8")
        .header("content-security-policy", FRAME_POLICY)
        .header("x-content-type-options", "nosniff")
        .header("referrer-policy", "no-referrer")
        .body(html)
}

/// `GET /mail/{n}/invite.ics`: the calendar part as a file.
#[handler]
pub(crate) fn calendar(Path(number): Path<u64>, Data(shared): Data<&Arc<Shared>>) -> Response {
    let Some(calendar) = part(shared, number, |mail| mail.calendar) else { return nothing() };
    Response::builder()
        .content_type("text/calendar; charset=utf-8")
        .header("content-disposition", "attachment; filename=\"invite.ics\"")
        .header("x-content-type-options", "nosniff")
        .body(calendar)
}

fn part(shared: &Shared, number: u64, of: impl FnOnce(Mail) -> Option<String>) -> Option<String> {
    shared.lock().mailbox.get(number).and_then(of)
}

fn nothing() -> Response {
    let body = "<h1>없는 메일입니다. No such mail.</h1><p><a href=\"/mail\">메일 Mail</a></p>";
    page(StatusCode::NOT_FOUND, "Mail", body)
}
