//! The index page's part about money: tables with a button for what banks and the provider do by themselves.

use std::fmt::Write as _;

use poem::http::StatusCode;
use poem::web::{Data, Form, Redirect};
use poem::{IntoResponse, Response, handler};
use serde::Deserialize;

use super::{SHOWN, name, table};
use crate::handle::Handle;
use crate::html::{escape, page, won};
use crate::state::State;
use crate::toss::{Payment, Payout, PayoutStatus, Seller, SellerStatus, Status};

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Act {
    Deposit,
    Reverse,
    Approve,
    Complete,
    Fail,
}

#[derive(Deserialize)]
struct Pressed {
    act: Act,
    /// Of the payment, the seller or the payout.
    id: String,
}

/// A button of the index page was pressed.
#[handler]
pub(crate) fn press(Form(pressed): Form<Pressed>, Data(handle): Data<&Handle>) -> Response {
    let id = &pressed.id;
    let done = match pressed.act {
        Act::Deposit => handle.deposit(id).map(drop),
        Act::Reverse => handle.reverse_deposit(id).map(drop),
        Act::Approve => handle.set_seller_status(id, SellerStatus::Approved).map(drop),
        Act::Complete => handle.complete_payout(id).map(drop),
        Act::Fail => handle.fail_payout(id, "ACCOUNT_OWNER_CHECK_FAILED").map(drop),
    };
    match done {
        Ok(()) => Redirect::see_other("/").into_response(),
        Err(error) => {
            let text = escape(&error.to_string());
            let body = format!(
                "<h1>할 수 없습니다 · Not possible</h1><p>{text}</p><p><a href=\"/\">Sandbox</a></p>"
            );
            page(StatusCode::CONFLICT, "Not possible", &body)
        }
    }
}

/// Virtual accounts, sellers and payouts, newest first.
pub(super) fn tables(out: &mut String, state: &State) {
    let accounts: Vec<&Payment> =
        state.payments.list().rev().filter(|p| p.virtual_account.is_some()).take(SHOWN).collect();
    let rows = accounts.iter().map(|p| {
        let number = p.virtual_account.as_ref().map(|a| a.account_number.clone()).unwrap_or_default();
        [name(p.status), p.order_id.clone(), number, won(p.total_amount)]
    });
    table(out, "가상계좌 Virtual accounts", ["상태", "orderId", "계좌", "금액"], rows);
    for payment in accounts {
        match payment.status {
            Status::WaitingForDeposit => {
                button(out, "deposit", &payment.payment_key, "입금 Deposit", &payment.order_id)
            }
            Status::Done => {
                button(out, "reverse", &payment.payment_key, "입금 취소 Reverse", &payment.order_id)
            }
            _ => {}
        }
    }

    let mut sellers: Vec<&Seller> = state.sellers.list().collect();
    sellers.reverse();
    sellers.truncate(SHOWN);
    let rows = sellers
        .iter()
        .map(|s| [name(s.status), s.ref_seller_id.clone(), s.id.clone(), name(s.business_type)]);
    table(out, "셀러 Sellers", ["상태", "refSellerId", "id", "유형"], rows);
    for seller in sellers.iter().filter(|seller| seller.status != SellerStatus::Approved) {
        button(out, "approve", &seller.id, "승인 Approve", &seller.ref_seller_id);
    }

    let payouts: Vec<&Payout> = state.payouts.list().iter().rev().take(SHOWN).collect();
    let rows = payouts.iter().map(|p| [name(p.status), p.ref_payout_id.clone(), p.id.clone(), won(p.amount)]);
    table(out, "지급 Payouts", ["상태", "refPayoutId", "id", "금액"], rows);
    for payout in payouts.iter().filter(|payout| payout.status == PayoutStatus::InProgress) {
        button(out, "complete", &payout.id, "지급 완료 Complete", &payout.ref_payout_id);
        button(out, "fail", &payout.id, "지급 실패 Fail", &payout.ref_payout_id);
    }
}

fn button(out: &mut String, what: &str, id: &str, text: &str, of: &str) {
    let _infallible = write!(
        out,
        "<form method=\"post\" action=\"/act\"><input type=\"hidden\" name=\"id\" value=\"{}\">\
         <button name=\"act\" value=\"{what}\">{text}<small>{}</small></button></form>",
        escape(id),
        escape(of),
    );
}
