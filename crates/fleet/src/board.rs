//! Devices and the clients that speak for them.
//!
//! Duty: keep, for each device, what its topics said last, and for each client of the broker, whether it is there and what
//! passes. Not here: which of the two decides (`view`).
//! Invariant: devices and clients are bounded together; a name that finds no room is counted, once.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;
use std::time::Duration;

use mqttwb_model::{ClientId, ConnectionInfo, ProtocolVersion, Timestamp};

use crate::rate::Rate;
use crate::rules::{About, Rules};

/// Devices, and clients, at most.
const MOST: usize = 20_000;
/// Names that found no room are told apart up to this many; beyond it the count stands still.
const LEFT_OUT: usize = 100_000;
/// The longest name of a device or a client that is kept, in bytes.
const NAME: usize = 1024;
/// The longest text of a value, in characters.
const TEXT: usize = 100;
/// Topics of which it is remembered what they are about.
const TOPICS: usize = 50_000;
/// Who was connected for less than this and ended its session is a tool, not a device.
const BRIEF: Duration = Duration::from_secs(10);
/// And leaves the board this long after.
const BRIEFLY: Duration = Duration::from_secs(60);

/// A client of the broker as its session is now.
#[derive(Debug, Clone)]
pub struct ClientSeen {
    /// Who.
    pub client: ClientId,
    /// Its connection; nothing while it is away.
    pub connection: Option<Arc<ConnectionInfo>>,
    /// What it speaks, or spoke last.
    pub version: ProtocolVersion,
    /// Since when it is connected, or away.
    pub since: Timestamp,
    /// Messages that wait for it.
    pub waiting: u64,
}

/// A message that may tell something of a device.
#[derive(Debug, Clone, Copy)]
pub struct Told<'a> {
    /// When it was published.
    pub at: Timestamp,
    /// Its topic.
    pub topic: &'a str,
    /// Who published it, where that is known.
    pub publisher: Option<&'a str>,
    /// It was that client's will.
    pub will: bool,
}

/// What is to be read out of a payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// The word of the presence rule of that index.
    Presence(usize),
    /// The value of that column.
    Value(usize),
}

/// The last value of a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Value {
    /// As it is shown.
    pub text: String,
    /// When it came.
    pub at: Timestamp,
    /// On which topic.
    pub topic: Arc<str>,
}

/// What a topic said of a device's presence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Claim {
    pub online: bool,
    /// Since when it says so.
    pub since: Timestamp,
    /// When it was said last.
    pub said: Timestamp,
    pub word: String,
    pub topic: Arc<str>,
    pub will: bool,
}

/// What is known of a device by its topics.
#[derive(Debug, Default)]
pub(crate) struct Device {
    pub claim: Option<Claim>,
    /// The client that published for it last.
    pub link: Option<Arc<str>>,
    pub last_seen: Option<Timestamp>,
    pub values: Vec<Option<Value>>,
    /// Why what is retained of it may no longer be true.
    pub stale: Option<Arc<str>>,
}

/// For how many devices a client speaks.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) enum Speaks {
    #[default]
    Nobody,
    One(Arc<str>),
    Many,
}

/// What is known of a client of the broker.
#[derive(Debug)]
pub(crate) struct Client {
    /// The last connection that is known.
    pub connection: Option<Arc<ConnectionInfo>>,
    pub version: ProtocolVersion,
    pub connected: bool,
    /// Since when it is connected, or away.
    pub since: Timestamp,
    /// Its session has ended.
    pub ended: bool,
    /// It was there for some seconds only.
    brief: bool,
    pub user: Option<Arc<str>>,
    pub rate: Rate,
    pub last_seen: Option<Timestamp>,
    pub speaks: Speaks,
    pub waiting: u64,
    round: u64,
}

/// What each topic is about, remembered.
type Known = HashMap<Box<str>, Arc<[(About, Arc<str>)]>>;

/// The board.
#[derive(Debug, Default)]
pub struct Board {
    pub(crate) rules: Rules,
    pub(crate) devices: HashMap<Arc<str>, Device>,
    pub(crate) clients: HashMap<Arc<str>, Client>,
    topics: Known,
    left_out: HashSet<u64>,
    hashing: RandomState,
    round: u64,
}

impl Board {
    /// An empty one that goes by these rules.
    pub fn new(rules: Rules) -> Self {
        Self {
            rules,
            ..Self::default()
        }
    }

    /// Goes by other rules from now on. What topics said is forgotten: it is to be told again.
    pub fn set_rules(&mut self, rules: Rules) {
        self.rules = rules;
        self.devices.clear();
        self.topics.clear();
        self.left_out.clear();
        let clients = self.clients.values_mut();
        clients.for_each(|client| client.speaks = Speaks::Nobody);
    }

    /// Its rules.
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Names that found no room.
    pub fn left_out(&self) -> u64 {
        self.left_out.len() as u64
    }

    /// Takes the sessions as they are at a time: all of them. A client that is not among them has none any more.
    pub fn sessions(&mut self, now: Timestamp, seen: impl IntoIterator<Item = ClientSeen>) {
        self.round += 1;
        let round = self.round;
        for seen in seen {
            let name = seen.client.as_str();
            if !self.clients.contains_key(name) {
                if !self.has_room(name) {
                    continue;
                }
                self.clients.insert(name.into(), Client::new(&seen));
            }
            if let Some(client) = self.clients.get_mut(name) {
                client.take(seen, round);
            }
        }
        for client in self.clients.values_mut() {
            if client.round != round && !client.ended {
                client.brief = client.connected && now.since(client.since) < BRIEF;
                if client.connected {
                    client.since = now;
                }
                client.connected = false;
                client.ended = true;
                client.waiting = 0;
            }
        }
        self.clients.retain(|_, client| {
            let leaves = client.ended && client.brief && client.speaks == Speaks::Nobody;
            !leaves || now.since(client.since) < BRIEFLY
        });
    }

    /// A connection was seen, or had been: its client is known from then on, though its session may have ended.
    pub fn connection(
        &mut self,
        info: &Arc<ConnectionInfo>,
        from: Timestamp,
        ended: Option<Timestamp>,
    ) {
        let name = info.client.as_str();
        if self.clients.contains_key(name) || name.is_empty() || !self.has_room(name) {
            return;
        }
        let lasted = ended.map(|ended| ended.since(from));
        let client = Client {
            connection: Some(info.clone()),
            version: info.version,
            connected: ended.is_none(),
            since: ended.unwrap_or(from),
            ended: ended.is_some(),
            brief: lasted.is_some_and(|lasted| lasted < BRIEF),
            user: None,
            rate: Rate::default(),
            last_seen: None,
            speaks: Speaks::Nobody,
            waiting: 0,
            round: self.round,
        };
        self.clients.insert(name.into(), client);
    }

    /// A CONNECT told more of a client than its session does: the user name, and which device its will is of.
    pub fn connect(&mut self, client: &str, user: Option<&str>, will_topic: Option<&str>) {
        if let Some(known) = self.clients.get_mut(client) {
            known.user = user.filter(|user| user.len() <= NAME).map(Arc::from);
        }
        if let Some(topic) = will_topic {
            for (about, device) in self.about(topic).iter() {
                // Until it is published it says nothing, but whose it is.
                if matches!(about, About::Presence(_)) && self.device(device).is_some() {
                    self.speak(client, device);
                }
            }
        }
    }

    /// A packet of a client passed.
    pub fn seen(&mut self, client: &str, at: Timestamp, from_client: bool, is_message: bool) {
        if let Some(client) = self.clients.get_mut(client) {
            if from_client {
                client.last_seen = client.last_seen.max(Some(at));
            }
            if is_message {
                client.rate.count(at, from_client);
            }
        }
    }

    /// A message passed, or is retained. `read` finds in it what it is asked for. Whether it was about a device.
    pub fn message(
        &mut self,
        told: &Told<'_>,
        mut read: impl FnMut(What) -> Option<String>,
    ) -> bool {
        let about = self.about(told.topic);
        for (about, name) in about.iter() {
            match about {
                About::Presence(rule) => {
                    let Some(text) = read(What::Presence(*rule)) else {
                        continue;
                    };
                    let Some(online) = self.rules.presence[*rule].judge(&text) else {
                        continue;
                    };
                    let Some(device) = self.device(name) else {
                        continue;
                    };
                    device.claim(online, &text, told);
                    device.heard(told.at);
                    if let Some(publisher) = told.publisher {
                        self.speak(publisher, name);
                    }
                }
                About::Value(column) => {
                    let columns = self.rules.values.len();
                    let Some(text) = read(What::Value(*column)) else {
                        continue;
                    };
                    let Some(device) = self.device(name) else {
                        continue;
                    };
                    device.values.resize(columns, None);
                    let newer = |value: &Option<Value>| {
                        value.as_ref().is_none_or(|value| value.at <= told.at)
                    };
                    if let Some(place) = device.values.get_mut(*column).filter(|v| newer(v)) {
                        *place = Some(Value {
                            text: cut(&text),
                            at: told.at,
                            topic: told.topic.into(),
                        });
                    }
                    device.heard(told.at);
                    let linked = device.link.is_some();
                    if let Some(publisher) = told.publisher.filter(|_| !linked) {
                        self.speak(publisher, name);
                    }
                }
            }
        }
        !about.is_empty()
    }

    /// Takes why retained messages may no longer be true: all of them, by topic.
    pub fn stale<'a>(&mut self, said: impl IntoIterator<Item = (&'a str, &'a str)>) {
        for device in self.devices.values_mut() {
            device.stale = None;
        }
        for (topic, why) in said {
            for (_, name) in self.about(topic).iter() {
                if let Some(device) = self.devices.get_mut(name) {
                    device.stale = Some(why.into());
                }
            }
        }
    }

    /// What a topic is about; remembered, since the same topics come again and again.
    fn about(&mut self, topic: &str) -> Arc<[(About, Arc<str>)]> {
        if let Some(known) = self.topics.get(topic) {
            return known.clone();
        }
        let found = self.rules.about(topic).into_iter();
        let about: Arc<[(About, Arc<str>)]> = found
            .filter(|(_, device)| device.len() <= NAME)
            .map(|(about, device)| (about, Arc::from(device)))
            .collect();
        if self.topics.len() >= TOPICS {
            self.topics.clear();
        }
        self.topics.insert(topic.into(), about.clone());
        about
    }

    /// A device, if it is there or finds room.
    fn device(&mut self, name: &Arc<str>) -> Option<&mut Device> {
        if !self.devices.contains_key(name) {
            if !self.has_room(name) {
                return None;
            }
            self.devices.insert(name.clone(), Device::default());
        }
        self.devices.get_mut(name)
    }

    fn has_room(&mut self, name: &str) -> bool {
        let room = self.devices.len() + self.clients.len() < MOST && name.len() <= NAME;
        if !room && self.left_out.len() < LEFT_OUT {
            self.left_out.insert(self.hashing.hash_one(name));
        }
        room
    }

    /// A client published for a device.
    fn speak(&mut self, client: &str, device: &Arc<str>) {
        let Some((name, known)) = self.clients.get_key_value(client) else {
            return;
        };
        let name = name.clone();
        let speaks = match &known.speaks {
            Speaks::Nobody => Speaks::One(device.clone()),
            Speaks::One(one) if one == device => Speaks::One(device.clone()),
            Speaks::One(_) | Speaks::Many => Speaks::Many,
        };
        if let Some(known) = self.clients.get_mut(client) {
            known.speaks = speaks;
        }
        if let Some(device) = self.devices.get_mut(device) {
            device.link = Some(name);
        }
    }
}

impl Client {
    fn new(seen: &ClientSeen) -> Self {
        Self {
            connection: None,
            version: seen.version,
            connected: false,
            since: seen.since,
            ended: false,
            brief: false,
            user: None,
            rate: Rate::default(),
            last_seen: None,
            speaks: Speaks::Nobody,
            waiting: 0,
            round: 0,
        }
    }

    fn take(&mut self, seen: ClientSeen, round: u64) {
        self.connected = seen.connection.is_some();
        self.since = seen.since;
        self.version = seen.version;
        self.ended = false;
        self.waiting = seen.waiting;
        self.round = round;
        if seen.connection.is_some() {
            self.connection = seen.connection;
        }
    }
}

impl Device {
    fn heard(&mut self, at: Timestamp) {
        self.last_seen = self.last_seen.max(Some(at));
    }

    /// Takes what was said, unless something newer was.
    fn claim(&mut self, online: bool, word: &str, told: &Told<'_>) {
        let since = match &mut self.claim {
            Some(claim) if told.at < claim.said => return,
            Some(claim) if claim.online == online => claim.since,
            _ => told.at,
        };
        self.claim = Some(Claim {
            online,
            since,
            said: told.at,
            word: cut(word),
            topic: told.topic.into(),
            will: told.will,
        });
    }
}

fn cut(text: &str) -> String {
    let text = text.trim();
    let mut cut: String = text.chars().take(TEXT).collect();
    if cut.len() < text.len() {
        cut.push('…');
    }
    cut
}
