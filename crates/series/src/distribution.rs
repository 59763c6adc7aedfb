//! How often which duration came, second by second.
//!
//! Duty: count durations in classes that are equally wide on a logarithmic scale, for as long as it is to be looked back.
//! Not here: single durations, which would need memory without end.
//! Invariant: nothing is counted twice; a class is at most a quarter wider than its lower end.

use std::collections::VecDeque;

use mqttwb_model::Timestamp;

/// Classes of a decade.
const A_DECADE: usize = 10;
/// From a microsecond to a hundred seconds; what is beyond counts to the last.
const CLASSES: usize = 8 * A_DECADE;
/// The lowest end, in milliseconds.
const LEAST_MS: f64 = 1e-3;

/// Durations in classes, a second apart.
#[derive(Debug, Clone)]
pub struct Distribution {
    seconds: VecDeque<(u64, Box<[u32; CLASSES]>)>,
    kept: usize,
}

impl Distribution {
    /// An empty one that looks back so many seconds in which something came.
    pub fn new(seconds: usize) -> Self {
        Self {
            seconds: VecDeque::new(),
            kept: seconds.max(1),
        }
    }

    /// One of so many milliseconds came at a time.
    pub fn add(&mut self, at: Timestamp, millis: f64) {
        let second = at.as_secs();
        let index = self.seconds.partition_point(|(known, _)| *known < second);
        if self
            .seconds
            .get(index)
            .is_none_or(|(known, _)| *known != second)
        {
            self.seconds.insert(index, (second, Box::new([0; CLASSES])));
            if self.seconds.len() > self.kept {
                self.seconds.pop_front();
                if index == 0 {
                    return;
                }
            }
        }
        let class = ((millis.max(LEAST_MS) / LEAST_MS).log10() * A_DECADE as f64) as usize;
        // The oldest may have gone, and all indices with it.
        let place = self
            .seconds
            .iter_mut()
            .rev()
            .find(|(known, _)| *known == second);
        if let Some((_, counts)) = place {
            let count = &mut counts[class.min(CLASSES - 1)];
            *count = count.saturating_add(1);
        }
    }

    /// How often each class came from `from` to `to`, as its two ends in milliseconds and how often; empty ones at both
    /// ends are left out.
    pub fn classes(&self, from: Timestamp, to: Timestamp) -> Vec<(f64, f64, u64)> {
        let mut counts = [0u64; CLASSES];
        let (from, to) = (from.as_secs(), to.as_secs());
        for (_, second) in self
            .seconds
            .iter()
            .filter(|(second, _)| (from..=to).contains(second))
        {
            for (sum, count) in counts.iter_mut().zip(second.iter()) {
                *sum += u64::from(*count);
            }
        }
        let end = |class: usize| LEAST_MS * 10f64.powf(class as f64 / A_DECADE as f64);
        let used = |count: &u64| *count > 0;
        let (Some(first), Some(last)) =
            (counts.iter().position(used), counts.iter().rposition(used))
        else {
            return Vec::new();
        };
        (first..=last)
            .map(|class| (end(class), end(class + 1), counts[class]))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: u64) -> Timestamp {
        Timestamp(second * 1_000_000_000)
    }

    #[test]
    fn each_duration_is_counted_once_in_a_class_that_holds_it() {
        let mut all = Distribution::new(10);
        let durations = [0.0001, 0.001, 0.5, 0.5, 3.0, 99.0, 1e9];
        for (n, millis) in (0..).zip(durations) {
            all.add(at(n % 3), millis);
        }
        let classes = all.classes(at(0), at(2));
        assert_eq!(classes.iter().map(|class| class.2).sum::<u64>(), 7);
        for millis in [0.5, 3.0, 99.0] {
            let holds = |class: &&(f64, f64, u64)| class.0 <= millis && millis < class.1;
            assert!(classes.iter().find(holds).is_some_and(|class| class.2 > 0));
        }
        assert!(classes.iter().all(|class| class.1 / class.0 < 1.26));
        assert_eq!(all.classes(at(9), at(10)), []);
    }

    #[test]
    fn the_oldest_seconds_go_first() {
        let mut all = Distribution::new(2);
        (5..9).for_each(|second| all.add(at(second), 1.0));
        all.add(at(1), 1.0); // older than all that is kept
        let count = |from, to| {
            all.classes(at(from), at(to))
                .iter()
                .map(|c| c.2)
                .sum::<u64>()
        };
        assert_eq!((count(0, 6), count(7, 8)), (0, 2));
    }
}
