use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::Direction;

/// What a fault rule did to a packet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct PacketFault {
    /// The name of the rule.
    pub rule: String,
    /// What was done.
    pub done: FaultDone,
    /// What was done, in a sentence.
    pub text: String,
}

/// What was done to a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
#[ts(export)]
pub enum FaultDone {
    /// It did not arrive.
    Dropped,
    /// It arrived late.
    Delayed,
    /// It is the second of two.
    Duplicate,
    /// A byte of it was turned over.
    Corrupted,
    /// It was cut short.
    Truncated,
    /// The connection was cut at it.
    Cut,
    /// The connection ended before it was sent.
    Lost,
}

impl FaultDone {
    /// Whether a packet of which this was done did not come to its other end as it was.
    pub(crate) fn is_loss(self) -> bool {
        match self {
            Self::Dropped | Self::Corrupted | Self::Truncated | Self::Lost => true,
            Self::Delayed | Self::Duplicate | Self::Cut => false,
        }
    }
}

/// A rule: what is done to which packets of the broker's clients, and how often.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct FaultRule {
    /// Its name: 1 to 64 bytes, each there once.
    pub name: String,
    /// Whose packets: a client identifier in which `*` stands for any run of characters.
    #[serde(default = "any_client")]
    pub client: String,
    /// Which way they go; both where it is left out.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub direction: Option<Direction>,
    /// Packet types by their names in capitals; all but CONNECT where it is empty.
    #[serde(default)]
    pub packets: Vec<String>,
    /// Only PUBLISH whose topic matches this filter; any where it is empty.
    #[serde(default)]
    pub topic: String,
    /// So many that match are let pass before it begins.
    #[ts(type = "number")]
    #[serde(default)]
    pub skip: u64,
    /// Which of those that follow.
    #[serde(default)]
    pub when: FaultWhen,
    /// What is done.
    pub action: FaultAction,
}

fn any_client() -> String {
    "*".to_owned()
}

/// Which of the packets that match.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, TS)]
#[serde(tag = "kind", rename_all = "kebab-case")]
#[ts(export)]
pub enum FaultWhen {
    /// Each.
    #[default]
    Always,
    /// The first so many.
    First {
        /// At least 1.
        #[ts(type = "number")]
        count: u64,
    },
    /// Each so-manieth.
    Every {
        /// At least 1.
        #[ts(type = "number")]
        count: u64,
    },
    /// Each with this probability; the same seed chooses the same packets again.
    Chance {
        /// From 0 to 1.
        probability: f64,
        /// Where the random numbers begin.
        #[ts(type = "number")]
        seed: u64,
    },
}

/// What is done to a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "kind", rename_all = "kebab-case")]
#[ts(export)]
pub enum FaultAction {
    /// It does not arrive.
    Drop,
    /// It arrives later, and everything behind it with it.
    Delay {
        /// Milliseconds, at most 300,000.
        ms: u32,
    },
    /// It arrives twice.
    Duplicate,
    /// The bits of one byte are turned over.
    Corrupt {
        /// Its place in the packet, the last where that is shorter; any where it is left out.
        #[ts(optional)]
        #[serde(skip_serializing_if = "Option::is_none", default)]
        at: Option<u32>,
    },
    /// Only its first bytes arrive.
    Truncate {
        /// How many, at least 1.
        bytes: u32,
    },
    /// The connection ends before it arrives.
    CutBefore,
    /// The connection ends when it has arrived.
    CutAfter,
}

/// A rule that holds, and what it has done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct FaultEntry {
    /// The rule.
    pub rule: FaultRule,
    /// Packets that it is about, since it was set.
    #[ts(type = "number")]
    pub seen: u64,
    /// Packets among them that it struck.
    #[ts(type = "number")]
    pub struck: u64,
}
