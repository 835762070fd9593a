//! Hands one notice to the mail server or the push service.
//!
//! A mail that was handed over and whose outcome could not be written is sent again, under the same Message-ID; a
//! push is sent again under the same collapse key, and only to the devices whose outcome is not written. What has
//! expired is not sent (S59).

use anyhow::Result;
use chrono::TimeDelta;
use futures_util::future::join_all;
use konnect::client::fcm::{self, Push, Pusher};
use konnect::id::NoticeId;
use konnect::job::DeliverNotice;
use konnect::notification::{self, Delivery, Ending, Pushes, Receipts, Taken};
use konnect::transact;

use crate::deliver_mail::deliver_mail;
use crate::{Handler, Outcome, Run};

impl Handler for DeliverNotice {
    async fn run(self, run: &Run) -> Result<Outcome> {
        let id = self.notice_id;
        let delivery = prepare(run, id).await?;
        match (delivery, run.services.pusher.as_deref()) {
            (Delivery::Over, _) => run.skip("the notice needs no delivery").await,
            (Delivery::Quiet(until), _) => Ok(Outcome::Snooze(until)),
            (Delivery::Moot(why), _) => conclude(run, id, &Ending::Skipped(why)).await,
            (Delivery::Mail { letter, to_forgive }, _) => deliver_mail(run, id, &letter, to_forgive).await,
            (Delivery::Push(pushes), Some(pusher)) => push(run, id, pushes, pusher).await,
            (Delivery::Push(_), None) => {
                conclude(run, id, &Ending::Skipped("push not configured".to_owned())).await
            }
        }
    }
}

async fn prepare(run: &Run, id: NoticeId) -> Result<Delivery> {
    let db = &run.services.core.db;
    if let Some(prepared) = run.services.mailing.prepare(db, run.lease.delivery, id).await {
        return Ok(prepared);
    }
    transact!(db, run.context(), anyhow::Error, tx => {
        run.hold(tx).await?;
        Ok(notification::prepare(tx, id).await?)
    })
}

/// What the push service said about one notice's devices.
#[derive(Default)]
struct Verdict {
    receipts: Receipts,
    /// A refusal that is our fault, not the device's.
    refused: Option<String>,
    /// Why some device is to be tried again, and the longest wait the service asked for.
    again: Option<String>,
    wait: Option<TimeDelta>,
}

async fn push(run: &Run, id: NoticeId, pushes: Pushes, pusher: &Pusher) -> Result<Outcome> {
    let sending = pushes.tokens.iter().map(|token| pusher.send(message(id, &pushes, token)));
    let mut verdict = Verdict::default();
    for (token, sent) in pushes.tokens.iter().zip(join_all(sending).await) {
        verdict.add(token, sent);
    }
    let Verdict { receipts, refused, again, wait } = verdict;
    let db = &run.services.core.db;
    let is_all = again.is_none() && receipts.dead.is_empty() && pushes.is_first;
    if let (true, Some((_, first))) = (is_all, receipts.accepted.first()) {
        let provider_id = first.clone();
        return taken(run, Taken { id, provider_id, devices: receipts.accepted }).await;
    }
    let Some(again) = again else {
        return transact!(db, run.context(), anyhow::Error, tx => {
            let finished = run.finish(tx).await?;
            let first = notification::record_pushes(tx, id, &pushes, &receipts).await?;
            let ending = match (first, &refused) {
                (Some(provider_id), _) => Ending::Sent { provider_id },
                (None, Some(why)) => Ending::Failed(why.clone()),
                (None, None) => Ending::Skipped("no device".to_owned()),
            };
            notification::conclude(tx, id, &ending).await?;
            Ok(Outcome::Done(finished))
        });
    };
    transact!(db, run.context(), anyhow::Error, tx => {
        run.hold(tx).await?;
        notification::record_pushes(tx, id, &pushes, &receipts).await?;
        Ok(())
    })?;
    let patient = db.now() < pushes.patient_until;
    defer(run, id, again, wait.filter(|_| patient)).await
}

impl Verdict {
    fn add(&mut self, token: &str, sent: Result<fcm::Outcome, fcm::PushError>) {
        match sent {
            Ok(fcm::Outcome::Sent { name }) => self.receipts.accepted.push((token.to_owned(), name)),
            Ok(fcm::Outcome::TokenDead { .. }) => self.receipts.dead.push(token.to_owned()),
            Ok(fcm::Outcome::Retry { after, code }) => {
                self.again = Some(code);
                self.wait = self.wait.max(after.and_then(|after| TimeDelta::from_std(after).ok()));
            }
            Ok(fcm::Outcome::Permanent { status, code, message }) => {
                metrics::counter!("konnect_push_refused_total").increment(1);
                tracing::warn!(status, code, "FCM refuses a push");
                self.refused = Some(format!("{status} {code}: {message}"));
            }
            Err(error) => self.again = Some(error.to_string()),
        }
    }
}

fn message(id: NoticeId, pushes: &Pushes, token: &str) -> Push {
    let mut data: std::collections::BTreeMap<_, _> =
        [("noticeId".to_owned(), id.to_string()), ("kind".to_owned(), pushes.kind.clone())].into();
    if let Some(reservation) = pushes.reservation_id {
        data.insert("reservationId".to_owned(), reservation.to_string());
    }
    Push {
        token: token.to_owned(),
        title: pushes.title.clone(),
        body: pushes.body.clone(),
        data,
        collapse_key: id.to_string(),
    }
}

/// Somebody took the notice, and nothing else is to be written: that is written together with other ends.
pub(crate) async fn taken(run: &Run, taken: Taken) -> Result<Outcome> {
    let db = &run.services.core.db;
    if let Some(finished) = run.services.mailing.write(db, run.lease.delivery, taken.clone()).await {
        return Ok(Outcome::Done(finished));
    }
    transact!(db, run.context(), anyhow::Error, tx => {
        let finished = run.finish(tx).await?;
        notification::taken_many(tx, std::slice::from_ref(&taken)).await?;
        Ok(Outcome::Done(finished))
    })
}

pub(crate) async fn conclude(run: &Run, id: NoticeId, ending: &Ending) -> Result<Outcome> {
    transact!(run.services.core.db, run.context(), anyhow::Error, tx => {
        let finished = run.finish(tx).await?;
        notification::conclude(tx, id, ending).await?;
        Ok(Outcome::Done(finished))
    })
}

/// Not now. A wait that the service asked for is kept and does not count as an attempt.
pub(crate) async fn defer(run: &Run, id: NoticeId, why: String, wait: Option<TimeDelta>) -> Result<Outcome> {
    let db = &run.services.core.db;
    transact!(db, run.context(), anyhow::Error, tx => {
        run.hold(tx).await?;
        Ok(notification::defer(tx, id, &why).await?)
    })?;
    Ok(match wait {
        Some(wait) => Outcome::Snooze(db.now() + wait),
        None => Outcome::Retry(why),
    })
}
