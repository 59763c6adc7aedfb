//! What was measured, as markdown.

use std::fmt::Write;

use crate::Options;
use crate::broker::Kind;
use crate::load::{INFLIGHT, LOADS, Measured, OUTSTANDING, OUTSTANDING_EACH_OF_MANY, PAYLOAD};

/// `all[load][broker][round]`, and the peak memory of each broker in KiB.
pub fn markdown(
    kinds: &[Kind],
    all: &[Vec<Vec<Measured>>],
    peak: &[u64],
    options: &Options,
) -> String {
    let mut text = String::new();
    let mut line = |content: String| {
        text.push_str(&content);
        text.push('\n');
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    line(format!(
        "Deliveries per second, {PAYLOAD} B payloads, MQTT 3.1.1 over loopback, {cores} cores shared by broker and \
         load; medians of {} interleaved rounds of {:.1} s each.\n",
        options.rounds,
        options.timing.measure.as_secs_f32()
    ));
    line(header("load", kinds, true));
    line(rule(kinds, true));
    for (load, brokers) in LOADS.iter().zip(all) {
        let rates: Vec<f64> = brokers
            .iter()
            .map(|rounds| median(rounds.iter().map(|measured| measured.per_second)))
            .collect();
        let mut row = format!("| {} |", load.name);
        for rate in &rates {
            let _ = write!(row, " {} |", thousands(*rate));
        }
        for rate in &rates[1..] {
            let _ = write!(row, " {:.2}× |", rates[0] / rate);
        }
        line(row);
    }
    line("\nProcessor time of the broker for each delivery, in microseconds.\n".into());
    line(header("load", kinds, false));
    line(rule(kinds, false));
    for (load, brokers) in LOADS.iter().zip(all) {
        let mut row = format!("| {} |", load.name);
        for rounds in brokers {
            let micros = median(rounds.iter().map(|measured| measured.processor_micros_each));
            let _ = write!(row, " {micros:.2} |");
        }
        line(row);
    }
    let mut row = "| peak memory, MiB |".to_owned();
    for kib in peak {
        let _ = write!(row, " {} |", kib / 1024);
    }
    line(row);

    line(String::new());
    for (load, brokers) in LOADS.iter().zip(all) {
        for (kind, rounds) in kinds.iter().zip(brokers) {
            let lost: u64 = rounds.iter().map(|measured| measured.lost).sum();
            if lost > 0 {
                line(format!(
                    "**{} lost {lost} deliveries under {}.**",
                    kind.name(),
                    load.name
                ));
            }
        }
    }
    line(format!(
        "All brokers met the same load: at QoS 1 and 2 a publisher has {INFLIGHT} messages in flight at most; and at \
         every QoS publishers wait while {OUTSTANDING} messages ({OUTSTANDING_EACH_OF_MANY} where there are 50 \
         subscribers) have not arrived at every subscriber. Deliveries are counted at the subscribers{}.",
        if all
            .iter()
            .flatten()
            .flatten()
            .any(|measured| measured.lost > 0)
        {
            ""
        } else {
            "; none was lost"
        }
    ));
    text
}

fn header(first: &str, kinds: &[Kind], ratios: bool) -> String {
    let mut row = format!("| {first} |");
    for kind in kinds {
        let _ = write!(row, " {} |", kind.name());
    }
    if ratios {
        for kind in &kinds[1..] {
            let _ = write!(row, " to {} |", kind.name());
        }
    }
    row
}

fn rule(kinds: &[Kind], ratios: bool) -> String {
    let columns = kinds.len() + if ratios { kinds.len() - 1 } else { 0 };
    format!("|---|{}", "---:|".repeat(columns))
}

fn thousands(rate: f64) -> String {
    let thousands = (rate / 1000.0).round() as u64;
    if thousands < 1000 {
        format!("{thousands} k")
    } else {
        format!("{},{:03} k", thousands / 1000, thousands % 1000)
    }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => 0.0,
        count if count % 2 == 1 => values[count / 2],
        count => f64::midpoint(values[count / 2 - 1], values[count / 2]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_an_even_count_is_between_the_middle_two() {
        assert_eq!(median([4.0, 1.0, 3.0, 2.0].into_iter()), 2.5);
        assert_eq!(median([9.0, 1.0, 5.0].into_iter()), 5.0);
    }

    #[test]
    fn rates_are_written_in_thousands() {
        assert_eq!(thousands(85_400.0), "85 k");
        assert_eq!(thousands(2_227_100.0), "2,227 k");
    }
}
