//! The side of the broker that runs.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};

use super::file::{self, ControlFile};
use super::{Answer, Asked, REQUEST, Request};
use crate::api::{ApiError, ErrorCode};
use crate::{Result, blocking};

/// Requests that are answered at the same time; further ones wait to be accepted.
const AT_ONCE: usize = 8;
/// How long a request may take to come, and its answer to be read.
const PATIENCE: Duration = Duration::from_secs(10);

/// Hears commands as long as it is there.
#[derive(Debug)]
pub(crate) struct Server {
    file: ControlFile,
    data: PathBuf,
    stop: watch::Sender<bool>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.send_replace(true);
        self.file.remove(&self.data);
    }
}

impl Server {
    /// Opens a port and puts the way to it into the data folder.
    pub(crate) async fn open<F, A>(data: &Path, answer: F) -> Result<Self>
    where
        F: Fn(Request) -> A + Send + Sync + 'static,
        A: Future<Output = Result<serde_json::Value>> + Send + 'static,
    {
        let failed = |error: std::io::Error| {
            let why = format!("No port can be opened for commands: {error}.");
            ApiError::new(ErrorCode::ListenerFailed, why)
        };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .map_err(failed)?;
        let file = ControlFile {
            port: listener.local_addr().map_err(failed)?.port(),
            token: file::token()?,
        };
        let (written, folder) = (file.clone(), data.to_owned());
        blocking(move || written.write(&folder)).await?;
        let (stop, stopped) = watch::channel(false);
        tokio::spawn(hear(
            listener,
            Arc::new((file.token.clone(), answer)),
            stopped,
        ));
        Ok(Self {
            file,
            data: data.to_owned(),
            stop,
        })
    }
}

async fn hear<F, A>(
    listener: TcpListener,
    answers: Arc<(String, F)>,
    mut stopped: watch::Receiver<bool>,
) where
    F: Fn(Request) -> A + Send + Sync + 'static,
    A: Future<Output = Result<serde_json::Value>> + Send + 'static,
{
    let room = Arc::new(Semaphore::new(AT_ONCE));
    loop {
        let next = async {
            let room = room.clone().acquire_owned().await;
            (room, listener.accept().await)
        };
        let (room, accepted) = tokio::select! {
            next = next => next,
            _ = stopped.wait_for(|stop| *stop) => return,
        };
        // Without a connection there is nothing to answer; who asks comes again.
        let Ok((stream, _)) = accepted else {
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let answers = answers.clone();
        tokio::spawn(async move {
            let _room = room;
            // A peer that is slow or gone is its own affair.
            let _ = serve(stream, &answers.0, &answers.1).await;
        });
    }
}

async fn serve<F, A>(mut stream: TcpStream, token: &str, answer: &F) -> std::io::Result<()>
where
    F: Fn(Request) -> A,
    A: Future<Output = Result<serde_json::Value>>,
{
    let mut line = Vec::new();
    let mut bounded = BufReader::new((&mut stream).take(REQUEST));
    tokio::time::timeout(PATIENCE, bounded.read_until(b'\n', &mut line)).await??;
    let Ok(asked) = serde_json::from_slice::<Unread>(&line) else {
        return Ok(());
    };
    if !same(asked.token.as_bytes(), token.as_bytes()) {
        return Ok(());
    }
    let told = match serde_json::from_slice::<Asked>(&line) {
        Ok(asked) => answer(asked.request).await,
        Err(error) => Err(ApiError::new(
            ErrorCode::InvalidInput,
            format!("This broker does not understand what is asked: {error}."),
        )
        .hint("Is it of another version than the program that asks?")),
    };
    let told = match told {
        Ok(value) => Answer::Done(value),
        Err(error) => Answer::Failed(error),
    };
    let mut line = serde_json::to_vec(&told)?;
    line.push(b'\n');
    tokio::time::timeout(PATIENCE, stream.write_all(&line)).await??;
    stream.shutdown().await
}

/// A request of which only the token is looked at.
#[derive(serde::Deserialize)]
struct Unread {
    token: String,
}

/// Takes the same time wherever the first difference is.
fn same(a: &[u8], b: &[u8]) -> bool {
    let difference = a.iter().zip(b).fold(0, |sum, (a, b)| sum | (a ^ b));
    a.len() == b.len() && difference == 0
}
