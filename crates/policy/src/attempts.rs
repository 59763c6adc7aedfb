//! Counting failed logins, so that guessing passwords takes years.
//!
//! Duty: say whether an address or an account has failed too often of late. Not here: the clock (times are given).
//! Invariant: memory is bounded; where it is full, whoever failed longest ago is forgotten first.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::net::IpAddr;
use std::time::Duration;

/// Failures within [`WINDOW`] after which an address waits.
pub const PER_ADDRESS: u32 = 10;
/// Failures within [`WINDOW`] after which an account waits, wherever they come from.
pub const PER_ACCOUNT: u32 = 20;
/// How long a failure counts.
pub const WINDOW: Duration = Duration::from_secs(60);
/// Addresses, and accounts, that are remembered.
const REMEMBERED: usize = 10_000;

#[derive(Debug)]
struct Failures<K> {
    of: HashMap<K, (u64, u32)>,
    /// In the order in which they began.
    order: VecDeque<(u64, K)>,
    most: u32,
}

impl<K: Clone + Eq + Hash> Failures<K> {
    fn new(most: u32) -> Self {
        Self {
            of: HashMap::new(),
            order: VecDeque::new(),
            most,
        }
    }

    fn is_over(&self, key: &K, now: u64) -> bool {
        self.of
            .get(key)
            .is_some_and(|(since, count)| *count >= self.most && is_within(*since, now))
    }

    fn add(&mut self, key: &K, now: u64) {
        if let Some((since, count)) = self.of.get_mut(key)
            && is_within(*since, now)
        {
            *count = count.saturating_add(1);
            return;
        }
        self.of.insert(key.clone(), (now, 1));
        self.order.push_back((now, key.clone()));
        while let Some((since, _)) = self.order.front()
            && (self.order.len() > REMEMBERED || !is_within(*since, now))
        {
            if let Some((since, key)) = self.order.pop_front()
                && self.of.get(&key).is_some_and(|(began, _)| *began == since)
            {
                self.of.remove(&key);
            }
        }
    }
}

fn is_within(since: u64, now: u64) -> bool {
    now.saturating_sub(since) < WINDOW.as_millis() as u64
}

/// Failed logins of late, by address and by account.
#[derive(Debug)]
pub struct Attempts {
    addresses: Failures<IpAddr>,
    accounts: Failures<Box<str>>,
}

impl Default for Attempts {
    fn default() -> Self {
        Self {
            addresses: Failures::new(PER_ADDRESS),
            accounts: Failures::new(PER_ACCOUNT),
        }
    }
}

impl Attempts {
    /// Why no password of this account is looked at from this address now; `None` where it is. Times are milliseconds.
    pub fn refusal(&self, address: IpAddr, account: &str, now: u64) -> Option<&'static str> {
        if self.addresses.is_over(&address, now) {
            Some("too many failed logins from this address within a minute")
        } else if self.accounts.is_over(&account.into(), now) {
            Some("too many failed logins with this user name within a minute")
        } else {
            None
        }
    }

    /// A login has failed.
    pub fn failed(&mut self, address: IpAddr, account: &str, now: u64) {
        self.addresses.add(&address, now);
        // Names are the client's: a long one is remembered by its beginning.
        let name: String = account.chars().take(256).collect();
        self.accounts.add(&name.into(), now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(n: u32) -> IpAddr {
        IpAddr::V4(n.into())
    }

    #[test]
    fn an_address_that_guesses_waits_and_others_do_not() {
        let mut attempts = Attempts::default();
        for _ in 0..PER_ADDRESS {
            assert_eq!(attempts.refusal(address(1), "ann", 0), None);
            attempts.failed(address(1), "ann", 0);
        }
        assert!(attempts.refusal(address(1), "bob", 59_999).is_some());
        assert_eq!(attempts.refusal(address(2), "ann", 0), None);
        assert_eq!(attempts.refusal(address(1), "ann", 60_000), None);
    }

    #[test]
    fn an_account_that_is_guessed_from_everywhere_waits() {
        let mut attempts = Attempts::default();
        for n in 0..PER_ACCOUNT {
            attempts.failed(address(n), "ann", 0);
        }
        assert!(attempts.refusal(address(999), "ann", 1).is_some());
        assert_eq!(attempts.refusal(address(999), "bob", 1), None);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut attempts = Attempts::default();
        for n in 0..30_000 {
            attempts.failed(address(n), &format!("user-{n}"), 0);
        }
        assert!(attempts.addresses.of.len() <= REMEMBERED);
        assert!(attempts.accounts.of.len() <= REMEMBERED);
        assert!(attempts.accounts.order.len() <= REMEMBERED);
    }
}
