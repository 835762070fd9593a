//! The Socket.IO door: namespaces `/chat` and `/webrtc` for `socket.io-client`, websocket first, polling as fallback.
//!
//! The library speaks the protocol alone. Who hears what is decided by the same guests as behind the plain WebSocket, so
//! neither its rooms nor its adapters are used, and any number of processes serve the same rooms.

mod client;
mod door;
mod reply;

use std::future::ready;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use socketioxide::extract::{Event, SocketRef, TryData};
use socketioxide::handler::ConnectHandler;
use socketioxide::{SocketIo, SocketIoBuilder};

use super::house::House;
use crate::auth::Tokens;
use client::Client;
use door::{Door, Refused};
use reply::Reply;

/// Bytes of a message; a frame of the protocol has at most 16 KiB.
const MAX_MESSAGE: usize = 32 * 1024;
/// Packets that may wait in the library; a guest's own queue is before it.
const PACKETS: usize = 64;

/// What of the wire protocol is served where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Namespace {
    Chat,
    Webrtc,
}

impl Namespace {
    /// The command an event stands for.
    pub(super) fn command(self, event: &str) -> Option<&str> {
        Some(match (self, event) {
            (Self::Chat, "join") => "chat.join",
            (Self::Chat, "leave") => "chat.leave",
            (Self::Webrtc, "join") => "session.join",
            (Self::Webrtc, "leave") => "session.leave",
            (Self::Chat, other) if other.starts_with("chat.") => other,
            (Self::Webrtc, other) if other.starts_with("session.") || other.starts_with("rtc.") => other,
            _ => return None,
        })
    }
}

/// How the library is set up.
pub fn builder() -> SocketIoBuilder {
    SocketIo::builder()
        .ping_interval(Duration::from_secs(20))
        .ping_timeout(Duration::from_secs(20))
        .connect_timeout(Duration::from_secs(10))
        .max_payload(MAX_MESSAGE as u64)
        .max_buffer_size(PACKETS)
        .ws_read_buffer_size(1024)
        .ws_max_message_size(MAX_MESSAGE)
        .ws_max_frame_size(MAX_MESSAGE)
}

/// Opens the namespaces.
pub fn open(io: &SocketIo, house: House, tokens: Tokens) {
    let door = Arc::new(Door::new(house, tokens));
    for (path, namespace) in [("/chat", Namespace::Chat), ("/webrtc", Namespace::Webrtc)] {
        let at_door = door.clone();
        let admit = async move |socket: SocketRef, TryData(auth): TryData<Value>| -> Result<(), Refused> {
            let client = at_door.admit(&socket, namespace, auth.ok()).await?;
            // Before the client hears that it may: a client that speaks at once is heard.
            listen(&socket, &client);
            socket.extensions.insert(Admitted(client));
            Ok(())
        };
        let enter = async move |socket: SocketRef| {
            if let Some(Admitted(client)) = socket.extensions.remove::<Admitted>() {
                client.begin(socket);
            }
        };
        io.ns(path, enter.with(admit));
    }
}

/// Whom the door has let in, until the library says that the connection is open.
#[derive(Clone)]
struct Admitted(Arc<Client>);

/// Takes what the client says, in the order in which it comes: the library calls the functions one after the other, and
/// runs the futures that they give side by side.
fn listen(socket: &SocketRef, client: &Arc<Client>) {
    let (asking, leaving) = (client.clone(), client.clone());
    socket.on_fallback(move |Event(name): Event, TryData(data): TryData<Value>, reply: Reply| {
        asking.received(&name, data.ok(), reply);
        ready(())
    });
    socket.on_disconnect(async move || leaving.left());
}
