//! What a cancellation would give back, promised; and where the money goes.

use chrono::{DateTime, Utc};
use poem::web::Data;
use poem_openapi::param::{Header, Path};
use poem_openapi::payload::Json;
use poem_openapi::types::ToJSON;
use poem_openapi::{Object, OpenApi};

use super::answer::{Created, Done};
use super::caller::Caller;
use super::idempotency::Key;
use super::problem::Problem;
use super::reservations::{locked, stands};
use super::text::Text;
use super::{Shared, Tag, unit};
use crate::id::{QuoteId, ReservationId};
use crate::money::Krw;
use crate::payment::{self, CancellationQuote, PayerAccount};

pub struct RefundsApi;

/// A promise: good until it runs out, for this version of the reservation, once.
#[derive(Debug, Object)]
#[oai(rename = "CancellationQuote", rename_all = "camelCase", skip_serializing_if_is_none)]
struct QuoteView {
    /// Send it with the cancellation.
    id: QuoteId,
    reservation_id: ReservationId,
    /// Won.
    refund: Krw,
    /// Of the price, in basis points: 10,000 is all of it. What was given back before leaves less than that.
    share_bps: u32,
    /// The instant itself is still good.
    valid_until: DateTime<Utc>,
    /// What comes next; absent when nothing will change.
    next: Option<NextView>,
    /// The server's clock, for countdowns.
    server_now: DateTime<Utc>,
}

/// What a new quote would say later.
#[derive(Debug, Object)]
#[oai(rename = "NextQuote", rename_all = "camelCase")]
struct NextView {
    /// The last instant before the change.
    after: DateTime<Utc>,
    /// Won.
    refund: Krw,
    share_bps: u32,
}

impl QuoteView {
    fn new(quote: CancellationQuote, now: DateTime<Utc>) -> Self {
        let next = match (quote.next_at, quote.next_refund_krw, quote.next_share_bps) {
            (Some(after), Some(refund), Some(share_bps)) => Some(NextView { after, refund, share_bps }),
            _ => None,
        };
        Self {
            id: quote.id,
            reservation_id: quote.reservation_id,
            refund: quote.refund_krw,
            share_bps: quote.share_bps,
            valid_until: quote.valid_until,
            next,
            server_now: now,
        }
    }
}

/// A bank account of the payer's.
#[derive(Object)]
#[oai(rename = "RefundAccount", rename_all = "camelCase", deny_unknown_fields)]
struct AccountRequest {
    /// The payment provider's code of the bank: 2 or 3 letters and digits.
    #[oai(validator(min_length = 2, max_length = 3))]
    bank: Text,
    /// 6 to 20 digits, without hyphens.
    #[oai(validator(min_length = 6, max_length = 20, pattern = "^[0-9]+$"))]
    account_number: Text,
    #[oai(validator(min_length = 1, max_length = 60))]
    holder_name: Text,
}

#[OpenApi(prefix_path = "/v1/reservations", tag = "Tag::Payments")]
impl RefundsApi {
    /// Ask what a cancellation gives back
    ///
    /// Either side may. The quote is honoured exactly for two minutes, even when a tier of the policy ends meanwhile,
    /// as long as the reservation stays as it is and may be cancelled.
    #[oai(path = "/:id/cancellation-quotes", method = "post", operation_id = "quoteCancellation")]
    async fn quote(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        id: Path<ReservationId>,
        #[oai(name = "Idempotency-Key")] idempotency_key: Header<Option<String>>,
    ) -> Result<Created<QuoteView>, Problem> {
        let user = caller.user_id();
        let key = Key::parse(idempotency_key.0, user, "quote-cancellation", &id.0.to_string())?;
        let quote = unit!(app, caller.actor(), tx => {
            if let Some(saved) = key.begin(tx).await? {
                let saved = saved.parse().map_err(|_| Problem::new("internal"))?;
                return Ok(payment::find_quote(tx.conn(), saved, user).await?);
            }
            let found = locked(tx, id.0, user).await?;
            let side = found.side_of(user);
            let quote = payment::quote_cancellation(tx, &app.core.rules, &found, side, user).await;
            let quote = quote.map_err(|error| stands(error.into(), &found))?;
            key.save(tx, &quote.id.to_string()).await?;
            Ok(quote)
        })?;
        Ok(Created::Created(Json(QuoteView::new(quote, app.core.clock.now()))))
    }

    /// Name the bank account that a refund goes to
    ///
    /// For payments by virtual account, whose refunds wait in `needs_account`. The account is kept sealed for the
    /// refunds that wait now, and forgotten when they are over. When the bank refuses it, the payer is asked again.
    #[oai(path = "/:id/refund-account", method = "post", operation_id = "setRefundAccount")]
    async fn account(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        id: Path<ReservationId>,
        #[oai(name = "Idempotency-Key")] idempotency_key: Header<Option<String>>,
        body: Json<AccountRequest>,
    ) -> Result<Done, Problem> {
        let payer = caller.user_id();
        let request = format!("{}{}", id.0, body.to_json_string());
        let key = Key::parse(idempotency_key.0, payer, "refund-account", &request)?;
        let account = PayerAccount {
            bank: body.bank.to_string(),
            account_number: body.account_number.to_string(),
            holder_name: body.holder_name.trim().to_owned(),
        };
        unit!(app, caller.actor(), tx => {
            if key.begin(tx).await?.is_some() {
                return Ok(());
            }
            payment::set_refund_account(tx, &app.sealer, id.0, payer, &account).await?;
            Ok(key.save(tx, "named").await?)
        })?;
        Ok(Done::Done)
    }
}
