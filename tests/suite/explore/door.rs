//! A door in front of the database: every statement of one lane waits here for its turn, the rest passes.
//!
//! It speaks as much of the MySQL protocol as that takes: packets of the client are read one by one, and those that
//! execute something (a text query, a prepared statement) are held back while the stage plays.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

use super::stage::Stage;

const QUERY: u8 = 0x03;
const PREPARE: u8 = 0x16;
const EXECUTE: u8 = 0x17;

/// Which prepared statement is which, on one connection.
#[derive(Default)]
struct Known {
    preparing: Option<String>,
    texts: HashMap<u32, String>,
}

/// Opens a door for a lane: connections to the port that comes back lead to `server`.
pub async fn open(stage: Arc<Stage>, lane: usize, server: String) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    tokio::spawn(async move {
        for connection in 0.. {
            let Ok((client, _)) = listener.accept().await else { return };
            let Ok(behind) = TcpStream::connect(&server).await else { continue };
            let _ = (client.set_nodelay(true), behind.set_nodelay(true));
            let ((from_client, to_client), (from_server, to_server)) =
                (client.into_split(), behind.into_split());
            let known = Arc::new(Mutex::new(Known::default()));
            let (stage, there) = (stage.clone(), known.clone());
            let name = (lane, connection);
            let back = stage.clone();
            tokio::spawn(async move { ask(from_client, to_server, stage, name, there).await });
            tokio::spawn(async move { answer(from_server, to_client, back, name, known).await });
        }
    });
    port
}

/// From the client to the server, until one of them is gone.
async fn ask(
    client: OwnedReadHalf,
    mut server: OwnedWriteHalf,
    stage: Arc<Stage>,
    (lane, connection): (usize, u64),
    known: Arc<Mutex<Known>>,
) {
    let mut client = BufReader::new(client);
    while let Some(packet) = packet(&mut client).await {
        let text = known.lock().expect("nobody panics with it").text_of(&packet);
        if let Some(text) = text {
            stage.turn(lane, connection, text).await;
        }
        if server.write_all(&packet).await.is_err() {
            return;
        }
    }
}

/// From the server to the client. The first bytes after a statement are its answer.
async fn answer(
    mut server: OwnedReadHalf,
    mut client: OwnedWriteHalf,
    stage: Arc<Stage>,
    (lane, connection): (usize, u64),
    known: Arc<Mutex<Known>>,
) {
    let mut chunk = vec![0; 64 * 1024];
    loop {
        let Ok(length @ 1..) = server.read(&mut chunk).await else { return };
        known.lock().expect("nobody panics with it").note(&chunk[..length]);
        stage.answered(lane, connection);
        if client.write_all(&chunk[..length]).await.is_err() {
            return;
        }
    }
}

/// One packet with its header: three bytes of length, one of sequence.
async fn packet(client: &mut BufReader<OwnedReadHalf>) -> Option<Vec<u8>> {
    let mut packet = vec![0; 4];
    client.read_exact(&mut packet).await.ok()?;
    let length = usize::from(packet[0]) | (usize::from(packet[1]) << 8) | (usize::from(packet[2]) << 16);
    packet.resize(4 + length, 0);
    client.read_exact(&mut packet[4..]).await.ok()?;
    Some(packet)
}

impl Known {
    /// What a command executes; `None` for what passes at once.
    fn text_of(&mut self, packet: &[u8]) -> Option<String> {
        let (header, body) = packet.split_at(4);
        // Later numbers belong to the handshake, or go on with a packet that was too long.
        let (command, rest) = body.split_first().filter(|_| header[3] == 0)?;
        match *command {
            QUERY => Some(String::from_utf8_lossy(rest).into_owned()),
            PREPARE => {
                self.preparing = Some(String::from_utf8_lossy(rest).into_owned());
                None
            }
            EXECUTE => {
                let id = u32::from_le_bytes(rest.get(..4)?.try_into().ok()?);
                Some(self.texts.get(&id).cloned().unwrap_or_else(|| format!("statement {id}")))
            }
            _ => None,
        }
    }

    /// The number of a statement that was just prepared.
    fn note(&mut self, answer: &[u8]) {
        if let Some(text) = self.preparing.take()
            && let Some(&[0, a, b, c, d]) = answer.get(4..9)
        {
            self.texts.insert(u32::from_le_bytes([a, b, c, d]), text);
        }
    }
}
