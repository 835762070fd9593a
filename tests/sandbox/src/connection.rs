//! Connections that can be cut: how a provider looks that dies without an answer.
//!
//! The acceptor gives every TCP connection a number and a token; the number travels to the handlers as the remote
//! address (a peer's port can be used again while its old connection is still being torn down). A handler that must
//! not answer cancels the token: from then on every read and write of the socket fails, so that the server drops
//! it, and not one byte of the answer reaches the client.

use std::collections::HashMap;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use poem::Addr;
use poem::http::uri::Scheme;
use poem::listener::Acceptor;
use poem::web::{LocalAddr, RemoteAddr};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

const KIND: &str = "connection";

/// The open connections, by number.
#[derive(Clone, Debug, Default)]
pub(crate) struct Connections {
    open: Arc<Mutex<HashMap<u64, CancellationToken>>>,
    last: Arc<AtomicU64>,
}

impl Connections {
    /// Cuts the connection a request came in by; the answer that its handler still returns is never sent.
    pub(crate) fn cut(&self, remote: &RemoteAddr) {
        let Addr::Custom(KIND, number) = &remote.0 else { return };
        if let Some(token) = number.parse().ok().and_then(|n: u64| self.lock().get(&n).cloned()) {
            token.cancel();
        }
    }

    fn enter(&self) -> (u64, CancellationToken) {
        let number = self.last.fetch_add(1, Ordering::SeqCst);
        let token = CancellationToken::new();
        self.lock().insert(number, token.clone());
        (number, token)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u64, CancellationToken>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A TCP listener whose connections are entered in [`Connections`].
pub(crate) struct CuttableAcceptor {
    pub(crate) listener: TcpListener,
    pub(crate) connections: Connections,
}

impl Acceptor for CuttableAcceptor {
    type Io = CuttableStream;

    fn local_addr(&self) -> Vec<LocalAddr> {
        self.listener.local_addr().map(|addr| LocalAddr(addr.into())).into_iter().collect()
    }

    async fn accept(&mut self) -> io::Result<(Self::Io, LocalAddr, RemoteAddr, Scheme)> {
        let (stream, _peer) = self.listener.accept().await?;
        stream.set_nodelay(true)?;
        let local = stream.local_addr()?;
        let (number, token) = self.connections.enter();
        let remote = RemoteAddr(Addr::custom(KIND, number.to_string()));
        let io = CuttableStream { stream, token, number, connections: self.connections.clone() };
        Ok((io, LocalAddr(local.into()), remote, Scheme::HTTP))
    }
}

pub(crate) struct CuttableStream {
    stream: TcpStream,
    token: CancellationToken,
    number: u64,
    connections: Connections,
}

impl CuttableStream {
    fn check(&self) -> io::Result<()> {
        if self.token.is_cancelled() { Err(io::ErrorKind::ConnectionReset.into()) } else { Ok(()) }
    }
}

impl Drop for CuttableStream {
    fn drop(&mut self) {
        self.connections.lock().remove(&self.number);
    }
}

impl AsyncRead for CuttableStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.check()?;
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for CuttableStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.check()?;
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check()?;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
