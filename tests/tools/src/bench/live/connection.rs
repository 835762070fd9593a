//! One light client: a WebSocket with commands that are answered by number, as Socket.IO or plain. Thousands of them fit
//! one process.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config};

use super::packet::{self, PONG, Packet};
use super::plain::{self, Frame};
use super::target::Door;

/// For a connection to open, and for an ack.
const PATIENCE: Duration = Duration::from_secs(20);
/// Bytes; the default of 128 KiB would make this process the large one.
const BUFFER: usize = 4 * 1024;

/// What a connection goes over.
pub type Stream = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// What many connections saw together.
#[derive(Debug)]
pub struct Ear {
    /// The event that is listened for.
    event: &'static str,
    arrivals: mpsc::UnboundedSender<Instant>,
    acks: AtomicUsize,
    /// The first thing that went wrong.
    trouble: Mutex<Option<String>>,
}

impl Ear {
    /// The ear, and when each event of that name arrived anywhere.
    pub fn new(event: &'static str) -> (Arc<Self>, mpsc::UnboundedReceiver<Instant>) {
        let (arrivals, heard) = mpsc::unbounded_channel();
        let ear = Self { event, arrivals, acks: AtomicUsize::new(0), trouble: Mutex::default() };
        (Arc::new(ear), heard)
    }

    /// Commands that were acked and nobody waited for.
    pub fn acks(&self) -> usize {
        self.acks.load(Ordering::Relaxed)
    }

    /// # Errors
    /// A command was refused, or a connection is gone.
    pub fn check(&self) -> Result<()> {
        let trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        trouble.as_ref().map_or(Ok(()), |text| Err(anyhow!("{text}")))
    }

    fn complain(&self, text: String) {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(text);
    }
}

struct Command {
    event: &'static str,
    data: Value,
    /// Without one the ack is only counted.
    answer: Option<oneshot::Sender<Value>>,
}

/// Closed when dropped.
pub struct Connection {
    commands: mpsc::UnboundedSender<Command>,
    leaving: Arc<AtomicBool>,
}

impl Connection {
    /// Connects and goes through the door with this token.
    pub async fn open(address: SocketAddr, door: Door, token: &str, ear: Arc<Ear>) -> Result<Self> {
        let enter = async {
            match door {
                Door::SocketIo(namespace) => enter(address, namespace, token).await,
                Door::Plain => plain::enter(address, token).await,
            }
        };
        let stream = timeout(PATIENCE, enter).await;
        let stream = stream.with_context(|| format!("{address} does not answer"))??;
        let (commands, orders) = mpsc::unbounded_channel();
        let leaving = Arc::new(AtomicBool::new(false));
        let talk = Talk { stream, door, ear, asked: HashMap::new(), count: 0, leaving: leaving.clone() };
        tokio::spawn(talk.run(orders));
        Ok(Self { commands, leaving })
    }

    /// Sends a command and waits for its ack, which must be a good one; its data.
    pub async fn ask(&self, event: &'static str, data: Value) -> Result<Value> {
        let (sender, answer) = oneshot::channel();
        self.tell(Command { event, data, answer: Some(sender) })?;
        let data = timeout(PATIENCE, answer).await.with_context(|| format!("{event} is not acked"))?;
        data.with_context(|| format!("the connection ended or refused {event}"))
    }

    /// Sends a command whose ack is only counted.
    ///
    /// # Errors
    /// When the connection is gone.
    pub fn emit(&self, event: &'static str, data: Value) -> Result<()> {
        self.tell(Command { event, data, answer: None })
    }

    fn tell(&self, command: Command) -> Result<()> {
        self.commands.send(command).map_err(|_| anyhow!("the connection is gone"))
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.leaving.store(true, Ordering::Relaxed);
    }
}

/// Small buffers.
pub fn config() -> WebSocketConfig {
    WebSocketConfig::default().read_buffer_size(BUFFER).write_buffer_size(0)
}

async fn enter(address: SocketAddr, namespace: &str, token: &str) -> Result<Stream> {
    let url = format!("ws://{address}/socket.io/?EIO=4&transport=websocket");
    let (mut stream, _) =
        connect_async_with_config(url, Some(config()), true).await.context("the WebSocket")?;
    let opened = text(&mut stream).await?;
    ensure!(
        matches!(Packet::parse(&opened)?, Packet::Open(_)),
        "{opened} instead of the transport's settings"
    );
    let asked = packet::connect(namespace, &json!({ "token": token }));
    stream.send(Message::text(asked)).await?;
    loop {
        let entered = text(&mut stream).await?;
        match Packet::parse(&entered)? {
            Packet::Connected { namespace: of, .. } if of == namespace => return Ok(stream),
            // Some servers ask at once whether somebody is there.
            Packet::Ping => stream.send(Message::text(packet::PONG)).await?,
            _ => bail!("{namespace} is not entered: {entered}"),
        }
    }
}

/// The next packet's text.
async fn text(stream: &mut Stream) -> Result<String> {
    while let Some(message) = stream.next().await {
        match message? {
            Message::Text(text) => return Ok(text.as_str().to_owned()),
            Message::Ping(_) | Message::Pong(_) => {}
            other => bail!("{other:?} instead of a packet"),
        }
    }
    bail!("the connection ended")
}

/// The task of one connection.
struct Talk {
    stream: Stream,
    door: Door,
    ear: Arc<Ear>,
    asked: HashMap<u64, oneshot::Sender<Value>>,
    count: u64,
    leaving: Arc<AtomicBool>,
}

impl Talk {
    async fn run(mut self, mut orders: mpsc::UnboundedReceiver<Command>) {
        let ended = self.exchange(&mut orders).await;
        if !self.leaving.load(Ordering::Relaxed) {
            self.ear
                .complain(format!("a connection is gone: {:#}", ended.err().unwrap_or(anyhow!("closed"))));
        }
        let _ = self.stream.close(None).await;
    }

    async fn exchange(&mut self, orders: &mut mpsc::UnboundedReceiver<Command>) -> Result<()> {
        loop {
            tokio::select! {
                message = self.stream.next() => match message.context("the end")?? {
                    Message::Text(text) => self.take(&text).await?,
                    Message::Close(close) => bail!("{close:?}"),
                    _ => {}
                },
                order = orders.recv() => match order {
                    Some(command) => self.send(command).await?,
                    None => return Ok(()),
                },
            }
        }
    }

    async fn send(&mut self, command: Command) -> Result<()> {
        self.count += 1;
        let text = match self.door {
            Door::SocketIo(namespace) => packet::event(namespace, self.count, command.event, &command.data),
            Door::Plain => plain::command(self.count, command.event, command.data),
        };
        if let Some(answer) = command.answer {
            self.asked.insert(self.count, answer);
        }
        Ok(self.stream.send(Message::text(text)).await?)
    }

    async fn take(&mut self, text: &str) -> Result<()> {
        match self.door {
            Door::SocketIo(_) => self.take_packet(text).await,
            Door::Plain => self.take_frame(text),
        }
    }

    async fn take_packet(&mut self, text: &str) -> Result<()> {
        let packet = Packet::parse(text)?;
        match packet {
            Packet::Ping => self.stream.send(Message::text(PONG)).await?,
            Packet::Event { .. } if packet.is_event(self.ear.event) => self.arrived(),
            Packet::Ack { id, body, .. } => {
                let is_good = body.contains("\"ok\":true");
                self.acked(id, is_good, body, |body| {
                    let mut ack: Vec<Value> = serde_json::from_str(body)?;
                    Ok(ack.first_mut().context("an ack without data")?["data"].take())
                })?;
            }
            Packet::Close | Packet::Left { .. } => bail!("the server says goodbye"),
            _ => {}
        }
        Ok(())
    }

    fn take_frame(&mut self, text: &str) -> Result<()> {
        let frame = Frame::parse(text)?;
        match (frame.kind, frame.reference) {
            (kind, _) if kind == self.ear.event => self.arrived(),
            (kind @ ("ok" | "error"), Some(id)) => {
                let id = id.parse().context("the number of an answer")?;
                let body = frame.data.map_or(text, |data| data.get());
                self.acked(id, kind == "ok", body, |body| Ok(serde_json::from_str(body)?))?;
            }
            ("going_away", _) => bail!("the server says goodbye"),
            _ => {}
        }
        Ok(())
    }

    fn arrived(&self) {
        let _ = self.ear.arrivals.send(Instant::now());
    }

    fn acked(
        &mut self,
        id: u64,
        is_good: bool,
        body: &str,
        data: impl FnOnce(&str) -> Result<Value>,
    ) -> Result<()> {
        let asked = self.asked.remove(&id);
        if !is_good {
            self.ear.complain(format!("a command is refused: {body}"));
            return Ok(());
        }
        match asked {
            Some(answer) => drop(answer.send(data(body)?)),
            None => drop(self.ear.acks.fetch_add(1, Ordering::Relaxed)),
        }
        Ok(())
    }
}
