//! The way from a client to its guest, and past it for what need not wait there.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Weak};

use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::Ask;
use crate::id::ReservationId;
use crate::realtime::attendance::Attendance;
use crate::realtime::command::{Command, LiveWish, Wish};
use crate::realtime::house::House;
use crate::realtime::lock;
use crate::realtime::refusal::Refusal;

/// Where commands go.
#[derive(Clone)]
pub struct Asks {
    pub(super) house: House,
    pub(super) sender: mpsc::Sender<Ask>,
    pub(super) shortcut: Arc<Shortcut>,
}

/// What is known of a guest outside of its task: a candidate is sent on at once, and its task is not woken, while no
/// other command of the session is on its way, so that nothing is overtaken.
#[derive(Default)]
pub struct Shortcut {
    attending: Mutex<HashMap<ReservationId, Weak<Attendance>>>,
    /// Commands of sessions that are not answered yet.
    open: AtomicUsize,
}

/// Counted in [`Shortcut::open`] until it is dropped.
struct Open(Arc<Shortcut>);

impl Open {
    fn new(shortcut: &Arc<Shortcut>) -> Self {
        shortcut.open.fetch_add(1, Ordering::AcqRel);
        Self(shortcut.clone())
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Shortcut {
    /// The connection attends a session from now on.
    pub(super) fn attends(&self, attendance: &Arc<Attendance>) {
        let mut attending = lock(&self.attending);
        attending.retain(|_, other| other.strong_count() > 0);
        attending.insert(attendance.room, Arc::downgrade(attendance));
    }

    fn attendance(&self, room: ReservationId) -> Option<Arc<Attendance>> {
        let is_free = self.open.load(Ordering::Acquire) == 0;
        let known = is_free.then(|| lock(&self.attending).get(&room).and_then(Weak::upgrade)).flatten();
        known.filter(|attendance| !attendance.is_over())
    }
}

impl Asks {
    /// Asks for a command; `answer` is called once, with what became of it. `false`: the client has asked for more than
    /// is remembered.
    pub fn ask(
        &self,
        command: Command,
        answer: impl FnOnce(Result<Value, Refusal>) + Send + 'static,
    ) -> bool {
        let Command { room, wish: Wish::Live(wish) } = command else {
            return self.sender.try_send(Ask { command, answer: Box::new(answer) }).is_ok();
        };
        let wish = match (self.shortcut.attendance(room), wish) {
            (Some(attendance), LiveWish::Rtc(command)) => match self.house.straight(&attendance, command) {
                Ok(sent) => {
                    answer(sent.map(|()| json!({})));
                    return true;
                }
                Err(command) => LiveWish::Rtc(command),
            },
            (_, wish) => wish,
        };
        let open = Open::new(&self.shortcut);
        // Dropped after the effect of the command and its answer, or with the guest.
        let answer = Box::new(move |outcome| {
            answer(outcome);
            drop(open);
        });
        self.sender.try_send(Ask { command: Command { room, wish: Wish::Live(wish) }, answer }).is_ok()
    }
}
