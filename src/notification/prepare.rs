//! A notice on its way out: what is to be sent, in the reader's language, by the settings of this moment.

use std::collections::HashMap;

use super::error::Error;
use super::hours::{self, Hours};
use super::model::{Channel, Delivery, Notice, PATIENCE, Pushes, State};
use super::{mail, query, texts, timely, urgency};
use crate::db::Tx;
use crate::id::{NoticeId, ReservationId, UserId};
use crate::reservation::{self, Reservation};
use crate::user::{self, User};

/// Says what is to be sent, and notes that it is about to be.
pub async fn prepare(tx: &mut Tx, id: NoticeId) -> Result<Delivery, Error> {
    let notices = query::lock_many(tx, &[id]).await?;
    Ok(prepare_locked(tx, notices).await?.remove(&id).unwrap_or(Delivery::Over))
}

/// The same for several, in few statements; the answers are in the order of `ids`. `None`: this one is to be prepared
/// by itself, because it may change a calendar. That locks a reservation, and a transaction should lock one of them.
pub async fn prepare_many(tx: &mut Tx, ids: &[NoticeId]) -> Result<Vec<Option<Delivery>>, Error> {
    let notices = query::lock_many(tx, ids).await?;
    let (alone, notices): (Vec<_>, Vec<_>) = notices.into_iter().partition(mail::concerns_calendar);
    let mut prepared = prepare_locked(tx, notices).await?;
    let is_alone = |id: &NoticeId| alone.iter().any(|notice| notice.id == *id);
    let answer = |id| (!is_alone(id)).then(|| prepared.remove(id).unwrap_or(Delivery::Over));
    Ok(ids.iter().map(answer).collect())
}

/// What is to be done for each of these notices.
async fn prepare_locked(tx: &mut Tx, notices: Vec<Notice>) -> Result<HashMap<NoticeId, Delivery>, Error> {
    let mut deliveries = HashMap::new();
    let (open, over): (Vec<_>, Vec<_>) =
        notices.into_iter().partition(|notice| notice.state == State::Queued);
    deliveries.extend(over.iter().map(|notice| (notice.id, Delivery::Over)));
    let audience = Audience::of(tx, &open).await?;
    let mut going = Vec::new();
    for mut notice in open {
        let reader = audience.readers.get(&notice.user_id).ok_or(user::Error::NotFound)?;
        match audience.obstacle(tx, &notice, reader) {
            Some(obstacle) => {
                if matches!(obstacle, Delivery::Quiet(_)) {
                    query::note_error(tx, notice.id, query::QUIET).await?;
                }
                deliveries.insert(notice.id, obstacle);
            }
            None => {
                timely::correct_lead(&mut notice, tx.now);
                going.push((notice, reader));
            }
        }
    }
    let ways = Ways::of(tx, &going).await?;
    let mut attempts = Vec::new();
    for (notice, reader) in going {
        let delivery = match notice.channel {
            Channel::InApp => Delivery::Over,
            Channel::Email => ways.mail(tx, &notice, reader).await?,
            Channel::Push => ways.push(tx, &notice, reader).await?,
        };
        if matches!(delivery, Delivery::Mail { .. } | Delivery::Push(_)) {
            attempts.push(notice.id);
        }
        deliveries.insert(notice.id, delivery);
    }
    query::mark_attempts(tx, &attempts).await?;
    Ok(deliveries)
}

/// Who reads, when they are left alone, and the reservations that notices look ahead to.
struct Audience {
    readers: HashMap<UserId, User>,
    hours: HashMap<UserId, Hours>,
    ahead: HashMap<ReservationId, Reservation>,
}

impl Audience {
    async fn of(tx: &mut Tx, notices: &[Notice]) -> Result<Self, Error> {
        let ids = distinct(notices.iter().map(|notice| notice.user_id));
        let readers = user::get_many(tx.conn(), &ids).await?;
        let readers = readers.into_iter().map(|reader| (reader.id, reader)).collect();
        let hours = hours::hours_of(tx.conn(), &ids).await?;
        let ahead = notices.iter().filter(|notice| timely::lies_ahead(&notice.kind));
        let ahead: Vec<_> = ahead.filter_map(|notice| notice.reservation_id).collect();
        let ahead = reservation::find_many(tx, &ahead).await?;
        let ahead = ahead.into_iter().map(|reservation| (reservation.id, reservation)).collect();
        Ok(Self { readers, hours, ahead })
    }

    /// Why a notice is not sent, or not now.
    fn obstacle(&self, tx: &Tx, notice: &Notice, reader: &User) -> Option<Delivery> {
        if notice.expires_at.is_some_and(|at| at <= tx.now) {
            return Some(Delivery::Moot("expired".to_owned()));
        }
        if reader.state == user::State::Deleted {
            return Some(Delivery::Moot("the account is deleted".to_owned()));
        }
        let reservation = notice.reservation_id.and_then(|id| self.ahead.get(&id));
        if reservation.is_some_and(|r| !timely::still_so(&notice.kind, &notice.data, r)) {
            return Some(Delivery::Moot("it is not so any more".to_owned()));
        }
        // They may have changed since the notice was written.
        let quiet = self.hours.get(&reader.id)?.quiet?;
        let until = quiet.until(tx.now, reader.time_zone.0)?;
        urgency::may_wait(notice, tx.now, until).then_some(Delivery::Quiet(until))
    }
}

/// Where mails and pushes go.
struct Ways {
    /// Addresses that have refused mail.
    reach: HashMap<String, mail::Reach>,
    devices: HashMap<UserId, Vec<String>>,
}

impl Ways {
    async fn of(tx: &mut Tx, going: &[(Notice, &User)]) -> Result<Self, Error> {
        let on = |channel| going.iter().filter(move |(notice, _)| notice.channel == channel);
        let addresses: Vec<&str> = on(Channel::Email).map(|(_, reader)| reader.email.as_str()).collect();
        let owners = distinct(on(Channel::Push).map(|(notice, _)| notice.user_id));
        let reach = mail::reach(tx.conn(), &addresses).await?;
        let mut devices: HashMap<_, Vec<_>> = HashMap::new();
        for device in user::device_tokens(tx.conn(), &owners).await? {
            devices.entry(device.user_id).or_default().push(device.token);
        }
        Ok(Self { reach, devices })
    }

    async fn mail(&self, tx: &mut Tx, notice: &Notice, reader: &User) -> Result<Delivery, Error> {
        let reach = self.reach.get(&reader.email);
        if reach == Some(&mail::Reach::Off) {
            return Ok(Delivery::Moot("the address refuses mail".to_owned()));
        }
        let letter = Box::new(mail::letter(tx, notice, reader.clone()).await?);
        Ok(Delivery::Mail { letter, to_forgive: reach.is_some() })
    }

    async fn push(&self, tx: &mut Tx, notice: &Notice, reader: &User) -> Result<Delivery, Error> {
        let mut tokens = self.devices.get(&reader.id).cloned().unwrap_or_default();
        let is_first = notice.attempted_at.is_none();
        if !is_first {
            tokens = query::without_push(tx, notice.id, tokens).await?;
        }
        let text = texts::render(&notice.kind, &notice.data, reader.locale, reader.time_zone);
        Ok(Delivery::Push(Pushes {
            owner: reader.id,
            kind: notice.kind.clone(),
            reservation_id: notice.reservation_id,
            is_first,
            tokens,
            title: text.title,
            body: text.body,
            patient_until: notice.created_at + PATIENCE,
        }))
    }
}

fn distinct(people: impl Iterator<Item = UserId>) -> Vec<UserId> {
    let mut people: Vec<_> = people.collect();
    people.sort_unstable();
    people.dedup();
    people
}
