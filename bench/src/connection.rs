//! A client of a broker that is measured.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::broker::Broker;
use crate::frames::{self, Said, Session};

const SETUP: Duration = Duration::from_secs(10);

/// A client's connection with the bytes that were read and not looked at yet.
pub struct Connection {
    pub stream: TcpStream,
    bytes: Vec<u8>,
    filled: usize,
}

impl Connection {
    /// Connects and waits for CONNACK.
    pub async fn open(broker: &Broker, client: &str, session: Session) -> io::Result<Self> {
        let stream = TcpStream::connect(broker.address).await?;
        stream.set_nodelay(true)?;
        let mut connection = Self {
            stream,
            bytes: vec![0; 256 * 1024],
            filled: 0,
        };
        connection
            .stream
            .write_all(&frames::connect(client, session))
            .await?;
        connection.wait_for(|said| *said == Said::Connected).await?;
        Ok(connection)
    }

    /// Subscribes and waits for SUBACK.
    pub async fn subscribe(&mut self, filter: &str, qos: u8) -> io::Result<()> {
        self.stream
            .write_all(&frames::subscribe(filter, qos))
            .await?;
        self.wait_for(|said| *said == Said::Subscribed { granted: qos })
            .await
    }

    pub async fn wait_for(&mut self, wanted: impl Fn(&Said<'_>) -> bool) -> io::Result<()> {
        let mut met = false;
        while !met {
            timeout(SETUP, self.fill())
                .await
                .map_err(|_| io::Error::other("no answer to CONNECT or SUBSCRIBE"))??;
            self.each(|said| met |= wanted(&said))?;
        }
        Ok(())
    }

    /// Reads once.
    pub async fn fill(&mut self) -> io::Result<()> {
        let count = self.stream.read(&mut self.bytes[self.filled..]).await?;
        if count == 0 {
            return Err(io::Error::other("the broker closed the connection"));
        }
        self.filled += count;
        Ok(())
    }

    /// Hands on every whole frame that was read.
    pub fn each(&mut self, each: impl FnMut(Said<'_>)) -> io::Result<()> {
        let used = frames::read(&self.bytes[..self.filled], each)?;
        self.bytes.copy_within(used..self.filled, 0);
        self.filled -= used;
        Ok(())
    }
}
