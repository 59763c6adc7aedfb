//! The embedded broker.
//!
//! Duty: MQTT to clients over tcp, tls, ws and wss, on `rumqttd`'s router. Not here: certificates, keeping records,
//! configuration files. Invariant: everything of a broker ends with [`Broker::stop`]: tasks, sockets, sessions. (The
//! router's thread stays for the next one; it can't be ended.)
//!
//! ```text
//! listener ─ front (bytes, observer) ─ session (pure) ─┐ batch        ┌─ inbox ─ session ─ front
//!                                                      └── router ── hub
//! ```

mod access;
mod config;
mod counters;
mod faults;
mod front;
mod hub;
pub mod inspect;
mod journal;
mod listener;
mod message;
mod rate;
mod retained;
mod router;
pub mod session;
mod shares;
mod subscriptions;
mod sys;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use mqttwb_model::durable::StoreError;
use mqttwb_model::{FaultRule, ListenerProtocol, Observer, Timestamp};
use mqttwb_wire::ReasonCode;
use parking_lot::{Mutex, RwLock};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{Semaphore, oneshot};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use access::{
    Access, Accounts, Attempt, AuthenticationMethod, Denied, Exchange, Identity, Login, Policy,
    ProvedBy, Step, TakenAway, Verified,
};
pub use config::{BrokerConfig, Limits, ListenerConfig, Tls};
pub use counters::{CounterValues, Counters};
pub use faults::{FaultStatus, FaultsError};
pub use hub::ClientSummary;
pub use listener::ListenError;
pub use message::{Message, Origin};
pub use router::LaneError;
pub use shares::{ShareId, SharedStrategy};

use faults::Faults;
use front::{Arrival, Shared};
use hub::{Command, DurableTopics, Hub, HubHandle};
use journal::{Journal, Writer};
use session::WhenFull;

/// Why a broker did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A listener could not be opened.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// The router can carry no further broker.
    #[error(transparent)]
    Router(#[from] LaneError),
    /// What outlives the process can't be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// No thread for the journal.
    #[error("the system gives no thread: {0}")]
    Thread(#[from] std::io::Error),
}

/// A listener that accepts connections.
#[derive(Debug, Clone)]
pub struct ListenerState {
    /// As configured.
    pub config: ListenerConfig,
    /// The address that it has, where port 0 was asked for.
    pub address: SocketAddr,
    clients: Arc<AtomicU32>,
}

impl ListenerState {
    /// Connections that it has now.
    pub fn clients(&self) -> u32 {
        self.clients.load(Relaxed)
    }
}

/// A broker that runs.
pub struct Broker {
    listeners: Vec<ListenerState>,
    counters: Arc<Counters>,
    hub: HubHandle,
    hub_task: Mutex<Option<JoinHandle<()>>>,
    journal: Option<Journal>,
    writer: Mutex<Option<Writer>>,
    tasks: TaskTracker,
    stop: CancellationToken,
    shared: Arc<Shared>,
    since: Timestamp,
}

impl Broker {
    /// Opens every listener, or none. When this returns they accept connections.
    pub async fn start(
        config: BrokerConfig,
        observer: Arc<dyn Observer>,
    ) -> Result<Self, StartError> {
        let mut bound: Vec<listener::Listening> = Vec::new();
        for listener in config.listeners {
            let listening = listener::bind(listener, &bound).await?;
            bound.push(listening);
        }
        let limits = config.limits.within_bounds();
        let counters = Arc::new(Counters::default());
        let mut writer = None;
        let mut durability = None;
        let mut restored = None;
        // Refusing needs the hub's answer before each acknowledgement, as keeping does.
        let refuses = limits.queue.when_full == WhenFull::Refuse;
        let store = config
            .store
            .or_else(|| refuses.then(journal::keeps_nothing));
        if let Some(store) = store {
            let reads = store.clone();
            let found = tokio::task::spawn_blocking(move || reads.restore());
            restored = Some(found.await.map_err(|error| {
                StoreError::Other(format!("the store could not be read: {error}"))
            })??);
            let (journal, writes) = Journal::open(store)?;
            writer = Some(writes);
            durability = Some((journal, Arc::new(DurableTopics::default())));
        }
        let (journal, topics) = durability.clone().unzip();
        let mut state = Hub::new(
            limits.clone(),
            config.shared_strategy,
            counters.clone(),
            journal,
            topics.unwrap_or_default(),
        );
        if let Some(restored) = restored
            && let Err(why) = state.restore(restored, Timestamp::now())
        {
            return Err(StoreError::Damaged(why).into());
        }
        if !config.sys_interval.is_zero() {
            state.tell_of_itself(config.sys_interval, Timestamp::now());
        }
        if let Some(policy) = &config.access.policy {
            state.ask(policy.clone());
        }
        let (sender, receiver) = router::open()?;
        let hub = HubHandle::new(sender);
        let hub_task = tokio::spawn(hub::run(state, hub.clone(), receiver));
        let stop = CancellationToken::new();
        let shared = Arc::new(Shared {
            hub: hub.clone(),
            limits: RwLock::new(Arc::new(limits)),
            access: config.access,
            response_prefix: config.response_prefix,
            addresses: Arc::default(),
            turning_away: Arc::new(Semaphore::new(front::TURNING_AWAY)),
            verifying: Semaphore::new(front::VERIFYING),
            counters: counters.clone(),
            durability: durability.clone(),
            observer,
            faults: Faults::default(),
            stop: stop.clone(),
        });
        let tasks = TaskTracker::new();
        let mut listeners = Vec::new();
        for listening in bound {
            listeners.push(ListenerState {
                config: listening.config.clone(),
                address: listening.address,
                clients: listening.clients.clone(),
            });
            tasks.spawn(listening.run(shared.clone(), tasks.clone()));
        }
        Ok(Self {
            listeners,
            counters,
            hub,
            hub_task: Mutex::new(Some(hub_task)),
            journal: durability.map(|(journal, _)| journal),
            writer: Mutex::new(writer),
            tasks,
            stop,
            shared,
            since: Timestamp::now(),
        })
    }

    /// Its listeners.
    pub fn listeners(&self) -> &[ListenerState] {
        &self.listeners
    }

    /// Since when it runs.
    pub fn since(&self) -> Timestamp {
        self.since
    }

    /// What it counted.
    pub fn counters(&self) -> &Arc<Counters> {
        &self.counters
    }

    /// Serves a connection that came another way than by a listener, in memory for instance, until it ends. `by` names
    /// the way. The limits of listeners, how many may connect and how fast, are the caller's here.
    pub fn serve<S>(&self, stream: S, by: &str) -> impl Future<Output = ()> + Send + use<S>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send,
    {
        let arrival = Arrival {
            listener: by.into(),
            protocol: ListenerProtocol::Tcp,
            peer: (Ipv4Addr::LOCALHOST, 0).into(),
            certificate: None,
            deadline: tokio::time::Instant::now() + self.shared.limits().connect_timeout,
            turned_away: None,
        };
        self.tasks
            .track_future(front::serve(stream, self.shared.clone(), arrival))
    }

    /// The fault rules that hold, and what each has done.
    pub fn faults(&self) -> Vec<FaultStatus> {
        self.shared.faults.list()
    }

    /// Changes the fault rules; they count from the next packet of each connection on. A rule that stays as it is goes on
    /// counting. Where the rules can't be, nothing changes.
    pub fn change_faults(
        &self,
        change: impl FnOnce(&mut Vec<FaultRule>),
    ) -> Result<(), FaultsError> {
        self.shared.faults.change(change)
    }

    /// Puts other fault rules in place of those that hold.
    pub fn set_faults(&self, rules: Vec<FaultRule>) -> Result<(), FaultsError> {
        self.change_faults(|held| *held = rules)
    }

    /// Sets the limits that hold from now on. Those of the whole broker hold at once, those of a connection for
    /// connections that are made from now on, and how much may wait for a client when it connects next, or at once while
    /// it is away. Nothing that is there already is taken away. What becomes of a message for a full queue stays as it
    /// was at the start.
    pub async fn set_limits(&self, limits: Limits) {
        let mut limits = limits.within_bounds();
        {
            let mut hold = self.shared.limits.write();
            limits.queue.when_full = hold.queue.when_full;
            *hold = Arc::new(limits.clone());
        }
        let (reply, done) = oneshot::channel();
        self.hub.send(Command::SetLimits(Box::new(limits), reply));
        // Gone with the hub: then nothing holds any more.
        let _ = done.await;
    }

    /// Clients that are connected, by name, at most so many.
    pub async fn clients(&self, at_most: usize) -> Vec<ClientSummary> {
        let (reply, answer) = oneshot::channel();
        self.hub.send(Command::Clients { at_most, reply });
        answer.await.unwrap_or_default()
    }

    /// Ends every connection, MQTT 5 clients with [`ReasonCode::SERVER_SHUTTING_DOWN`]. When this returns, ports are
    /// free and no task is left. A second call finds nothing to do.
    pub async fn stop(&self) {
        let Some(hub_task) = self.hub_task.lock().take() else {
            return;
        };
        self.stop.cancel();
        self.hub
            .send(Command::EndAll(ReasonCode::SERVER_SHUTTING_DOWN));
        self.tasks.close();
        self.tasks.wait().await;
        self.hub.send(Command::Stop);
        if let Err(error) = hub_task.await {
            tracing::error!(%error, "the hub failed");
        }
        let writer = self.writer.lock().take();
        if let Some(writer) = writer {
            let ended = tokio::task::spawn_blocking(move || writer.end());
            if let Err(error) = ended.await {
                tracing::error!(%error, "the journal failed");
            }
        }
    }

    /// Why nothing that must outlive the process can be kept at present; `None` where all is well, or nothing is kept.
    pub fn store_failure(&self) -> Option<StoreError> {
        self.journal.as_ref().and_then(Journal::failure)
    }
}
