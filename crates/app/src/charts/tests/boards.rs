//! Dashboards, what is kept of them, and the files that are written.

use super::*;

#[test]
fn dashboards_and_charts_outlive_the_app_and_travel_as_files() {
    let data = tempfile::tempdir().unwrap();
    let opened = || charts().open(data.path());
    let first = opened();
    let board = first.board_create("Plant").unwrap();
    let chart = Chart {
        title: "Pressure".into(),
        dashboard: board.id,
        kind: ChartKind::Step,
        thresholds: vec![ChartThreshold {
            value: 4.5,
            label: "too high".into(),
        }],
        ..payload_chart("plant/+", "bar")
    };
    let made = first.create(chart).unwrap();
    let second = opened();
    assert_eq!(second.list(), first.list());
    let file = serde_json::to_string(&second.board_file(board.id).unwrap()).unwrap();
    let copy = second.board_import(&file).unwrap();
    let copied = second.board_file(copy.id).unwrap();
    let like = |chart: &Chart| Chart {
        id: 0,
        dashboard: 0,
        ..chart.clone()
    };
    assert_eq!(like(&copied.charts[0]), like(&made));
    second.board_remove(copy.id).unwrap();
    assert_eq!(second.list(), first.list());
}

#[test]
fn a_dashboard_that_makes_no_sense_is_refused_whole() {
    let charts = charts();
    let mut file = charts.board_file(1).unwrap();
    file.charts.push(payload_chart("a/#/b", ""));
    let text = serde_json::to_string(&file).unwrap();
    for text in ["", "{}", "[1]", text.as_str()] {
        assert_eq!(
            charts.board_import(text).unwrap_err().code,
            ErrorCode::InvalidInput
        );
    }
    assert_eq!(charts.list().dashboards.len(), 1);
    assert_eq!(charts.list().charts.len(), 1);
    assert_eq!(
        charts.board_remove(1).unwrap_err().code,
        ErrorCode::WrongState
    );
}

#[test]
fn a_file_of_charts_that_cannot_be_read_is_told_and_left_alone() {
    let data = tempfile::tempdir().unwrap();
    let file = data.path().join("charts.json");
    std::fs::write(&file, "{ broken").unwrap();
    let charts = charts().open(data.path());
    assert_eq!(charts.list().problem.unwrap().code, ErrorCode::File);
    charts.create(payload_chart("a", "")).unwrap();
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "{ broken");
}

#[test]
fn new_charts_find_a_free_place_and_none_lies_on_another() {
    let charts = charts();
    for _ in 0..9 {
        charts.create(payload_chart("a", "")).unwrap();
    }
    let cells: Vec<ChartCell> = charts
        .list()
        .charts
        .iter()
        .map(|chart| chart.cell)
        .collect();
    for (n, a) in cells.iter().enumerate() {
        assert!(a.w > 0 && a.x + a.w <= 12);
        for b in &cells[..n] {
            let apart =
                a.x >= b.x + b.w || b.x >= a.x + a.w || a.y >= b.y + b.h || b.y >= a.y + a.h;
            assert!(apart, "{a:?} {b:?}");
        }
    }
    assert_eq!((cells[1].x, cells[1].y), (6, 0), "beside the first");
    charts
        .arrange(BTreeMap::from([(
            1,
            ChartCell {
                x: 99,
                y: 3,
                w: 40,
                h: 1,
            },
        )]))
        .unwrap();
    let cell = charts.list().charts[0].cell;
    assert_eq!(
        (cell.x, cell.y, cell.w, cell.h),
        (0, 3, 12, 3),
        "kept within the grid"
    );
}

#[test]
fn pictures_and_reports_are_written_whole() {
    let data = tempfile::tempdir().unwrap();
    let payloads = Arc::new(Payloads::open_in(data.path()).unwrap());
    let charts = Charts::new(Capture::new(1 << 20), payloads, Counters::default);
    let chart = charts.create(payload_chart("t/<b>", "")).unwrap();
    publish(&charts, Direction::ToBroker, 1, "t/<b>", "4");
    charts.read();
    let state = charts.state.lock();
    let shown = state.charts[&chart.id].shown(&state.samples);
    let span = (at(0), at(60));
    let file = |format, size| export::file(&shown, span, format, size, (Theme::Light, 60));
    let svg = String::from_utf8(file(ChartFormat::Svg, (640, 360)).unwrap().bytes).unwrap();
    assert!(svg.starts_with("<svg ") && svg.contains("t/&lt;b&gt;"));
    let png = file(ChartFormat::Png, (640, 360)).unwrap();
    assert!(png.bytes.starts_with(b"\x89PNG"));
    assert_eq!(png.not_drawn, None);
    for size in [(0, 0), (5_000, 100)] {
        assert!(file(ChartFormat::Svg, size).is_err());
    }
}

#[test]
fn what_a_picture_in_pixels_has_no_letters_for_is_named_and_stands_in_the_svg() {
    let charts = charts();
    let mut chart = payload_chart("t", "");
    chart.title = "Насос π ≤ 4 °C, 温度".into();
    let chart = charts.create(chart).unwrap();
    let state = charts.state.lock();
    let shown = state.charts[&chart.id].shown(&state.samples);
    let look = (Theme::Light, 60);
    let file = |format| export::file(&shown, (at(0), at(60)), format, (640, 360), look).unwrap();
    assert_eq!(file(ChartFormat::Png).not_drawn.as_deref(), Some("温度"));
    let svg = file(ChartFormat::Svg);
    assert_eq!(svg.not_drawn, None);
    let svg = String::from_utf8(svg.bytes).unwrap();
    assert!(svg.contains("Насос π ≤ 4 °C, 温度"));
}
