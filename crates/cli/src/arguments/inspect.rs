//! What can be asked of a broker that runs, and done to it.

use clap::{Args, Subcommand, ValueEnum};
use mqttwb_app::api::{DisconnectReason, PageRequest};

use super::FaultCommand;

/// What to ask, or to do.
#[derive(Debug, Subcommand)]
pub enum InspectCommand {
    /// How the broker is that runs on the data folder: its listeners, and since when it runs
    Status,
    /// Read the configuration again, and apply what can be applied while the broker runs; SIGHUP does the same
    Reload,
    /// Clients that are connected
    Clients(Paging),
    /// Sessions, of clients that are connected and of clients that are away
    Sessions(Paging),
    /// One session: its subscriptions, its will, and the messages that wait in it
    Session(SessionArguments),
    /// Subscriptions
    Subscriptions {
        /// Those of this client alone
        #[arg(long, value_name = "ID")]
        client: Option<String>,
        /// Those alone that a message of this topic matches
        #[arg(long, value_name = "TOPIC")]
        topic: Option<String>,
        /// Which part of them.
        #[command(flatten)]
        paging: Paging,
    },
    /// Retained messages: age, publisher, size
    Retained {
        /// Those that this filter matches
        #[arg(value_name = "FILTER", default_value = "#")]
        filter: String,
        /// Which part of them.
        #[command(flatten)]
        paging: Paging,
    },
    /// What the broker has counted since its start
    Counters,
    /// The limits that hold, and how often each was reached
    Limits,
    /// Who was not let in lately, from where and why; the newest first
    Refusals,
    /// End a client's connection; its session and its subscriptions stay, its will is sent
    Disconnect {
        /// Client identifier
        #[arg(value_name = "CLIENT")]
        client: String,
        /// What an MQTT 5 client is told
        #[arg(long, value_enum, default_value_t)]
        reason: Reason,
    },
    /// End a client's session, and its connection first: what waits for it is dropped, its will is sent
    EndSession {
        /// Client identifier
        #[arg(value_name = "CLIENT")]
        client: String,
    },
    /// Drop what waits to be sent to a client; what was sent and is not acknowledged stays
    DropQueue {
        /// Client identifier
        #[arg(value_name = "CLIENT")]
        client: String,
    },
    /// Put back what drop-queue has dropped, behind what waits now
    RestoreQueue {
        /// The number that drop-queue has printed
        #[arg(value_name = "NUMBER")]
        number: u32,
    },
    /// Clear retained messages; without --yes, show which these would be
    ClearRetained {
        /// Those that this filter matches
        #[arg(value_name = "FILTER")]
        filter: String,
        /// Clear them
        #[arg(long)]
        yes: bool,
    },
    /// Bring back what clear-retained has cleared, where nothing newer is retained
    Undo {
        /// The number that clear-retained has printed
        #[arg(value_name = "NUMBER")]
        number: u32,
    },
    /// Lose, delay and damage packets on purpose
    #[command(subcommand)]
    Faults(FaultCommand),
}

/// Which part of a list.
#[derive(Debug, Args)]
pub struct Paging {
    /// At most so many
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub limit: u32,
    /// Those after this one, as it is printed below a list that goes on
    #[arg(long, value_name = "KEY")]
    pub after: Option<String>,
    /// All of them
    #[arg(long, conflicts_with_all = ["limit", "after"])]
    pub all: bool,
}

impl Paging {
    /// The first page.
    pub fn first(&self) -> PageRequest {
        PageRequest {
            after: self.after.clone(),
            count: if self.all { 1_000 } else { self.limit },
        }
    }
}

/// Which session, and which part of it.
#[derive(Debug, Args)]
pub struct SessionArguments {
    /// Client identifier
    #[arg(value_name = "CLIENT")]
    pub client: String,
    /// The first message to show of each list, from 0
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub from: u32,
    /// At most so many of each list
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub limit: u32,
}

/// What an MQTT 5 client is told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Reason {
    /// 0x98
    #[default]
    AdministrativeAction,
    /// 0x87
    NotAuthorized,
    /// 0x89
    ServerBusy,
    /// 0x97
    QuotaExceeded,
    /// 0x80
    UnspecifiedError,
}

impl From<Reason> for DisconnectReason {
    fn from(reason: Reason) -> Self {
        match reason {
            Reason::AdministrativeAction => Self::AdministrativeAction,
            Reason::NotAuthorized => Self::NotAuthorized,
            Reason::ServerBusy => Self::ServerBusy,
            Reason::QuotaExceeded => Self::QuotaExceeded,
            Reason::UnspecifiedError => Self::UnspecifiedError,
        }
    }
}
