//! The payment window in a browser: what the provider's own page is to the user.

use std::sync::Arc;

use poem::http::StatusCode;
use poem::web::{Data, Form, Redirect};
use poem::{IntoResponse, Request, Response, handler};
use reqwest::Url;
use serde::Deserialize;

use crate::faults::{Effect, Endpoint, Fault};
use crate::html::{escape, page, won};
use crate::state::Shared;
use crate::toss::errors::{Language, TossError};
use crate::toss::{Method, NewCheckout, authenticate};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Window {
    order_id: String,
    amount: i64,
    #[serde(default)]
    order_name: Option<String>,
    #[serde(default)]
    customer_key: Option<String>,
    success_url: String,
    fail_url: String,
}

#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
enum Action {
    Pay,
    /// An account is issued at the confirm; the deposit comes later.
    VirtualAccount,
    /// The card passes authentication; the confirm is refused.
    OverLimit,
    /// The card company refuses in the window already.
    Decline,
    Cancel,
}

#[derive(Deserialize)]
struct Act {
    action: Action,
}

/// `GET /checkout?orderId&amount&orderName&customerKey&successUrl&failUrl`.
#[handler]
pub(crate) fn show(request: &Request) -> Response {
    let window = match request.params::<Window>() {
        Ok(window) => window,
        Err(error) => return wrong(&error.to_string()),
    };
    if target(&window.success_url).is_none() || target(&window.fail_url).is_none() {
        return wrong("successUrl and failUrl must be http or https URLs");
    }
    // The form posts to its own address, so that the window's parameters stay in the query.
    let body = format!(
        "<main class=\"card\"><p class=\"note\">토스페이먼츠 테스트 결제 · Test payment, no money moves</p>\
         <h1>{name}</h1><div class=\"amount\">{amount}</div><form method=\"post\">\
         <button class=\"main\" name=\"action\" value=\"pay\">카드로 결제하기 · Pay by card</button>\
         <button name=\"action\" value=\"virtual-account\">가상계좌 · Virtual account\
         <small>입금은 나중에 첫 화면에서. Deposit later, on the index page.</small></button>\
         <button name=\"action\" value=\"over-limit\">한도 초과 카드 · Card over its limit\
         <small>인증은 되고 승인에서 거절됩니다. Refused at the confirm.</small></button>\
         <button name=\"action\" value=\"decline\">카드사 거절 · Declined by the card company\
         <small>결제창에서 바로 거절됩니다. Refused in this window.</small></button>\
         <button name=\"action\" value=\"cancel\">결제 취소 · Cancel</button></form>\
         <p class=\"note\">{order}</p></main>",
        name = escape(window.order_name.as_deref().unwrap_or("결제 Payment")),
        amount = escape(&won(window.amount)),
        order = escape(&window.order_id),
    );
    page(StatusCode::OK, "Checkout", &body)
}

/// A button was pressed: redirects as the real window does.
#[handler]
pub(crate) fn act(request: &Request, Form(act): Form<Act>, Data(shared): Data<&Arc<Shared>>) -> Response {
    let window = match request.params::<Window>() {
        Ok(window) => window,
        Err(error) => return wrong(&error.to_string()),
    };
    let (Some(success), Some(fail)) = (target(&window.success_url), target(&window.fail_url)) else {
        return wrong("successUrl and failUrl must be http or https URLs");
    };
    let refused = match act.action {
        Action::Decline => TossError::of("REJECT_CARD_COMPANY"),
        Action::Cancel => TossError::of("PAY_PROCESS_CANCELED"),
        Action::Pay | Action::VirtualAccount | Action::OverLimit => match pay(shared, &window, act.action) {
            Ok((key, amount)) => {
                let amount = amount.to_string();
                let carried = [("paymentKey", &*key), ("orderId", &window.order_id), ("amount", &amount)];
                return redirect(success, &carried);
            }
            Err(error) => error,
        },
    };
    let mut carried = vec![("code", &*refused.code), ("message", refused.message(Language::Korean))];
    // The real one leaves the order out when the user has cancelled.
    if act.action != Action::Cancel {
        carried.push(("orderId", &window.order_id));
    }
    redirect(fail, &carried)
}

fn pay(shared: &Shared, window: &Window, action: Action) -> Result<(String, i64), TossError> {
    let method = if action == Action::VirtualAccount { Method::VirtualAccount } else { Method::Card };
    let checkout = authenticate(
        shared,
        &NewCheckout {
            order_name: window.order_name.clone(),
            method,
            customer_key: window.customer_key.clone(),
            ..NewCheckout::new(&window.order_id, window.amount)
        },
    )?;
    if action == Action::OverLimit {
        let effect = Effect::decline("REJECT_CARD_PAYMENT");
        shared.lock().faults.add(Fault::once(Endpoint::Confirm, effect).for_payment(&checkout.payment_key));
    }
    Ok((checkout.payment_key, checkout.amount))
}

fn target(url: &str) -> Option<Url> {
    Url::parse(url).ok().filter(|url| matches!(url.scheme(), "http" | "https"))
}

fn redirect(mut to: Url, carried: &[(&str, &str)]) -> Response {
    to.query_pairs_mut().extend_pairs(carried);
    Redirect::see_other(to).into_response()
}

fn wrong(why: &str) -> Response {
    let body =
        format!("<main class=\"card\"><h1>잘못된 요청 · Bad request</h1><p>{}</p></main>", escape(why));
    page(StatusCode::BAD_REQUEST, "Bad request", &body)
}
