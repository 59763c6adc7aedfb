//! What is not taken of a client that has come in, and how it is told.

use super::packets::hub_answer;
use super::*;

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Connection<S> {
    /// Tells the operator that something of this client was not taken.
    pub(super) fn tell(&self, cause: RefusalCause, why: &str) {
        let detail = format!("{}: {why}", self.info.client);
        self.shared
            .refuse(&self.info.listener, self.info.peer, cause, detail);
    }

    /// The client has gone past a limit.
    pub(super) fn limit_hit(&self, kind: LimitKind, why: impl AsRef<str>) {
        self.tell(RefusalCause::Limit(kind), why.as_ref());
    }

    /// Whether the client is to be read from later, since it is too fast.
    pub(super) fn must_wait(&mut self, now: Instant) -> bool {
        if let Some(kind) = self.pace.look(now) {
            let why = match kind {
                LimitKind::ByteRate => format!(
                    "it sends more than {} bytes a second; it is read more slowly",
                    self.limits.byte_rate
                ),
                _ => format!(
                    "it publishes more than {} messages a second; it is read more slowly",
                    self.limits.message_rate
                ),
            };
            self.limit_hit(kind, why);
        }
        match self.pace.paused_until() {
            Some(until) => {
                // What it sends to be heard lies unread.
                self.keep_alive.heard(until);
                self.timer = None;
                true
            }
            None => false,
        }
    }

    /// Does not take a PUBLISH. The client is told where its version and the QoS can say it, and stays; where it would
    /// have to be told that a message was taken that a limit forbids, it goes.
    pub(super) fn refuse_publish(
        &mut self,
        publish: &Publish<'_>,
        refused: &Refused,
        now: Timestamp,
    ) -> Result<(), End> {
        self.tell(refused.cause, &refused.why);
        // Of what a rule forbids, MQTT 3.1.1 lets the client be told that it was taken [MQTT3-3.3.5-2].
        let by_rule = refused.cause == RefusalCause::Access;
        if self.info.version != ProtocolVersion::V5 && publish.qos > QoS::AtMostOnce && !by_rule {
            return Err(End::Broker {
                reason: refused.reason,
                why: refused.why.clone(),
            });
        }
        let Some(session) = &mut self.session.session else {
            return Err(End::Closed("the session is gone".into()));
        };
        session.refuse(publish, refused.reason, &mut self.actions);
        if let [Action::Refuse(reason)] = self.actions[..] {
            self.actions.clear();
            return Err(self.broken(reason));
        }
        self.apply_actions(now);
        Ok(())
    }

    /// The end of a connection whose client broke a rule with a PUBLISH.
    pub(super) fn broken(&self, reason: ReasonCode) -> End {
        let limits = &self.limits;
        let (kind, why) = match reason {
            ReasonCode::RECEIVE_MAXIMUM_EXCEEDED => (
                Some(LimitKind::ReceiveMaximum),
                format!(
                    "more than {} messages are under way",
                    limits.receive_maximum
                ),
            ),
            ReasonCode::TOPIC_ALIAS_INVALID => (
                Some(LimitKind::TopicAlias),
                format!(
                    "its topic alias is past {}, or stands for nothing yet",
                    limits.topic_alias_maximum
                ),
            ),
            ReasonCode::QUOTA_EXCEEDED => (
                Some(LimitKind::Queue),
                format!(
                    "more than {} bytes wait for their PUBREL",
                    limits.queue.bytes
                ),
            ),
            _ => (None, format!("a PUBLISH was refused: {}", reason.text())),
        };
        if let Some(kind) = kind {
            self.limit_hit(kind, &why);
        }
        End::Broker { reason, why }
    }

    /// Whether a retained message that can be refused is more than there is certainly room for: the hub is asked then.
    pub(super) fn is_too_much_to_retain(&self, publish: &Publish<'_>) -> bool {
        self.info.version == ProtocolVersion::V5
            && publish.qos > QoS::AtMostOnce
            && !publish.payload.is_empty()
            && self
                .shared
                .counters
                .room_to_retain(message::size_of(publish), &self.limits)
                .is_err()
    }

    /// Handles a retained PUBLISH for which there is room only if it replaces one.
    pub(super) async fn publish_when_full(&mut self, publish: &Publish<'_>) -> Result<(), End> {
        let now = Timestamp::now();
        let Some(session) = &mut self.session.session else {
            return Err(End::Closed("the session is gone".into()));
        };
        let topic = match publish.topic {
            "" => session.aliased_topic(publish),
            topic => Some(topic.into()),
        };
        let Some(topic) = topic else {
            return self.publish(publish, now); // its alias is unknown: the session says so
        };
        let (reply, answer) = oneshot::channel();
        self.shared.hub.send(Command::RoomToRetain {
            topic,
            size: message::size_of(publish),
            reply,
        });
        match hub_answer(answer).await? {
            Ok(()) => self.publish(publish, now),
            Err(kind) => {
                let most = match kind {
                    LimitKind::RetainedBytes => self.limits.retained_bytes,
                    _ => self.limits.retained_messages,
                };
                let refused = Refused {
                    reason: ReasonCode::QUOTA_EXCEEDED,
                    cause: RefusalCause::Limit(kind),
                    why: format!("the limit of {} is reached: {most}", kind.text()),
                };
                self.refuse_publish(publish, &refused, now)
            }
        }
    }

    /// AUTH: the client authenticates again.
    pub(super) fn authenticate_again(
        &mut self,
        auth: &Auth<'_>,
        now: Timestamp,
    ) -> Result<(), End> {
        let answer = authenticate::again(self.method.as_mut(), auth, &self.shared, &self.identity);
        let (reason, properties) = match answer {
            Answer::Auth(reason, properties) => (reason, properties),
            Answer::Proved(properties, verified) => {
                self.prove(verified);
                (ReasonCode::SUCCESS, properties)
            }
            Answer::Refused(refused) => {
                self.tell(refused.cause, &refused.why);
                return Err(End::Broker {
                    reason: refused.reason,
                    why: refused.told().into_owned(),
                });
            }
        };
        let auth = Packet::Auth(Auth {
            reason,
            properties: Properties::trusted(&properties),
        });
        self.output.packet(&auth, self.info.version, now);
        Ok(())
    }
}
