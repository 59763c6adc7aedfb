//! Draws sample charts as SVG, to look at: `cargo run -p mqttwb-series --example picture -- OUT_DIR`

use std::fmt::Write as _;
use std::path::PathBuf;

use mqttwb_model::Timestamp;
use mqttwb_series::{Align, Baseline, ChartDrawing, DrawOp, Series, Theme, draw};

const SECOND: u64 = 1_000_000_000;
const NOW: u64 = 1_795_372_927 * SECOND;

fn main() -> std::io::Result<()> {
    let out = PathBuf::from(std::env::args().nth(1).unwrap_or_else(|| ".".into()));
    for theme in [Theme::Dark, Theme::Light] {
        for (name, chart, size) in charts(theme) {
            let lines: Vec<_> = (0..)
                .zip(&chart.series)
                .map(|(n, s)| (s, theme.line(n)))
                .collect();
            let drawing = ChartDrawing {
                lines,
                from: Timestamp(NOW - chart.seconds * SECOND),
                to: Timestamp(NOW),
                utc_offset_minutes: 60,
                from_zero: chart.from_zero,
            };
            let svg = svg(&draw(&drawing, size, theme), size, theme);
            std::fs::write(
                out.join(format!("{name}-{theme:?}.svg").to_lowercase()),
                svg,
            )?;
        }
    }
    Ok(())
}

struct Sample {
    series: Vec<Series>,
    seconds: u64,
    from_zero: bool,
}

fn charts(_: Theme) -> Vec<(&'static str, Sample, (u32, u32))> {
    let mut noise = 1u64;
    let mut random = move || {
        noise = noise
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (noise >> 40) as f64 / f64::from(1u32 << 24) - 0.5
    };
    let mut line = |seconds: u64, step_ms: u64, value: &dyn Fn(f64) -> Option<f64>, jitter: f64| {
        let mut series = Series::new(20_000);
        for ms in (0..=seconds * 1000).step_by(step_ms as usize) {
            let noise = random() * jitter;
            if let Some(value) = value(ms as f64 / 1000.0) {
                series.push(
                    Timestamp(NOW - seconds * SECOND + ms * 1_000_000),
                    value + noise,
                );
            }
        }
        series
    };
    let throughput = vec![
        line(
            600,
            1000,
            &|t| Some(500.0 + 800.0 * (t / 600.0).sqrt() + 60.0 * (t / 17.0).sin()),
            120.0,
        ),
        line(600, 1000, &|t| Some(200.0 + 350.0 * t / 600.0), 60.0),
    ];
    let temperatures = (0..7)
        .map(|n| {
            let n = f64::from(n);
            line(
                300,
                1000,
                &move |t| {
                    (n != 2.0 || !(90.0..150.0).contains(&t))
                        .then(|| 21.0 + n * 0.9 + (t / (20.0 + n * 5.0)).sin())
                },
                0.15,
            )
        })
        .collect();
    let spikes = vec![line(
        3600,
        200,
        &|t| Some(if t as u64 % 900 == 450 { 4.8 } else { 4.2 }),
        0.1,
    )];
    let sparse = vec![line(
        60,
        1000,
        &|t| {
            [5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 30.0, 57.0]
                .contains(&t)
                .then_some(t)
        },
        0.0,
    )];
    let sample = |series, seconds, from_zero| Sample {
        series,
        seconds,
        from_zero,
    };
    vec![
        ("throughput", sample(throughput, 600, true), (768, 214)),
        ("temperatures", sample(temperatures, 300, false), (620, 260)),
        ("spikes", sample(spikes, 3600, false), (520, 220)),
        ("sparse", sample(sparse, 60, false), (420, 180)),
        (
            "empty",
            sample(vec![Series::new(16)], 60, false),
            (420, 180),
        ),
        ("idle", sample(vec![], 60, true), (420, 180)),
    ]
}

fn svg(ops: &[DrawOp], (width, height): (u32, u32), theme: Theme) -> String {
    let surface = match theme {
        Theme::Dark => "#141920",
        Theme::Light => "#ffffff",
    };
    let mut svg = format!(
        "<svg xmlns='http://www.w3.org/2000/svg' width='{width}' height='{height}' font-family='JetBrains Mono, DejaVu Sans Mono, monospace'>\
         <rect width='100%' height='100%' fill='{surface}'/>"
    );
    for op in ops {
        let _ = match op {
            DrawOp::Path {
                points,
                color,
                width,
            } => write!(
                svg,
                "<polyline points='{}' fill='none' stroke='{color}' stroke-width='{width}' stroke-linejoin='round'/>",
                list(points)
            ),
            DrawOp::Fill { points, color } => {
                write!(svg, "<polygon points='{}' fill='{color}'/>", list(points))
            }
            DrawOp::Rect {
                x,
                y,
                w,
                h,
                color,
                fill,
            } => {
                write!(
                    svg,
                    "<rect x='{x}' y='{y}' width='{w}' height='{h}' {}/>",
                    paint(*fill, &color.to_string())
                )
            }
            DrawOp::Circle {
                x,
                y,
                r,
                color,
                fill,
            } => {
                write!(
                    svg,
                    "<circle cx='{x}' cy='{y}' r='{r}' {}/>",
                    paint(*fill, &color.to_string())
                )
            }
            DrawOp::Text {
                x,
                y,
                text,
                size,
                color,
                align,
                baseline,
            } => {
                let anchor = match align {
                    Align::Left => "start",
                    Align::Center => "middle",
                    Align::Right => "end",
                };
                let dy = match baseline {
                    Baseline::Top => 0.75,
                    Baseline::Middle => 0.35,
                    Baseline::Bottom => 0.0,
                };
                let y = y + dy * size;
                write!(
                    svg,
                    "<text x='{x}' y='{y}' font-size='{size}' fill='{color}' text-anchor='{anchor}'>{text}</text>"
                )
            }
        };
    }
    svg + "</svg>\n"
}

fn list(points: &[f32]) -> String {
    points
        .iter()
        .map(f32::to_string)
        .collect::<Vec<_>>()
        .join(" ")
}

fn paint(fill: bool, color: &str) -> String {
    if fill {
        format!("fill='{color}'")
    } else {
        format!("fill='none' stroke='{color}'")
    }
}
