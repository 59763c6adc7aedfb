//! The way through a proxy: HTTP CONNECT and SOCKS 5.

use std::net::SocketAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_socks::tcp::Socks5Stream;

use crate::dial::{self, Stream};
use crate::error::{ConnectionError, ProxyProblem};
use crate::{Endpoint, Proxy, ProxyProtocol};

/// A proxy's answer is no longer than this.
const ANSWER: usize = 16 * 1024;
const HEADERS: usize = 64;

/// A stream through the proxy to the endpoint, and the proxy's address.
pub(crate) async fn connect(
    proxy: &Proxy,
    endpoint: &Endpoint,
) -> Result<(Box<dyn Stream>, SocketAddr), ConnectionError> {
    let failed = |problem| ConnectionError::Proxy {
        proxy: proxy.to_string(),
        protocol: proxy.protocol,
        target: endpoint.to_string(),
        problem,
    };
    let host = proxy.host.trim_matches(['[', ']']);
    let (socket, peer) = dial::connect(host, proxy.port, &proxy.to_string())
        .await
        .map_err(|error| match error {
            ConnectionError::Unresolved { detail, .. } => {
                failed(ProxyProblem::Unreachable(format!("not found, {detail}")))
            }
            ConnectionError::NobodyListens(_) => {
                failed(ProxyProblem::Unreachable("nothing listens there".into()))
            }
            other => failed(ProxyProblem::Unreachable(other.to_string())),
        })?;
    let stream = match proxy.protocol {
        ProxyProtocol::Http => http_connect(socket, proxy, endpoint).await,
        ProxyProtocol::Socks5 => socks5(socket, proxy, endpoint).await,
    };
    Ok((stream.map_err(failed)?, peer))
}

async fn http_connect(
    mut socket: TcpStream,
    proxy: &Proxy,
    endpoint: &Endpoint,
) -> Result<Box<dyn Stream>, ProxyProblem> {
    let broken = |error: std::io::Error| ProxyProblem::Broken(error.to_string());
    let mut request = format!("CONNECT {endpoint} HTTP/1.1\r\nHost: {endpoint}\r\n");
    if let Some((user, password)) = &proxy.login {
        let packed = STANDARD.encode(format!("{user}:{password}"));
        request.push_str(&format!("Proxy-Authorization: Basic {packed}\r\n"));
    }
    request.push_str("\r\n");
    socket.write_all(request.as_bytes()).await.map_err(broken)?;
    // Byte by byte: what follows the answer is the broker's already.
    let mut answer = Vec::with_capacity(256);
    while !answer.ends_with(b"\r\n\r\n") {
        if answer.len() == ANSWER {
            return Err(ProxyProblem::NotHttp);
        }
        match socket.read_u8().await {
            Ok(byte) => answer.push(byte),
            Err(_) if answer.is_empty() => return Err(ProxyProblem::Closed),
            Err(_) => return Err(ProxyProblem::NotHttp),
        }
        // A SOCKS proxy, or a TLS one, says something else at once.
        if answer.len() == 4 && answer != b"HTTP" {
            return Err(ProxyProblem::NotHttp);
        }
    }
    let mut headers = [httparse::EMPTY_HEADER; HEADERS];
    let mut parsed = httparse::Response::new(&mut headers);
    parsed.parse(&answer).map_err(|_| ProxyProblem::NotHttp)?;
    match parsed.code {
        Some(200..=299) => Ok(Box::new(socket)),
        Some(407) => Err(match proxy.login {
            None => ProxyProblem::WantsLogin,
            Some(_) => ProxyProblem::LoginRefused,
        }),
        Some(code) => Err(ProxyProblem::Refused(
            format!("{code} {}", parsed.reason.unwrap_or_default())
                .trim()
                .to_owned(),
        )),
        None => Err(ProxyProblem::NotHttp),
    }
}

async fn socks5(
    socket: TcpStream,
    proxy: &Proxy,
    endpoint: &Endpoint,
) -> Result<Box<dyn Stream>, ProxyProblem> {
    let target = (endpoint.bare_host(), endpoint.port);
    let stream = match &proxy.login {
        None => Socks5Stream::connect_with_socket(socket, target).await,
        Some((user, password)) => {
            Socks5Stream::connect_with_password_and_socket(socket, target, user, password).await
        }
    };
    use tokio_socks::Error;
    match stream {
        Ok(stream) => Ok(Box::new(stream)),
        Err(error) => Err(match error {
            Error::PasswordAuthFailure(_) => ProxyProblem::LoginRefused,
            Error::NoAcceptableAuthMethods => match proxy.login {
                None => ProxyProblem::WantsLogin,
                Some(_) => ProxyProblem::LoginRefused,
            },
            Error::InvalidResponseVersion | Error::UnknownAuthMethod => ProxyProblem::NotSocks,
            Error::Io(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
                ProxyProblem::Closed
            }
            Error::Io(error) => ProxyProblem::Broken(error.to_string()),
            Error::HostUnreachable
            | Error::NetworkUnreachable
            | Error::ConnectionRefused
            | Error::ConnectionNotAllowedByRuleset
            | Error::GeneralSocksServerFailure
            | Error::TtlExpired => ProxyProblem::Refused(error.to_string()),
            other => ProxyProblem::Broken(other.to_string()),
        }),
    }
}
