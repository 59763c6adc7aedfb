//! How fast a client may publish and send.
//!
//! Duty: say when a client that is too fast is read from again. It is slowed down, not told off: nothing that it sent is
//! lost, every version understands it, and TCP carries it back to the sender. Not here: the reading. Invariant: where
//! there is no limit nothing is counted and no clock is asked.

use std::time::Instant;

use mqttwb_model::LimitKind;

use crate::config::Limits;
use crate::rate::{Bucket, Rate};

#[derive(Debug, Clone, Copy)]
struct Counted {
    kind: LimitKind,
    rate: Rate,
    bucket: Bucket,
}

/// The pace of one client.
#[derive(Debug)]
pub(super) struct Pace {
    messages: Option<Counted>,
    bytes: Option<Counted>,
    paused_until: Option<Instant>,
    /// It has gone past a limit, and has not been slow for long enough since to begin anew.
    is_past: bool,
}

impl Pace {
    pub(super) fn new(limits: &Limits, now: Instant) -> Self {
        let counted = |kind, per_second| {
            Some(Counted {
                kind,
                rate: Rate::new(per_second, per_second)?,
                bucket: Bucket::new(now),
            })
        };
        Self {
            messages: counted(LimitKind::MessageRate, limits.message_rate.into()),
            bytes: counted(LimitKind::ByteRate, limits.byte_rate),
            paused_until: None,
            is_past: false,
        }
    }

    /// Whether there is a limit at all.
    pub(super) fn is_limited(&self) -> bool {
        self.messages.is_some() || self.bytes.is_some()
    }

    /// Not before then is the client read from.
    pub(super) fn paused_until(&self) -> Option<Instant> {
        self.paused_until
    }

    /// A packet was handled.
    pub(super) fn spend(&mut self, messages: u64, bytes: usize, now: Instant) {
        if let Some(counted) = &mut self.messages {
            counted.bucket.spend(messages, counted.rate, now);
        }
        if let Some(counted) = &mut self.bytes {
            counted.bucket.spend(bytes as u64, counted.rate, now);
        }
    }

    /// Looks whether the next packet must wait. The limit that the client has now gone past, told once until it has been
    /// slow for a while.
    pub(super) fn look(&mut self, now: Instant) -> Option<LimitKind> {
        let limits = [self.messages, self.bytes];
        let longest = limits
            .into_iter()
            .flatten()
            .filter_map(|counted| Some((counted.bucket.wait(counted.rate, now)?, counted.kind)))
            .max();
        self.paused_until = longest.map(|(wait, _)| now + wait);
        let was_past = self.is_past;
        let all_full = || limits.into_iter().flatten().all(|c| c.bucket.is_full(now));
        self.is_past = longest.is_some() || (was_past && !all_full());
        longest.map(|(_, kind)| kind).filter(|_| !was_past)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_second_s_worth_passes_at_once_and_then_the_client_waits_for_its_turn() {
        let limits = Limits {
            message_rate: 10,
            byte_rate: 1_000,
            ..Limits::default()
        };
        let start = Instant::now();
        let mut pace = Pace::new(&limits, start);
        for _ in 0..10 {
            assert_eq!(pace.look(start), None);
            pace.spend(1, 10, start);
        }
        pace.spend(1, 10, start);
        assert_eq!(pace.look(start), Some(LimitKind::MessageRate));
        let turn = start + Duration::from_millis(100);
        assert_eq!(pace.paused_until(), Some(turn));
        assert_eq!(pace.look(start), None, "it is told once");
        assert_eq!(pace.look(turn), None);
        assert_eq!(pace.paused_until(), None);
        pace.spend(1, 10, turn);
        assert_eq!(pace.look(turn), None, "it is still too fast");
        let later = start + Duration::from_secs(10);
        assert_eq!(pace.look(later), None);
        pace.spend(0, 10_000, later);
        assert_eq!(pace.look(later), Some(LimitKind::ByteRate));
    }
}
