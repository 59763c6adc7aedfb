//! What drawing charts costs in the workbench, without the page: the first part of `cargo xtask bench charts`. Markdown on standard
//! output.

use std::time::Instant;

use mqttwb_model::Timestamp;
use mqttwb_series::{Body, ChartDrawing, Line, Point, Series, Style, Theme, draw};

use super::{pack, sent_picture};
use crate::api::{ChartFrame, ChartPicture, ChartSeries, ChartsFrame, DrawOp};

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

/// A chart as the shell gets it: drawn and summed up.
fn frame(lines: &[Series], to: u64) -> ChartPicture {
    let picture = draw(&drawing(lines, to), SIZE, Theme::Dark);
    let whole = (Timestamp(0), Timestamp(to));
    let series = lines.iter().map(|line| {
        let summary = line.summary(whole.0, whole.1);
        ChartSeries {
            name: "line".into(),
            color: String::new(),
            points: line.len() as u64,
            last: line.last().map(|point| point.value),
            min: summary.map(|summary| summary.min),
            mean: summary.map(|summary| summary.mean),
            max: summary.map(|summary| summary.max),
            state: None,
        }
    });
    let drawn = ChartFrame {
        id: 1,
        series: series.collect(),
        ops: picture.ops.into_iter().map(DrawOp::from).collect(),
        ..ChartFrame::default()
    };
    sent_picture(1, &mut Ok(drawn), None)
}

/// The same of several, as it goes to the page. Returns its bytes.
fn packed(pictures: impl Iterator<Item = ChartPicture>) -> usize {
    let pictures = pictures.collect();
    pack(ChartsFrame { frame: 1, pictures }).unwrap().len()
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
        bytes = packed(charts.iter().map(|lines| frame(lines, 3_600 * SECOND)));
    }
    let round = begin.elapsed() / rounds;
    let million = [filled(1_000_000, SECOND / 1000)];
    let begin = Instant::now();
    for _ in 0..rounds {
        packed([frame(&million, 1_000 * SECOND)].into_iter());
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
