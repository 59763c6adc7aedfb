//! One rule: who, what, where, and within which limits.

use std::fmt;

use mqttwb_model::QoS;

use crate::pattern::TopicPattern;

/// What a rule says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// It may be.
    Allow,
    /// It may not.
    Deny,
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
        })
    }
}

/// What a rule speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// PUBLISH, and the last will.
    Publish,
    /// SUBSCRIBE.
    Subscribe,
    /// Either.
    Both,
}

impl Action {
    /// Whether publishing is meant.
    pub fn publishes(self) -> bool {
        self != Self::Subscribe
    }

    /// Whether subscribing is meant.
    pub fn subscribes(self) -> bool {
        self != Self::Publish
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Publish => "publish",
            Self::Subscribe => "subscribe",
            Self::Both => "both",
        })
    }
}

/// Whom a rule is for: whoever is in one of these lists. All of them empty is everybody.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Subjects {
    /// User names that were proved.
    pub accounts: Vec<String>,
    /// Names in certificates, as the listener takes them.
    pub certificates: Vec<String>,
    /// Groups of accounts, of tokens, and of the file.
    pub groups: Vec<String>,
    /// Client identifiers. A client chooses its own: they are no proof of who it is.
    pub clients: Vec<String>,
}

impl Subjects {
    /// Whether it is for everybody.
    pub fn is_everybody(&self) -> bool {
        let Self {
            accounts,
            certificates,
            groups,
            clients,
        } = self;
        accounts.is_empty() && certificates.is_empty() && groups.is_empty() && clients.is_empty()
    }
}

/// How far an allowance goes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Limits {
    /// The highest QoS; `None` is any.
    pub max_qos: Option<QoS>,
    /// Whether messages may be retained; `None` is yes.
    pub retain: Option<bool>,
    /// How many levels a filter must name before its first wildcard; 0 is none.
    pub fixed_levels: u32,
}

/// A rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Its name; empty where nobody gave it one.
    pub name: String,
    /// The line that it begins at in its file, from 1; 0 for a rule that is in no file.
    pub line: u32,
    /// What it says.
    pub effect: Effect,
    /// Of what.
    pub action: Action,
    /// Of which topics: any of these.
    pub topics: Vec<TopicPattern>,
    /// For whom.
    pub subjects: Subjects,
    /// How far, where it allows.
    pub limits: Limits,
}

impl fmt::Display for Rule {
    /// As a verdict names it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("rule ")?;
        if !self.name.is_empty() {
            write!(f, "\"{}\" ", self.name)?;
        }
        match self.line {
            0 => write!(f, "({} {})", self.effect, self.action),
            line => write!(f, "at line {line} ({} {})", self.effect, self.action),
        }
    }
}
