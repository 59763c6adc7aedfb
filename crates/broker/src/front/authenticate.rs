//! Proving who somebody is: certificate, user name and password, or an exchange of AUTH packets (MQTT 5, section 4.12).
//!
//! Duty: carry what a client proves to whoever can judge it. Not here: the judging (`access`). Invariant: a client that
//! named a method in CONNECT speaks of no other `[MQTT-4.12.0-5]`, and one that named none sends no AUTH.

use std::sync::Arc;

use bytes::BytesMut;
use mqttwb_model::{Direction, ProtocolVersion, RefusalCause};
use mqttwb_wire::{Auth, Connect, Packet, Properties, Property, ReasonCode, decode, secret_spans};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};

use super::Shared;
use super::connect::Accepted;
use super::output::encode_within;
use super::verdict::Refused;
use super::welcome::{observe, read_packet};
use crate::access::{Denied, Exchange, Identity, Login, Step, Verified};

/// A client's method of authentication, for the life of its connection.
pub(crate) struct Method {
    name: Arc<str>,
    /// The exchange that is under way: the client authenticates again.
    again: Option<Box<dyn Exchange>>,
}

/// Who a client proved to be.
pub(crate) struct Proved {
    pub(crate) identity: Identity,
    pub(crate) method: Option<Method>,
    /// What CONNACK says of the method.
    pub(crate) properties: Vec<u8>,
}

/// Why nobody comes in.
pub(crate) enum Failed {
    /// The client is told.
    Refused(Refused),
    /// There is nobody to tell.
    Gone(String),
}

impl From<Denied> for Failed {
    fn from(denied: Denied) -> Self {
        Self::Refused(denied.into())
    }
}

fn protocol_error(why: impl Into<String>) -> Refused {
    Refused {
        reason: ReasonCode::PROTOCOL_ERROR,
        cause: RefusalCause::Protocol,
        why: why.into(),
    }
}

fn method_of<'a>(properties: &Properties<'a>) -> Option<&'a str> {
    properties.find(|property| match property {
        Property::AuthenticationMethod(name) => Some(name),
        _ => None,
    })
}

fn data_of<'a>(properties: &Properties<'a>) -> Option<&'a [u8]> {
    properties.find(|property| match property {
        Property::AuthenticationData(data) => Some(data),
        _ => None,
    })
}

fn method_properties(name: &str, data: Option<&[u8]>) -> Vec<u8> {
    let mut properties = Vec::new();
    Property::AuthenticationMethod(name).write(&mut properties);
    if let Some(data) = data {
        Property::AuthenticationData(data).write(&mut properties);
    }
    properties
}

/// Lets a client prove who it is.
pub(super) async fn authenticate<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    input: &mut BytesMut,
    shared: &Shared,
    connect: &Connect<'_>,
    accepted: &Accepted,
    largest: usize,
) -> Result<Proved, Failed> {
    let identity = |user_name, verified: Option<Verified>| Identity {
        connection: accepted.info.clone(),
        user_name: verified
            .as_ref()
            .and_then(|verified| verified.user_name.clone())
            .or(user_name),
        verified: verified.map(Arc::new),
    };
    if let Some(name) = method_of(&connect.properties) {
        let Some(method) = shared.access.method(name) else {
            return Err(Failed::Refused(Refused {
                reason: ReasonCode::BAD_AUTHENTICATION_METHOD, // [MQTT-4.12.0-1]
                cause: RefusalCause::Access,
                why: format!("authentication method {name:?} is not spoken here"),
            }));
        };
        let exchange = method.begin(&accepted.info, true);
        let data = data_of(&connect.properties);
        let (mut exchange, mut step) = take_step(shared, exchange, data).await?;
        loop {
            match step {
                Step::Success { data, verified } => {
                    return Ok(Proved {
                        identity: identity(None, Some(verified)),
                        // [MQTT-4.12.0-5]
                        properties: method_properties(name, data.as_deref()),
                        method: Some(Method {
                            name: name.into(),
                            again: None,
                        }),
                    });
                }
                Step::Fail(denied) => return Err(denied.into()), // [MQTT-4.12.0-4]
                Step::Continue(data) => {
                    send(stream, shared, accepted, name, &data).await?;
                    let data = answer(stream, input, shared, accepted, largest, name).await?;
                    (exchange, step) = take_step(shared, exchange, data.as_deref()).await?;
                }
            }
        }
    }
    let has_login = connect.user_name.is_some() || connect.password.is_some();
    let user_name = connect.user_name.map(Into::into);
    let mut verified = None;
    if let Some(accounts) = shared.access.accounts.clone().filter(|_| has_login) {
        let login = Login {
            connection: accepted.info.clone(),
            user_name: connect.user_name.unwrap_or_default().into(),
            password: connect.password.map(<[u8]>::to_vec),
        };
        // One permit after another: a flood of logins is verified in turn, and the runtime's threads stay free.
        let _turn = shared.verifying.acquire().await;
        let outcome = tokio::task::spawn_blocking(move || accounts.verify(&login)).await;
        verified = outcome.unwrap_or_else(|error| {
            tracing::error!(%error, "a password could not be verified");
            Err(Denied {
                reason: ReasonCode::SERVER_UNAVAILABLE,
                rule: "its password could not be verified: see the log".into(),
            })
        })?;
    }
    if verified.is_none() {
        let has_certificate = accepted.info.certificate.is_some();
        shared.access.without_accounts(has_login, has_certificate)?;
    }
    Ok(Proved {
        identity: identity(user_name, verified),
        method: None,
        properties: Vec::new(),
    })
}

/// Sends AUTH with 0x18 `[MQTT-4.12.0-2]`.
async fn send<S: AsyncWrite + Unpin>(
    stream: &mut S,
    shared: &Shared,
    accepted: &Accepted,
    method: &str,
    data: &[u8],
) -> Result<(), Failed> {
    let properties = method_properties(method, Some(data));
    let auth = Packet::Auth(Auth {
        reason: ReasonCode::CONTINUE_AUTHENTICATION,
        properties: Properties::trusted(&properties),
    });
    let mut bytes = BytesMut::new();
    if !encode_within(&auth, &accepted.manners, &mut bytes) {
        return Err(Failed::Refused(Refused {
            reason: ReasonCode::PACKET_TOO_LARGE,
            cause: RefusalCause::Connect,
            why: "it takes no packet so large as the exchange needs".into(),
        }));
    }
    observe(shared, accepted.info.id, Direction::ToClient, &bytes);
    let sent = async {
        stream.write_all(&bytes).await?;
        stream.flush().await
    };
    sent.await
        .map_err(|error| Failed::Gone(format!("the connection broke: {error}")))
}

/// Tells the exchange what came, on a thread that may be blocked.
async fn take_step(
    shared: &Shared,
    mut exchange: Box<dyn Exchange>,
    data: Option<&[u8]>,
) -> Result<(Box<dyn Exchange>, Step), Failed> {
    let data = data.map(<[u8]>::to_vec);
    let _turn = shared.verifying.acquire().await;
    let taken = tokio::task::spawn_blocking(move || {
        let step = exchange.step(data.as_deref());
        (exchange, step)
    });
    taken.await.map_err(|error| {
        tracing::error!(%error, "a step of authentication failed");
        Denied {
            reason: ReasonCode::SERVER_UNAVAILABLE,
            rule: "its proof could not be judged: see the log".into(),
        }
        .into()
    })
}

/// Reads the client's answer: its authentication data.
async fn answer<S: AsyncRead + Unpin>(
    stream: &mut S,
    input: &mut BytesMut,
    shared: &Shared,
    accepted: &Accepted,
    largest: usize,
    method: &str,
) -> Result<Option<Vec<u8>>, Failed> {
    let len = match read_packet(stream, input, largest, &[0xf0, 0xe0]).await {
        Ok(Some(len)) => len,
        Ok(None) => return Err(Failed::Gone("the client left during authentication".into())),
        Err(why) => return Err(Failed::Refused(protocol_error(why))),
    };
    let frame = input.split_to(len).freeze();
    observe(shared, accepted.info.id, Direction::ToBroker, &frame);
    match decode(&frame, ProtocolVersion::V5) {
        // [MQTT-4.12.0-3]
        Ok(Packet::Auth(auth)) if auth.reason == ReasonCode::CONTINUE_AUTHENTICATION => {
            if method_of(&auth.properties) == Some(method) {
                Ok(data_of(&auth.properties).map(<[u8]>::to_vec))
            } else {
                let why = "AUTH names another method than CONNECT did"; // [MQTT-4.12.0-5]
                Err(Failed::Refused(protocol_error(why)))
            }
        }
        Ok(Packet::Disconnect(_)) => Err(Failed::Gone(
            "the client said DISCONNECT during authentication".into(),
        )),
        Ok(other) => {
            let why = format!("{} came during authentication", other.packet_type());
            Err(Failed::Refused(protocol_error(why)))
        }
        Err(error) => Err(Failed::Refused(Refused {
            reason: error.reason(),
            cause: RefusalCause::Protocol,
            why: format!("a malformed packet during authentication: {error}"),
        })),
    }
}

/// What is answered to an AUTH of a client that has come in.
pub(super) enum Answer {
    /// AUTH with this reason and these properties.
    Auth(ReasonCode, Vec<u8>),
    /// The same, and the client is this user from now on.
    Proved(Vec<u8>, Verified),
    /// The connection ends.
    Refused(Refused),
}

/// AUTH of a client that has come in: it authenticates again (section 4.12.1). Everything else goes on meanwhile.
pub(super) fn again(
    method: Option<&mut Method>,
    auth: &Auth<'_>,
    shared: &Shared,
    identity: &Identity,
) -> Answer {
    let Some(method) = method else {
        // [MQTT-4.12.0-7]
        let why = "AUTH without an authentication method in CONNECT";
        return Answer::Refused(protocol_error(why));
    };
    if method_of(&auth.properties) != Some(&*method.name) {
        let why = "AUTH names another method than CONNECT did"; // [MQTT-4.12.1-1]
        return Answer::Refused(protocol_error(why));
    }
    match auth.reason {
        ReasonCode::RE_AUTHENTICATE => {
            let Some(known) = shared.access.method(&method.name) else {
                return Answer::Refused(Denied::not_authorized("its method is gone").into());
            };
            method.again = Some(known.begin(&identity.connection, false));
        }
        ReasonCode::CONTINUE_AUTHENTICATION if method.again.is_some() => {}
        other => {
            let why = format!("AUTH with {other}, which is not its turn");
            return Answer::Refused(protocol_error(why));
        }
    }
    let Some(exchange) = &mut method.again else {
        return Answer::Refused(protocol_error("no exchange is under way"));
    };
    match exchange.step(data_of(&auth.properties)) {
        Step::Continue(data) => Answer::Auth(
            ReasonCode::CONTINUE_AUTHENTICATION,
            method_properties(&method.name, Some(&data)),
        ),
        Step::Success { data, verified } => {
            method.again = None;
            Answer::Proved(method_properties(&method.name, data.as_deref()), verified)
        }
        Step::Fail(denied) => Answer::Refused(denied.into()), // [MQTT-4.12.1-2]
    }
}

/// Where the proof is in an AUTH, to strike it out of what is shown.
pub(super) fn proof_in(frame: &[u8], at: usize) -> impl Iterator<Item = std::ops::Range<usize>> {
    secret_spans(frame, ProtocolVersion::V5)
        .into_iter()
        .map(move |span| span.start + at..span.end + at)
}
