//! Requests whose reply is waited for, and messages that are answered by rule.
//!
//! Duty: look at each message that a client receives. Invariant: looking never waits for the client itself, which waits
//! until a message was looked at; what can't be answered in time is counted and told.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use bytes::Bytes;
use mqttwb_client::{EntryKind, Message, TestClient};
use mqttwb_model::{Timestamp, TopicFilter};
use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot};

use super::options::{Draft, filter};
use super::template::Filling;
use crate::Result;
use crate::api::ReplyRule;

/// Messages that wait to be looked at.
pub(super) const INBOX: usize = 256;
/// Answers that wait to be published; more are not given.
const ANSWERS: usize = 256;
/// Answers that a client gives in a second. Two clients that answer each other would never stop.
const ANSWERS_A_SECOND: u32 = 200;

/// What a client expects of the messages that it receives.
#[derive(Default)]
pub(super) struct Exchange {
    waiting: Mutex<Vec<Waiting>>,
    rules: Mutex<Vec<Rule>>,
    last: AtomicU64,
    /// Fills `{{counter}}` in.
    pub counter: AtomicU64,
}

struct Waiting {
    id: u64,
    topic: String,
    correlation: Option<Bytes>,
    reply: oneshot::Sender<(Message, Instant)>,
}

struct Rule {
    filter: TopicFilter,
    /// The answer goes to the message's Response Topic.
    to_response_topic: bool,
    draft: Draft,
}

impl Exchange {
    /// Puts these rules in place of those that were there.
    pub fn set_rules(&self, rules: &[ReplyRule]) -> Result<()> {
        let mut parsed = Vec::new();
        for rule in rules.iter().filter(|rule| rule.enabled) {
            let mut reply = rule.reply.clone();
            reply.template = true;
            let to_response_topic = reply.topic.is_empty();
            if to_response_topic {
                // A draft has a topic; this one is replaced by each message's.
                reply.topic = "response".into();
            }
            parsed.push(Rule {
                filter: filter(&rule.filter)?,
                to_response_topic,
                draft: Draft::parse(&reply)?,
            });
        }
        *self.rules.lock() = parsed;
        Ok(())
    }

    /// Waits for a message on a topic, and with that correlation data where some is given.
    pub fn expect(
        &self,
        topic: &str,
        correlation: Option<Bytes>,
    ) -> (u64, oneshot::Receiver<(Message, Instant)>) {
        let (reply, received) = oneshot::channel();
        let id = self.last.fetch_add(1, Ordering::Relaxed);
        self.waiting.lock().push(Waiting {
            id,
            topic: topic.to_owned(),
            correlation,
            reply,
        });
        (id, received)
    }

    /// Waits no longer.
    pub fn give_up(&self, id: u64) {
        self.waiting.lock().retain(|waiting| waiting.id != id);
    }

    fn is_expected(&self, message: &Message) -> bool {
        let mut waiting = self.waiting.lock();
        let place = waiting.iter().position(|waiting| {
            waiting.topic == message.topic
                && (waiting.correlation.is_none()
                    || waiting.correlation == message.properties.correlation_data)
        });
        let Some(place) = place else {
            return false;
        };
        let waiting = waiting.swap_remove(place);
        // Who asked may have gone.
        let _ = waiting.reply.send((message.clone(), Instant::now()));
        true
    }

    /// Looks at every message of a connection, until it ends for good.
    pub async fn listen(
        self: Arc<Self>,
        client: Arc<TestClient>,
        name: String,
        mut inbox: mpsc::Receiver<Message>,
    ) {
        let (answers, to_publish) = mpsc::channel(ANSWERS);
        let publishing = tokio::spawn(answer(client.clone(), to_publish));
        let mut second = (Timestamp::default(), 0);
        while let Some(message) = inbox.recv().await {
            if self.is_expected(&message) {
                continue;
            }
            for answer in self.answers(&message, &name) {
                let now = Timestamp::now();
                if now.as_secs() != second.0.as_secs() {
                    second = (now, 0);
                }
                second.1 += 1;
                match answer {
                    Err(why) => client.note(EntryKind::Failure, why),
                    Ok(_) if second.1 == ANSWERS_A_SECOND + 1 => client.note(
                        EntryKind::Failure,
                        format!(
                            "more than {ANSWERS_A_SECOND} answers by rule in a second: the rest of this second goes \
                             without; do two clients answer each other?"
                        ),
                    ),
                    Ok(_) if second.1 > ANSWERS_A_SECOND => {}
                    Ok(answer) => {
                        if answers.try_send(answer).is_err() {
                            client.note(
                                EntryKind::Failure,
                                format!("{}: not answered, too many answers wait", message.topic),
                            );
                        }
                    }
                }
            }
        }
        drop(answers);
        // It ends with the last answer.
        let _ = publishing.await;
    }

    fn answers(
        &self,
        message: &Message,
        client: &str,
    ) -> Vec<std::result::Result<mqttwb_client::Publication, String>> {
        let rules = self.rules.lock();
        let mut answers = Vec::new();
        for rule in rules.iter() {
            if !rule.filter.matches(&message.topic) {
                continue;
            }
            let payload = String::from_utf8_lossy(&message.payload);
            let with = Filling {
                counter: self.counter.fetch_add(1, Ordering::Relaxed) + 1,
                now: Timestamp::now(),
                client,
                topic: &message.topic,
                payload: &payload,
            };
            let answer = match (rule.to_response_topic, &message.properties.response_topic) {
                (true, None) => Err(format!(
                    "{}: not answered, the message has no response topic and the rule no topic",
                    message.topic
                )),
                (true, Some(topic)) => rule
                    .draft
                    .make(&with, None)
                    .and_then(|mut answer| {
                        answer.topic = super::options::topic(topic)?;
                        Ok(answer)
                    })
                    .map_err(|error| error.message),
                (false, _) => rule.draft.make(&with, None).map_err(|error| error.message),
            };
            answers.push(answer.map(|mut answer| {
                // What ties the answer to its request.
                let data = &message.properties.correlation_data;
                if answer.properties.correlation_data.is_none() {
                    answer.properties.correlation_data = data.clone();
                }
                answer
            }));
        }
        answers
    }
}

async fn answer(client: Arc<TestClient>, mut answers: mpsc::Receiver<mqttwb_client::Publication>) {
    while let Some(answer) = answers.recv().await {
        let topic = answer.topic.clone();
        match client.publish(answer).await {
            Ok(_) => client.note(EntryKind::Reply, format!("{topic}: answered by rule")),
            Err(error) => client.note(
                EntryKind::Failure,
                format!("{topic}: could not be answered, {error}"),
            ),
        }
    }
}
