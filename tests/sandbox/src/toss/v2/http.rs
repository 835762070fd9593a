//! The routes of the payout service.

use std::sync::Arc;

use poem::http::Method;
use poem::web::{Data, Path, RemoteAddr};
use poem::{Body, Request, Response, handler};

use super::Operation;
use crate::state::Shared;
use crate::toss::{http, work};

/// Everything below `/v2`.
#[handler]
pub(crate) async fn any(
    request: &Request,
    body: Body,
    remote: &RemoteAddr,
    Path(path): Path<String>,
    Data(shared): Data<&Arc<Shared>>,
) -> Response {
    let operation = operation(request, &path);
    http::serve(shared, request, remote, body, work::Operation::V2(operation)).await
}

fn operation(request: &Request, path: &str) -> Operation {
    let segments: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let (get, post) = (request.method() == Method::GET, request.method() == Method::POST);
    match segments.as_slice() {
        ["sellers"] if post => Operation::Register,
        ["sellers"] if get => Operation::Sellers(request.params().ok()),
        ["sellers", id] if post => Operation::Update((*id).to_owned()),
        ["sellers", id] if get => Operation::Seller((*id).to_owned()),
        ["sellers", id] if request.method() == Method::DELETE => Operation::Delete((*id).to_owned()),
        ["payouts"] if post => Operation::Request,
        ["payouts"] if get => Operation::Payouts(request.params().ok()),
        ["payouts", id] if get => Operation::Payout((*id).to_owned()),
        ["payouts", id, "cancel"] if post => Operation::Cancel((*id).to_owned()),
        ["balances"] if get => Operation::Balance,
        _ => Operation::Unknown,
    }
}
