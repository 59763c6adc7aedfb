//! What was allowed, looked at again: when rules have changed, and when a session is resumed.

use super::*;
use crate::access::Attempt;

impl Hub {
    /// Asks this one from now on.
    pub(crate) fn ask(&mut self, policy: Arc<dyn Policy>) {
        self.policy = Some(policy);
    }

    /// Whether somebody may have this subscription, by the rules that hold when the hub comes to it.
    pub(super) fn may_subscribe(&self, key: u32, filter: &TopicFilter, qos: QoS) -> bool {
        match (&self.policy, &self.clients[key as usize].identity) {
            (Some(policy), Some(who)) => policy
                .again(who, &Attempt::Subscribe { filter, qos })
                .is_ok(),
            _ => true,
        }
    }

    /// Takes away the subscriptions and wills of all clients that the rules do not allow any more, and what waits of them.
    /// MQTT has no word for it, so clients are not told.
    pub(super) fn recheck(&mut self, now: Timestamp) -> Rechecked {
        let keys: Vec<u32> = self.by_id.values().copied().collect();
        let mut all = Rechecked::default();
        for key in keys {
            let (taken, forbidden) = self.recheck_client(key);
            all.taken.extend(taken);
            if let Some(forbidden) = forbidden {
                let id = self.clients[key as usize].id.clone();
                all.withheld.push(self.withhold(&id, forbidden, now));
            }
        }
        all
    }

    /// A client has proved again who it is: the rules for who it is now hold for what it has.
    pub(super) fn proved(&mut self, id: &ClientId, connection: ConnectionId, identity: Identity) {
        let Some(&key) = self.by_id.get(id) else {
            return;
        };
        let client = &mut self.clients[key as usize];
        // Another connection may have taken the session over meanwhile.
        if client.connection() != connection {
            return;
        }
        client.identity = Some(identity);
        let (taken, forbidden) = self.recheck_client(key);
        for TakenAway { topic, rule, .. } in taken {
            tracing::info!(client = %id, topic, rule, "taken away: it proved again who it is");
        }
        if let Some(forbidden) = forbidden {
            self.withhold(id, forbidden, Timestamp::now());
        }
    }

    /// The same of one client; what waits of it is for the caller to withhold.
    pub(super) fn recheck_client(&mut self, key: u32) -> (Vec<TakenAway>, Option<Forbidden>) {
        let Some(policy) = self.policy.clone() else {
            return (Vec::new(), None);
        };
        let client = &mut self.clients[key as usize];
        let Some(who) = &client.identity else {
            return (Vec::new(), None);
        };
        let mut taken = Vec::new();
        for (filter, (options, _)) in &client.filters {
            let qos = options.qos;
            if let Err(denied) = policy.again(who, &Attempt::Subscribe { filter, qos }) {
                taken.push((filter.clone(), denied.rule));
            }
        }
        let will = match &client.state {
            State::Online(online) => online.will.as_ref().map(|will| &will.message),
            State::Offline(offline) => offline.will.as_ref().map(|(_, message)| message),
        };
        let will = will.and_then(|will| {
            let attempt = Attempt::Will {
                topic: will.topic(),
                qos: will.qos(),
                retain: will.retain(),
            };
            let denied = policy.again(who, &attempt).err()?;
            Some((will.topic().to_owned(), denied.rule))
        });
        if will.is_some() {
            match &mut client.state {
                State::Online(online) => online.will = None,
                // Its deadline finds nothing to send.
                State::Offline(offline) => offline.will = None,
            }
        }
        let id = client.id.clone();
        let filters: Vec<TopicFilter> = taken.iter().map(|(filter, _)| filter.clone()).collect();
        if !filters.is_empty() {
            self.unsubscribe(&id, &filters);
        }
        let forbidden = self.forbidden(key, &filters);
        let is_will = |is_will| {
            let id = id.clone();
            move |(topic, rule)| TakenAway {
                client: id.clone(),
                topic,
                is_will,
                rule,
            }
        };
        let filters = taken
            .into_iter()
            .map(|(filter, rule)| (filter.as_str().to_owned(), rule))
            .map(is_will(false));
        let all = filters.chain(will.into_iter().map(is_will(true))).collect();
        (all, forbidden)
    }
}
