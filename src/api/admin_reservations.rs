//! What administrators do about reservations: the real process, never a raw change of state.

use chrono::{DateTime, Utc};
use poem::web::Data;
use poem_openapi::param::{Header, Path};
use poem_openapi::payload::Json;
use poem_openapi::types::ToJSON;
use poem_openapi::{Enum, Object, OpenApi};

use super::caller::Caller;
use super::idempotency::Key;
use super::problem::Problem;
use super::reservations::stands;
use super::text::Text;
use super::{Shared, Tag, unit};
use crate::id::{ReservationId, UserId};
use crate::mentor;
use crate::money::Krw;
use crate::payment::{self, Choice};
use crate::reservation::{self, Reservation, Side, State, Strike};

pub struct AdminReservationsApi;

/// How much a cancellation gives back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[oai(rename = "RefundChoice", rename_all = "snake_case")]
enum RefundChoice {
    /// Everything that is left.
    Full,
    /// What the policy would give the mentee now.
    Policy,
    /// So many won as `amount` says.
    Amount,
}

#[derive(Debug, Object)]
#[oai(rename = "AdminCancelRequest", rename_all = "camelCase", deny_unknown_fields)]
struct CancelRequest {
    /// Both sides read it.
    #[oai(validator(min_length = 1, max_length = 500))]
    reason: Text,
    refund: RefundChoice,
    /// Won, with `amount` and with nothing else; 0 gives nothing back.
    amount: Option<Krw>,
    /// The version the caller saw; refused when the reservation has changed.
    expected_version: Option<i64>,
}

impl CancelRequest {
    fn choice(&self) -> Result<Choice, Problem> {
        match (self.refund, self.amount) {
            (RefundChoice::Full, None) => Ok(Choice::Full),
            (RefundChoice::Policy, None) => Ok(Choice::Policy),
            (RefundChoice::Amount, Some(amount)) => Ok(Choice::Amount(amount)),
            _ => Err(Problem::new("refund.amount_invalid").field("amount")),
        }
    }
}

/// How a reservation stands.
#[derive(Debug, Object)]
#[oai(rename = "AdminReservation", rename_all = "camelCase", skip_serializing_if_is_none)]
pub(super) struct AdminReservation {
    id: ReservationId,
    mentor_id: UserId,
    mentee_id: UserId,
    state: State,
    version: i64,
    /// Won.
    price: Krw,
    /// Won given back by the cancellation; absent where nothing was paid.
    refund: Option<Krw>,
    starts_at: DateTime<Utc>,
    ends_at: DateTime<Utc>,
}

impl From<Reservation> for AdminReservation {
    fn from(r: Reservation) -> Self {
        Self {
            id: r.id,
            mentor_id: r.mentor_id,
            mentee_id: r.mentee_id,
            state: r.state,
            version: r.version,
            price: r.price_krw,
            refund: r.refund_krw,
            starts_at: r.starts_at,
            ends_at: r.ends_at,
        }
    }
}

/// Something counted against a mentor.
#[derive(Debug, Object)]
#[oai(rename = "MentorStrike", rename_all = "camelCase")]
struct StrikeView {
    reservation_id: ReservationId,
    /// `cancelled`: a session that was paid for; `no_show`: did not come.
    cause: String,
    at: DateTime<Utc>,
}

impl From<Strike> for StrikeView {
    fn from(strike: Strike) -> Self {
        Self { reservation_id: strike.reservation_id, cause: strike.cause, at: strike.at }
    }
}

/// As many strikes as anybody reads.
const MOST: u32 = 200;

#[OpenApi(prefix_path = "/v1/admin", tag = "Tag::Admin")]
impl AdminReservationsApi {
    /// Cancel a reservation
    ///
    /// Also one whose session has begun, until it is completed. Runs what a cancellation by a member runs: refund,
    /// events and notices to both, history with the administrator in it. For administrators.
    #[oai(path = "/reservations/:id/cancel", method = "post", operation_id = "adminCancelReservation")]
    async fn cancel(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        id: Path<ReservationId>,
        #[oai(name = "Idempotency-Key")] idempotency_key: Header<Option<String>>,
        body: Json<CancelRequest>,
    ) -> Result<Json<AdminReservation>, Problem> {
        let admin = caller.admin()?;
        let request = format!("{}{}", id.0, body.to_json_string());
        let key = Key::parse(idempotency_key.0, caller.user_id(), "admin-cancel", &request)?;
        let choice = body.choice()?;
        let reservation = unit!(app, admin, tx => {
            let again = key.begin(tx).await?.is_some();
            let found = reservation::lock(tx, id.0).await?;
            let found = found.ok_or_else(|| Problem::new("reservation.not_found"))?;
            if again {
                return Ok(found);
            }
            if body.expected_version.is_some_and(|seen| seen != found.version) {
                return Err(stands(Problem::new("reservation.stale").field("expectedVersion"), &found));
            }
            let done = payment::cancel_with(tx, &found, Side::Admin, &body.reason, choice).await;
            let (reservation, _) = done.map_err(|error| stands(error.into(), &found))?;
            key.save(tx, "cancelled").await?;
            Ok(reservation)
        })?;
        Ok(Json(reservation.into()))
    }

    /// List what is counted against a mentor
    ///
    /// Newest first, at most 200. For administrators.
    #[oai(path = "/mentors/:id/strikes", method = "get", operation_id = "adminListStrikes")]
    async fn strikes(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        id: Path<UserId>,
    ) -> Result<Json<Vec<StrikeView>>, Problem> {
        caller.admin()?;
        let pool = app.core.db.pool();
        mentor::find(pool, id.0).await?;
        let strikes = reservation::strikes(pool, id.0, MOST).await?;
        Ok(Json(strikes.into_iter().map(StrikeView::from).collect()))
    }
}
