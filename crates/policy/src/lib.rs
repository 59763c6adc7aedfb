//! Who may come in, and what each may do.
//!
//! Duty: access rules and their verdicts, the rules' file, password hashes, and counting failed attempts. Not here:
//! files, connections, the clock (`app` brings them).
//! Invariant: a verdict names the rule that decided; what is not allowed by a rule is denied once there is any rule; a
//! subscription is allowed only where every topic that it can match is.

mod acl;
pub mod attempts;
pub mod foreign;
pub mod learn;
pub mod password;
mod pattern;
mod rule;
mod rules;
pub mod token;
mod tree;

pub use acl::{AclError, AclMistake, write};
pub use pattern::{PatternError, TopicPattern};
pub use rule::{Action, Effect, Limits, Rule, Subjects};
pub use rules::{Decision, Exceeded, Rules, Verdict, Want, Who};
