//! Messages a second, of the last minute.

use std::collections::VecDeque;

use mqttwb_model::Timestamp;

/// How many seconds are remembered.
pub const SECONDS: usize = 60;

/// What passes in a second, in both directions: counted by the second that it passed in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rate {
    /// Messages from the device and to it, the newest second last.
    seconds: VecDeque<(u32, u32)>,
    /// The second that the newest one is.
    newest: u64,
}

impl Rate {
    /// Counts a message at a time; one that is older than a minute is not counted.
    pub fn count(&mut self, at: Timestamp, from_device: bool) {
        let second = at.as_secs();
        self.advance(second);
        let Some(back) = self.newest.checked_sub(second) else {
            return;
        };
        let Some(place) = (self.seconds.len() as u64).checked_sub(back + 1) else {
            return;
        };
        if let Some((from, to)) = self.seconds.get_mut(place as usize) {
            let side = if from_device { from } else { to };
            *side = side.saturating_add(1);
        }
    }

    /// Makes room up to a second.
    fn advance(&mut self, second: u64) {
        let ahead = second.saturating_sub(self.newest);
        if self.seconds.is_empty() || ahead >= SECONDS as u64 {
            self.seconds.clear();
            self.seconds.resize(SECONDS, (0, 0));
        } else {
            self.seconds.rotate_left(ahead as usize);
            let kept = SECONDS - ahead as usize;
            self.seconds
                .range_mut(kept..)
                .for_each(|second| *second = (0, 0));
        }
        self.newest = self.newest.max(second);
    }

    /// What passed in a second that is over.
    fn of(&self, second: u64) -> (u32, u32) {
        let back = match self.newest.checked_sub(second) {
            Some(back) if back < self.seconds.len() as u64 => back as usize,
            _ => return (0, 0),
        };
        self.seconds[self.seconds.len() - 1 - back]
    }

    /// Messages from the device and to it a second, over the last five whole seconds.
    pub fn now(&self, now: Timestamp) -> (f32, f32) {
        const OVER: u64 = 5;
        let this = now.as_secs();
        let (from, to) = (1..=OVER)
            .filter_map(|back| this.checked_sub(back))
            .map(|second| self.of(second))
            .fold((0u64, 0u64), |(from, to), (f, t)| {
                (from + u64::from(f), to + u64::from(t))
            });
        (from as f32 / OVER as f32, to as f32 / OVER as f32)
    }

    /// Both directions together in each of the last whole seconds, the newest last.
    pub fn line(&self, now: Timestamp) -> Vec<u32> {
        let this = now.as_secs();
        (1..=SECONDS as u64)
            .rev()
            .map(|back| {
                let (from, to) = self.of(this.saturating_sub(back));
                from.saturating_add(to)
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(second: u64) -> Timestamp {
        Timestamp(second * 1_000_000_000)
    }

    #[test]
    fn a_rate_is_of_the_last_whole_seconds() {
        let mut rate = Rate::default();
        for second in 100..110 {
            rate.count(at(second), true);
            rate.count(at(second), true);
            rate.count(at(second), false);
        }
        assert_eq!(rate.now(at(110)), (2.0, 1.0));
        assert_eq!(rate.line(at(110))[49..], [0, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3]);
        assert_eq!(rate.now(at(112)), (1.2, 0.6), "two seconds of silence");
        assert_eq!(rate.now(at(200)), (0.0, 0.0));
    }

    proptest! {
        #[test]
        fn every_message_of_the_last_minute_is_counted_once(
            times in proptest::collection::vec(900u64..1_060, 0..200),
        ) {
            let mut rate = Rate::default();
            for second in &times {
                rate.count(at(*second), true);
            }
            let newest = times.iter().copied().max().unwrap_or(0);
            let line = rate.line(at(newest + 1));
            let mut expected = vec![0u32; SECONDS];
            for second in &times {
                if let Some(place) = (second + SECONDS as u64).checked_sub(newest + 1) {
                    expected[place as usize] += 1;
                }
            }
            // One that came a minute late has no place any more, and one that came in order keeps its own.
            let whole: u32 = line.iter().sum();
            prop_assert!(whole <= times.len() as u32);
            for (counted, expected) in line.iter().zip(&expected) {
                prop_assert!(counted <= expected);
            }
            let mut sorted = times.clone();
            sorted.sort_unstable();
            let mut in_order = Rate::default();
            sorted.iter().for_each(|second| in_order.count(at(*second), true));
            prop_assert_eq!(in_order.line(at(newest + 1)), expected);
        }
    }
}
