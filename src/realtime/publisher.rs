//! Tells other processes what happens in rooms. A hint: what must not be lost is in the room's log.

use redis::aio::ConnectionManager;
use tokio::sync::mpsc;

/// Frames that may wait for Redis; more are dropped, and counted.
const BACKLOG: usize = 8192;
const AT_ONCE: usize = 256;

/// Cheap to clone; never waits.
#[derive(Clone, Debug)]
pub struct Publisher {
    sender: mpsc::Sender<(String, String)>,
}

impl Publisher {
    pub fn start(redis: ConnectionManager) -> Self {
        let (sender, receiver) = mpsc::channel(BACKLOG);
        tokio::spawn(publish(redis, receiver));
        Self { sender }
    }

    pub fn send(&self, channel: String, payload: String) {
        if self.sender.try_send((channel, payload)).is_err() {
            metrics::counter!("konnect_signals_dropped_total").increment(1);
        }
    }
}

/// Takes whatever has gathered and sends it in one pipeline.
async fn publish(mut redis: ConnectionManager, mut receiver: mpsc::Receiver<(String, String)>) {
    let mut batch = Vec::new();
    while receiver.recv_many(&mut batch, AT_ONCE).await > 0 {
        let mut pipe = redis::pipe();
        for (channel, payload) in batch.drain(..) {
            pipe.publish(channel, payload).ignore();
        }
        if let Err(error) = pipe.query_async::<()>(&mut redis).await {
            metrics::counter!("konnect_room_frames_unpublished_total").increment(1);
            tracing::warn!(%error, "room frames not published; the sweep makes up for those of the log");
        }
    }
}
