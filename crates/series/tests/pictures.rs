//! Every kind of chart in both themes, as it stands in a file, against the picture that was looked at and found good.
//!
//! `MQTTWB_NEW_PICTURES=1 cargo test -p mqttwb-series --test pictures` takes them anew. A picture may differ by as much as
//! another floating-point unit makes of it.

use std::fs;
use std::path::Path;

use mqttwb_model::Timestamp;
use mqttwb_series::{
    Align, Baseline, Body, ChartDrawing, Distribution, DrawOp, LegendRow, Line, Png, Series,
    States, Style, Theme, Threshold, png, sheet, svg,
};

const SECOND: u64 = 1_000_000_000;
/// 2023-11-14T22:13:20Z
const START: u64 = 1_700_000_000 * SECOND;
const SIZE: (u32, u32) = (640, 320);
/// Pixels that may differ, of a thousand, and by how much one must differ to count.
const TOLERANCE: (usize, u8) = (4, 40);

fn at(tenths: u64) -> Timestamp {
    Timestamp(START + tenths * SECOND / 10)
}

/// Temperatures of four pumps over a minute: one spikes, one is silent for a while, one is far below.
fn lines() -> Vec<(String, Series)> {
    (0..4u64)
        .map(|pump| {
            let mut series = Series::new(10_000);
            for tenth in (0..600).step_by(2) {
                if pump == 1 && (200..330).contains(&tenth) {
                    continue;
                }
                let t = tenth as f64 / 60.0 + pump as f64;
                let spike = if pump == 0 && tenth == 420 { 14.0 } else { 0.0 };
                let value = 20.0 + 6.0 * pump as f64 + 3.0 * t.sin() + (t * 7.3).cos() + spike;
                series.push(at(tenth), if pump == 3 { value / 60.0 } else { value });
            }
            (format!("plant/line-1/pump-{pump}/temperature"), series)
        })
        .collect()
}

fn sparse() -> Vec<(String, Series)> {
    (0..2u64)
        .map(|line| {
            let mut series = Series::new(100);
            for n in 0..14u64 {
                series.push(
                    at(20 + n * 42),
                    ((n * 7 + line * 3) % 11) as f64 - 2.0 * line as f64,
                );
            }
            (format!("plant/counter-{line}"), series)
        })
        .collect()
}

fn states() -> Vec<(&'static str, States)> {
    let all = [
        (
            "pump-1",
            vec![(0, "online"), (260, "offline"), (330, "online")],
        ),
        (
            "pump-2",
            vec![(120, "starting"), (150, "running"), (480, "error")],
        ),
        (
            "valve",
            vec![
                (30, "open"),
                (90, "closed"),
                (200, "open"),
                (210, "closed"),
                (500, "half open"),
            ],
        ),
    ];
    all.into_iter()
        .map(|(name, changes)| {
            let mut states = States::new(100);
            for (tenth, state) in changes {
                states.push(at(tenth), state);
            }
            (name, states)
        })
        .collect()
}

fn latencies() -> Vec<(f64, f64, u64)> {
    let mut all = Distribution::new(60);
    for n in 0..4000u64 {
        let x = (n as f64 * 0.618_033_988_7).fract();
        all.add(at(n % 600), 0.2 / (1.02 - x).powf(1.4));
    }
    all.classes(at(0), at(600))
}

fn check(
    name: &str,
    body: &dyn Fn(Theme) -> Body<'static>,
    change: impl Fn(&mut ChartDrawing<'_>),
) {
    for theme in [Theme::Dark, Theme::Light] {
        let mut chart = ChartDrawing {
            body: body(theme),
            from: at(0),
            to: at(600),
            utc_offset_minutes: 60,
            from_zero: false,
            log: false,
            thresholds: Vec::new(),
            unit: "°C".into(),
        };
        change(&mut chart);
        let legend: Vec<LegendRow> = match &chart.body {
            Body::Lines(_, lines) | Body::Histogram(lines) => lines
                .iter()
                .map(|line| LegendRow {
                    color: line.color,
                    text: format!(
                        "{}  last {:.1} °C",
                        line.name,
                        line.series.last().map_or(0.0, |p| p.value)
                    ),
                })
                .collect(),
            _ => Vec::new(),
        };
        let title = format!("Every pump, {name}");
        let about = "value of plant/+/+/temperature · 2023-11-14 23:13:20 to 23:14:20";
        let ops = sheet(&title, about, &legend, &chart, SIZE, theme);
        let file = png(&ops, SIZE, 1.0).expect("a picture").file;
        let suffix = if theme == Theme::Dark {
            "dark"
        } else {
            "light"
        };
        compare(&format!("{name}-{suffix}"), &file);
        assert!(svg(&ops, SIZE, &title).contains("</svg>"));
    }
}

fn pixels(file: &[u8]) -> (u32, u32, Vec<u8>) {
    let mut reader = ::png::Decoder::new(std::io::Cursor::new(file))
        .read_info()
        .expect("a PNG");
    let mut buffer = vec![0; reader.output_buffer_size().expect("a size")];
    let info = reader.next_frame(&mut buffer).expect("its pixels");
    buffer.truncate(info.buffer_size());
    (info.width, info.height, buffer)
}

fn compare(name: &str, file: &[u8]) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/golden/{name}.png"));
    if std::env::var_os("MQTTWB_NEW_PICTURES").is_some() {
        fs::write(&path, file).expect("the picture is written");
    }
    let golden = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let (is, should) = (pixels(file), pixels(&golden));
    assert_eq!((is.0, is.1), (should.0, should.1), "{name}");
    let differ =
        is.2.chunks(3)
            .zip(should.2.chunks(3))
            .filter(|(a, b)| a.iter().zip(*b).any(|(a, b)| a.abs_diff(*b) > TOLERANCE.1))
            .count();
    let most = (is.0 * is.1) as usize * TOLERANCE.0 / 1000;
    assert!(differ <= most, "{name}: {differ} pixels differ, {most} may");
}

/// Lines that live as long as the test.
fn leaked(lines: Vec<(String, Series)>) -> &'static [(String, Series)] {
    Vec::leak(lines)
}

fn colored(lines: &'static [(String, Series)], theme: Theme) -> Vec<Line<'static>> {
    (0..)
        .zip(lines)
        .map(|(n, (name, series))| Line {
            name,
            series,
            color: theme.line(n),
        })
        .collect()
}

#[test]
fn lines_steps_dots_and_bars() {
    let pumps = leaked(lines());
    let counters = leaked(sparse());
    for (name, style, of) in [
        ("line", Style::Line, pumps),
        ("step", Style::Step, counters),
        ("scatter", Style::Scatter, pumps),
        ("bar", Style::Bar, counters),
    ] {
        check(
            name,
            &|theme| Body::Lines(style, colored(of, theme)),
            |_| {},
        );
    }
    check(
        "logarithmic",
        &|theme| Body::Lines(Style::Line, colored(pumps, theme)),
        |chart| {
            chart.log = true;
            chart.thresholds = vec![Threshold {
                value: 30.0,
                label: "too warm".into(),
            }];
        },
    );
    check(
        "rate",
        &|theme| Body::Lines(Style::Line, colored(&pumps[..2], theme)),
        |chart| {
            chart.from_zero = true;
            chart.thresholds = vec![Threshold {
                value: 40.0,
                label: "alarm".into(),
            }];
        },
    );
}

#[test]
fn distributions() {
    let pumps = leaked(lines());
    check(
        "histogram",
        &|theme| Body::Histogram(colored(&pumps[..3], theme)),
        |_| {},
    );
    check(
        "latency",
        &|theme| Body::Classes(latencies(), theme.line(0)),
        |chart| chart.unit = "ms".into(),
    );
}

#[test]
fn heat_map_last_values_and_states() {
    let pumps = leaked(lines());
    check(
        "heat-map",
        &|theme| Body::HeatMap(colored(pumps, theme)),
        |_| {},
    );
    check(
        "last-value",
        &|theme| Body::Gauge(colored(pumps, theme)),
        |chart| {
            chart.thresholds = vec![Threshold {
                value: 30.0,
                label: String::new(),
            }];
        },
    );
    let states: &'static Vec<(&str, States)> = Box::leak(Box::new(states()));
    check(
        "states",
        &|_| {
            Body::Timeline(
                states
                    .iter()
                    .map(|(name, states)| (*name, states))
                    .collect(),
            )
        },
        |_| {},
    );
}

#[test]
fn letters_of_other_scripts() {
    let names = [
        "насос-7/температура",
        "αντλία/πίεση, µm ≤ 30 → 4 Ω",
        "kąt/ş/ő/温度",
    ];
    let named = names.map(str::to_owned).into_iter().zip(lines());
    let pumps = leaked(named.map(|(name, (_, series))| (name, series)).collect());
    check(
        "letters",
        &|theme| Body::Lines(Style::Line, colored(pumps, theme)),
        |_| {},
    );
}

fn words(text: &str) -> Png {
    let text = DrawOp::Text {
        x: 4.0,
        y: 4.0,
        text: text.into(),
        size: 12.0,
        color: Theme::Light.line(0),
        align: Align::Left,
        baseline: Baseline::Top,
    };
    png(&[text], (120, 20), 2.0).expect("a picture")
}

#[test]
fn greek_cyrillic_and_signs_of_units_are_drawn_and_what_is_not_is_named_once() {
    let unknown = words("\u{e000}");
    assert_eq!(unknown.not_drawn, "\u{e000}");
    for c in "°µμΩπΔЖяЇąßőτ≤≥≠±×→↑∞√‰€–…²₂".chars() {
        let drawn = words(&c.to_string());
        assert_eq!(drawn.not_drawn, "", "{c}");
        assert_ne!(drawn.file, unknown.file, "{c} is no box");
    }
    assert_eq!(words("pump 温度 °C 温").not_drawn, "温度");
    assert_eq!(words("wide\u{2003}space").not_drawn, "");
    assert_ne!(
        words("温 a").file,
        words("  a").file,
        "a box says that something stands there"
    );
}

#[test]
fn a_picture_without_pixels_or_with_too_many_is_refused() {
    for size in [(0, 10), (5000, 5000)] {
        assert!(png(&[], size, 1.0).is_err());
    }
}
