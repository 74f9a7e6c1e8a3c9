//! A wire to another server that can be cut.

use std::net::SocketAddr;

use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Pass,
    Cut,
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

    /// Passes everything on again. What was cut stays cut.
    pub fn pass(&self) {
        self.mode.send_replace(Mode::Pass);
    }
}

async fn connect(mut client: TcpStream, target: SocketAddr, mut mode: watch::Receiver<Mode>) -> std::io::Result<()> {
    if *mode.borrow() == Mode::Cut {
        return Ok(());
    }
    let mut server = TcpStream::connect(target).await?;
    tokio::select! {
        done = tokio::io::copy_bidirectional(&mut client, &mut server) => done.map(drop),
        _ = mode.wait_for(|mode| *mode == Mode::Cut) => Ok(()),
    }
}
