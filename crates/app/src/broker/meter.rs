//! How much goes through the broker, a second.

use std::collections::VecDeque;

use mqttwb_broker::CounterValues;
use mqttwb_model::Timestamp;

/// Rates of the last minute, a sample a second.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    last: Option<(Timestamp, CounterValues)>,
    rates: VecDeque<(f32, f32)>,
}

/// How many seconds the meter remembers.
const REMEMBERED: usize = 60;

impl Meter {
    /// Takes a sample: rates are of the time since the last.
    pub(crate) fn sample(&mut self, now: Timestamp, counters: CounterValues) {
        let rates = match self.last {
            // Counters that fell are those of another run of the broker.
            Some((then, before)) if counters.messages_in >= before.messages_in => {
                let seconds = now.since(then).as_secs_f32().max(0.001);
                let rate = |new: u64, old: u64| new.saturating_sub(old) as f32 / seconds;
                (
                    rate(counters.messages_in, before.messages_in),
                    rate(counters.messages_out, before.messages_out),
                )
            }
            _ => (0.0, 0.0),
        };
        self.last = Some((now, counters));
        if self.rates.len() == REMEMBERED {
            self.rates.pop_front();
        }
        self.rates.push_back(rates);
    }

    /// Messages a second in and out, of the last second.
    pub(crate) fn now(&self) -> (f32, f32) {
        self.rates.back().copied().unwrap_or_default()
    }

    /// In and out together, oldest first.
    pub(crate) fn sparkline(&self) -> Vec<f32> {
        self.rates.iter().map(|(i, o)| i + o).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_of_the_time_between_two_samples() {
        let counted = |messages_in, messages_out| CounterValues {
            messages_in,
            messages_out,
            ..CounterValues::default()
        };
        let second = 1_000_000_000;
        let mut meter = Meter::default();
        meter.sample(Timestamp(second), counted(100, 0));
        assert_eq!(
            meter.now(),
            (0.0, 0.0),
            "nothing is known of the time before"
        );
        meter.sample(Timestamp(3 * second), counted(300, 50));
        assert_eq!(meter.now(), (100.0, 25.0));
        meter.sample(Timestamp(4 * second), counted(7, 7));
        assert_eq!(meter.now(), (0.0, 0.0), "another run of the broker");
        assert_eq!(meter.sparkline(), [0.0, 125.0, 0.0]);
    }
}
