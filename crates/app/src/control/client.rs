//! The side that asks.

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::time::Duration;

use serde::de::DeserializeOwned;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use super::file::ControlFile;
use super::{ANSWER, Answer, Asked, Request};
use crate::api::{ApiError, BrokerStatus, ConfigReport, ErrorCode};
use crate::{Result, blocking};

/// How long a broker may take to answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// The broker that runs on a data folder, in another process.
#[derive(Debug)]
pub struct RemoteBroker {
    data: PathBuf,
    file: ControlFile,
}

impl RemoteBroker {
    /// Finds it.
    pub async fn find(data: PathBuf) -> Result<Self> {
        let folder = data.clone();
        match blocking(move || ControlFile::read(&folder)).await? {
            Some(file) => Ok(Self { data, file }),
            None => Err(none_runs(&data)),
        }
    }

    /// How it is.
    pub async fn status(&self) -> Result<BrokerStatus> {
        self.ask(Request::Status).await
    }

    /// What it runs with.
    pub async fn config(&self) -> Result<ConfigReport> {
        self.ask(Request::Config).await
    }

    async fn ask<T: DeserializeOwned>(&self, request: Request) -> Result<T> {
        let answer = tokio::time::timeout(PATIENCE, self.exchange(request)).await;
        let Ok(answer) = answer else {
            let seconds = PATIENCE.as_secs();
            let why = format!("The broker did not answer within {seconds} s.");
            return Err(ApiError::new(ErrorCode::Internal, why));
        };
        // Nobody there, or somebody who does not know the token: the file was left behind.
        let line = answer.map_err(|_| none_runs(&self.data))?;
        let Ok(answer) = serde_json::from_slice::<Answer>(&line) else {
            return Err(none_runs(&self.data));
        };
        match answer {
            Answer::Done(value) => serde_json::from_value(value).map_err(|error| {
                ApiError::new(
                    ErrorCode::Internal,
                    format!("The broker's answer is not understood: {error}."),
                )
                .hint("Is it of another version than this program?")
            }),
            Answer::Failed(error) => Err(error),
        }
    }

    async fn exchange(&self, request: Request) -> std::io::Result<Vec<u8>> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.file.port)).await?;
        let asked = Asked {
            token: self.file.token.clone(),
            request,
        };
        let mut line = serde_json::to_vec(&asked)?;
        line.push(b'\n');
        stream.write_all(&line).await?;
        let mut answer = Vec::new();
        BufReader::new(stream.take(ANSWER))
            .read_until(b'\n', &mut answer)
            .await?;
        Ok(answer)
    }
}

fn none_runs(data: &std::path::Path) -> ApiError {
    ApiError::new(
        ErrorCode::WrongState,
        format!("No broker runs on {}.", data.display()),
    )
    .hint("Start one with `mqttwb broker run` or in the window, or name its data folder with --data DIR.")
}
