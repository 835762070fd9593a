//! Two people who talk to each other all the time, and notice when they are disturbed.

use std::time::Duration;

use konnect_tests::{ApiNode, Booking, Person, Socket, TestApp};
use serde_json::json;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::suite::crashes::live_booking;

/// Nobody may wait longer for an answer, on whatever machine this runs.
const LONGEST: Duration = Duration::from_secs(4);

/// Messages in the shortest test.
const AT_LEAST: usize = 20;

/// One of them at the process that is attacked, the other at another one.
pub struct Neighbours {
    pub booking: Booking,
    stop: CancellationToken,
    talk: JoinHandle<Vec<Duration>>,
}

async fn in_chat(base: &str, person: &Person, booking: &Booking) -> Socket {
    let (mut socket, _) = Socket::open(base, person, "").await;
    socket.command("chat.join", booking.id, json!({ "after": 0 })).await.expect("a member");
    socket
}

impl Neighbours {
    pub async fn start(app: &TestApp, node: &ApiNode) -> Self {
        let booking = live_booking(app).await;
        app.pay(&booking).await;
        let mut mentee = in_chat(&node.base, &booking.mentee, &booking).await;
        let mut mentor = in_chat(&app.base, &booking.mentor, &booking).await;
        let (stop, room) = (CancellationToken::new(), booking.id);
        let stopped = stop.clone();
        let talk = tokio::spawn(async move {
            let mut waits = Vec::new();
            while !stopped.is_cancelled() || waits.len() < AT_LEAST {
                let said = Instant::now();
                let text = json!({ "clientId": format!("n-{}", waits.len()), "text": "undisturbed" });
                let stored = mentee.command("chat.send", room, text).await.expect("stored");
                let heard = mentor.event("chat.message").await;
                assert_eq!(stored["seq"], heard["seq"], "once, and in order");
                assert_eq!(mentee.event("chat.message").await["seq"], heard["seq"]);
                waits.push(said.elapsed());
                sleep(Duration::from_millis(80)).await;
            }
            waits
        });
        Self { booking, stop, talk }
    }

    /// They heard each other all the time, and at the process nobody is left but the one of them.
    pub async fn expect_undisturbed(self, app: &TestApp, node: &ApiNode) {
        app.until(async || node.metric("konnect_sockets_open", "").await == 1.0).await;
        self.stop.cancel();
        let mut waits = self.talk.await.expect("they talk to the end");
        waits.sort_unstable();
        let (middle, longest) = (waits[waits.len() / 2], waits[waits.len() - 1]);
        println!("{} messages of neighbours, {middle:?} in the middle, {longest:?} at most", waits.len());
        assert!(longest < LONGEST, "a neighbour waited {longest:?}");
    }
}
