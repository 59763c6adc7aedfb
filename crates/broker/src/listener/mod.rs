//! Listeners: addresses that are bound, and the handshakes before MQTT.
//!
//! Duty: bind, accept, TLS, WebSocket, and saying why somebody was not let in. Not here: MQTT itself (the front's).
//! Invariant: a handshake never holds up the next connection; when a listener is dropped its port is free.

mod addresses;
mod websocket;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;

use mqttwb_model::{LimitKind, ListenerProtocol, RefusalCause};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::{Limits, ListenerConfig, Tls};
use crate::front::{Arrival, Shared, serve};
pub(crate) use addresses::Addresses;
use addresses::Entered;

/// Why a listener could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// Another program has the port.
    #[error("listener {listener}: port {} of {} is in use by another program", .address.port(), .address.ip())]
    PortInUse {
        /// The listener's name.
        listener: Arc<str>,
        /// The address that it was to have.
        address: SocketAddr,
    },
    /// Two listeners of this broker are to have one port.
    #[error("listeners {other} and {listener} are both to have port {}; each needs its own", .address.port())]
    SamePort {
        /// The listener's name.
        listener: Arc<str>,
        /// The one that has the port.
        other: Arc<str>,
        /// The address that it was to have.
        address: SocketAddr,
    },
    /// Ports below 1024 and the like.
    #[error("listener {listener}: this user may not listen at {address}")]
    NotAllowed {
        /// The listener's name.
        listener: Arc<str>,
        /// The address that it was to have.
        address: SocketAddr,
    },
    /// Anything else.
    #[error("listener {listener}: can't listen at {address}: {source}")]
    Other {
        /// The listener's name.
        listener: Arc<str>,
        /// The address that it was to have.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// A tls or wss listener without a certificate.
    #[error("listener {listener} speaks TLS and has no certificate")]
    NoCertificate {
        /// The listener's name.
        listener: Arc<str>,
    },
}

/// A bound address.
pub(crate) struct Listening {
    pub(crate) config: ListenerConfig,
    pub(crate) address: SocketAddr,
    pub(crate) clients: Arc<AtomicU32>,
    socket: TcpListener,
}

/// Opens a listener beside those that are open.
pub(crate) async fn bind(
    config: ListenerConfig,
    open: &[Listening],
) -> Result<Listening, ListenError> {
    let (listener, address) = (config.name.clone(), config.bind);
    if config.protocol.is_secure() && config.tls.is_none() {
        return Err(ListenError::NoCertificate { listener });
    }
    let bound = TcpListener::bind(address)
        .await
        .and_then(|socket| Ok((socket.local_addr()?, socket)));
    match bound {
        Ok((address, socket)) => Ok(Listening {
            config,
            address,
            clients: Arc::default(),
            socket,
        }),
        Err(source) => Err(match source.kind() {
            io::ErrorKind::AddrInUse => match open.iter().find(|own| own.is_at(address)) {
                Some(own) => ListenError::SamePort {
                    listener,
                    other: own.config.name.clone(),
                    address,
                },
                None => ListenError::PortInUse { listener, address },
            },
            io::ErrorKind::PermissionDenied => ListenError::NotAllowed { listener, address },
            _ => ListenError::Other {
                listener,
                address,
                source,
            },
        }),
    }
}

/// How long somebody who is one too many may take for a CONNECT to be answered.
const TURNING_AWAY: Duration = Duration::from_secs(2);
/// The pause after a connection could not be accepted.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

impl Listening {
    /// Whether it has this address: its own, or the same port where one of the two is any address.
    fn is_at(&self, address: SocketAddr) -> bool {
        let (own, other) = (self.address.ip(), address.ip());
        self.address.port() == address.port()
            && (own == other || own.is_unspecified() || other.is_unspecified())
    }

    /// Counts one more connection, if there may be one more.
    fn let_in(
        &self,
        shared: &Arc<Shared>,
        limits: &Limits,
        address: IpAddr,
    ) -> Result<Counted, LimitKind> {
        let connections = &shared.counters.connections;
        if connections.load(Relaxed) >= limits.connections as u64 {
            return Err(LimitKind::Connections);
        }
        let now = Instant::now().into_std();
        let entered = shared.addresses.enter(address, limits, now)?;
        connections.fetch_add(1, Relaxed);
        shared.counters.sockets.fetch_add(1, Relaxed);
        self.clients.fetch_add(1, Relaxed);
        Ok(Counted {
            shared: shared.clone(),
            clients: self.clients.clone(),
            _entered: entered,
        })
    }

    /// Accepts connections until the broker stops; each is served by a task of `tasks`.
    pub(crate) async fn run(self, shared: Arc<Shared>, tasks: TaskTracker) {
        loop {
            let accepted = tokio::select! {
                accepted = self.socket.accept() => accepted,
                () = shared.stop.cancelled() => return,
            };
            let (stream, peer) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Out of file descriptors, or a peer that left before it was accepted: others may come.
                    tracing::warn!(listener = %self.config.name, %error, "a connection could not be accepted");
                    // What is short now is short a moment later too: to try at once would be a busy loop.
                    tokio::select! {
                        () = tokio::time::sleep(ACCEPT_AGAIN) => continue,
                        () = shared.stop.cancelled() => return,
                    }
                }
            };
            let limits = shared.limits();
            let mut arrival = Arrival {
                listener: self.config.name.clone(),
                protocol: self.config.protocol,
                peer,
                certificate: None,
                deadline: Instant::now() + limits.connect_timeout,
                turned_away: None,
            };
            let counted = match self.let_in(&shared, &limits, peer.ip()) {
                Ok(counted) => Ok(counted),
                Err(kind) => {
                    refuse(&shared, &arrival, kind, &limits);
                    // A few are told, so that who is not a flood learns why. The others are closed.
                    let Ok(answered) = shared.turning_away.clone().try_acquire_owned() else {
                        continue;
                    };
                    arrival.turned_away = Some(kind);
                    arrival.deadline = arrival.deadline.min(Instant::now() + TURNING_AWAY);
                    Err(answered)
                }
            };
            let tls = self.config.tls.clone();
            let shared = shared.clone();
            tasks.spawn(async move {
                let _counted = counted;
                let _ = stream.set_nodelay(true);
                if arrival.protocol == ListenerProtocol::Tcp {
                    serve(stream, shared, arrival).await;
                } else {
                    // In a box: TLS takes memory, and connections without it should not.
                    Box::pin(welcome(stream, tls, shared, arrival)).await;
                }
            });
        }
    }
}

/// Tells that a connection was closed before it was read from, since it is one too many.
fn refuse(shared: &Shared, arrival: &Arrival, kind: LimitKind, limits: &Limits) {
    let why = match kind {
        LimitKind::ConnectionRate => format!(
            "more than {} new connections a second come from its address",
            limits.connection_rate
        ),
        LimitKind::ConnectionsPerAddress => format!(
            "its address has {} connections already",
            limits.connections_per_address
        ),
        _ => format!("there are {} connections already", limits.connections),
    };
    let cause = RefusalCause::Limit(kind);
    shared.refuse(&arrival.listener, arrival.peer, cause, why);
}

/// A connection among those that are there.
struct Counted {
    shared: Arc<Shared>,
    clients: Arc<AtomicU32>,
    _entered: Entered,
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.shared.counters.connections.fetch_sub(1, Relaxed);
        self.clients.fetch_sub(1, Relaxed);
    }
}

/// The handshakes before MQTT, then MQTT. Both are bounded by the time to CONNECT.
async fn welcome(stream: TcpStream, tls: Option<Tls>, shared: Arc<Shared>, mut arrival: Arrival) {
    let Some(tls) = tls else {
        return speak(stream, shared, arrival).await;
    };
    let deadline = arrival.deadline;
    let handshake = TlsAcceptor::from(tls.config()).accept(stream);
    let handshake = tokio::time::timeout_at(deadline, handshake);
    let stream = match within(&shared.stop, handshake).await {
        Some(Ok(Ok(stream))) => stream,
        Some(Ok(Err(error))) => {
            let (cause, why) = tls_refusal(&error);
            return told(&shared, &arrival, cause, why);
        }
        Some(Err(_)) => return timed_out(&shared, &arrival, "TLS"),
        None => return,
    };
    let shown = stream.get_ref().1.peer_certificates();
    if let Some(certificate) = shown.and_then(<[_]>::first) {
        let Some(read) = tls.read(certificate) else {
            // Whoever can't be named can't be revoked either.
            let why = "its certificate is verified, and can't be read".to_owned();
            return told(&shared, &arrival, RefusalCause::BadCertificate, why);
        };
        arrival.certificate = Some(Arc::new(read));
    }
    speak(stream, shared, arrival).await;
}

/// The handshake of WebSocket where the listener has one, then MQTT.
async fn speak<S>(stream: S, shared: Arc<Shared>, arrival: Arrival)
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    if !arrival.protocol.is_websocket() {
        return serve(stream, shared, arrival).await;
    }
    let max = shared.limits().maximum_packet_size;
    let handshake = tokio::time::timeout_at(arrival.deadline, websocket::accept(stream, max));
    match within(&shared.stop, handshake).await {
        Some(Ok(Ok(stream))) => serve(stream, shared, arrival).await,
        Some(Ok(Err(why))) => told(&shared, &arrival, RefusalCause::WebSocket, why),
        Some(Err(_)) => timed_out(&shared, &arrival, "WebSocket"),
        None => {}
    }
}

fn timed_out(shared: &Shared, arrival: &Arrival, handshake: &str) {
    let seconds = shared.limits().connect_timeout.as_secs();
    let why = format!("the {handshake} handshake was not done within {seconds} s");
    told(shared, arrival, RefusalCause::ConnectTimeout, why);
}

fn told(shared: &Shared, arrival: &Arrival, cause: RefusalCause, why: String) {
    shared.refuse(&arrival.listener, arrival.peer, cause, why);
}

/// What a future gives, unless the broker stops first.
async fn within<T>(stop: &CancellationToken, future: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        value = future => Some(value),
        () = stop.cancelled() => None,
    }
}

/// What went wrong in a TLS handshake, to act on and in words.
fn tls_refusal(error: &io::Error) -> (RefusalCause, String) {
    use rustls::{AlertDescription, CertificateError, Error};
    let tls = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<Error>());
    match tls {
        Some(Error::NoCertificatesPresented) => (
            RefusalCause::NoCertificate,
            "the client showed no certificate, and this listener asks for one".into(),
        ),
        Some(Error::InvalidCertificate(why)) => {
            let why = match why {
                CertificateError::UnknownIssuer => {
                    "its certificate is of another authority".to_owned()
                }
                CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                    "its certificate has expired".to_owned()
                }
                CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                    "its certificate is not valid yet".to_owned()
                }
                CertificateError::Revoked => "its certificate is revoked".to_owned(),
                CertificateError::ExpiredRevocationList
                | CertificateError::ExpiredRevocationListContext { .. } => {
                    "the revocation list has expired: nobody with a certificate is let in until it is signed again"
                        .to_owned()
                }
                CertificateError::UnknownRevocationStatus => {
                    "no revocation list says whether its certificate is revoked".to_owned()
                }
                CertificateError::BadSignature => {
                    "its certificate's signature is not our authority's".to_owned()
                }
                CertificateError::InvalidPurpose
                | CertificateError::InvalidPurposeContext { .. } => {
                    "its certificate is not for a client".to_owned()
                }
                other => format!("its certificate is not accepted: {other:?}"),
            };
            (RefusalCause::BadCertificate, why)
        }
        Some(Error::AlertReceived(alert)) => {
            let why = match alert {
                AlertDescription::UnknownCA | AlertDescription::BadCertificate => {
                    "the client does not trust the broker's certificate; give it ca.crt".to_owned()
                }
                AlertDescription::CertificateExpired => {
                    "the client finds the broker's certificate expired; is its clock right?"
                        .to_owned()
                }
                other => format!("the client broke the handshake off: {other:?}"),
            };
            (RefusalCause::Tls, why)
        }
        Some(Error::InvalidMessage(_)) => (
            RefusalCause::Tls,
            "what came is not TLS; does the client connect without TLS to a TLS port?".into(),
        ),
        Some(other) => (RefusalCause::Tls, format!("TLS: {other}")),
        None => (
            RefusalCause::Tls,
            format!("the client left during the TLS handshake: {error}"),
        ),
    }
}
