//! Doing what the session says, in the order in which it says it.
//!
//! Duty: deliveries and answers into the output, releases into the batch, what must be kept into the journal. Not here: what is
//! right to do (the session's). Invariant: an answer that must wait keeps its place among the answers.

use super::*;
use crate::session::Dropped;
use mqttwb_model::MessageId;

/// What was done, to be counted once for many.
#[derive(Default)]
struct Done {
    sent: u64,
    dropped: u64,
    queue_full: bool,
}

/// Where answers go: out, or behind what must be safe first.
pub(super) struct Answers<'a> {
    pub(super) output: &'a mut Output,
    pub(super) durability: &'a mut Option<Box<Durability>>,
    pub(super) version: ProtocolVersion,
}

impl Answers<'_> {
    pub(super) fn send(
        &mut self,
        answer: Packet<'static>,
        message: Option<MessageId>,
        now: Timestamp,
    ) {
        let now_or_later = match self.durability {
            Some(durability) => durability.hold(answer, message),
            None => Some(answer),
        };
        if let Some(answer) = now_or_later {
            self.output.packet(&answer, self.version, now);
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Connection<S> {
    /// Does what the session said, where no PUBLISH of the client is at hand.
    pub(super) fn apply_actions(&mut self, now: Timestamp) {
        let done = self.act(now);
        self.count(done);
    }

    /// As [`Self::apply_actions`], without counting.
    fn act(&mut self, now: Timestamp) -> Done {
        let mut done = Done::default();
        let version = self.info.version;
        let mut answers = Answers {
            output: &mut self.output,
            durability: &mut self.durability,
            version,
        };
        for action in self.actions.drain(..) {
            match action {
                Action::Release { message, packet_id } => {
                    if message.is_to_be_kept() {
                        self.shared.counters.retained_comes(message.size());
                    }
                    if let Some(durability) = answers.durability {
                        let session = durability.session();
                        if let Some(session) = session {
                            message::append_forget(&mut self.batch, session, packet_id);
                        }
                        if session.is_some() || durability.wants(message.topic(), message.retain())
                        {
                            durability.ask();
                        }
                    }
                    message::append_message(&mut self.batch, &message, self.info.id);
                }
                Action::Publish {
                    delivery,
                    packet_id,
                    dup,
                } => {
                    answers
                        .output
                        .publish(&delivery, packet_id, dup, version, now);
                    done.sent += 1;
                }
                Action::PubAck(ack) => answers.send(Packet::PubAck(ack), None, now),
                Action::PubRec(ack) => answers.send(Packet::PubRec(ack), None, now),
                Action::PubRel(ack) => answers.send(Packet::PubRel(ack), None, now),
                Action::PubComp(ack) => answers.send(Packet::PubComp(ack), None, now),
                Action::Released(seq) => {
                    if let Some(durability) = answers.durability {
                        durability.released(seq);
                    }
                }
                Action::Identified { seq, packet_id } => {
                    if let Some(durability) = answers.durability {
                        durability.identify(seq, packet_id);
                    }
                }
                Action::Done(seq) => {
                    if let Some(durability) = answers.durability {
                        durability.done(seq);
                    }
                }
                Action::Dropped { reason, seq } => {
                    done.dropped += u64::from(reason != Dropped::Away);
                    done.queue_full |= reason == Dropped::QueueFull;
                    if let Some(durability) = answers.durability {
                        durability.done(seq);
                    }
                }
                Action::Forward { .. } | Action::Received { .. } | Action::Refuse(_) => {}
            }
        }
        done
    }

    /// Moves messages from the inbox through the session, as far as there is room.
    pub(super) fn deliver(&mut self) {
        let now = Timestamp::now();
        let mut done = Done::default();
        while self.takes_messages() {
            if self.deliveries.is_empty() {
                self.inbox.take(&mut self.deliveries);
            }
            let Some(session) = &mut self.session.session else {
                break;
            };
            let Some(delivery) = self.deliveries.pop_front() else {
                break;
            };
            if delivery.qos == QoS::AtMostOnce {
                // Neither numbered nor kept: the session has no more to do with it.
                if session.takes(&delivery, now).is_ok() {
                    let version = self.info.version;
                    self.output.publish(&delivery, 0, false, version, now);
                    done.sent += 1;
                } else {
                    done.dropped += 1;
                }
                continue;
            }
            let seq = delivery.seq;
            if let Err(reason) = session.deliver(delivery, now, &mut self.actions) {
                self.actions.push(Action::Dropped { reason, seq });
            }
            let one = self.act(now);
            done.sent += one.sent;
            done.dropped += one.dropped;
            done.queue_full |= one.queue_full;
        }
        self.count(done);
        if let Some(session) = &self.session.session {
            self.counters.backlog.store(session.backlog(), Relaxed);
        }
    }

    /// Sends the answers and the deliveries that waited until something was safe.
    pub(super) fn let_go(&mut self, safe: Safe) {
        let Some(durability) = &mut self.durability else {
            return;
        };
        durability.settle(safe);
        let now = Timestamp::now();
        while let Some(answer) = durability.next() {
            self.output.packet(&answer, self.info.version, now);
        }
        if durability.identified()
            && let Some(session) = &mut self.session.session
        {
            session.identified(now, &mut self.actions);
            self.apply_actions(now);
        }
    }

    /// Whether there is room for what the inbox holds. Where there is not, it fills, and the hub drops or refuses.
    pub(super) fn takes_messages(&self) -> bool {
        let refuses = self.session.session.as_ref().is_some_and(Session::refuses);
        self.output.takes_messages() && !refuses
    }

    /// So many answers wait that no more should be asked for.
    pub(super) fn owes_too_much(&self) -> bool {
        let most = |session: &Session| usize::from(session.terms().server_receive_maximum);
        self.durability.as_ref().is_some_and(|durability| {
            durability.held() >= self.session.session.as_ref().map_or(0, most)
        })
    }

    pub(super) fn flush_durable(&mut self) {
        if let Some(durability) = &mut self.durability {
            durability.flush();
        }
    }

    fn count(&self, done: Done) {
        if done.dropped > 0 {
            self.shared
                .counters
                .dropped
                .fetch_add(done.dropped, Relaxed);
        }
        if done.queue_full {
            let why = "its queue is full: messages for it are dropped";
            self.limit_hit(LimitKind::Queue, why);
        }
        if done.sent > 0 {
            self.counters.messages_out.fetch_add(done.sent, Relaxed);
            self.shared
                .counters
                .messages_out
                .fetch_add(done.sent, Relaxed);
        }
    }
}
