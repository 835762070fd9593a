//! A server that falls silent: it keeps its connections, and answers nobody.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Stands before a server; drops with the test.
pub struct Hush {
    port: u16,
    silent: watch::Sender<bool>,
}

impl Hush {
    /// `server` is a URL of one host and a port.
    pub async fn before(server: &str) -> Self {
        let target = place(server).to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let (silent, heard) = watch::channel(false);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let Ok(server) = TcpStream::connect(&target).await else { continue };
                let (up, down) = (client.into_split(), server.into_split());
                tokio::spawn(pass_on(up.0, down.1, heard.clone()));
                tokio::spawn(pass_on(down.0, up.1, heard.clone()));
            }
        });
        Self { port, silent }
    }

    /// The same URL by way of this.
    pub fn url(&self, server: &str) -> String {
        server.replacen(place(server), &format!("127.0.0.1:{}", self.port), 1)
    }

    /// From now on nothing comes through; or again everything, what was held back included.
    pub fn be_silent(&self, silent: bool) {
        self.silent.send_replace(silent);
    }
}

/// The host and the port.
fn place(server: &str) -> &str {
    let rest = server.split_once("://").map_or(server, |(_, rest)| rest);
    let authority = rest.split('/').next().unwrap_or(rest);
    authority.rsplit('@').next().unwrap_or(authority)
}

async fn pass_on(
    mut from: impl AsyncReadExt + Unpin,
    mut to: impl AsyncWriteExt + Unpin,
    mut silent: watch::Receiver<bool>,
) {
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        if silent.wait_for(|silent| !silent).await.is_err() || to.write_all(&buffer[..count]).await.is_err() {
            return;
        }
    }
    let _ = to.shutdown().await;
}
