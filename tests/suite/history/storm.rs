//! What the devices of a history share: how much is left to say, and how far things are.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use konnect_tests::{ApiNode, TestApp};
use serde_json::json;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use super::record::{Draft, Record};

/// A run that stores fewer entries a second hangs.
const SLOWEST: u64 = 10;
const AT_LEAST: Duration = Duration::from_secs(180);

pub struct Storm<'a> {
    pub app: &'a TestApp,
    pub bases: [String; 2],
    pub entries: u64,
    pub record: Record,
    left: AtomicI64,
    /// Drafts without an answer.
    unanswered: AtomicI64,
    /// Trouble has ended.
    pub calm: AtomicBool,
    /// Everything is said and answered: whoever comes back now, learns all.
    pub settled: watch::Sender<bool>,
    /// Grows when connections are cut.
    pub cuts: watch::Sender<u64>,
    /// Drafts that another device of the same person sends, too: by person.
    echoes: Mutex<HashMap<String, Vec<Draft>>>,
}

impl<'a> Storm<'a> {
    pub fn new(app: &'a TestApp, nodes: &[ApiNode; 2], entries: u64) -> Self {
        Self {
            app,
            bases: [nodes[0].base.clone(), nodes[1].base.clone()],
            entries,
            record: Record::new(),
            left: AtomicI64::new(i64::try_from(entries).expect("not so many")),
            unanswered: AtomicI64::new(0),
            calm: AtomicBool::new(false),
            settled: watch::Sender::new(false),
            cuts: watch::Sender::new(0),
            echoes: Mutex::default(),
        }
    }

    /// Whether one more entry may be said; counts it as unanswered.
    pub fn take(&self) -> bool {
        let taken = self.left.fetch_sub(1, Ordering::SeqCst) > 0;
        if taken {
            self.unanswered.fetch_add(1, Ordering::SeqCst);
        }
        taken
    }

    pub fn answered(&self) {
        self.unanswered.fetch_sub(1, Ordering::SeqCst);
    }

    /// Entries that nobody has said yet.
    pub fn left(&self) -> u64 {
        u64::try_from(self.left.load(Ordering::SeqCst)).unwrap_or_default()
    }

    pub fn echo(&self, person: &str, draft: Draft) {
        self.echoes.lock().expect("nobody panics with it").entry(person.to_owned()).or_default().push(draft);
    }

    pub fn echo_of(&self, person: &str) -> Option<Draft> {
        self.echoes.lock().expect("nobody panics with it").get_mut(person)?.pop()
    }

    /// Waits until everything is said and answered and there is no more trouble, and tells the devices so.
    pub async fn settle(&self) {
        let gives_up = Instant::now() + AT_LEAST.max(Duration::from_secs(self.entries / SLOWEST));
        loop {
            let unanswered = self.unanswered.load(Ordering::SeqCst);
            if self.left() == 0 && unanswered == 0 && self.calm.load(Ordering::SeqCst) {
                break;
            }
            if Instant::now() > gives_up {
                self.record
                    .wrong("storm", format!("{} unsaid, {unanswered} unanswered: too slow", self.left()));
                break;
            }
            sleep(Duration::from_millis(50)).await;
        }
        self.record.note("storm", "settled", json!(null));
        self.settled.send_replace(true);
    }
}
