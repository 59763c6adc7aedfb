//! The packets of a client, one after another.

use super::faulty::Judged;
use super::*;
use crate::faults::Strike;

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Connection<S> {
    /// Handles every whole packet of the input, as far as there is room for the answers.
    pub(super) async fn parse(&mut self) -> Result<(), End> {
        loop {
            let more = self.parse_some().await?;
            if !more {
                return Ok(());
            }
        }
    }

    /// Handles packets up to the end of the input, up to a full batch, or up to one that the hub must answer before the
    /// next is looked at. Whether there may be more.
    async fn parse_some(&mut self) -> Result<bool, End> {
        let now = Timestamp::now();
        self.look_at_faults();
        if self.input_waits() {
            return Ok(false);
        }
        // Borrowed apart from `self`: packets point into it while the rest of `self` changes.
        let mut input = std::mem::take(&mut self.input);
        let (at, next) = self.walk(&input, now);
        self.observe_input(&input[..at]);
        if at > 0 {
            self.keep_alive.heard(instant());
        }
        // What was handled before an error or a question counts: it goes out first.
        self.send_batch().await;
        let more = match next {
            Next::Read => {
                input.advance(at);
                Ok(false)
            }
            Next::Later => {
                input.advance(at);
                // A full batch has gone; what keeps the rest waiting is the output, if anything.
                Ok(!self.output.is_full() && !self.owes_too_much())
            }
            Next::Pause => {
                input.advance(at);
                Ok(false)
            }
            Next::Ask(len) => {
                let asked = self.ask(&input[at - len..at]).await;
                input.advance(at);
                asked.map(|()| true)
            }
            Next::Strike(strike, len) => {
                input.advance(at);
                self.strike_input(strike, len, &mut input)
            }
            Next::End(end) => Err(end),
        };
        let more = more.and_then(|more| self.cut().map_or(Ok(more), Err));
        if input.is_empty() && input.capacity() > KEPT_INPUT {
            input = BytesMut::new();
        }
        self.input = input;
        more
    }

    /// Walks along the packets that need no answer from the hub. How far it came, and why it stopped.
    fn walk(&mut self, input: &[u8], now: Timestamp) -> (usize, Next) {
        let mut at = 0;
        let mut messages = 0;
        let mut payload = 0;
        let paced = self.pace.is_limited().then(instant);
        let next = loop {
            if paced.is_some_and(|now| self.must_wait(now)) {
                break Next::Pause;
            }
            if self.output.is_full() || self.batch.len() >= FULL_BATCH || self.owes_too_much() {
                break Next::Later;
            }
            let rest = &input[at..];
            let len = match frame_len(rest, self.limits.maximum_packet_size) {
                Ok(Some(len)) if len <= rest.len() => len,
                Ok(_) => break Next::Read,
                Err(error) => {
                    if matches!(error, WireError::TooLarge { .. }) {
                        self.limit_hit(LimitKind::PacketSize, error.to_string());
                    }
                    break Next::End(End::error(&error));
                }
            };
            let frame = &rest[..len];
            let mut fault = None;
            if let Some(injector) = &mut self.faults {
                let session = self.session.session.as_ref();
                let aliased = || aliased_topic(session?, frame, self.info.version);
                match injector.judge(frame, self.info.version, aliased) {
                    Judged::Pass(note) => fault = note,
                    Judged::Strike(strike) => break Next::Strike(strike, len),
                }
            }
            self.marks.push(PacketMark {
                at: now,
                start: at as u32,
                len: len as u32,
                message: None,
                aliased_topic: None,
                fault,
            });
            at += len;
            let packet = match decode(frame, self.info.version) {
                Ok(packet) => packet,
                Err(error) => break Next::End(End::error(&error)),
            };
            if let Some(now) = paced {
                let message = matches!(packet, Packet::Publish(_));
                self.pace.spend(message.into(), len, now);
            }
            let handled = match packet {
                Packet::Publish(publish) => {
                    messages += 1;
                    payload += publish.payload.len() as u64;
                    if publish.retain && self.is_too_much_to_retain(&publish) {
                        break Next::Ask(len);
                    }
                    self.publish(&publish, now)
                }
                Packet::Subscribe(_) | Packet::Unsubscribe(_) => break Next::Ask(len),
                Packet::Auth(auth) => {
                    self.secrets.extend(proof_in(frame, at - len));
                    self.authenticate_again(&auth, now)
                }
                other => self.simple(&other, now),
            };
            if let Err(end) = handled {
                break Next::End(end);
            }
            if self.faults.as_ref().is_some_and(|faults| faults.cuts()) {
                break Next::Later;
            }
        };
        if messages > 0 {
            self.counters.messages_in.fetch_add(messages, Relaxed);
            let counters = &self.shared.counters;
            counters.messages_in.fetch_add(messages, Relaxed);
            counters.payload_in.fetch_add(payload, Relaxed);
        }
        (at, next)
    }

    pub(super) fn observe_input(&mut self, bytes: &[u8]) {
        if !self.marks.is_empty() {
            let packets = self.marks.len() as u64;
            self.shared.counters.packets_in.fetch_add(packets, Relaxed);
            let struck = struck(bytes, &self.secrets);
            self.shared.observer.packets(PacketBatch {
                connection: self.info.id,
                direction: Direction::ToBroker,
                bytes: struck.as_deref().unwrap_or(bytes),
                marks: &self.marks,
            });
            self.marks.clear();
            self.secrets.clear();
        }
    }

    pub(super) fn publish(&mut self, publish: &Publish<'_>, now: Timestamp) -> Result<(), End> {
        let origin = Origin {
            id: self.ids.next(),
            publisher: self.info.id,
            at: now,
        };
        let Some(session) = &mut self.session.session else {
            return Err(End::Closed("the session is gone".into()));
        };
        let aliased = match publish.topic {
            "" => session.aliased_topic(publish),
            _ => None,
        };
        let topic = aliased.as_deref().unwrap_or(publish.topic);
        let policy = self.shared.access.policy.as_deref();
        let verdict = verdict::publish(publish, topic, &self.limits, policy, &self.identity);
        if let Err(refused) = verdict {
            return self.refuse_publish(publish, &refused, now);
        }
        if let Some(mark) = self.marks.last_mut() {
            mark.message = Some(origin.id);
            mark.aliased_topic.clone_from(&aliased);
        }
        if let Some(durability) = &mut self.durability
            && publish.qos > QoS::AtMostOnce
        {
            let keeps = match publish.qos {
                QoS::ExactlyOnce => session.is_durable(),
                _ => durability.wants(topic, publish.retain),
            };
            if keeps {
                if let Some(failure) = durability.failure() {
                    return Err(End::Broker {
                        reason: ReasonCode::QUOTA_EXCEEDED,
                        why: format!("what must be kept can't be written: {failure}"),
                    });
                }
                if publish.qos == QoS::AtLeastOnce {
                    durability.ask();
                }
            }
        }
        session.publish(publish, origin, &mut self.actions);
        let mut answers = Answers {
            output: &mut self.output,
            durability: &mut self.durability,
            version: self.info.version,
        };
        let mut broken = None;
        for action in self.actions.drain(..) {
            match action {
                Action::Forward { topic } => {
                    let before = self.batch.len();
                    message::append(
                        &mut self.batch,
                        publish,
                        topic.as_deref().unwrap_or(publish.topic),
                        origin,
                    );
                    if publish.retain && !publish.payload.is_empty() {
                        let size = self.batch.len() - before;
                        self.shared.counters.retained_comes(size);
                    }
                }
                Action::Received { packet_id, message } => {
                    if let Some(durability) = answers.durability {
                        durability.received(packet_id, &message);
                    }
                }
                Action::PubAck(ack) => {
                    answers.send(Packet::PubAck(ack), Some(origin.id), now);
                }
                Action::PubRec(ack) => {
                    answers.send(Packet::PubRec(ack), None, now);
                }
                Action::Refuse(reason) => broken = Some(reason),
                Action::Release { .. }
                | Action::Publish { .. }
                | Action::PubRel(_)
                | Action::PubComp(_)
                | Action::Released(_)
                | Action::Identified { .. }
                | Action::Done(_)
                | Action::Dropped { .. } => {}
            }
        }
        match broken {
            Some(reason) => Err(self.broken(reason)),
            None => Ok(()),
        }
    }

    /// Everything that is neither PUBLISH nor a question to the hub.
    fn simple(&mut self, packet: &Packet<'_>, now: Timestamp) -> Result<(), End> {
        let version = self.info.version;
        let Some(session) = &mut self.session.session else {
            return Err(End::Closed("the session is gone".into()));
        };
        match packet {
            Packet::PubAck(ack) => session.puback(ack, now, &mut self.actions),
            Packet::PubRec(ack) => session.pubrec(ack, now, &mut self.actions),
            Packet::PubRel(ack) => session.pubrel(ack, &mut self.actions),
            Packet::PubComp(ack) => session.pubcomp(ack, now, &mut self.actions),
            Packet::PingReq => self.output.packet(&Packet::PingResp, version, now),
            Packet::Disconnect(p) => return Err(self.disconnected(p)),
            // [MQTT-3.1.0-2]
            Packet::Connect(_) => return Err(End::protocol("a second CONNECT")),
            Packet::ConnAck(_) | Packet::SubAck(_) | Packet::UnsubAck(_) | Packet::PingResp => {
                let name = packet.packet_type();
                return Err(End::protocol(format!("{name} is not for a client to send")));
            }
            Packet::Publish(_)
            | Packet::Subscribe(_)
            | Packet::Unsubscribe(_)
            | Packet::Auth(_) => {}
        }
        self.apply_actions(now);
        Ok(())
    }

    fn disconnected(&self, p: &Disconnect<'_>) -> End {
        let session_expiry = p.properties.find(|property| match property {
            Property::SessionExpiryInterval(seconds) => Some(seconds),
            _ => None,
        });
        if self.session_expiry == 0 && session_expiry.is_some_and(|seconds| seconds > 0) {
            // Section 3.14.2.2.2
            let why = "DISCONNECT gives a session expiry where CONNECT gave none";
            return End::protocol(why);
        }
        End::Disconnect {
            // [MQTT-3.14.4-3]: reason 0 alone discards the will
            keeps_will: p.reason == ReasonCode::SUCCESS,
            session_expiry: session_expiry.map(|s| s.min(self.limits.session_expiry_max)),
        }
    }

    /// Hands the messages of this read to the router; waits where too many are under way.
    async fn send_batch(&mut self) {
        if self.batch.is_empty() {
            return;
        }
        if let Some(sync) = self
            .durability
            .as_mut()
            .and_then(|durability| durability.question(self.info.id))
        {
            message::append_sync(&mut self.batch, sync);
        }
        let batch = self.batch.split().freeze();
        let router = self.shared.hub.router();
        router.room_for(batch.len()).await;
        router.send(batch);
    }

    /// Handles a packet that the hub must answer: nothing after it is looked at before.
    async fn ask(&mut self, frame: &[u8]) -> Result<(), End> {
        match decode(frame, self.info.version) {
            Ok(Packet::Subscribe(p)) => self.subscribe(&p).await,
            Ok(Packet::Unsubscribe(p)) => self.unsubscribe(&p).await,
            Ok(Packet::Publish(p)) => self.publish_when_full(&p).await,
            Ok(_) => Ok(()),
            Err(error) => Err(End::error(&error)),
        }
    }

    async fn subscribe(&mut self, p: &Subscribe<'_>) -> Result<(), End> {
        let version = self.info.version;
        let policy = self.shared.access.policy.as_deref();
        let mut filters = Vec::new();
        let mut refused = Vec::new();
        // The code of each filter; `None` for those that the hub is asked about.
        let verdicts: Vec<Option<ReasonCode>> = p
            .filters
            .iter()
            .map(|(text, options)| {
                match verdict::subscribe(text, options.qos, &self.limits, policy, &self.identity) {
                    Ok(filter) => {
                        filters.push((filter, *options));
                        None
                    }
                    Err(refusal) => {
                        let reason = refusal.reason;
                        refused.push(refusal);
                        Some(reason)
                    }
                }
            })
            .collect();
        for refusal in refused {
            self.tell(refusal.cause, &refusal.why);
        }
        let id = p.properties.find(|property| match property {
            Property::SubscriptionIdentifier(id) => Some(id),
            _ => None,
        });
        let (reply, answer) = oneshot::channel();
        self.shared.hub.send(Command::Subscribe {
            client: self.info.client.clone(),
            filters,
            id,
            reply,
        });
        let mut granted = hub_answer(answer).await?.into_iter();
        let mut over = 0;
        let reasons = verdicts
            .into_iter()
            .zip(&p.filters)
            .map(|(verdict, (_, options))| {
                let reason = verdict.unwrap_or_else(|| match granted.next() {
                    Some(true) => ReasonCode(options.qos.into()),
                    _ => {
                        over += 1;
                        ReasonCode::QUOTA_EXCEEDED
                    }
                });
                if reason.is_error() {
                    verdict::in_suback(reason, options.qos, version)
                } else {
                    reason
                }
            })
            .collect();
        if over > 0 {
            let most = self.limits.subscriptions_per_client;
            let why = format!("it has {most} subscriptions already; {over} more are refused");
            self.limit_hit(LimitKind::Subscriptions, why);
        }
        let suback = Packet::SubAck(SubAck {
            packet_id: p.packet_id,
            properties: Properties::NONE,
            reasons,
        });
        self.output
            .packet(&suback, self.info.version, Timestamp::now());
        Ok(())
    }

    async fn unsubscribe(&mut self, p: &Unsubscribe<'_>) -> Result<(), End> {
        let parsed: Vec<_> = p
            .filters
            .iter()
            .map(|text| TopicFilter::try_from(*text))
            .collect();
        let (reply, answer) = oneshot::channel();
        self.shared.hub.send(Command::Unsubscribe {
            client: self.info.client.clone(),
            filters: parsed.iter().flatten().cloned().collect(),
            reply,
        });
        let mut removed = hub_answer(answer).await?.into_iter();
        let reasons = parsed
            .iter()
            .map(|filter| match filter {
                Err(_) => ReasonCode::TOPIC_FILTER_INVALID,
                Ok(_) if removed.next() == Some(true) => ReasonCode::SUCCESS,
                Ok(_) => ReasonCode::NO_SUBSCRIPTION_EXISTED,
            })
            .collect();
        let unsuback = Packet::UnsubAck(UnsubAck {
            packet_id: p.packet_id,
            properties: Properties::NONE,
            reasons,
        });
        self.output
            .packet(&unsuback, self.info.version, Timestamp::now());
        Ok(())
    }
}

/// What the topic alias of a PUBLISH stands for.
fn aliased_topic(session: &Session, frame: &[u8], version: ProtocolVersion) -> Option<Arc<str>> {
    match decode(frame, version) {
        Ok(Packet::Publish(publish)) => session.aliased_topic(&publish),
        _ => None,
    }
}

/// Why [`Connection::walk`] stopped.
enum Next {
    /// The rest is no whole packet: more must be read.
    Read,
    /// There is no room: what is there must go out first.
    Later,
    /// The last packet, of this length, is a question to the hub.
    Ask(usize),
    /// The client is too fast: it is not read from for a while.
    Pause,
    /// A fault rule strikes the packet that follows, of this length.
    Strike(Strike, usize),
    /// The connection ends.
    End(End),
}

/// A batch that is large enough: the next begins.
const FULL_BATCH: usize = 256 << 10;
/// Memory that the input may keep when it is empty.
const KEPT_INPUT: usize = 2 * LARGE_READ;

pub(super) async fn hub_answer<T>(answer: oneshot::Receiver<T>) -> Result<T, End> {
    answer.await.map_err(|_| End::Broker {
        reason: ReasonCode::SERVER_SHUTTING_DOWN,
        why: "the broker stops".into(),
    })
}
