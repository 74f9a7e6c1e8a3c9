//! A wire to another server that can be cut, hung or slowed.

use std::{net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::watch,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Pass,
    Cut,
    Hang,
    Slow(Duration),
}

/// A running proxy. It ends with the test's runtime.
pub struct TcpProxy {
    address: SocketAddr,
    mode: watch::Sender<Mode>,
}

impl TcpProxy {
    /// Passes everything on to `target`, until told otherwise.
    pub async fn to(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (mode, watched) = watch::channel(Mode::Pass);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let watched = watched.clone();
                tokio::spawn(async move {
                    // Either side may leave at any time; that is what this is for.
                    let _ = connect(client, target, watched).await;
                });
            }
        });
        Self { address, mode }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Breaks what is connected, and whatever connects.
    pub fn cut(&self) {
        self.mode.send_replace(Mode::Cut);
    }

    /// Passes nothing on, and keeps everybody waiting.
    pub fn hang(&self) {
        self.mode.send_replace(Mode::Hang);
    }

    /// Waits this long before passing anything on.
    pub fn slow(&self, by: Duration) {
        self.mode.send_replace(Mode::Slow(by));
    }

    /// Passes everything on again. What was cut stays cut.
    pub fn pass(&self) {
        self.mode.send_replace(Mode::Pass);
    }
}

async fn connect(client: TcpStream, target: SocketAddr, mut mode: watch::Receiver<Mode>) -> std::io::Result<()> {
    if *mode.borrow() == Mode::Cut {
        return Ok(());
    }
    let _ = mode.wait_for(|mode| *mode != Mode::Hang).await;
    let server = TcpStream::connect(target).await?;
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let there = pass(from_client, to_server, mode.clone());
    let back = pass(from_server, to_client, mode.clone());
    tokio::select! {
        done = there => done,
        done = back => done,
        _ = mode.wait_for(|mode| *mode == Mode::Cut) => Ok(()),
    }
}

async fn pass(
    mut from: tokio::net::tcp::OwnedReadHalf,
    mut to: tokio::net::tcp::OwnedWriteHalf,
    mut mode: watch::Receiver<Mode>,
) -> std::io::Result<()> {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let read = from.read(&mut buffer).await?;
        if read == 0 {
            return to.shutdown().await;
        }
        let now = *mode.borrow();
        match now {
            Mode::Slow(by) => tokio::time::sleep(by).await,
            Mode::Hang => {
                let _ = mode.wait_for(|mode| *mode != Mode::Hang).await;
            }
            Mode::Pass | Mode::Cut => {}
        }
        to.write_all(&buffer[..read]).await?;
    }
}
