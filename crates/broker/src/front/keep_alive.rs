//! How long a client may be silent.
//!
//! Duty: when a client counts as gone. Not here: the timer, the clock. Invariant: a client is given its whole time of a
//! clock that ran; a computer that slept through the end of it gives it anew.

use std::time::{Duration, Instant};

/// A timer that fires so much too late was held up: the computer slept, or the program was stopped.
const HELD_UP: Duration = Duration::from_secs(5);

/// What is to be done at an instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Silence {
    /// Nothing before that.
    Until(Instant),
    /// The client counts as gone.
    TooLong,
}

/// The silence of one client.
#[derive(Debug, Clone, Copy)]
pub(super) struct KeepAlive {
    /// One and a half times the keep-alive `[MQTT-3.1.2-22]`; zero where it is off.
    allowed: Duration,
    heard: Instant,
}

impl KeepAlive {
    pub(super) fn new(keep_alive: Duration, now: Instant) -> Self {
        Self {
            allowed: keep_alive + keep_alive / 2,
            heard: now,
        }
    }

    /// A packet came, or none could: the client was not read from until this instant.
    pub(super) fn heard(&mut self, now: Instant) {
        self.heard = self.heard.max(now);
    }

    /// When to look again; `None` where keep-alive is off.
    pub(super) fn deadline(&self) -> Option<Instant> {
        (!self.allowed.is_zero()).then(|| self.heard + self.allowed)
    }

    /// How much longer the client may be silent; `None` where keep-alive is off.
    pub(super) fn left(&self, now: Instant) -> Option<Duration> {
        Some(self.deadline()?.saturating_duration_since(now))
    }

    /// Looks.
    pub(super) fn look(&mut self, now: Instant) -> Option<Silence> {
        let deadline = self.deadline()?;
        if deadline > now {
            return Some(Silence::Until(deadline));
        }
        if now.duration_since(deadline) > HELD_UP {
            // What the client sent meanwhile may still be on its way, and it could not be answered.
            self.heard = now;
            return Some(Silence::Until(now + self.allowed));
        }
        Some(Silence::TooLong)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_client_counts_as_gone_after_one_and_a_half_keep_alives() {
        // [MQTT-3.1.2-22]
        let start = Instant::now();
        let mut silence = KeepAlive::new(10 * SECOND, start);
        silence.heard(start + 2 * SECOND);
        let end = start + 17 * SECOND;
        assert_eq!(silence.deadline(), Some(end));
        assert_eq!(
            silence.look(end - SECOND / 2),
            Some(Silence::Until(end)),
            "it has its whole time"
        );
        assert_eq!(silence.look(end), Some(Silence::TooLong));
    }

    #[test]
    fn a_computer_that_slept_through_the_end_gives_the_whole_time_anew() {
        let start = Instant::now();
        let mut silence = KeepAlive::new(10 * SECOND, start);
        let awake = start + 3_600 * SECOND;
        let end = awake + 15 * SECOND;
        assert_eq!(silence.look(awake), Some(Silence::Until(end)));
        assert_eq!(silence.look(end), Some(Silence::TooLong));
    }

    #[test]
    fn without_keep_alive_there_is_no_end() {
        // [MQTT-3.1.2-22] holds for a keep-alive that is not zero
        let mut silence = KeepAlive::new(Duration::ZERO, Instant::now());
        assert_eq!(silence.deadline(), None);
        assert_eq!(silence.look(Instant::now() + 3_600 * SECOND), None);
    }
}
