//! What can be written after `mqttwb account` and `mqttwb access`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use mqttwb_app::api::AccessAction;

/// What to do with accounts. A broker that runs on the data folder goes by a change at once.
#[derive(Debug, Subcommand)]
pub enum AccountCommand {
    /// Make an account; its password is asked for, or read from standard input
    Add {
        /// User name
        #[arg(value_name = "NAME")]
        name: String,
        /// A group that it is in; may be given several times
        #[arg(long = "group", value_name = "GROUP")]
        groups: Vec<String>,
    },
    /// Remove an account; its connections end
    Remove {
        /// User name
        #[arg(value_name = "NAME")]
        name: String,
    },
    /// List the accounts
    List,
    /// Change the password of an account; it is asked for, or read from standard input
    Password {
        /// User name
        #[arg(value_name = "NAME")]
        name: String,
    },
    /// Say which groups an account is in; none where none is given
    Groups {
        /// User name
        #[arg(value_name = "NAME")]
        name: String,
        /// The groups
        #[arg(value_name = "GROUP")]
        groups: Vec<String>,
    },
    /// Take over the accounts of a mosquitto password file, with their passwords
    Import {
        /// The file
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
}

/// What to do with access rules.
#[derive(Debug, Subcommand)]
pub enum AccessCommand {
    /// Look for mistakes in a file of rules; acl.toml in the data folder where none is named
    Check {
        /// The file
        #[arg(value_name = "FILE")]
        file: Option<PathBuf>,
    },
    /// Put a file of rules in place; a broker that runs goes by it at once
    Import {
        /// The file
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Print the rules that are in place, as a file
    Export {
        /// In the words of another broker; what it can't say is told on standard error
        #[arg(long, value_name = "BROKER", value_enum)]
        to: Option<OtherBroker>,
    },
    /// Print the rules of mosquitto's ACL file as a file of rules; nothing is changed
    Translate {
        /// mosquitto's acl_file
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Watch what clients do, and make the narrowest rules that allow it
    #[command(subcommand)]
    Learn(LearnCommand),
    /// Say whether somebody may do something, and which rule decides
    Whatif(WhatIfArguments),
    /// Say what everybody who is known may do with a topic
    Who {
        /// Topic name, or filter
        #[arg(value_name = "TOPIC")]
        topic: String,
    },
    /// What the broker that runs has denied lately
    Denials,
    /// Say what a token (JWT) proves, or why it would not be taken; it is asked for, or read from standard input
    Token {
        /// Client identifier of who shows it
        #[arg(long, value_name = "ID", default_value = "")]
        client: String,
    },
}

/// A broker with rules of its own.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum OtherBroker {
    /// acl_file
    Mosquitto,
    /// acl.conf
    Emqx,
}

/// `mqttwb access learn …`
#[derive(Debug, Subcommand)]
pub enum LearnCommand {
    /// Begin to watch what clients of the broker that runs do
    Start,
    /// Watch no more
    Stop,
    /// Print the rules that come of what was seen; nothing is changed
    Show,
    /// Put those rules behind the ones that are there; the broker goes by them at once
    Accept,
}

/// `NAME=VALUE`
fn claim(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

/// Who wants what.
#[derive(Debug, Args)]
pub struct WhatIfArguments {
    /// What is wanted
    #[arg(value_name = "ACTION")]
    pub action: Wanted,
    /// Topic name, or filter
    #[arg(value_name = "TOPIC")]
    pub topic: String,
    /// Client identifier
    #[arg(long, value_name = "ID", default_value = "")]
    pub client: String,
    /// The account, as if it had been proved
    #[arg(long, value_name = "NAME", default_value = "")]
    pub account: String,
    /// The name in a certificate
    #[arg(long, value_name = "NAME", default_value = "")]
    pub certificate: String,
    /// A claim of its token, as if it had been proved; can be given more than once
    #[arg(long = "claim", value_name = "NAME=VALUE", value_parser = claim)]
    pub claims: Vec<(String, String)>,
    /// QoS: 0, 1 or 2
    #[arg(short, long, value_name = "QOS", default_value_t = 0, value_parser = clap::value_parser!(u8).range(0..=2))]
    pub qos: u8,
    /// With the retain flag
    #[arg(short, long)]
    pub retain: bool,
}

/// What can be wanted.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Wanted {
    /// To publish
    Publish,
    /// To subscribe
    Subscribe,
    /// To leave a last will
    Will,
}

impl From<Wanted> for AccessAction {
    fn from(wanted: Wanted) -> Self {
        match wanted {
            Wanted::Publish => Self::Publish,
            Wanted::Subscribe => Self::Subscribe,
            Wanted::Will => Self::Will,
        }
    }
}
