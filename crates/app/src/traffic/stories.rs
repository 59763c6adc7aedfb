//! The story of a message in words.
//!
//! Duty: name what came of a message and why, and what the standard says where that surprises people.
//! Not here: which packets belong to it (`capture`). Invariant: nothing is said that the packets do not show.

use std::collections::HashMap;
use std::path::Path;

use mqttwb_capture::{Progress, Role, Source, Step, StoryDelivery, StoryOf};
use mqttwb_model::{MessageId, ProtocolVersion, QoS};
use mqttwb_wire::Packet as Wire;

use super::row;
use crate::api::{
    ApiError, Direction, ErrorCode, Story, StoryKind, StoryRequest, StoryStep, TrafficRow,
};
use crate::{Result, files};

/// Steps of a story that are told at most.
const STEPS: usize = 5_000;

/// The story of a message, out of these packets.
pub(crate) fn story(source: &dyn Source, request: &StoryRequest) -> Result<Story> {
    let of = match (request.message, request.packet) {
        (Some(message), None) => StoryOf::Message(MessageId(message)),
        (None, Some(packet)) => StoryOf::Packet(packet),
        _ => {
            let why = "a story is asked for by the number of a message or by that of a packet";
            return Err(ApiError::new(ErrorCode::InvalidInput, why));
        }
    };
    let told = mqttwb_capture::story(source, of, STEPS).ok_or_else(|| unknown(request))?;
    Ok(Telling::new(source, &told).tell(told))
}

fn unknown(request: &StoryRequest) -> ApiError {
    match (request.message, request.packet) {
        (Some(message), _) => ApiError::new(
            ErrorCode::NotFound,
            format!("no packet of message {message} is kept"),
        )
        .hint("The numbers of messages stand in the Messages tab and in the inspector."),
        (None, packet) => ApiError::new(
            ErrorCode::NotFound,
            format!(
                "packet {} carries and acknowledges no message",
                packet.unwrap_or_default()
            ),
        )
        .hint("Choose a PUBLISH, PUBACK, PUBREC, PUBREL or PUBCOMP whose PUBLISH is still kept."),
    }
}

/// What is known of the message while it is told of.
struct Telling {
    steps: Vec<StoryStep>,
    clients: Vec<String>,
    publisher: Option<String>,
    topic: String,
    qos: QoS,
    retain: bool,
    size: u32,
    at_micros: u64,
    /// How the publisher sent it again, where it did.
    sent_again: Option<Again>,
    /// Who got it again from the broker.
    redelivered: Vec<String>,
    /// The PUBACK, PUBREC or PUBCOMP to the publisher that did not arrive.
    lost_answer: Option<String>,
    refused: Option<String>,
    will: bool,
}

#[derive(Debug, Clone, Copy)]
struct Again {
    version: ProtocolVersion,
    reconnected: bool,
}

impl Telling {
    fn new(source: &dyn Source, told: &mqttwb_capture::Story) -> Self {
        let mut telling = Self {
            steps: Vec::new(),
            clients: Vec::new(),
            publisher: None,
            topic: String::new(),
            qos: QoS::AtMostOnce,
            retain: false,
            size: 0,
            at_micros: told.steps.first().map_or(0, |step| step.at().0 / 1000),
            sent_again: None,
            redelivered: Vec::new(),
            lost_answer: None,
            refused: None,
            will: false,
        };
        telling.look_at_the_message(source, told.first);
        let begun = told.steps.first().map_or(0, |step| step.at().0);
        let mut connected: Vec<String> = Vec::new();
        for step in &told.steps {
            let info = source.connection(step.connection());
            let client = info
                .as_deref()
                .map_or_else(String::new, |info| info.client.to_string());
            if !telling.clients.contains(&client) {
                telling.clients.push(client.clone());
            }
            let mut told = StoryStep {
                kind: StoryKind::Ended,
                client: client.clone(),
                since_micros: (step.at().0 - begun) / 1000,
                packet: None,
                again: false,
                note: None,
            };
            match step {
                Step::Ended { why, .. } => told.note = Some(why.to_string()),
                Step::Packet { seq, role, .. } => {
                    let packets = source.packet(*seq);
                    let Some(packet) = packets.get(*seq) else {
                        continue; // it made room meanwhile
                    };
                    let packet_row = row(&packet, info.as_deref());
                    if packet_row.packet == "CONNECT" {
                        connected.push(client.clone());
                    }
                    let again = Again {
                        version: packet.version,
                        reconnected: connected.contains(&client),
                    };
                    telling.see(&mut told, *role, &packet_row, again);
                    told.packet = Some(packet_row);
                }
            }
            telling.steps.push(told);
        }
        telling
    }

    fn look_at_the_message(&mut self, source: &dyn Source, first: u64) {
        let packets = source.packet(first);
        let Some(packet) = packets.get(first) else {
            return;
        };
        self.topic = packet.topic().unwrap_or_default().to_owned();
        if let Ok(Wire::Publish(publish)) = mqttwb_wire::decode(packet.frame, packet.version) {
            self.qos = publish.qos;
            self.retain = publish.retain;
            self.size = publish.payload.len() as u32;
        }
        let published = packet.direction == mqttwb_model::Direction::ToBroker;
        if published {
            let info = source.connection(packet.connection);
            self.publisher = Some(info.map_or_else(String::new, |info| info.client.to_string()));
        }
    }

    fn see(&mut self, step: &mut StoryStep, role: Option<Role>, row: &TrafficRow, how: Again) {
        step.kind = match role {
            None => StoryKind::Connection,
            Some(Role::Published { .. } | Role::Acknowledging(_)) => StoryKind::Publish,
            Some(Role::Delivered { .. } | Role::Receiving(_)) => StoryKind::Delivery,
        };
        match role {
            None if row.packet == "CONNECT" && self.steps.is_empty() => {
                self.will = true;
                self.publisher = Some(step.client.clone());
                step.note = Some("This CONNECT left the message as its will.".into());
            }
            Some(Role::Published { again: true }) if row.dup => {
                step.again = true;
                step.note = Some(sent_again(how));
                self.sent_again = Some(how);
            }
            Some(Role::Delivered { again: true }) if row.dup => {
                step.again = true;
                step.note = Some(
                    "The broker had no acknowledgement when the client came back, so it sends it \
                     again [MQTT-4.4.0-1]."
                        .into(),
                );
                self.redelivered.push(step.client.clone());
            }
            Some(Role::Acknowledging(progress)) => {
                if progress == Progress::Refused {
                    self.refused.clone_from(&row.reason);
                }
                let to_publisher = row.direction == Direction::ToClient;
                if to_publisher && row.fault.as_ref().is_some_and(|f| f.done.is_loss()) {
                    self.lost_answer = Some(row.packet.clone());
                }
            }
            _ => {}
        }
    }

    fn tell(mut self, told: mqttwb_capture::Story) -> Story {
        let count = |progress| {
            let all = told.deliveries.iter();
            all.filter(|delivery| delivery.progress == progress).count() as u32
        };
        if let Some(publisher) = &self.publisher
            && let Some(at) = self.clients.iter().position(|client| client == publisher)
        {
            self.clients[..=at].rotate_right(1);
        }
        Story {
            seq: told.first,
            message: told.message.map(|message| message.0),
            outcome: outcome(&told.deliveries, self.refused.as_deref()),
            notes: self.notes(&told.deliveries),
            topic: self.topic,
            qos: self.qos.into(),
            retain: self.retain,
            size: self.size,
            at_micros: self.at_micros,
            took_micros: self.steps.last().map_or(0, |step| step.since_micros),
            clients: self.clients,
            publisher: self.publisher,
            deliveries: told.deliveries.len() as u32,
            done: count(Progress::Done),
            under_way: count(Progress::UnderWay),
            lost: count(Progress::Refused),
            steps: self.steps,
            left_out: told.left_out,
        }
    }

    fn notes(&self, deliveries: &[StoryDelivery]) -> Vec<String> {
        let mut notes = Vec::new();
        if self.will
            && let Some(publisher) = &self.publisher
        {
            notes.push(format!(
                "It is the will of {publisher}: the broker published it, since the connection ended without a \
                 DISCONNECT that takes the will back."
            ));
        }
        if let Some(how) = self.sent_again {
            notes.push(rule_of_sending_again(how).into());
        }
        let most = per_client(deliveries).into_iter().map(|(_, n)| n).max();
        let twice = most.is_some_and(|most| most > 1);
        if self.qos == QoS::AtLeastOnce && self.sent_again.is_some() && twice {
            let lost = match &self.lost_answer {
                Some(answer) => format!("that its {answer} was lost"),
                None => "whether its PUBACK had arrived".to_owned(),
            };
            notes.push(format!(
                "At least once: the broker could not know {lost}, and took the second PUBLISH for a new message. QoS 2 \
                 would have delivered it once."
            ));
        }
        if self.qos == QoS::ExactlyOnce && self.sent_again.is_some() && !twice {
            notes.push(
                "Exactly once: the broker still knew the packet identifier, answered it, and did not deliver the \
                 message again [MQTT-4.3.3-10]."
                    .into(),
            );
        }
        if deliveries.is_empty() && self.refused.is_none() {
            notes.push(
                "No delivery was seen: no client that is connected has a subscription that matches, or the message \
                 waits for one that is away."
                    .into(),
            );
        }
        notes
    }
}

/// Characters of a file's name at most, its number apart.
const NAME: usize = 60;

/// Writes a sequence diagram into a folder, under a name of its own. Where it is.
pub(crate) fn save_flow(folder: &Path, name: &str, svg: &str) -> Result<String> {
    files::create_folder(folder)?;
    let letters = name.chars().map(|c| match c {
        c if c.is_ascii_alphanumeric() => c.to_ascii_lowercase(),
        _ => '-',
    });
    let name: String = letters.take(NAME).collect();
    for number in 1u32.. {
        let file = match number {
            1 => format!("flow-{name}.svg"),
            n => format!("flow-{name}-{n}.svg"),
        };
        let path = folder.join(file);
        if !files::exists(&path)? {
            files::write(&path, svg)?;
            return Ok(path.display().to_string());
        }
    }
    Err(ApiError::new(
        ErrorCode::File,
        "there are too many files of that name",
    ))
}

/// Beside the PUBLISH that was sent again.
fn sent_again(how: Again) -> String {
    if how.reconnected {
        "Sent again with DUP, after it had connected again.".into()
    } else {
        "Sent again with DUP on the same connection.".into()
    }
}

/// When a client sends a PUBLISH again: many take it for a matter of a timer.
fn rule_of_sending_again(how: Again) -> &'static str {
    match (how.version, how.reconnected) {
        (ProtocolVersion::V5, true) => {
            "MQTT 5 lets a client send a PUBLISH again only after it has connected again with its session: no timer \
             does it [MQTT-4.4.0-1]."
        }
        (ProtocolVersion::V5, false) => {
            "MQTT 5 forbids to send a PUBLISH again on the same connection: only after a reconnect [MQTT-4.4.0-1]."
        }
        (_, true) => {
            "A client sends it again after it has connected again with its session [MQTT-4.4.0-1]. Under MQTT 3.1.1 a \
             timer may do so too; MQTT 5 forbids that."
        }
        (_, false) => {
            "MQTT 3.1.1 demands that only after a reconnect and leaves it open otherwise; MQTT 5 forbids it on the \
             same connection."
        }
    }
}

/// How often each client was sent it, in the order that they were.
fn per_client(deliveries: &[StoryDelivery]) -> Vec<(String, usize)> {
    let mut order: Vec<(String, usize)> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    for delivery in deliveries {
        let client = delivery
            .client
            .as_ref()
            .map_or_else(String::new, ToString::to_string);
        let place = *places.entry(client.clone()).or_insert_with(|| {
            order.push((client, 0));
            order.len() - 1
        });
        order[place].1 += 1;
    }
    order
}

/// What came of a message, in a few words.
fn outcome(deliveries: &[StoryDelivery], refused: Option<&str>) -> String {
    if let Some(reason) = refused {
        return format!("refused: {reason}");
    }
    let of = |progress| {
        let all = deliveries.iter().filter(|d| d.progress == progress);
        all.cloned().collect::<Vec<_>>()
    };
    let done = per_client(&of(Progress::Done));
    let mut parts = Vec::new();
    match &done[..] {
        [] if deliveries.is_empty() => parts.push("no delivery was seen".to_owned()),
        [] => {}
        [(client, times)] => parts.push(format!("delivered {}to {client}", often(*times))),
        many => {
            let times = many.iter().map(|(_, times)| *times).max().unwrap_or(1);
            let again = if times > 1 {
                format!(", {}to one of them", often(times))
            } else {
                String::new()
            };
            parts.push(format!("delivered to {} clients{again}", many.len()));
        }
    }
    for (progress, words) in [
        (Progress::UnderWay, "under way"),
        (Progress::Refused, "lost"),
    ] {
        match &per_client(&of(progress))[..] {
            [] => {}
            [(client, _)] => parts.push(format!("{words} to {client}")),
            many => parts.push(format!("{words} to {} clients", many.len())),
        }
    }
    parts.join(", ")
}

fn often(times: usize) -> String {
    match times {
        0 | 1 => String::new(),
        2 => "twice ".into(),
        times => format!("{times} times "),
    }
}
