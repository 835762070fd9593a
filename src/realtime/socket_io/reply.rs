//! The answer to an event: what the client's acknowledgement gets.

use std::convert::Infallible;
use std::sync::Arc;

use serde_json::Value;
use socketioxide::adapter::LocalAdapter;
use socketioxide::extract::AckSender;
use socketioxide::handler::{FromMessageParts, Value as Raw};
use socketioxide::socket::Socket;
use socketioxide::{SendError, SocketError};
use tokio::time::sleep;

use crate::realtime::guest::AGAIN;

/// Where an answer goes. The library's own sender can be tried once, and is refused while frames that the client has not
/// taken fill the channel.
pub struct Reply {
    socket: Arc<Socket>,
    id: Option<i64>,
}

impl FromMessageParts<LocalAdapter> for Reply {
    type Error = Infallible;

    fn from_message_parts(socket: &Arc<Socket>, _: &mut Raw, id: &Option<i64>) -> Result<Self, Infallible> {
        Ok(Self { socket: socket.clone(), id: *id })
    }
}

impl Reply {
    /// Sends the answer as soon as there is room for it, if anybody waits for it.
    pub fn send(self, answer: Value) {
        if self.is_refused(&answer) {
            tokio::spawn(async move {
                while self.is_refused(&answer) {
                    sleep(AGAIN).await;
                }
            });
        }
    }

    /// Whether there was no room.
    fn is_refused(&self, answer: &Value) -> bool {
        let mut nothing = Raw::Str("".into(), None);
        let Ok(sender) = AckSender::from_message_parts(&self.socket, &mut nothing, &self.id);
        matches!(sender.send(answer), Err(SendError::Socket(SocketError::InternalChannelFull)))
    }
}
