//! The side that asks.

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::time::Duration;

use serde::de::DeserializeOwned;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use super::file::ControlFile;
use super::{ANSWER, Answer, Asked, Passphrase, Request};
use crate::api::{
    AlertsState, ApiError, AuthorityKeys, BrokerClient, BrokerCounters, BrokerStatus,
    ConfigReloaded, ConfigReport, Denials, DevicesFrame, DevicesLook, DisconnectReason, ErrorCode,
    FaultEntry, FaultRule, Finding, LearnReport, LimitEntry, Page, PageRequest, QueueDropped,
    RecordProgress, RecordRequest, Refusals, RetainedCleared, RetainedEntry, RetainedRestored,
    RulesApplied, SessionDetail, SessionEntry, SessionRequest, Story, StoryRequest,
    SubscriptionEntry, SubscriptionRequest,
};
use crate::{Result, blocking};

/// How long a broker may take to answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// The broker that runs on a data folder, in another process.
#[derive(Debug)]
pub struct RemoteBroker {
    data: PathBuf,
    file: ControlFile,
}

impl RemoteBroker {
    /// Finds it.
    pub async fn find(data: PathBuf) -> Result<Self> {
        let folder = data.clone();
        match blocking(move || ControlFile::read(&folder)).await? {
            Some(file) => Ok(Self { data, file }),
            None => Err(none_runs(&data)),
        }
    }

    /// How it is.
    pub async fn status(&self) -> Result<BrokerStatus> {
        self.ask(Request::Status).await
    }

    /// What it runs with.
    pub async fn config(&self) -> Result<ConfigReport> {
        self.ask(Request::Config).await
    }

    /// Has it read its configuration again, and apply what can be applied while it runs.
    pub async fn reload(&self) -> Result<ConfigReloaded> {
        self.ask(Request::Reload).await
    }

    /// Has it read accounts and rules again, and go by them at once.
    pub async fn reload_access(&self) -> Result<RulesApplied> {
        self.ask(Request::ReloadAccess).await
    }

    /// Begins to watch what clients do.
    pub async fn learn_start(&self) -> Result<LearnReport> {
        self.ask(Request::LearnStart).await
    }

    /// Watches no more.
    pub async fn learn_stop(&self) -> Result<LearnReport> {
        self.ask(Request::LearnStop).await
    }

    /// What was learned.
    pub async fn learned(&self) -> Result<LearnReport> {
        self.ask(Request::Learned).await
    }

    /// Puts all rules that were learned in place.
    pub async fn learn_accept(&self) -> Result<RulesApplied> {
        self.ask(Request::LearnAccept).await
    }

    /// What it denied lately.
    pub async fn denials(&self) -> Result<Denials> {
        self.ask(Request::Denials).await
    }

    /// What makes it easier to break into than it need be, the gravest first.
    pub(crate) async fn findings(&self) -> Result<Vec<Finding>> {
        self.ask(Request::Findings).await
    }

    /// Who was not let in lately.
    pub async fn refusals(&self) -> Result<Refusals> {
        self.ask(Request::Refusals).await
    }

    /// What it has counted.
    pub async fn counters(&self) -> Result<BrokerCounters> {
        self.ask(Request::Counters).await
    }

    /// Its limits, and how often each was reached.
    pub async fn limits(&self) -> Result<Vec<LimitEntry>> {
        self.ask(Request::Limits).await
    }

    /// Clients that are connected, by name.
    pub async fn clients(&self, page: PageRequest) -> Result<Page<BrokerClient>> {
        self.ask(Request::Clients { page }).await
    }

    /// Sessions, connected or not, by client.
    pub async fn sessions(&self, page: PageRequest) -> Result<Page<SessionEntry>> {
        self.ask(Request::Sessions { page }).await
    }

    /// One session in full.
    pub async fn session(&self, wanted: SessionRequest) -> Result<SessionDetail> {
        self.ask(Request::Session { wanted }).await
    }

    /// Subscriptions, by client and filter.
    pub async fn subscriptions(
        &self,
        wanted: SubscriptionRequest,
        page: PageRequest,
    ) -> Result<Page<SubscriptionEntry>> {
        self.ask(Request::Subscriptions { wanted, page }).await
    }

    /// Retained messages that a filter matches, by topic.
    pub async fn retained(&self, filter: String, page: PageRequest) -> Result<Page<RetainedEntry>> {
        self.ask(Request::Retained { filter, page }).await
    }

    /// Ends a client's connection. Its will is sent.
    pub async fn disconnect(&self, client: String, reason: DisconnectReason) -> Result<()> {
        self.ask(Request::Disconnect { client, reason }).await
    }

    /// Ends a client's session, and its connection first. Its will is sent.
    pub async fn end_session(&self, client: String) -> Result<()> {
        self.ask(Request::EndSession { client }).await
    }

    /// Drops what waits to be sent to a client. What was sent and is not acknowledged stays.
    pub async fn drop_queue(&self, client: String) -> Result<QueueDropped> {
        self.ask(Request::DropQueue { client }).await
    }

    /// Puts what was dropped out of a queue back, behind what waits now. How many messages.
    pub async fn restore_queue(&self, undo: u32) -> Result<u64> {
        self.ask(Request::RestoreQueue { undo }).await
    }

    /// Takes the retained messages away that a filter matches. Subscribers are not told.
    pub async fn clear_retained(&self, filter: String) -> Result<RetainedCleared> {
        self.ask(Request::ClearRetained { filter }).await
    }

    /// Brings the retained messages of a clearing back, where there are no newer ones.
    pub async fn restore_retained(&self, undo: u32) -> Result<RetainedRestored> {
        self.ask(Request::RestoreRetained { undo }).await
    }

    /// Alert rules, and what they have raised.
    pub async fn alerts(&self) -> Result<AlertsState> {
        self.ask(Request::Alerts).await
    }

    /// Devices as they are now, a part of them.
    pub async fn devices(&self, look: DevicesLook) -> Result<DevicesFrame> {
        self.ask(Request::Devices { look }).await
    }

    /// The fault rules that hold, in their order.
    pub async fn faults(&self) -> Result<Vec<FaultEntry>> {
        self.ask(Request::Faults).await
    }

    /// Adds a fault rule behind those that hold. All of them then.
    pub async fn add_fault(&self, rule: FaultRule) -> Result<Vec<FaultEntry>> {
        self.ask(Request::AddFault { rule }).await
    }

    /// Removes the fault rule of this name, or all. Those that are left.
    pub async fn clear_faults(&self, name: Option<String>) -> Result<Vec<FaultEntry>> {
        self.ask(Request::ClearFaults { name }).await
    }

    /// The story of a message, as far as its packets are kept.
    pub async fn story(&self, wanted: StoryRequest) -> Result<Story> {
        self.ask(Request::Story { wanted }).await
    }

    /// Has it record what it sees into a new file, until it is stopped or its progress is not asked for any more.
    pub async fn record(&self, wanted: RecordRequest, path: PathBuf) -> Result<RecordProgress> {
        let path = crate::files::absolute(&path)?;
        self.ask(Request::Record { wanted, path }).await
    }

    /// How the recording goes.
    pub async fn record_progress(&self) -> Result<RecordProgress> {
        self.ask(Request::RecordProgress).await
    }

    /// Ends the recording; returns when it is written.
    pub async fn record_stop(&self) -> Result<RecordProgress> {
        self.ask(Request::RecordStop).await
    }

    /// Has it open the authority's key, do what waited for it, and hold it until it ends.
    pub async fn unlock_authority(&self, passphrase: String) -> Result<AuthorityKeys> {
        let passphrase = Passphrase(passphrase);
        self.ask(Request::UnlockAuthority { passphrase }).await
    }

    /// Has it forget the authority's key, until it is unlocked again.
    pub async fn lock_authority(&self) -> Result<AuthorityKeys> {
        self.ask(Request::LockAuthority).await
    }

    /// Has it go by the certificates as they are in the folder now. How many connections it ended.
    pub(crate) async fn certificates_changed(&self) -> Result<Option<u32>> {
        self.ask(Request::CertificatesChanged).await
    }

    async fn ask<T: DeserializeOwned>(&self, request: Request) -> Result<T> {
        let answer = tokio::time::timeout(PATIENCE, self.exchange(request)).await;
        let Ok(answer) = answer else {
            let seconds = PATIENCE.as_secs();
            let why = format!("The broker did not answer within {seconds} s.");
            return Err(ApiError::new(ErrorCode::Internal, why));
        };
        // Nobody there, or somebody who does not know the token: the file was left behind.
        let line = answer.map_err(|_| none_runs(&self.data))?;
        let Ok(answer) = serde_json::from_slice::<Answer>(&line) else {
            return Err(none_runs(&self.data));
        };
        match answer {
            Answer::Done(value) => serde_json::from_value(value).map_err(|error| {
                ApiError::new(
                    ErrorCode::Internal,
                    format!("The broker's answer is not understood: {error}."),
                )
                .hint("Is it of another version than this program?")
            }),
            Answer::Failed(error) => Err(error),
        }
    }

    async fn exchange(&self, request: Request) -> std::io::Result<Vec<u8>> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.file.port)).await?;
        let asked = Asked {
            token: self.file.token.clone(),
            request,
        };
        let mut line = serde_json::to_vec(&asked)?;
        line.push(b'\n');
        stream.write_all(&line).await?;
        let mut answer = Vec::new();
        BufReader::new(stream.take(ANSWER))
            .read_until(b'\n', &mut answer)
            .await?;
        Ok(answer)
    }
}

fn none_runs(data: &std::path::Path) -> ApiError {
    ApiError::new(
        ErrorCode::WrongState,
        format!("No broker runs on {}.", data.display()),
    )
    .hint("Start one with `mqttwb broker run` or in the window, or name its data folder with --data DIR.")
}
