//! How much in how much time.
//!
//! Duty: say whether something may happen now, or how long it must wait, at so many a second. Not here: the clock (the
//! time is an argument), what is counted. Invariant: over any stretch of time no more happens than the burst and the
//! rate times that stretch; a clock that goes back makes nobody wait for longer than from an empty bucket.

use std::time::{Duration, Instant};

/// So many a second, and how many may come at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rate {
    per_second: u64,
    burst: u64,
}

impl Rate {
    /// `None` where `per_second` is 0: no limit.
    pub(crate) fn new(per_second: u64, burst: u64) -> Option<Self> {
        (per_second > 0).then_some(Self { per_second, burst })
    }

    /// How long `n` take to come in again.
    fn time_of(self, n: u64) -> Duration {
        let nanos = u128::from(n) * 1_000_000_000 / u128::from(self.per_second);
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

/// A bucket of tokens, as the one number that tells its level: when it will be full again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bucket {
    full_at: Instant,
}

impl Bucket {
    /// A full one.
    pub(crate) fn new(now: Instant) -> Self {
        Self { full_at: now }
    }

    /// Takes one, if there is one.
    pub(crate) fn take(&mut self, rate: Rate, now: Instant) -> bool {
        let after = self.full_at.max(now) + rate.time_of(1);
        let there = after.duration_since(now) <= rate.time_of(rate.burst);
        if there {
            self.full_at = after;
        }
        there
    }

    /// Takes what has happened already, though there may not be so much.
    pub(crate) fn spend(&mut self, n: u64, rate: Rate, now: Instant) {
        self.full_at = self.full_at.max(now) + rate.time_of(n);
    }

    /// How long to wait before the next may happen; `None` where it may now.
    pub(crate) fn wait(&self, rate: Rate, now: Instant) -> Option<Duration> {
        let missing = self.full_at.saturating_duration_since(now);
        missing
            .checked_sub(rate.time_of(rate.burst))
            .filter(|wait| !wait.is_zero())
    }

    /// Whether it holds all that it can: it need not be remembered.
    pub(crate) fn is_full(&self, now: Instant) -> bool {
        self.full_at <= now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_and_then_the_rate() {
        let rate = Rate::new(10, 20).unwrap();
        let start = Instant::now();
        let mut bucket = Bucket::new(start);
        assert_eq!((0..100).filter(|_| bucket.take(rate, start)).count(), 20);
        let later = start + Duration::from_millis(350);
        assert_eq!((0..100).filter(|_| bucket.take(rate, later)).count(), 3);
        let long_after = start + Duration::from_secs(3_600);
        assert!(bucket.is_full(long_after));
        let taken = (0..100).filter(|_| bucket.take(rate, long_after)).count();
        assert_eq!(taken, 20);
    }

    #[test]
    fn what_was_too_much_is_waited_for_as_long_as_it_takes_to_come_in() {
        let rate = Rate::new(1_000, 1_000).unwrap();
        let start = Instant::now();
        let mut bucket = Bucket::new(start);
        bucket.spend(1_000, rate, start);
        assert_eq!(bucket.wait(rate, start), None);
        bucket.spend(500, rate, start);
        assert_eq!(bucket.wait(rate, start), Some(Duration::from_millis(500)));
        let later = start + Duration::from_millis(500);
        assert_eq!(bucket.wait(rate, later), None);
    }

    #[test]
    fn no_rate_is_no_limit() {
        assert_eq!(Rate::new(0, 5), None);
        let fast = Rate::new(u64::MAX, u64::MAX).unwrap();
        let mut bucket = Bucket::new(Instant::now());
        assert!(bucket.take(fast, Instant::now()));
    }
}
