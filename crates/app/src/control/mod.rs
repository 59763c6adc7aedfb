//! The way from a shell to a broker that runs: `mqttwb broker status` and the like.
//!
//! Duty: while a broker runs, a port of this computer at which whoever can read the data folder may ask and act; and the
//! asking side. Not here: what is asked (`BrokerControl`), how answers are printed (cli).
//! Invariant: who does not show the token of `broker.control` (mode 0600) hears nothing and changes nothing; every request,
//! answer and wait is bounded; the file is there as long as the broker runs, and one that was left behind is recognised.
//!
//! A loopback port with a token works alike on every system; a local socket would not: its path may have 108 bytes.

mod client;
mod file;
mod server;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use zeroize::{Zeroize as _, Zeroizing};

use crate::Result;
use crate::api::{
    ApiError, DevicesLook, DisconnectReason, ErrorCode, FaultRule, PageRequest, RecordRequest,
    SessionRequest, StoryRequest, SubscriptionRequest,
};
use crate::broker::{BrokerControl, not_running};

pub use client::RemoteBroker;
pub(crate) use server::Server;

/// The longest request, token included.
const REQUEST: u64 = 64 << 10;
/// The longest answer. A page of the longest lists is below it.
const ANSWER: u64 = 64 << 20;

/// What is asked, one line of JSON.
#[derive(Debug, Serialize, Deserialize)]
struct Asked {
    token: String,
    request: Request,
}

/// What opens the authority's key: shown in no log, and wiped when it is dropped.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Passphrase(String);

impl std::fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Passphrase")
    }
}

impl Drop for Passphrase {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// What can be asked of a broker that runs, or done to it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "kebab-case")]
pub(crate) enum Request {
    Status,
    Config,
    Reload,
    ReloadAccess,
    Denials,
    Findings,
    Refusals,
    LearnStart,
    LearnStop,
    Learned,
    LearnAccept,
    Counters,
    Limits,
    Clients {
        page: PageRequest,
    },
    Sessions {
        page: PageRequest,
    },
    Session {
        wanted: SessionRequest,
    },
    Subscriptions {
        wanted: SubscriptionRequest,
        page: PageRequest,
    },
    Retained {
        filter: String,
        page: PageRequest,
    },
    Disconnect {
        client: String,
        reason: DisconnectReason,
    },
    EndSession {
        client: String,
    },
    DropQueue {
        client: String,
    },
    RestoreQueue {
        undo: u32,
    },
    ClearRetained {
        filter: String,
    },
    RestoreRetained {
        undo: u32,
    },
    Faults,
    AddFault {
        rule: FaultRule,
    },
    ClearFaults {
        name: Option<String>,
    },
    Story {
        wanted: StoryRequest,
    },
    Record {
        wanted: RecordRequest,
        path: PathBuf,
    },
    RecordProgress,
    RecordStop,
    CertificatesChanged,
    UnlockAuthority {
        passphrase: Passphrase,
    },
    LockAuthority,
    Devices {
        look: DevicesLook,
    },
    Alerts,
}

impl BrokerControl {
    /// Does what another process asks.
    pub(crate) async fn answer(&self, request: Request) -> Result<serde_json::Value> {
        match request {
            Request::Status => json(self.status()),
            Request::Config => json(self.config()),
            Request::Reload => json(self.reload().await?),
            Request::ReloadAccess => json(self.reload_access().await?),
            Request::Denials => json(self.access.denials()),
            Request::Refusals => json(self.refusals()),
            Request::Findings => json(self.audit_all().await?),
            Request::LearnStart => json(self.learn_start().await?),
            Request::LearnStop => json(self.learn_stop().await?),
            Request::Learned => json(self.learned().await?),
            Request::LearnAccept => json(self.learn_accept(Vec::new()).await?),
            Request::Counters => json(self.counted()?),
            Request::Limits => json(self.limits()?),
            Request::Clients { page } => json(self.client_page(page).await?),
            Request::Sessions { page } => json(self.sessions(page).await?),
            Request::Session { wanted } => json(self.session(wanted).await?),
            Request::Subscriptions { wanted, page } => {
                json(self.subscriptions(wanted, page).await?)
            }
            Request::Retained { filter, page } => json(self.retained(&filter, page).await?),
            Request::Disconnect { client, reason } => json(self.disconnect(&client, reason).await?),
            Request::EndSession { client } => json(self.end_session(&client).await?),
            Request::DropQueue { client } => json(self.drop_queue(&client).await?),
            Request::RestoreQueue { undo } => json(self.restore_queue(undo).await?),
            Request::ClearRetained { filter } => json(self.clear_retained(&filter).await?),
            Request::RestoreRetained { undo } => json(self.restore_retained(undo).await?),
            Request::Faults => json(self.faults()?),
            Request::AddFault { rule } => json(self.add_fault(rule)?),
            Request::Record { wanted, path } => {
                let detail = self.recorded_from();
                json(self.recordings.start(wanted, Some(path), detail).await?)
            }
            Request::RecordProgress => json(self.recordings.progress()?),
            Request::RecordStop => json(self.recordings.stop().await?),
            Request::CertificatesChanged => json(self.certificates_changed().await?),
            Request::UnlockAuthority { passphrase } => json(
                self.unlock_authority(Zeroizing::new(passphrase.0.clone()))
                    .await?,
            ),
            Request::LockAuthority => json(self.lock_authority().await?),
            Request::ClearFaults { name } => json(self.clear_faults(name.as_deref())?),
            Request::Story { wanted } => json(self.story(wanted).await?),
            Request::Alerts => match self.alerts() {
                Some(alerts) => json(alerts.state()),
                None => Err(not_running()),
            },
            Request::Devices { look } => match self.devices() {
                Some(devices) => json(devices.look(look).await),
                None => Err(not_running()),
            },
        }
    }
}

fn json(value: impl Serialize) -> Result<serde_json::Value> {
    serde_json::to_value(value)
        .map_err(|error| ApiError::new(ErrorCode::Internal, error.to_string()))
}

/// The answer, one line of JSON.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Answer {
    Done(serde_json::Value),
    Failed(ApiError),
}
