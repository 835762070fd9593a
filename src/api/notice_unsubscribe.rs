//! Where the links that unsubscribe lead (RFC 8058): a page with a button, and what its press does. Mail programs press
//! it themselves; those that look into links only read the page, which changes nothing. No login, no cookie: the signed
//! token is the whole right, and it is to nothing else.

use askama::Template;
use poem::http::StatusCode;
use poem::web::{Data, Path};
use poem::{Response, handler};

use super::problem::Problem;
use super::request::{self, Lang};
use super::{Shared, unit};
use crate::context::Actor;
use crate::notification;

/// No script, nothing from elsewhere; the form may only be sent here.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

#[derive(Template)]
#[template(path = "unsubscribe.html")]
struct Page {
    lang: &'static str,
    title: &'static str,
    text: &'static str,
    /// What the button says; there is none without.
    button: Option<&'static str>,
}

/// `GET /v1/unsubscribe/{token}`
#[handler]
pub fn show(app: Data<&Shared>, Path(token): Path<String>) -> Response {
    if notification::read_token(&app.sealer, &token).is_none() {
        return unknown();
    }
    let page = match request::lang() {
        Lang::Ko => Page {
            lang: "ko",
            title: "이런 이메일을 그만 받으시겠어요?",
            text: "앱 알림은 그대로 받습니다. 알림 설정에서 언제든지 다시 켤 수 있습니다.",
            button: Some("그만 받기"),
        },
        Lang::En => Page {
            lang: "en",
            title: "Stop such mails?",
            text: "You keep your notices in the app. Mails can be switched on again in your notice settings.",
            button: Some("Unsubscribe"),
        },
    };
    page.answer(StatusCode::OK)
}

/// `POST /v1/unsubscribe/{token}`; what the body says does not matter.
#[handler]
pub async fn press(app: Data<&Shared>, Path(token): Path<String>) -> Result<Response, Problem> {
    let Some((owner, topic)) = notification::read_token(&app.sealer, &token) else { return Ok(unknown()) };
    unit!(app, Actor::Anonymous, tx => { Ok(notification::unsubscribe(tx, owner, topic).await?) })?;
    let page = match request::lang() {
        Lang::Ko => Page {
            lang: "ko",
            title: "더 이상 보내지 않습니다",
            text: "이런 이메일을 그만 보냅니다. 알림 설정에서 다시 켤 수 있습니다.",
            button: None,
        },
        Lang::En => Page {
            lang: "en",
            title: "You are unsubscribed",
            text: "We send you no such mails any more. They can be switched on again in your notice settings.",
            button: None,
        },
    };
    Ok(page.answer(StatusCode::OK))
}

/// The same for every token that is not ours.
fn unknown() -> Response {
    let page = match request::lang() {
        Lang::Ko => Page {
            lang: "ko",
            title: "사용할 수 없는 링크입니다",
            text: "이메일의 링크를 그대로 열었는지 확인해 주세요. 알림 설정에서도 이메일을 끌 수 있습니다.",
            button: None,
        },
        Lang::En => Page {
            lang: "en",
            title: "This link does not work",
            text: "Please open it just as it stands in the mail. Mails can also be switched off in your notice settings.",
            button: None,
        },
    };
    page.answer(StatusCode::NOT_FOUND)
}

impl Page {
    fn answer(&self, status: StatusCode) -> Response {
        let html = self.render().expect("a template over text renders");
        Response::builder()
            .status(status)
            .content_type("text/html; charset=utf-8")
            .header("content-security-policy", POLICY)
            .body(html)
    }
}
