//! Sizes and times as people write them: a number in the base unit, or a text such as `"64 MiB"` or `"10 s"`.

use std::time::Duration;

/// What a size may be written in, largest first.
const SIZES: &[(&str, u64)] = &[
    ("TiB", 1 << 40),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("B", 1),
];

/// What a time may be written in, largest first, in milliseconds.
const TIMES: &[(&str, u64)] = &[
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("min", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

/// A size in bytes, written as `64 MiB`.
pub fn parse_size(text: &str) -> Option<u64> {
    parse(text, SIZES)
}

/// A time, written as `10 s`.
pub fn parse_time(text: &str) -> Option<Duration> {
    parse(text, TIMES).map(Duration::from_millis)
}

/// A size in the largest unit that it is a whole number of.
pub(super) fn size(bytes: u64) -> String {
    write(bytes, SIZES, "B")
}

/// A time in the largest unit that it is a whole number of. What is less than a millisecond is left out: it can't be
/// written.
pub(super) fn time(time: Duration) -> String {
    let millis = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    write(millis, TIMES, "s")
}

/// Whole seconds; the largest number of them is "never".
pub(super) fn seconds(seconds: u64) -> String {
    if seconds == super::keys::NEVER {
        return "never".to_owned();
    }
    time(Duration::from_secs(seconds))
}

fn parse(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let digits = text.trim_start_matches(|c: char| c.is_ascii_digit());
    let (number, unit) = (&text[..text.len() - digits.len()], digits.trim_start());
    let (_, factor) = units.iter().find(|(name, _)| *name == unit)?;
    number.parse::<u64>().ok()?.checked_mul(*factor)
}

fn write(number: u64, units: &[(&str, u64)], of_zero: &str) -> String {
    if number == 0 {
        return format!("0 {of_zero}");
    }
    match units
        .iter()
        .find(|(_, factor)| number.is_multiple_of(*factor))
    {
        Some((unit, factor)) => format!("{} {unit}", number / factor),
        None => number.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_reads_back_as_it_is_written() {
        for bytes in [0, 1, 1_000, 1_024, 64 << 20, (64 << 20) + 1, 1 << 40] {
            assert_eq!(parse_size(&size(bytes)), Some(bytes));
        }
        assert_eq!(size(64 << 20), "64 MiB");
        assert_eq!(parse_size("64MiB"), Some(64 << 20));
        for wrong in ["", "MiB", "1", "1 MB", "-1 B", "1.5 MiB", "99999999 TiB"] {
            assert_eq!(parse_size(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_time_reads_back_as_it_is_written() {
        for millis in [0, 1, 1_500, 10_000, 90_000, 3_600_000, 86_400_000] {
            let duration = Duration::from_millis(millis);
            assert_eq!(parse_time(&time(duration)), Some(duration));
        }
        assert_eq!(time(Duration::from_secs(90)), "90 s");
        assert_eq!(time(Duration::from_secs(120)), "2 min");
        assert_eq!(parse_time("10 seconds"), None);
    }
}
