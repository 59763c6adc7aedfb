//! What ends a connection, and its last words.
//!
//! Duty: tell a client that can be told why the broker ends its connection, and give what it has not got back to its session.
//! Not here: how the hub hears of the end, however it comes ([`Held`]).
//! Invariant: nothing that was taken from the inbox is lost with the connection.

use super::*;

/// What ends a connection.
pub(super) enum End {
    /// The client said DISCONNECT; whether that keeps the will unsent, and the expiry that it changed to.
    Disconnect {
        keeps_will: bool,
        session_expiry: Option<u32>,
    },
    /// The client closed without a word, or the network did.
    Closed(String),
    /// A fault rule has cut it.
    Cut(String),
    /// The broker ends it.
    Broker { reason: ReasonCode, why: String },
}

impl End {
    pub(super) fn error(error: &WireError) -> Self {
        Self::Broker {
            reason: error.reason(),
            why: error.to_string(),
        }
    }

    pub(super) fn protocol(why: impl Into<String>) -> Self {
        Self::Broker {
            reason: ReasonCode::PROTOCOL_ERROR,
            why: why.into(),
        }
    }

    pub(super) fn why(&self) -> String {
        match self {
            Self::Disconnect {
                keeps_will: true, ..
            } => "the client said DISCONNECT".into(),
            Self::Disconnect { .. } => "the client said DISCONNECT, with its will".into(),
            Self::Closed(why) | Self::Cut(why) => why.clone(),
            Self::Broker { reason, why } => format!("{why} ({reason})"),
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Connection<S> {
    /// Says farewell where that is due, and gives back what the session is to keep.
    pub(super) async fn end(&mut self, end: &End) {
        if let End::Disconnect {
            keeps_will,
            session_expiry,
        } = end
        {
            self.session.clean = *keeps_will;
            self.session.session_expiry = *session_expiry;
        }
        if let End::Broker { reason, why } = end {
            self.say_disconnect(*reason, why);
        }
        self.lose_output();
        match end {
            End::Closed(_) => {}
            End::Cut(_) => self.write_last().await,
            End::Disconnect { .. } | End::Broker { .. } => {
                farewell(&mut self.stream, self.output.unwritten()).await;
            }
        }
        self.give_back();
    }

    /// Writes what was handed to the socket already, and no word of farewell.
    async fn write_last(&mut self) {
        let last = async {
            self.stream.write_all(self.output.unwritten()).await?;
            self.stream.flush().await
        };
        let _ = tokio::time::timeout(FAREWELL, last).await;
    }

    /// Tells an MQTT 5 client why the broker ends the connection. Before MQTT 5 a server has no DISCONNECT: it closes.
    fn say_disconnect(&mut self, reason: ReasonCode, why: &str) {
        if self.info.version != ProtocolVersion::V5 {
            return;
        }
        let mut properties = Vec::new();
        let largest = self
            .session
            .session
            .as_ref()
            .map_or(0, |session| session.terms().client_maximum_packet_size);
        // [MQTT-3.14.2-3]: no more than the client takes. Sixteen bytes are more than what is around the text.
        if why.len() + 16 <= largest {
            Property::ReasonString(why).write(&mut properties);
        }
        let disconnect = Packet::Disconnect(Disconnect {
            reason,
            properties: Properties::trusted(&properties),
        });
        self.output
            .packet(&disconnect, self.info.version, Timestamp::now());
        self.observe_output();
    }

    /// What was taken from the inbox and not delivered belongs to the session.
    fn give_back(&mut self) {
        let now = Timestamp::now();
        if let Some(session) = &mut self.session.session {
            session.disconnect();
            for delivery in self.deliveries.drain(..) {
                let seq = delivery.seq;
                if let Err(reason) = session.deliver(delivery, now, &mut self.actions) {
                    self.actions.push(Action::Dropped { reason, seq });
                }
            }
        }
        self.apply_actions(now);
        self.flush_durable();
    }
}
