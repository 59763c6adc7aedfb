//! Who connects from where: how many connections an address has, and how fast it opens new ones.
//!
//! Duty: let a connection of an address in, or say which limit it is past. Not here: the socket. Invariant: an address
//! without connections is forgotten once its rate has recovered, so that nobody fills memory by coming from many.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use mqttwb_model::LimitKind;
use parking_lot::Mutex;

use crate::config::Limits;
use crate::rate::{Bucket, Rate};

/// New connections that may come at once, in seconds' worth of the rate.
const BURST_SECONDS: u64 = 10;
/// Addresses that are remembered before those that need not be are looked for.
const FEW: usize = 1_024;

#[derive(Debug)]
struct Address {
    connections: usize,
    bucket: Bucket,
}

#[derive(Debug, Default)]
struct Known {
    by_address: HashMap<IpAddr, Address>,
    /// How many addresses there may be before the next search for those to forget.
    search_at: usize,
}

/// The addresses that have connections.
#[derive(Debug, Default)]
pub(crate) struct Addresses(Mutex<Known>);

impl Addresses {
    /// Lets one more connection in.
    pub(super) fn enter(
        self: &Arc<Self>,
        address: IpAddr,
        limits: &Limits,
        now: Instant,
    ) -> Result<Entered, LimitKind> {
        let address = address.to_canonical(); // ::ffff:192.0.2.1 is 192.0.2.1
        let mut known = self.0.lock();
        if known.by_address.len() >= known.search_at.max(FEW) {
            known
                .by_address
                .retain(|_, a| a.connections > 0 || !a.bucket.is_full(now));
            known.search_at = known.by_address.len() * 2;
        }
        let of = known.by_address.entry(address).or_insert_with(|| Address {
            connections: 0,
            bucket: Bucket::new(now),
        });
        let rate = u64::from(limits.connection_rate);
        let rate = Rate::new(rate, rate * BURST_SECONDS);
        if rate.is_some_and(|rate| !of.bucket.take(rate, now)) {
            return Err(LimitKind::ConnectionRate);
        }
        if of.connections >= limits.connections_per_address {
            return Err(LimitKind::ConnectionsPerAddress);
        }
        of.connections += 1;
        Ok(Entered {
            addresses: self.clone(),
            address,
        })
    }

    fn leave(&self, address: IpAddr) {
        let mut known = self.0.lock();
        if let Some(of) = known.by_address.get_mut(&address) {
            of.connections -= 1;
            if of.connections == 0 && of.bucket.is_full(Instant::now()) {
                known.by_address.remove(&address);
            }
        }
    }
}

/// A connection that counts for its address.
#[derive(Debug)]
pub(super) struct Entered {
    addresses: Arc<Addresses>,
    address: IpAddr,
}

impl Drop for Entered {
    fn drop(&mut self) {
        self.addresses.leave(self.address);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn an_address_has_so_many_connections_and_others_are_not_touched() {
        let limits = Limits {
            connections_per_address: 2,
            ..Limits::default()
        };
        let addresses = Arc::new(Addresses::default());
        let now = Instant::now();
        let (one, other) = ([192, 0, 2, 1].into(), [192, 0, 2, 2].into());
        let mapped: IpAddr = "::ffff:192.0.2.1".parse().unwrap();
        let first = addresses.enter(one, &limits, now).unwrap();
        let _second = addresses.enter(mapped, &limits, now).unwrap();
        assert_eq!(
            addresses.enter(one, &limits, now).unwrap_err(),
            LimitKind::ConnectionsPerAddress
        );
        let _other = addresses.enter(other, &limits, now).unwrap();
        drop(first);
        let _third = addresses.enter(one, &limits, now).unwrap();
    }

    #[test]
    fn new_connections_of_an_address_come_at_a_rate() {
        let limits = Limits {
            connection_rate: 2,
            ..Limits::default()
        };
        let addresses = Arc::new(Addresses::default());
        let now = Instant::now();
        let enter = |now| addresses.enter([192, 0, 2, 1].into(), &limits, now);
        let at_once = (0..100).take_while(|_| enter(now).is_ok()).count();
        assert_eq!(at_once, 20);
        assert_eq!(enter(now).unwrap_err(), LimitKind::ConnectionRate);
        assert!(enter(now + Duration::from_millis(500)).is_ok());
    }

    #[test]
    fn addresses_that_have_gone_are_forgotten() {
        let limits = Limits::default();
        let addresses = Arc::new(Addresses::default());
        let start = Instant::now();
        for n in 0..10_000u32 {
            let address = std::net::Ipv4Addr::from(n).into();
            let at = start + Duration::from_secs(n.into());
            drop(addresses.enter(address, &limits, at));
        }
        assert!(addresses.0.lock().by_address.len() <= FEW);
    }
}
