//! The WebSocket with a bounded queue before it: sending never waits, and a client that does not read is noticed.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_util::{Sink, SinkExt, Stream, StreamExt};
use poem::web::websocket::{Message, WebSocketConfig};
use tokio::time::timeout;

/// Frames that may wait for a client.
pub const CAPACITY: usize = 256;
/// Bytes of a frame that are answered with a proper close; a good deal more ends the connection at once.
pub const MAX_MESSAGE: usize = 16 * 1024;
const HARD_LIMIT: usize = 4 * MAX_MESSAGE;
/// How long the client may take to answer a close.
const CLOSE_ANSWER: Duration = Duration::from_secs(1);

/// Small buffers, because idle sockets are many; a larger frame is read in several pieces.
pub fn config() -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(1024)
        .write_buffer_size(4 * 1024)
        .max_write_buffer_size(1024 * 1024)
        .max_message_size(Some(HARD_LIMIT))
        .max_frame_size(Some(HARD_LIMIT))
}

/// What happened on the wire.
#[derive(Debug)]
pub enum Turn {
    Received(Message),
    /// Everything that was queued has been handed to the network.
    Drained,
    /// The connection is gone or broken.
    Ended(Option<io::Error>),
}

/// A socket and the frames that wait for it.
pub struct Wire<S> {
    socket: S,
    queue: VecDeque<Message>,
    unflushed: bool,
}

impl<S> Wire<S>
where
    S: Stream<Item = io::Result<Message>> + Sink<Message, Error = io::Error> + Unpin,
{
    pub fn new(socket: S) -> Self {
        Self { socket, queue: VecDeque::new(), unflushed: false }
    }

    /// Queues a frame. `false`: there is no room, the client does not keep up.
    #[must_use]
    pub fn push(&mut self, message: Message) -> bool {
        if self.queue.len() >= CAPACITY {
            return false;
        }
        self.queue.push_back(message);
        true
    }

    /// Whether more can be queued without hurry.
    pub fn has_room(&self) -> bool {
        self.queue.len() < CAPACITY / 2
    }

    /// Whether the network has taken everything.
    pub fn is_idle(&self) -> bool {
        self.queue.is_empty() && !self.unflushed
    }

    /// Forgets what is queued.
    pub fn clear(&mut self) {
        self.queue = VecDeque::new();
        // So that the drain is reported even when nothing had been handed over.
        self.unflushed = true;
    }

    /// Sends and receives until there is something to tell. May be dropped and called again at any point.
    pub async fn turn(&mut self) -> Turn {
        poll_fn(|cx| self.poll_turn(cx)).await
    }

    fn poll_turn(&mut self, cx: &mut Context<'_>) -> Poll<Turn> {
        if !self.is_idle() {
            match self.poll_send(cx) {
                Poll::Ready(Ok(())) => return Poll::Ready(Turn::Drained),
                Poll::Ready(Err(error)) => return Poll::Ready(Turn::Ended(Some(error))),
                Poll::Pending => {}
            }
        }
        Poll::Ready(match ready!(self.socket.poll_next_unpin(cx)) {
            Some(Ok(message)) => Turn::Received(message),
            Some(Err(error)) => Turn::Ended(Some(error)),
            None => Turn::Ended(None),
        })
    }

    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.queue.is_empty() {
            ready!(self.socket.poll_ready_unpin(cx))?;
            if let Some(message) = self.queue.pop_front() {
                self.unflushed = true;
                self.socket.start_send_unpin(message)?;
            }
        }
        ready!(self.socket.poll_flush_unpin(cx))?;
        self.unflushed = false;
        Poll::Ready(Ok(()))
    }

    /// Says why, and waits a moment for the answer. What is queued is not sent.
    pub async fn close(mut self, code: u16, reason: &str) {
        self.queue = [Message::close_with(code, reason)].into();
        self.finish().await;
    }

    /// Waits a moment for the client to end the connection.
    pub async fn finish(mut self) {
        let ended = async { while !matches!(self.turn().await, Turn::Ended(_)) {} };
        // A client that does not answer is cut off by the drop.
        drop(timeout(CLOSE_ANSWER, ended).await);
    }
}

#[cfg(test)]
mod tests;
