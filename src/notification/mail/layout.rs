//! The one layout of every mail. Text and HTML say the same; in HTML everything is escaped.

use askama::Template;

use super::unsubscribe::token;
use super::words::{Place, Words, greeting, words};
use super::{Letter, MailRoom, Written};
use crate::notification::model::Channel;
use crate::notification::preference::Topic;
use crate::notification::texts;

/// Longer names are cut: nobody's name fills a screen.
const NAME_MAX: usize = 60;

#[derive(Template)]
#[template(path = "mail.html")]
struct Html<'a>(&'a Page);

#[derive(Template)]
#[template(path = "mail.txt")]
struct Plain<'a>(&'a Page);

/// What stands in a mail.
struct Page {
    words: Words,
    title: String,
    greeting: String,
    paragraphs: Vec<String>,
    facts: Vec<Fact>,
    button: &'static str,
    link: String,
    why: &'static str,
    /// Where such mails are switched off.
    unsubscribe: Option<String>,
}

/// A row of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Fact {
    label: String,
    value: String,
}

pub(super) fn write(letter: &Letter, room: &MailRoom) -> Written {
    let page = Page::new(letter, room);
    let html = Html(&page).render().expect("a template over text renders");
    let text = Plain(&page).render().expect("a template over text renders");
    let calendar = letter
        .invite
        .as_ref()
        .map(|invite| (invite.method(), invite.write(&room.from, &letter.to, &page.link)));
    let Page { title, unsubscribe, .. } = page;
    Written { to: letter.to.clone(), subject: title, text, html, calendar, unsubscribe }
}

impl Page {
    fn new(letter: &Letter, room: &MailRoom) -> Self {
        let Letter { locale, zone, .. } = *letter;
        let words = words(locale);
        let text = texts::render(&letter.kind, &letter.data, locale, zone);
        let (facts, paragraphs) = sort(&text.body, letter, &words);
        let place = Place::of(&letter.kind, letter.reservation_id.is_some());
        let link = match (place, letter.reservation_id) {
            (Place::Session, Some(id)) => format!("{}/reservations/{id}", room.front_url),
            (Place::Earnings, _) => format!("{}/earnings", room.front_url),
            (Place::Security, _) => format!("{}/settings/security", room.front_url),
            (Place::Account, _) => format!("{}/settings/payout", room.front_url),
            (Place::Home, _) => room.front_url.clone(),
            // Behind the #, so that no server on the way writes it into a log.
            (Place::TakeBack, _) => {
                let token = letter.data["token"].as_str().unwrap_or_default();
                format!("{}/email-undo#{token}", room.front_url)
            }
            _ => format!("{}/notices", room.front_url),
        };
        let topic = Topic::of(&letter.kind);
        let unsubscribe = (!topic.is_locked(Channel::Email)).then(|| {
            format!("{}/v1/unsubscribe/{}", room.public_url, token(&room.sealer, letter.owner, topic))
        });
        let name: String = texts::clean(&letter.name).chars().take(NAME_MAX).collect();
        Self {
            title: text.title,
            greeting: greeting(locale, &name),
            paragraphs,
            facts,
            button: place.label(locale),
            link,
            why: if unsubscribe.is_some() { words.chosen } else { words.always },
            unsubscribe,
            words,
        }
    }
}

/// Parts the lines of a text into rows of the table (which session, when, how much) and paragraphs.
fn sort(body: &str, letter: &Letter, words: &Words) -> (Vec<Fact>, Vec<String>) {
    let fact = |label: &str, value: String| Fact { label: label.to_owned(), value };
    let session = texts::session(&letter.data, letter.locale, letter.zone);
    let mut facts = Vec::new();
    facts.extend(session.title.map(|title| fact(words.session, title)));
    facts.extend(session.starts_at.map(|at| fact(words.when, at)));
    let mut paragraphs = Vec::new();
    for line in body.lines() {
        if session.line.as_deref() == Some(line) {
            continue;
        }
        match line.split_once(": ").filter(|(_, value)| is_amount(value)) {
            Some((label, amount)) => facts.push(fact(label, amount.to_owned())),
            None => paragraphs.push(line.to_owned()),
        }
    }
    (facts, paragraphs)
}

/// Such as `₩50,000`.
fn is_amount(text: &str) -> bool {
    let digits = text.trim_start_matches('-').strip_prefix('₩');
    digits.is_some_and(|d| !d.is_empty() && d.bytes().all(|b| b.is_ascii_digit() || b == b','))
}

#[cfg(test)]
#[path = "layout_tests.rs"]
mod tests;
