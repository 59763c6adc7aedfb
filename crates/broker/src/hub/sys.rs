//! `$SYS`: the hub publishes what it and the connections have counted.
//!
//! These messages are retained for who subscribes later, beside the clients' own: they are in no store, and count neither as
//! retained nor against a limit. They go at QoS 0.

use mqttwb_wire::{Properties, Publish};

use super::*;
use crate::front::MessageIds;
use crate::message::Origin;
use crate::sys::{Numbers, SysTree};

/// What `$SYS` needs.
#[derive(Debug)]
pub(super) struct Sys {
    tree: SysTree,
    pub(super) retained: Retained,
    ids: MessageIds,
    every: Duration,
    since: Timestamp,
    last: Timestamp,
    /// When it is told next.
    pub(super) next: Timestamp,
}

impl Hub {
    /// Publishes `$SYS` from now on, this often.
    pub(crate) fn tell_of_itself(&mut self, every: Duration, now: Timestamp) {
        self.sys = Some(Sys {
            tree: SysTree::new(concat!("mqttwb version ", env!("CARGO_PKG_VERSION"))),
            retained: Retained::default(),
            ids: MessageIds::default(),
            every,
            since: now,
            last: now,
            next: now,
        });
    }

    pub(super) fn tick_sys(&mut self, now: Timestamp) {
        let Some(mut sys) = self.sys.take_if(|sys| sys.next <= now) else {
            return;
        };
        let numbers = self.numbers(&sys);
        let (uptime, passed) = (now.since(sys.since), now.since(sys.last));
        for (topic, text) in sys.tree.update(numbers, uptime, passed) {
            let publish = Publish {
                dup: false,
                qos: QoS::AtMostOnce,
                retain: true,
                topic: &topic,
                packet_id: 0,
                properties: Properties::NONE,
                payload: text.as_bytes(),
            };
            let origin = Origin {
                id: sys.ids.next(),
                publisher: ConnectionId(0),
                at: now,
            };
            let message = Message::new(&publish, &topic, origin);
            sys.retained.set(&message, &ClientId::from(""));
            self.deliver(&message, now);
        }
        sys.last = now;
        // A computer that slept does not catch up.
        sys.next = now.plus(sys.every);
        self.sys = Some(sys);
    }

    fn numbers(&self, sys: &Sys) -> Numbers {
        let counters = &self.counters;
        let mut numbers = Numbers {
            clients_connected: self.online,
            clients_disconnected: self.clients.len() as u64 - self.online,
            clients_maximum: self.most_online,
            clients_expired: self.expired,
            packets_received: counters.packets_in.load(Relaxed),
            packets_sent: counters.packets_out.load(Relaxed),
            publish_received: counters.messages_in.load(Relaxed),
            publish_sent: counters.messages_out.load(Relaxed),
            publish_dropped: counters.dropped.load(Relaxed),
            publish_bytes_received: counters.payload_in.load(Relaxed),
            publish_bytes_sent: counters.payload_out.load(Relaxed),
            bytes_received: counters.bytes_in.load(Relaxed),
            bytes_sent: counters.bytes_out.load(Relaxed),
            sockets: counters.sockets.load(Relaxed),
            connections: self.connects,
            retained: (self.retained.len() + sys.retained.len()) as u64,
            stored: (self.retained.len() + sys.retained.len()) as u64,
            stored_bytes: (self.retained.bytes() + sys.retained.bytes()) as u64,
            subscriptions: self.subscriptions.len() as u64,
            shared_subscriptions: self.subscriptions.shared() as u64,
        };
        for (_, client) in &self.clients {
            match &client.state {
                State::Online(online) => {
                    let waits = online.counters.backlog.load(Relaxed) + online.inbox.len();
                    numbers.stored += waits as u64;
                }
                State::Offline(offline) => {
                    numbers.stored += offline.session.backlog() as u64;
                    let size = |d: &Delivery| d.message.size() as u64;
                    numbers.stored_bytes += offline.session.queued().map(size).sum::<u64>();
                }
            }
        }
        numbers
    }
}
