//! Where the marks of an axis stand, and what they say.

/// A mark on an axis.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Tick {
    /// Where: a value, or seconds since the left edge.
    pub at: f64,
    /// What it says.
    pub label: String,
}

/// The range of a value axis, widened to whole steps, and its marks.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ValueAxis {
    pub low: f64,
    pub high: f64,
    pub ticks: Vec<Tick>,
}

/// Values beyond this are drawn at it: sums and differences stay finite.
const HUGE: f64 = 1e300;

/// A spread less than this share of the values themselves is no more than rounding.
const ROUNDING: f64 = 1e-11;

impl ValueAxis {
    /// An axis that holds the values from `low` to `high` in at most `steps` steps. `from_zero` for counts and rates:
    /// it begins at zero and shows no fractions of a small count.
    pub fn new(low: f64, high: f64, steps: u32, from_zero: bool) -> Self {
        let (mut low, mut high) = (low.clamp(-HUGE, HUGE), high.clamp(-HUGE, HUGE));
        if from_zero {
            low = low.min(0.0);
            high = high.max(4.0);
        } else if low > 0.0 && low < high / 3.0 {
            low = 0.0; // the zero line is near enough to be worth seeing
        }
        if high - low <= low.abs().max(high.abs()) * ROUNDING {
            let room = if low == 0.0 { 1.0 } else { low.abs() * 0.05 };
            (low, high) = (low - room, high + room);
        }
        let mut step = nice_step((high - low) / f64::from(steps.max(1)));
        while (high / step).ceil() - (low / step).floor() > f64::from(steps.max(2)) {
            step = nice_step(step * 1.01); // widening to whole steps took one more than there is room for
        }
        let (first, last) = ((low / step).floor(), (high / step).ceil());
        let count = (last - first) as u32;
        let values: Vec<f64> = (0..=count).map(|n| (first + f64::from(n)) * step).collect();
        let scale = Scale::of(first * step, last * step, step);
        Self {
            low: first * step,
            high: last * step,
            ticks: values
                .into_iter()
                .map(|at| Tick {
                    at,
                    label: scale.label(at),
                })
                .collect(),
        }
    }
}

impl ValueAxis {
    /// An axis in powers of ten that holds the values from `low` to `high`, both above zero, in at most `steps` steps. What
    /// it speaks of are logarithms: `low`, `high` and the places of the marks.
    pub fn log(low: f64, high: f64, steps: u32) -> Self {
        let (low, high) = (low.clamp(1e-300, HUGE), high.clamp(1e-300, HUGE));
        let (first, last) = (low.log10().floor(), high.log10().ceil());
        let last = if last > first { last } else { first + 1.0 };
        let decades = (last - first) as u32;
        let every = decades.div_ceil(steps.max(1)).max(1);
        // Where there are few decades, their halves are marked too.
        let digits: &[f64] = if decades * 3 <= steps {
            &[1.0, 2.0, 5.0]
        } else {
            &[1.0]
        };
        let mut ticks = Vec::new();
        for decade in (0..decades).step_by(every as usize) {
            let power = first + f64::from(decade);
            for digit in digits {
                let value = digit * 10f64.powf(power);
                ticks.push(Tick {
                    at: power + digit.log10(),
                    label: magnitude(value),
                });
            }
        }
        if decades.is_multiple_of(every) {
            ticks.push(Tick {
                at: last,
                label: magnitude(10f64.powf(last)),
            });
        }
        Self {
            low: first,
            high: last,
            ticks,
        }
    }
}

/// A value by itself, as short as it can be said: `20k`, `0.05`, `1e-9`.
pub fn magnitude(value: f64) -> String {
    let size = value.abs();
    if size >= 1e15 || (size > 0.0 && size < 1e-4) {
        return format!("{value:.0e}");
    }
    for (unit, suffix) in [(1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")] {
        if size >= unit * 10.0 || (size >= unit && unit > 1e3) {
            return format!("{}{suffix}", short(value / unit));
        }
    }
    short(value)
}

/// Four significant digits at most, without zeros at the end.
fn short(value: f64) -> String {
    if value == 0.0 {
        return "0".into();
    }
    let decimals = (3.0 - value.abs().log10().floor()).clamp(0.0, 8.0) as usize;
    let text = format!("{value:.decimals$}");
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').into()
    } else {
        text
    }
}

/// The smallest of 1, 2 and 5 times a power of ten that is not below `least`.
fn nice_step(least: f64) -> f64 {
    let power = least.log10().floor();
    [1.0, 2.0, 5.0, 10.0, 20.0]
        .into_iter()
        .map(|digit| {
            if power < 0.0 {
                digit / 10f64.powf(-power)
            } else {
                digit * 10f64.powf(power)
            }
        })
        .find(|step| *step >= least * (1.0 - 1e-9))
        .unwrap_or(least)
}

/// How the values of one axis are written: all alike.
enum Scale {
    /// Divided by a unit, so many decimals, and the unit's letter.
    Plain {
        unit: f64,
        decimals: usize,
        suffix: &'static str,
    },
    /// With an exponent, so many decimals.
    Exponent { decimals: usize },
}

impl Scale {
    fn of(low: f64, high: f64, step: f64) -> Self {
        let largest = low.abs().max(high.abs());
        let decimals_in = |unit: f64| (-(step / unit).log10() - 1e-9).ceil().max(0.0) as usize;
        if largest >= 1e15 || (largest > 0.0 && largest < 1e-4) {
            let decimals = (largest.log10().floor() - step.log10().floor()).max(0.0) as usize;
            return Self::Exponent { decimals };
        }
        // Four digits are read as easily as a unit, so thousands begin at ten.
        for (least, unit, suffix) in [
            (1e12, 1e12, "T"),
            (1e9, 1e9, "G"),
            (1e6, 1e6, "M"),
            (1e4, 1e3, "k"),
        ] {
            let decimals = decimals_in(unit);
            if largest >= least && decimals <= 3 {
                return Self::Plain {
                    unit,
                    decimals,
                    suffix,
                };
            }
        }
        Self::Plain {
            unit: 1.0,
            decimals: decimals_in(1.0),
            suffix: "",
        }
    }

    fn label(&self, value: f64) -> String {
        match self {
            // Zero is zero in every unit.
            _ if value == 0.0 => "0".into(),
            Self::Plain {
                unit,
                decimals,
                suffix,
            } => format!("{:.decimals$}{suffix}", value / unit),
            Self::Exponent { decimals } => format!("{value:.decimals$e}"),
        }
    }
}

/// Steps of a time axis in seconds that a person counts in.
const TIME_STEPS: [u64; 20] = [
    1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400,
    172_800, 604_800,
];

/// The marks of a time axis from `from` to `to`, in milliseconds since 1970, in local time, at most about `most`.
pub(crate) fn time_ticks(from: u64, to: u64, utc_offset_minutes: i32, most: u32) -> Vec<Tick> {
    let span = to.saturating_sub(from);
    let least = span / 1000 / u64::from(most.max(1));
    let step = TIME_STEPS
        .into_iter()
        .find(|step| *step >= least)
        .unwrap_or(TIME_STEPS[TIME_STEPS.len() - 1]);
    let step_ms = (step * 1000) as i64;
    let offset = i64::from(utc_offset_minutes) * 60_000;
    let local = |ms: u64| i64::try_from(ms).unwrap_or(i64::MAX / 2) + offset;
    let first = local(from).div_euclid(step_ms) * step_ms;
    (0..=i64::from(most.max(1)) * 2)
        .map(|n| first + n * step_ms)
        .filter(|at| (local(from)..=local(to)).contains(at))
        .map(|at| {
            let seconds = at.div_euclid(1000).rem_euclid(86_400);
            let (h, m, s) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
            Tick {
                at: (at - local(from)) as f64 / 1000.0,
                label: if step >= 86_400 {
                    let (year, month, day) = civil(at.div_euclid(86_400_000));
                    format!("{year}-{month:02}-{day:02}")
                } else if step < 60 {
                    format!("{h:02}:{m:02}:{s:02}")
                } else {
                    format!("{h:02}:{m:02}")
                },
            }
        })
        .collect()
}

/// The date that is so many days after 1970-01-01, in the Gregorian calendar (Hinnant's days-to-civil).
fn civil(days: i64) -> (i64, i64, i64) {
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    let year = yoe + era * 400 + i64::from(month <= 2);
    (year, month, doy - (153 * mp + 2) / 5 + 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn labels(ticks: &[Tick]) -> Vec<&str> {
        ticks.iter().map(|tick| tick.label.as_str()).collect()
    }

    #[test]
    fn values_are_marked_at_round_numbers() {
        for (low, high, from_zero, expected) in [
            (0.0, 1301.0, true, "0 500 1000 1500"),
            (3.0, 9.0, true, "0 2 4 6 8 10"),
            (0.0, 0.0, true, "0 1 2 3 4"),
            (0.0, 0.0, false, "-1.0 -0.5 0 0.5 1.0"),
            (20.1, 23.4, false, "20 21 22 23 24"),
            (
                1013.21,
                1013.27,
                false,
                "1013.20 1013.22 1013.24 1013.26 1013.28",
            ),
            (21.5, 21.5, false, "20 21 22 23"),
            (-0.4, 0.3, false, "-0.4 -0.2 0 0.2 0.4"),
            (0.0, 48_000.0, true, "0 10k 20k 30k 40k 50k"),
            (0.0, 1_900_000.0, true, "0 0.5M 1.0M 1.5M 2.0M"),
            (1e-7, 9e-7, false, "0 2.0e-7 4.0e-7 6.0e-7 8.0e-7 1.0e-6"),
            (-3e20, 3e20, false, "-4e20 -2e20 0 2e20 4e20"),
        ] {
            let axis = ValueAxis::new(low, high, 5, from_zero);
            assert_eq!(labels(&axis.ticks).join(" "), expected, "{low} to {high}");
        }
    }

    #[test]
    fn a_logarithmic_axis_is_marked_in_decades() {
        for (low, high, expected) in [
            (0.003, 40.0, "0.001 0.01 0.1 1 10 100"),
            (3.0, 70.0, "1 10 100"),
            (2.0, 9.0, "1 2 5 10"),
            (1e-9, 1e9, "1e-9 1e-5 0.1 1000 10M"),
            (5.0, 5.0, "1 2 5 10"),
        ] {
            let axis = ValueAxis::log(low, high, 5);
            assert_eq!(labels(&axis.ticks).join(" "), expected, "{low} to {high}");
            assert!(axis.low <= low.log10() && axis.high >= high.log10());
        }
    }

    #[test]
    fn a_value_by_itself_is_short() {
        let said: Vec<String> = [0.0, 21.456_7, 1234.5, 48_000.0, -1.5e6, 0.052, 1e-9, 7.0]
            .into_iter()
            .map(magnitude)
            .collect();
        let expected = ["0", "21.46", "1234", "48k", "-1.5M", "0.052", "1e-9", "7"];
        assert_eq!(said, expected);
    }

    #[test]
    fn times_are_marked_in_local_time() {
        // 2023-11-14T22:13:20Z
        let from = 1_700_000_000_000;
        assert_eq!(
            labels(&time_ticks(from, from + 60_000, 0, 6)),
            [
                "22:13:20", "22:13:30", "22:13:40", "22:13:50", "22:14:00", "22:14:10", "22:14:20"
            ]
        );
        assert_eq!(
            labels(&time_ticks(from, from + 600_000, 330, 6)),
            ["03:44", "03:46", "03:48", "03:50", "03:52"]
        );
        assert_eq!(
            labels(&time_ticks(from, from + 86_400_000, -60, 6)),
            ["00:00", "06:00", "12:00", "18:00"]
        );
        assert_eq!(
            labels(&time_ticks(from, from + 4 * 86_400_000, 0, 6)),
            ["2023-11-15", "2023-11-16", "2023-11-17", "2023-11-18"]
        );
        assert_eq!(civil(59), (1970, 3, 1));
        let ticks = time_ticks(from, from + 600_000, 0, 6);
        assert_eq!(ticks[0].at, 40.0, "22:14:00 is 40 s past the edge");
    }

    proptest! {
        #[test]
        fn an_axis_holds_its_values_and_marks_are_apart(a in any::<f64>(), b in any::<f64>(), steps in 2u32..10, from_zero: bool) {
            prop_assume!(a.is_finite() && b.is_finite());
            let (low, high) = (a.min(b), a.max(b));
            let axis = ValueAxis::new(low, high, steps, from_zero);
            prop_assert!(axis.low.is_finite() && axis.high.is_finite() && axis.low < axis.high);
            let slack = (axis.high - axis.low) * 1e-9;
            prop_assert!(axis.low <= low.clamp(-HUGE, HUGE) + slack && axis.high >= high.clamp(-HUGE, HUGE) - slack);
            prop_assert!((2..=steps as usize + 1).contains(&axis.ticks.len()), "{:?}", axis);
            prop_assert!(axis.ticks.windows(2).all(|pair| pair[0].at < pair[1].at && pair[0].label != pair[1].label), "{:?}", axis);
        }

        #[test]
        fn time_marks_are_within_the_axis(from in 0u64..4_000_000_000_000, span in 1000u64..200_000_000, offset in -840i32..840, most in 1u32..20) {
            let ticks = time_ticks(from, from + span, offset, most);
            prop_assert!(ticks.len() <= most as usize * 2 + 1);
            prop_assert!(ticks.iter().all(|tick| (0.0..=span as f64 / 1000.0).contains(&tick.at)));
        }
    }
}
