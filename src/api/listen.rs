//! Accepting connections, and stopping.

use std::io;
use std::time::Duration;

use poem::http::uri::Scheme;
use poem::listener::Acceptor;
use poem::web::{LocalAddr, RemoteAddr};
use poem::{Endpoint, Server};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

/// Longest wait after a failed accept.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Serves until `stop` is cancelled; then takes no new connection and gives open requests `drain` to end.
pub(super) async fn serve(
    listener: TcpListener,
    endpoint: impl Endpoint + 'static,
    stop: CancellationToken,
    drain: Duration,
) -> io::Result<()> {
    let local = LocalAddr(listener.local_addr()?.into());
    let acceptor = Tcp { listener, local };
    Server::new_with_acceptor(acceptor)
        .run_with_graceful_shutdown(endpoint, async move { stop.cancelled().await }, Some(drain))
        .await
}

/// Plain TCP without Nagle's wait, which would hold back small frames. When accepting fails (no file descriptors
/// left), it waits longer and longer instead of spinning.
struct Tcp {
    listener: TcpListener,
    local: LocalAddr,
}

impl Acceptor for Tcp {
    type Io = TcpStream;

    fn local_addr(&self) -> Vec<LocalAddr> {
        vec![self.local.clone()]
    }

    async fn accept(&mut self) -> io::Result<(TcpStream, LocalAddr, RemoteAddr, Scheme)> {
        let mut pause = Duration::from_millis(5);
        loop {
            match self.listener.accept().await {
                Ok((stream, peer)) => {
                    if let Err(error) = stream.set_nodelay(true) {
                        tracing::debug!(%error, "the peer is gone already");
                    }
                    return Ok((stream, self.local.clone(), RemoteAddr(peer.into()), Scheme::HTTP));
                }
                // Of one connection, not of the listener: the next may be accepted at once.
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(error) => {
                    metrics::counter!("konnect_accept_errors_total").increment(1);
                    tracing::warn!(%error, "no connection accepted; pausing");
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
        }
    }
}
