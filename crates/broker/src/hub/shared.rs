//! Shared subscriptions: whom each message goes to, and what a member leaves behind when its session ends.

use mqttwb_model::durable::ShareRecord;

use super::*;
use crate::shares::{Members, Presence, ShareId, Shares};

/// The members as the hub knows them.
struct Known<'a> {
    clients: &'a Slab<Client>,
    /// The broker stops: sessions that end with their connections keep nothing any more.
    stopping: bool,
}

impl Known<'_> {
    fn online(&self, member: Subscriber) -> Option<&Online> {
        match &self.clients.get(member.0 as usize)?.state {
            State::Online(online) => Some(online),
            State::Offline(_) => None,
        }
    }
}

impl Members for Known<'_> {
    fn presence(&self, member: Subscriber) -> Presence {
        match self.clients.get(member.0 as usize).map(|c| &c.state) {
            Some(State::Online(online)) if self.stopping && online.session_expiry == 0 => {
                Presence::Gone
            }
            Some(State::Online(_)) => Presence::Connected,
            Some(State::Offline(_)) => Presence::Away,
            None => Presence::Gone,
        }
    }

    fn backlog(&self, member: Subscriber) -> usize {
        self.online(member).map_or(0, |online| {
            online.pending.len() + online.inbox.len() + online.counters.backlog.load(Relaxed)
        })
    }
}

impl Hub {
    /// The shared subscription that a delivery was made for which the store has kept. One that nobody is a member of any
    /// more has ended, with what waited for it.
    pub(super) fn share_of<'a>(
        shares: &Shares,
        kept: &ShareRecord,
        filters: impl Iterator<Item = &'a TopicFilter>,
        topic: &str,
    ) -> Option<ShareId> {
        match kept {
            ShareRecord::Own => None,
            ShareRecord::Of(filter) => shares.of(filter),
            ShareRecord::Unknown => Self::likely_share(shares, filters, topic),
        }
    }

    /// The same of a session with these filters, as far as the delivery's topic tells. Where the client has subscribed by
    /// itself too, the message is taken to be its own.
    fn likely_share<'a>(
        shares: &Shares,
        filters: impl Iterator<Item = &'a TopicFilter>,
        topic: &str,
    ) -> Option<ShareId> {
        let mut share = None;
        for filter in filters.filter(|filter| filter.matches(topic)) {
            filter.share_name()?;
            share = share.or(shares.of(filter));
        }
        share
    }

    /// Gives a message to one member of a shared subscription. Where it has no member left, the message ends with it.
    pub(super) fn deliver_shared(&mut self, share: ShareId, message: &Message, now: Timestamp) {
        let known = Known {
            clients: &self.clients,
            stopping: self.closed.is_some(),
        };
        let shares = self.subscriptions.shares();
        let Some(member) = shares.choose(share, message.origin().publisher, &known) else {
            return;
        };
        let (key, options, id) = (member.subscriber.0, member.options, member.id);
        let Some(client) = self.clients.get_mut(key as usize) else {
            return;
        };
        let ids: SubscriptionIds = id.into_iter().collect();
        let delivery = client.delivery(
            message,
            message.qos().min(options.qos), // [MQTT-4.8.2-3]
            message.retain() && options.retain_as_published,
            &ids,
        );
        let share = Some(share);
        self.give(key, Delivery { share, ..delivery }, now);
    }

    /// A member's session has ended: what it was given of shared subscriptions and has not acknowledged goes to the
    /// members that are left, in order (section 4.8.2). What was for it alone ends with it.
    pub(super) fn hand_on(&mut self, left: impl Iterator<Item = Delivery>, now: Timestamp) {
        for delivery in left {
            if let Some(share) = delivery.share {
                self.deliver_shared(share, &delivery.message, now);
            }
        }
    }
}
