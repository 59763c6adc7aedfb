//! What drawing charts costs in the workbench, without the page: the first part of `cargo xtask bench charts`. Markdown on standard
//! output.

use std::time::Instant;

use mqttwb_model::Timestamp;
use mqttwb_series::{Body, ChartDrawing, Line, Point, Series, Style, Theme, draw};

use crate::api::DrawOp;

const SECOND: u64 = 1_000_000_000;
const SIZE: (u32, u32) = (590, 220);

fn filled(points: u64, apart: u64) -> Series {
    let mut series = Series::new(usize::try_from(points).unwrap());
    for n in 0..points {
        let t = n as f64 / 40.0;
        series.push(Timestamp(n * apart), t.sin() * 5.0 + (t * 7.7).cos());
    }
    series
}

fn drawing<'a>(lines: &'a [Series], to: u64) -> ChartDrawing<'a> {
    let lines = (0..).zip(lines).map(|(n, series)| Line {
        name: "line",
        series,
        color: Theme::Dark.line(n),
    });
    ChartDrawing {
        body: Body::Lines(Style::Line, lines.collect()),
        from: Timestamp(0),
        to: Timestamp(to),
        utc_offset_minutes: 0,
        from_zero: false,
        log: false,
        thresholds: Vec::new(),
        unit: String::new(),
    }
}

/// One frame as the shell gets it: drawn, summed up and written as JSON. Returns its bytes.
fn frame(lines: &[Series], to: u64) -> usize {
    let picture = draw(&drawing(lines, to), SIZE, Theme::Dark);
    let whole = (Timestamp(0), Timestamp(to));
    let summed = lines
        .iter()
        .filter_map(|line| line.summary(whole.0, whole.1))
        .count();
    let ops: Vec<DrawOp> = picture.ops.into_iter().map(DrawOp::from).collect();
    serde_json::to_string(&ops).unwrap().len() + summed
}

#[test]
#[ignore = "a measurement: cargo xtask bench charts"]
fn frames_and_a_million_points() {
    let charts: Vec<Vec<Series>> = (0..8)
        .map(|_| (0..4).map(|_| filled(3_600, SECOND)).collect())
        .collect();
    let rounds = 30u32;
    let begin = Instant::now();
    let mut bytes = 0;
    for _ in 0..rounds {
        bytes = charts
            .iter()
            .map(|lines| frame(lines, 3_600 * SECOND))
            .sum();
    }
    let round = begin.elapsed() / rounds;
    let million = [filled(1_000_000, SECOND / 1000)];
    let begin = Instant::now();
    for _ in 0..rounds {
        frame(&million, 1_000 * SECOND);
    }
    let of_million = begin.elapsed() / rounds;
    println!("| charts | |\n|---|---|");
    println!(
        "| 8 charts of 4 lines of 3,600 points, 10 frames a second: of one core | {:.1} % |",
        round.as_secs_f64() * 1000.0
    );
    println!("| the same: bytes of a frame of all | {bytes} |");
    println!(
        "| 1,000,000 points to a frame | {:.1} ms |",
        of_million.as_secs_f64() * 1000.0
    );
    println!("| memory of a point | {} bytes |", size_of::<Point>());
}
