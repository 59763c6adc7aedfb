//! Who is answered, and what is left behind.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::file::{ControlFile, path};
use super::*;
use crate::api::{BrokerState, BrokerStatus, ErrorCode};

fn stopped() -> BrokerStatus {
    BrokerStatus {
        state: BrokerState::Stopped,
        since: None,
        listeners: Vec::new(),
        failure: None,
    }
}

async fn open(data: &std::path::Path) -> Server {
    let answer = |_| async { Ok(serde_json::to_value(stopped()).unwrap()) };
    Server::open(data, answer).await.unwrap()
}

/// Sends a line, and reads until the other side closes.
async fn say(port: u16, line: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    stream.write_all(line.as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
    let mut heard = String::new();
    stream.read_to_string(&mut heard).await.unwrap();
    heard
}

#[tokio::test]
async fn who_shows_the_token_is_answered_and_who_does_not_hears_nothing() {
    let data = tempfile::tempdir().unwrap();
    let _server = open(data.path()).await;
    let remote = RemoteBroker::find(data.path().into()).await.unwrap();
    assert_eq!(remote.status().await.unwrap(), stopped());

    let file = ControlFile::read(data.path()).unwrap().unwrap();
    for token in ["", "0", &"0".repeat(64)] {
        let line = format!("{{\"token\":\"{token}\",\"request\":{{\"ask\":\"status\"}}}}\n");
        assert_eq!(say(file.port, &line).await, "");
    }
    assert_eq!(say(file.port, "GET / HTTP/1.1\r\n\r\n").await, "");
    let token = &file.token;
    let line = format!("{{\"token\":\"{token}\",\"request\":{{\"ask\":\"sing\"}}}}\n");
    assert!(say(file.port, &line).await.contains("invalid-input"));
}

#[tokio::test]
async fn a_request_longer_than_the_bound_is_not_answered() {
    let data = tempfile::tempdir().unwrap();
    let _server = open(data.path()).await;
    let file = ControlFile::read(data.path()).unwrap().unwrap();
    let mut stream = TcpStream::connect(("127.0.0.1", file.port)).await.unwrap();
    let long = vec![b'x'; REQUEST as usize];
    stream.write_all(&long).await.unwrap();
    let mut heard = Vec::new();
    // Closed, with or without a reset for what was not read.
    let _ = stream.read_to_end(&mut heard).await;
    assert!(heard.is_empty());
}

#[tokio::test]
#[cfg(unix)]
async fn the_way_to_a_broker_is_for_its_owner_alone_and_goes_with_it() {
    use std::os::unix::fs::PermissionsExt;
    let data = tempfile::tempdir().unwrap();
    let server = open(data.path()).await;
    let mode = std::fs::metadata(path(data.path())).unwrap().permissions();
    assert_eq!(mode.mode() & 0o777, 0o600);
    drop(server);
    assert!(!path(data.path()).exists());
    let error = RemoteBroker::find(data.path().into()).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::WrongState);
}

#[tokio::test]
async fn a_file_that_was_left_behind_is_recognised() {
    let data = tempfile::tempdir().unwrap();
    // Somebody else has the port by now, and hangs up.
    let other = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = other.local_addr().unwrap().port();
    let token = "0".repeat(64);
    ControlFile { port, token }.write(data.path()).unwrap();
    tokio::spawn(async move { while other.accept().await.is_ok() {} });
    let remote = RemoteBroker::find(data.path().into()).await.unwrap();
    let error = remote.status().await.unwrap_err();
    assert!(error.message.starts_with("No broker runs on"), "{error}");

    std::fs::write(path(data.path()), "half a fi").unwrap();
    let error = RemoteBroker::find(data.path().into()).await.unwrap_err();
    assert!(error.message.starts_with("No broker runs on"), "{error}");

    // A broker that starts puts its own in its place; one that stops leaves another's alone.
    let first = open(data.path()).await;
    let second = open(data.path()).await;
    drop(first);
    let remote = RemoteBroker::find(data.path().into()).await.unwrap();
    assert_eq!(remote.status().await.unwrap(), stopped());
    drop(second);
    assert!(!path(data.path()).exists());
}
