//! The topics of the packets that were seen, as a tree of their levels.
//!
//! Duty: count, per topic and per branch, and keep the beginning of each topic's last payload.
//! Not here: which branches a person has opened (`view`), retained messages and subscriptions as the broker knows them.
//! Invariant: topics and bytes are bounded, and topics that found no room are counted. A parent's number is below its
//! children's.

mod view;

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};

use mqttwb_model::{ClientId, ConnectionId, Direction, MessageId, PacketType, QoS, Timestamp};

use crate::{Packet, Source};

pub use view::{TopicRow, TopicView};

/// Bytes of a payload that are kept of each topic's last message.
pub const PREVIEW: usize = 120;

/// Clients that are named as a topic's publishers.
const PUBLISHERS: usize = 8;

/// Levels of a topic that are branches; what follows is one level.
const DEEPEST: usize = 200;

/// Topics that found no room and are told apart.
const LEFT_OUT: usize = 1 << 20;

/// Time after which a rate has gone down to a third when nothing comes.
const MEMORY_SECS: f64 = 5.0;

/// The root: it is no topic and has no name.
const ROOT: u32 = 0;

/// How much a tree of topics may hold.
#[derive(Debug, Clone, Copy)]
pub struct TopicBounds {
    /// Topics and branches.
    pub nodes: usize,
    /// Bytes of their names and of their last payloads.
    pub bytes: usize,
}

impl Default for TopicBounds {
    fn default() -> Self {
        Self {
            nodes: 400_000,
            bytes: 96 * 1024 * 1024,
        }
    }
}

/// The tree.
#[derive(Debug)]
pub struct Topics {
    bounds: TopicBounds,
    nodes: Vec<Node>,
    by_topic: HashMap<Box<str>, u32>,
    bytes: usize,
    left_out: HashSet<u64>,
    hashing: RandomState,
    /// Counts what was added, so that a view knows when to look again.
    version: u64,
    clients: HashMap<ConnectionId, Option<ClientId>>,
}

#[derive(Debug)]
struct Node {
    level: Box<str>,
    parent: u32,
    /// In the order that they are shown in.
    children: Vec<u32>,
    /// Messages of this topic and of those below it.
    messages: u64,
    /// Topics here and below.
    topics: u32,
    rate: Rate,
    own: Option<Box<Topic>>,
}

/// What is known of a topic.
#[derive(Debug, Clone, PartialEq)]
pub struct Topic {
    /// PUBLISH packets to the broker, those that were sent again included.
    pub messages: u64,
    /// PUBLISH packets to clients.
    pub deliveries: u64,
    /// The newest message: of a publisher, or where none of theirs was seen, of a delivery.
    pub last: Last,
    /// A message that was to be retained was the last of those, and it was not empty.
    pub retained: bool,
    /// Clients that published, the first of them.
    pub publishers: Vec<ClientId>,
    /// There are more of them than are named.
    pub more_publishers: bool,
}

/// The newest message of a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Last {
    /// The number of its packet.
    pub seq: u64,
    /// When.
    pub at: Timestamp,
    /// The observer's number of it.
    pub message: Option<MessageId>,
    /// Its quality of service.
    pub qos: QoS,
    /// Bytes of the payload.
    pub size: u32,
    /// The payload's first bytes.
    pub preview: Box<[u8]>,
}

/// A rate that follows what comes and forgets what was.
#[derive(Debug, Clone, Copy, Default)]
struct Rate {
    per_second: f64,
    at: Timestamp,
}

impl Rate {
    fn count(&mut self, at: Timestamp) {
        self.per_second = self.now(at) + 1.0 / MEMORY_SECS;
        self.at = self.at.max(at);
    }

    fn now(&self, at: Timestamp) -> f64 {
        let secs = at.since(self.at).as_secs_f64();
        self.per_second * (-secs / MEMORY_SECS).exp()
    }
}

impl Topics {
    /// An empty tree.
    pub fn new(bounds: TopicBounds) -> Self {
        let root = Node {
            level: "".into(),
            parent: ROOT,
            children: Vec::new(),
            messages: 0,
            topics: 0,
            rate: Rate::default(),
            own: None,
        };
        Self {
            bounds,
            nodes: vec![root],
            by_topic: HashMap::new(),
            bytes: 0,
            left_out: HashSet::new(),
            hashing: RandomState::new(),
            version: 0,
            clients: HashMap::new(),
        }
    }

    /// Forgets everything. Numbers of branches and topics begin anew.
    pub fn clear(&mut self) {
        let version = self.version;
        *self = Self::new(self.bounds);
        self.version = version + 1;
    }

    /// Topics in the tree.
    pub fn len(&self) -> usize {
        self.by_topic.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.by_topic.is_empty()
    }

    /// Messages that were published to all of them.
    pub fn messages(&self) -> u64 {
        self.nodes[ROOT as usize].messages
    }

    /// Topics that found no room.
    pub fn left_out(&self) -> u64 {
        self.left_out.len() as u64
    }

    /// What is known of a topic.
    pub fn topic(&self, topic: &str) -> Option<&Topic> {
        self.node(*self.by_topic.get(topic)?).own.as_deref()
    }

    /// Messages a second on a topic, at a time.
    pub fn rate(&self, topic: &str, now: Timestamp) -> f64 {
        let node = self.by_topic.get(topic);
        node.map_or(0.0, |&node| self.node(node).rate.now(now))
    }

    /// Looks at a packet. `source` names its client.
    pub fn see(&mut self, packet: &Packet<'_>, source: &dyn Source) {
        if packet.packet_type() != Some(PacketType::Publish) || packet.seen_by.is_second_view() {
            return;
        }
        let published = packet.direction == Direction::ToBroker;
        if !published && self.is_told_already(packet) {
            return;
        }
        let Ok(mqttwb_wire::Packet::Publish(publish)) =
            mqttwb_wire::decode(packet.frame, packet.version)
        else {
            return;
        };
        let topic = packet.aliased_topic.unwrap_or(publish.topic);
        if topic.is_empty() {
            return; // an alias that nobody told of
        }
        let Some(number) = self.find(topic) else {
            if self.left_out.len() < LEFT_OUT {
                self.left_out.insert(self.hashing.hash_one(topic));
            }
            return;
        };
        let last = Last {
            seq: packet.seq,
            at: packet.at,
            message: packet.message,
            qos: publish.qos,
            size: publish.payload.len() as u32,
            preview: publish.payload[..publish.payload.len().min(PREVIEW)].into(),
        };
        let client = published
            .then(|| self.client(packet.connection, source))
            .flatten();
        let Some(own) = &mut self.nodes[number as usize].own else {
            return;
        };
        // Deliveries lag behind, and may be of what waited for long: they tell of a newer message by its number alone.
        let newer = own.messages == 0 || last.message > own.last.message;
        if published {
            own.messages += 1;
            if let Some(client) = client
                && !own.publishers.contains(&client)
            {
                if own.publishers.len() < PUBLISHERS {
                    own.publishers.push(client);
                } else {
                    own.more_publishers = true;
                }
            }
            if publish.retain {
                own.retained = !publish.payload.is_empty();
            }
        } else {
            own.deliveries += 1;
            own.retained |= publish.retain && !publish.payload.is_empty();
        }
        if published || newer {
            self.bytes = self.bytes + last.preview.len() - own.last.preview.len();
            own.last = last;
        }
        if published {
            self.count(number, packet.at);
        }
    }

    /// Whether a delivery tells nothing but that it was made: most do, and of those nothing is decoded.
    fn is_told_already(&mut self, packet: &Packet<'_>) -> bool {
        let Some(peek) = mqttwb_wire::peek(packet.frame, packet.version) else {
            return false;
        };
        let topic = packet.aliased_topic.or(peek.topic);
        let Some(&number) = topic.and_then(|topic| self.by_topic.get(topic)) else {
            return false;
        };
        match &mut self.nodes[number as usize].own {
            Some(own) if own.messages > 0 && packet.message <= own.last.message && !peek.retain => {
                own.deliveries += 1;
                true
            }
            _ => false,
        }
    }

    /// Counts a message for a topic and its branches.
    fn count(&mut self, number: u32, at: Timestamp) {
        let mut here = number;
        loop {
            let node = &mut self.nodes[here as usize];
            node.messages += 1;
            node.rate.count(at);
            if here == ROOT {
                return;
            }
            here = node.parent;
        }
    }

    fn client(&mut self, connection: ConnectionId, source: &dyn Source) -> Option<ClientId> {
        const CLIENTS: usize = 16 * 1024;
        if self.clients.len() >= CLIENTS {
            self.clients.clear();
        }
        self.clients
            .entry(connection)
            .or_insert_with(|| {
                source
                    .connection(connection)
                    .map(|info| info.client.clone())
            })
            .clone()
    }

    /// The number of a topic, which is put into the tree where it is not and finds room.
    fn find(&mut self, topic: &str) -> Option<u32> {
        if let Some(&number) = self.by_topic.get(topic) {
            return Some(number);
        }
        let needed = 2 * topic.len() + PREVIEW;
        if self.bytes + needed > self.bounds.bytes
            || self.nodes.len() + topic.split('/').count().min(DEEPEST) > self.bounds.nodes
        {
            return None;
        }
        let mut here = ROOT;
        for level in topic.splitn(DEEPEST, '/') {
            here = self.child(here, level);
        }
        self.nodes[here as usize].own = Some(Box::new(Topic {
            messages: 0,
            deliveries: 0,
            last: Last {
                seq: 0,
                at: Timestamp(0),
                message: None,
                qos: QoS::AtMostOnce,
                size: 0,
                preview: Box::default(),
            },
            retained: false,
            publishers: Vec::new(),
            more_publishers: false,
        }));
        self.by_topic.insert(topic.into(), here);
        self.bytes += topic.len();
        self.version += 1;
        let mut up = here;
        loop {
            self.nodes[up as usize].topics += 1;
            if up == ROOT {
                return Some(here);
            }
            up = self.nodes[up as usize].parent;
        }
    }

    fn child(&mut self, parent: u32, level: &str) -> u32 {
        let children = &self.nodes[parent as usize].children;
        let found = children.binary_search_by(|&child| {
            let other = &*self.nodes[child as usize].level;
            // What the broker tells of itself comes last.
            (other.starts_with('$'), other).cmp(&(level.starts_with('$'), level))
        });
        match found {
            Ok(at) => children[at],
            Err(at) => {
                let number = self.nodes.len() as u32;
                self.nodes.push(Node {
                    level: level.into(),
                    parent,
                    children: Vec::new(),
                    messages: 0,
                    topics: 0,
                    rate: Rate::default(),
                    own: None,
                });
                self.nodes[parent as usize].children.insert(at, number);
                self.bytes += level.len();
                number
            }
        }
    }

    fn node(&self, number: u32) -> &Node {
        &self.nodes[number as usize]
    }

    /// The whole name of a branch or topic.
    fn name(&self, number: u32) -> String {
        let mut levels = Vec::new();
        let mut here = number;
        while here != ROOT {
            let node = self.node(here);
            levels.push(&*node.level);
            here = node.parent;
        }
        levels.reverse();
        levels.join("/")
    }
}

#[cfg(test)]
mod tests;
