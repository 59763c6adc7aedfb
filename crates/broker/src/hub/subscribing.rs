//! Who wants what: subscriptions come and go, and bring the retained messages that they ask for.

use super::*;

impl Hub {
    pub(super) fn count_subscriptions(&self) {
        self.counters
            .subscriptions
            .store(self.subscriptions.len() as u64, Relaxed);
    }

    pub(super) fn subscribe(
        &mut self,
        client: &ClientId,
        filters: Vec<(TopicFilter, SubscriptionOptions)>,
        id: Option<u32>,
        now: Timestamp,
    ) -> Vec<bool> {
        let Some(&key) = self.by_id.get(client) else {
            return vec![false; filters.len()];
        };
        self.matches.clear();
        let mut granted = Vec::with_capacity(filters.len());
        for (filter, options) in filters {
            let own = &self.clients[key as usize].filters;
            if own.len() >= self.limits.subscriptions_per_client && !own.contains_key(&filter) {
                granted.push(false);
                continue;
            }
            if !self.may_subscribe(key, &filter, options.qos) {
                granted.push(false); // the rules have changed since it was asked
                continue;
            }
            granted.push(true);
            let subscription = Subscription {
                subscriber: Subscriber(key),
                options,
                id,
            };
            let new = self.subscriptions.insert(&filter, subscription);
            let wanted = match options.retain_handling {
                _ if filter.share_name().is_some() => false, // section 4.8.2
                RetainHandling::OnSubscribe => true,
                RetainHandling::IfNew => new, // [MQTT-3.3.1-10]
                RetainHandling::Never => false,
            };
            if wanted {
                self.send_retained(key, &filter, options.qos, id, now);
            }
            let client = &mut self.clients[key as usize];
            if let Some(session) = client.durable {
                self.durable.subscribe(session, &filter, options, id, new);
            }
            client.filters.insert(filter, (options, id));
        }
        self.count_subscriptions();
        granted
    }

    fn send_retained(
        &mut self,
        key: u32,
        filter: &TopicFilter,
        qos: QoS,
        id: Option<u32>,
        now: Timestamp,
    ) {
        let ids: SubscriptionIds = id.into_iter().collect();
        let client = &mut self.clients[key as usize];
        let mut pending = match &mut client.state {
            State::Online(online) => std::mem::take(&mut online.pending),
            State::Offline(_) => return,
        };
        let sys = self
            .sys
            .iter()
            .flat_map(|sys| sys.retained.matching(filter, now));
        for message in self.retained.matching(filter, now).chain(sys) {
            // [MQTT-3.3.1-8]
            let delivery = client.delivery(message, qos.min(message.qos()), true, &ids);
            if let Some(session) = client.durable.filter(|_| delivery.seq > 0) {
                self.durable.enqueue(session, &delivery, None);
            }
            pending.push_back(delivery);
        }
        if let State::Online(online) = &mut client.state {
            if !pending.is_empty() {
                self.dirty.push(key);
            }
            online.pending = pending;
        }
    }

    pub(super) fn unsubscribe(&mut self, client: &ClientId, filters: &[TopicFilter]) -> Vec<bool> {
        let Some(&key) = self.by_id.get(client) else {
            return vec![false; filters.len()];
        };
        self.matches.clear();
        let client = &mut self.clients[key as usize];
        let removed = filters
            .iter()
            .map(|filter| {
                let removed = client.filters.remove(filter).is_some();
                if let Some(session) = client.durable.filter(|_| removed) {
                    self.durable.unsubscribe(session, filter);
                }
                self.subscriptions.remove(filter, Subscriber(key))
            })
            .collect();
        self.count_subscriptions();
        removed
    }
}
