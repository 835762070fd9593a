//! The REST API: poem and poem-openapi live here and nowhere else. One file per tag; a handler authenticates,
//! parses, makes one domain call inside one transaction, and maps.

mod admin;
mod admin_activity;
mod admin_acts;
mod admin_audit;
mod admin_case;
mod admin_case_entries;
mod admin_csv;
mod admin_dashboard;
mod admin_disputes;
mod admin_jobs;
mod admin_lists;
mod admin_lists_view;
mod admin_operations;
mod admin_payments;
mod admin_payouts;
mod admin_payouts_view;
mod admin_queues;
mod admin_refunds;
mod admin_reservations;
mod admin_review_view;
mod admin_reviews;
mod admin_view;
mod admin_webhook_deliveries;
mod admin_webhooks;
mod answer;
mod auth;
mod auth_mail;
mod caller;
mod chat;
mod chat_export;
mod chat_files;
mod chat_view;
mod codes;
mod cors;
mod deed;
mod dispute_view;
mod disputes;
mod document;
mod earnings;
mod email_change;
mod farewell;
mod fresh;
mod from_domain;
mod idempotency;
mod instant;
mod issuers;
mod leaving;
mod limit;
mod listen;
mod me;
mod mentor_view;
mod mentors;
mod notice_hours;
mod notice_mail;
mod notice_preferences;
mod notice_proofs;
mod notice_unsubscribe;
mod notices;
mod offerings;
pub mod ops;
mod origin;
mod page_key;
mod payments;
mod payout_account;
mod payout_words;
mod payouts;
mod pictures;
mod problem;
mod raw_json;
mod reach;
mod realtime;
mod refund_guidance;
mod refund_view;
mod refunds;
mod request;
mod reschedules;
mod reservation_notes;
mod reservation_view;
mod reservations;
mod review_view;
mod reviews;
mod schedule;
mod schedule_body;
mod schedule_dates;
mod second_factor;
mod server;
mod session_view;
mod sessions;
mod slot_explain;
mod slot_reason;
mod slots;
mod social;
mod socket_io;
mod text;
mod throttle;
mod waitlist;
mod webhooks;

use std::sync::Arc;

use poem_openapi::Tags;

use crate::auth::{Hasher, Tokens};
use crate::client::ConfigError;
use crate::client::identity::{self, Identities, IssuerSettings, OidcSettings};
use crate::clock::Clock;
use crate::config::{ApiConfig, IdentityConfig, TrustedIssuer};
use crate::core::Core;
use crate::realtime::{House, Hub};
use crate::seal::Sealer;

pub use farewell::later;
pub use server::{openapi, serve, serve_until};
pub use webhooks::Intake;

/// What handlers work with.
pub struct App {
    pub core: Core,
    pub tokens: Tokens,
    pub hasher: Hasher,
    pub config: ApiConfig,
    /// What sockets and waiting requests hear from.
    pub hub: Hub,
    pub house: House,
    /// Who somebody is, as others say.
    pub identities: Identities,
    /// Seals bank account numbers, second factors, codes, and the secrets that webhooks are signed with.
    pub sealer: Sealer,
    pub intake: Intake,
}

/// Whoever may say who somebody is, by the settings.
///
/// # Errors
/// An address is none.
pub fn identities(config: &IdentityConfig, clock: &Clock) -> Result<Identities, ConfigError> {
    let oidc = |url: &String, audiences: &[String]| {
        let audiences: Vec<String> = audiences.iter().filter(|id| !id.is_empty()).cloned().collect();
        (!audiences.is_empty()).then(|| OidcSettings { issuer_url: url.clone(), audiences })
    };
    let settings = identity::Settings {
        google: oidc(&config.google_issuer_url, &config.google_client_ids),
        kakao: oidc(&config.kakao_issuer_url, &config.kakao_app_keys),
        naver_url: config.naver_login.then(|| config.naver_api_url.clone()),
        issuers: config.trusted_issuers.0.iter().map(settings_of).collect(),
    };
    Identities::new(settings, clock)
}

fn settings_of(issuer: &TrustedIssuer) -> IssuerSettings {
    let TrustedIssuer { name, url, audiences, vouches_for_email } = issuer.clone();
    IssuerSettings { name, oidc: OidcSettings { issuer_url: url, audiences }, vouches_for_email }
}

/// The handle every API struct holds.
pub type Shared = Arc<App>;

/// The chapters of the document.
#[derive(Tags)]
pub(crate) enum Tag {
    /// Join, log in, stay logged in.
    Auth,
    /// The caller's own profile, devices and notices.
    Me,
    /// Mentors and what they offer.
    Mentors,
    /// Hours and free slots.
    Availability,
    /// From a slot to a finished session.
    Reservations,
    /// The live session: entering, ending before its time, going on after it.
    Sessions,
    /// Paying for a reservation.
    Payments,
    /// Problems with sessions, and what comes of them.
    Disputes,
    /// What the two sides of a session say of one another.
    Reviews,
    /// The two people of a reservation, talking: history, sending without a socket, files, archives.
    Chat,
    /// What mentors earn, and when it is paid.
    Earnings,
    /// Tickets for the WebSocket at `/v1/ws`.
    Realtime,
    /// The back office.
    Admin,
}

/// Runs a block in one transaction of this request; its error type is `Problem`.
macro_rules! unit {
    ($app:expr, $actor:expr, $tx:ident => $body:block) => {
        $crate::transact!($app.core.db, $crate::api::request::context($actor), $crate::api::problem::Problem, $tx => $body)
    };
}
pub(crate) use unit;
