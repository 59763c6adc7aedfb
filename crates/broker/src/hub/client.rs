//! A client as the hub knows it: connected, or away with a session that waits.

use super::*;

#[derive(Debug)]
pub(super) struct Online {
    pub(super) info: Arc<ConnectionInfo>,
    pub(super) inbox: Arc<Inbox>,
    pub(super) counters: Arc<ConnectionCounters>,
    pub(super) connected_at: Timestamp,
    pub(super) keep_alive: Duration,
    pub(super) session_expiry: u32,
    pub(super) will: Option<StoredWill>,
    /// Deliveries of the batch at hand, put into the inbox together.
    pub(super) pending: VecDeque<Delivery>,
    /// Who waits for the connection to be gone: told by being dropped.
    pub(super) gone: Vec<oneshot::Sender<()>>,
}

#[derive(Debug)]
pub(super) struct Offline {
    pub(super) session: Session,
    /// The connection that it had last: a will comes from there.
    pub(super) last: ConnectionId,
    /// When the session ends; `None` for never.
    pub(super) expires: Option<Timestamp>,
    pub(super) away_since: Timestamp,
    pub(super) session_expiry: u32,
    pub(super) version: ProtocolVersion,
    pub(super) will: Option<(Timestamp, Message)>,
}

#[derive(Debug)]
pub(super) enum State {
    Online(Online),
    Offline(Box<Offline>),
}

#[derive(Debug)]
pub(super) struct Client {
    pub(super) id: ClientId,
    pub(super) state: State,
    /// Who it is, or was last; `None` for a session of another run.
    pub(super) identity: Option<Identity>,
    /// What it subscribed, each with its subscription identifier.
    pub(super) filters: HashMap<TopicFilter, (SubscriptionOptions, Option<u32>)>,
    /// Its number in the store, where it must outlive the process.
    pub(super) durable: Option<SessionKey>,
    /// The number of its next delivery above QoS 0.
    pub(super) next_seq: u64,
    /// Connections that want to take this session over, once the one that has it gives it back.
    pub(super) waiting: VecDeque<Box<Attach>>,
}

impl Client {
    /// A delivery to this client, numbered where it is above QoS 0.
    pub(super) fn delivery(
        &mut self,
        message: &Message,
        qos: QoS,
        retain: bool,
        subscription_ids: &SubscriptionIds,
    ) -> Delivery {
        let mut delivery = Delivery {
            qos,
            retain,
            ..Delivery::at_most_once(message, subscription_ids)
        };
        if qos > QoS::AtMostOnce {
            delivery.seq = self.next_seq;
            self.next_seq += 1;
        }
        delivery
    }

    /// The connection that it has, or had last: its will comes from there.
    pub(super) fn connection(&self) -> ConnectionId {
        match &self.state {
            State::Online(online) => online.info.id,
            State::Offline(offline) => offline.last,
        }
    }
}

pub(super) fn online(
    attach: Attach,
    inbox: Arc<Inbox>,
) -> (Online, oneshot::Sender<Result<Attached, ReasonCode>>) {
    let online = Online {
        info: attach.info,
        inbox,
        counters: attach.counters,
        connected_at: attach.connected_at,
        keep_alive: attach.terms.keep_alive,
        session_expiry: attach.session_expiry,
        will: attach.will,
        pending: VecDeque::new(),
        gone: Vec::new(),
    };
    (online, attach.reply)
}
