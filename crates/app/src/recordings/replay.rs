//! A recording, published again.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use mqttwb_capture::{Filter, Recording};
use mqttwb_client::{Endpoint, MessageProperties, Options, Publication, RequestError, TestClient};
use mqttwb_model::{QoS, Timestamp};
use mqttwb_wire::{Properties, Property};
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::Result;
use crate::api::{ApiError, ErrorCode};
use crate::clients::{connection_failed, request_failed};

use super::messages;
use super::rewrite::{Rewrite, rewritten};
use super::work::Work;

/// Messages that are read ahead.
const AHEAD: usize = 256;
/// Messages above QoS 0 that may wait for their acknowledgement.
const UNACKNOWLEDGED: usize = 64;

/// How to publish again.
#[derive(Debug, Clone)]
pub struct Plan {
    /// How many times as fast as it was recorded; `None` for as fast as can be.
    pub speed: Option<f64>,
    /// Topics become others.
    pub rules: Vec<Rewrite>,
    /// Which messages.
    pub filter: Filter,
}

impl Plan {
    /// A plan whose speed is possible.
    pub fn new(speed: Option<f64>, rewrite: &[String], filter: Filter) -> Result<Self> {
        if let Some(speed) = speed
            && !(speed.is_finite() && (0.001..=100_000.0).contains(&speed))
        {
            return Err(ApiError::new(
                ErrorCode::InvalidInput,
                format!("Nobody can replay {speed} times as fast."),
            )
            .hint("Choose between 0.001 and 100,000; or as fast as can be."));
        }
        Ok(Self {
            speed,
            rules: Rewrite::all(rewrite)?,
            filter,
        })
    }
}

/// What came of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Replayed {
    /// Messages that were published.
    pub published: u64,
    /// Messages that the broker did not acknowledge.
    pub refused: u64,
    /// Messages whose topic a rule made into none.
    pub without_topic: u64,
    /// Messages that were only sent again.
    pub again: u64,
    /// Last wills among those that were published.
    pub wills: u64,
}

impl Replayed {
    /// In words.
    pub fn told(&self) -> String {
        let mut told = format!("{} messages published", self.published);
        for (count, what) in [
            (self.refused, "of them not acknowledged"),
            (self.wills, "of them as the last will of a client"),
            (
                self.without_topic,
                "left out, as a rule made no topic of theirs",
            ),
            (self.again, "left out, as they were only sent again"),
        ] {
            if count > 0 {
                told.push_str(&format!("; {count} {what}"));
            }
        }
        told
    }
}

/// A message that was read ahead.
struct Next {
    at: Timestamp,
    will: bool,
    /// Nothing where a rule makes no topic of its topic.
    publication: Option<Publication>,
}

/// Connects, publishes, and disconnects.
pub async fn replay(
    recording: Arc<Recording>,
    options: &Options,
    endpoint: &Endpoint,
    plan: Plan,
    work: &Work,
) -> Result<Replayed> {
    let client = TestClient::new();
    client
        .connect(options, endpoint)
        .await
        .map_err(|error| connection_failed(&error))?;
    let outcome = publish(recording, &client, plan, work).await;
    client.disconnect().await;
    outcome
}

async fn publish(
    recording: Arc<Recording>,
    client: &TestClient,
    plan: Plan,
    work: &Work,
) -> Result<Replayed> {
    let (sender, mut messages) = mpsc::channel::<Next>(AHEAD);
    let (reading, speed) = (work.clone(), plan.speed);
    // Whoever reads the file may wait for the disk, and for the pace of the replay.
    let reader = tokio::task::spawn_blocking(move || {
        messages::each(&recording, &plan.filter, &reading, |message| {
            let topic = rewritten(&plan.rules, message.topic);
            let publication = topic.map(|topic| Publication {
                topic,
                payload: Bytes::copy_from_slice(message.payload),
                qos: message.qos,
                retain: message.retain,
                properties: properties(&message.properties),
            });
            sender
                .blocking_send(Next {
                    at: message.at,
                    will: message.will,
                    publication,
                })
                // Nobody publishes any more, and says why.
                .map_err(|_| ApiError::new(ErrorCode::Cancelled, "The replay has ended."))
        })
    });
    let mut replayed = Replayed::default();
    let mut acknowledgements = FuturesUnordered::new();
    let mut pace = Pace::new(speed);
    while let Some(next) = messages.recv().await {
        let Some(publication) = next.publication else {
            replayed.without_topic += 1;
            continue;
        };
        pace.wait(next.at, work).await?;
        let acknowledged = publication.qos != QoS::AtMostOnce;
        let acknowledgement = client.publish(publication).await.map_err(request_failed)?;
        replayed.published += 1;
        replayed.wills += u64::from(next.will);
        if acknowledged {
            acknowledgements.push(acknowledgement.wait());
            if acknowledgements.len() >= UNACKNOWLEDGED {
                replayed.refused += refused(acknowledgements.next().await)?;
            }
        }
    }
    replayed.again = reader
        .await
        .unwrap_or_else(|error| Err(ApiError::new(ErrorCode::Internal, error.to_string())))?;
    while let Some(answer) = acknowledgements.next().await {
        replayed.refused += refused(Some(answer))?;
    }
    Ok(replayed)
}

/// What a publisher says of its message. Aliases and subscription identifiers belong to the connection that they came by.
fn properties(recorded: &Properties<'_>) -> MessageProperties {
    let mut properties = MessageProperties::default();
    for property in recorded.iter() {
        match property {
            Property::PayloadFormatIndicator(text) => properties.payload_is_text = Some(text == 1),
            Property::MessageExpiryInterval(seconds) => properties.expiry = Some(seconds),
            Property::ContentType(kind) => properties.content_type = Some(kind.into()),
            Property::ResponseTopic(topic) => properties.response_topic = Some(topic.into()),
            Property::CorrelationData(data) => {
                properties.correlation_data = Some(Bytes::copy_from_slice(data));
            }
            Property::UserProperty(name, value) => {
                properties.user.push((name.into(), value.into()));
            }
            _ => {}
        }
    }
    properties
}

/// One message more that was refused, or none. A connection that is lost ends the replay.
fn refused(answer: Option<std::result::Result<(), RequestError>>) -> Result<u64> {
    match answer {
        None | Some(Ok(())) => Ok(0),
        Some(Err(error @ (RequestError::NotConnected | RequestError::ConnectionLost))) => {
            Err(request_failed(error))
        }
        Some(Err(_)) => Ok(1),
    }
}

/// When which message is due.
struct Pace {
    speed: Option<f64>,
    /// When the replay began, pauses taken off, and the time of its first message.
    begin: Option<(Instant, Timestamp)>,
}

impl Pace {
    fn new(speed: Option<f64>) -> Self {
        Self { speed, begin: None }
    }

    /// Waits until the message of that time is due; an error where the replay was cancelled.
    async fn wait(&mut self, at: Timestamp, work: &Work) -> Result<()> {
        loop {
            if work.is_paused() {
                let since = Instant::now();
                work.may_go_on().await?;
                if let Some((begin, _)) = &mut self.begin {
                    *begin += since.elapsed();
                }
            }
            work.check()?;
            let Some(speed) = self.speed else {
                return Ok(());
            };
            let (begin, first) = *self.begin.get_or_insert_with(|| (Instant::now(), at));
            let due = begin + after(at.since(first), speed);
            if due <= Instant::now() {
                return Ok(());
            }
            tokio::select! {
                () = tokio::time::sleep_until(due) => return Ok(()),
                () = work.interrupted() => {}
            }
        }
    }
}

/// How long after the first message one is due that was recorded so long after it.
fn after(recorded: Duration, speed: f64) -> Duration {
    Duration::try_from_secs_f64(recorded.as_secs_f64() / speed)
        .unwrap_or(Duration::from_secs(u64::from(u32::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn messages_come_as_far_apart_as_recorded_by_the_speed_and_pauses_do_not_count() {
        let work = Work::default();
        let mut pace = Pace::new(Some(2.0));
        let begin = Instant::now();
        let second = 1_000_000_000;
        pace.wait(Timestamp(5 * second), &work).await.unwrap();
        assert_eq!(begin.elapsed(), Duration::ZERO, "the first at once");
        pace.wait(Timestamp(9 * second), &work).await.unwrap();
        assert_eq!(begin.elapsed().as_secs(), 2);
        pace.wait(Timestamp(8 * second), &work).await.unwrap();
        assert_eq!(begin.elapsed().as_secs(), 2, "what is overdue at once");
        work.pause(true);
        let later = work.clone();
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_secs(60)).await;
            later.pause(false);
        });
        pace.wait(Timestamp(11 * second), &work).await.unwrap();
        assert_eq!(begin.elapsed().as_secs(), 63);
        let later = work.clone();
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_secs(1)).await;
            later.cancel();
        });
        let error = pace.wait(Timestamp(1_000 * second), &work).await;
        assert_eq!(error.unwrap_err().code, ErrorCode::Cancelled);
        assert_eq!(begin.elapsed().as_secs(), 64);
    }

    #[test]
    fn a_speed_that_is_none_is_refused() {
        for speed in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e9] {
            assert!(
                Plan::new(Some(speed), &[], Filter::all()).is_err(),
                "{speed}"
            );
        }
        assert!(Plan::new(None, &[], Filter::all()).is_ok());
    }
}
