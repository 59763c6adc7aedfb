//! What can be said of fault rules.

use clap::{Args, Subcommand, ValueEnum};
use mqttwb_app::api::{Direction, FaultAction, FaultRule, FaultWhen};

/// What to do with fault rules.
#[derive(Debug, Subcommand)]
pub enum FaultCommand {
    /// The rules that hold, and how many packets each has seen and struck
    List,
    /// Add a rule behind those that hold
    Add(AddFault),
    /// Remove a rule, or all
    Clear {
        /// The name of the rule; all where it is left out
        #[arg(value_name = "NAME")]
        name: Option<String>,
    },
}

/// A fault rule.
#[derive(Debug, Args)]
pub struct AddFault {
    /// Its name
    #[arg(value_name = "NAME")]
    pub name: String,
    /// drop, delay=MS, duplicate, corrupt, corrupt=PLACE, truncate=BYTES, cut-before or cut-after
    #[arg(value_name = "ACTION", value_parser = action)]
    pub action: FaultAction,
    /// Whose packets; * stands for any run of characters
    #[arg(long, value_name = "PATTERN", default_value = "*")]
    pub client: String,
    /// Packets that go this way alone
    #[arg(long, value_enum)]
    pub direction: Option<Way>,
    /// Packets of this type, as PUBLISH; may be given more than once
    #[arg(long, value_name = "TYPE")]
    pub packet: Vec<String>,
    /// PUBLISH alone whose topic matches this filter
    #[arg(long, value_name = "FILTER", default_value = "")]
    pub topic: String,
    /// Let so many pass before it begins
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub skip: u64,
    /// The first N alone
    #[arg(long, value_name = "N", group = "when")]
    pub first: Option<u64>,
    /// Each Nth alone
    #[arg(long, value_name = "N", group = "when")]
    pub every: Option<u64>,
    /// Each with this probability, from 0 to 1
    #[arg(long, value_name = "P", group = "when")]
    pub chance: Option<f64>,
    /// Where the random numbers of --chance begin
    #[arg(long, value_name = "N", default_value_t = 0, requires = "chance")]
    pub seed: u64,
}

/// Which way packets go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Way {
    /// From a client
    ToBroker,
    /// To a client
    ToClient,
}

impl From<AddFault> for FaultRule {
    fn from(wanted: AddFault) -> Self {
        let when = match (wanted.first, wanted.every, wanted.chance) {
            (Some(count), _, _) => FaultWhen::First { count },
            (_, Some(count), _) => FaultWhen::Every { count },
            (_, _, Some(probability)) => FaultWhen::Chance {
                probability,
                seed: wanted.seed,
            },
            (None, None, None) => FaultWhen::Always,
        };
        Self {
            name: wanted.name,
            client: wanted.client,
            direction: wanted.direction.map(|way| match way {
                Way::ToBroker => Direction::ToBroker,
                Way::ToClient => Direction::ToClient,
            }),
            packets: wanted.packet,
            topic: wanted.topic,
            skip: wanted.skip,
            when,
            action: wanted.action,
        }
    }
}

fn action(text: &str) -> Result<FaultAction, String> {
    let (word, number) = match text.split_once('=') {
        Some((word, number)) => {
            let number = number.parse::<u32>();
            let number = number.map_err(|_| format!("{text}: a whole number follows the ="))?;
            (word, Some(number))
        }
        None => (text, None),
    };
    match (word, number) {
        ("drop", None) => Ok(FaultAction::Drop),
        ("delay", Some(ms)) => Ok(FaultAction::Delay { ms }),
        ("duplicate", None) => Ok(FaultAction::Duplicate),
        ("corrupt", at) => Ok(FaultAction::Corrupt { at }),
        ("truncate", Some(bytes)) => Ok(FaultAction::Truncate { bytes }),
        ("cut-before", None) => Ok(FaultAction::CutBefore),
        ("cut-after", None) => Ok(FaultAction::CutAfter),
        _ => Err(
            "one of drop, delay=MS, duplicate, corrupt, corrupt=PLACE, truncate=BYTES, cut-before, cut-after"
                .to_owned(),
        ),
    }
}

/// An action as it is written.
pub fn action_text(action: FaultAction) -> String {
    match action {
        FaultAction::Drop => "drop".to_owned(),
        FaultAction::Delay { ms } => format!("delay={ms}"),
        FaultAction::Duplicate => "duplicate".to_owned(),
        FaultAction::Corrupt { at: None } => "corrupt".to_owned(),
        FaultAction::Corrupt { at: Some(at) } => format!("corrupt={at}"),
        FaultAction::Truncate { bytes } => format!("truncate={bytes}"),
        FaultAction::CutBefore => "cut-before".to_owned(),
        FaultAction::CutAfter => "cut-after".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_action_reads_back_as_it_is_written() {
        for text in [
            "drop",
            "delay=200",
            "duplicate",
            "corrupt",
            "corrupt=3",
            "truncate=9",
            "cut-before",
            "cut-after",
        ] {
            assert_eq!(action(text).map(action_text), Ok(text.to_owned()));
        }
        for wrong in ["", "lose", "delay", "delay=soon", "drop=3", "truncate"] {
            assert!(action(wrong).is_err(), "{wrong}");
        }
    }
}
