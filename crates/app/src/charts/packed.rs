//! Pictures as bytes, for a page that takes ten of each chart in a second.
//!
//! Duty: leave out the strokes and coordinates that a page has already, put the other coordinates side by side as numbers that it
//! can use as they are, and say the rest in JSON.
//! Not here: what is sent when (the shell's pump), and taking it apart (`ui/src/lib/backend/pictures.ts`).
//!
//! The length of the JSON as 32 bits, the JSON, filled up with spaces to a whole number of four bytes, and then 32-bit floating
//! point numbers, all of them little-endian. The JSON is a [`ChartsFrame`] whose paths and polygons have no points; those of all of
//! them follow each other in the numbers, and `counts` says how many belong to each.

use serde::Serialize;

use crate::Result;
use crate::api::{ApiError, ChartFrame, ChartPicture, ChartsFrame, DrawOp, ErrorCode};

#[derive(Serialize)]
struct Header {
    counts: Vec<usize>,
    frame: ChartsFrame,
}

/// The points of a path or polygon.
fn points(op: &DrawOp) -> Option<&Vec<f32>> {
    match op {
        DrawOp::Path { points, .. } | DrawOp::Fill { points, .. } => Some(points),
        DrawOp::Rect { .. } | DrawOp::Circle { .. } | DrawOp::Text { .. } => None,
    }
}

/// The same, to change them.
fn points_mut(op: &mut DrawOp) -> Option<&mut Vec<f32>> {
    match op {
        DrawOp::Path { points, .. } | DrawOp::Fill { points, .. } => Some(points),
        DrawOp::Rect { .. } | DrawOp::Circle { .. } | DrawOp::Text { .. } => None,
    }
}

/// Leaves out the coordinates at both ends that are as they were; how many of them there are.
fn cut(points: &mut Vec<f32>, known: &[f32]) -> (u32, u32) {
    let equal = |(a, b): &(&f32, &f32)| a == b;
    let begin = points.iter().zip(known).take_while(equal).count();
    let left = points.len().min(known.len()) - begin;
    let pairs = points.iter().rev().zip(known.iter().rev());
    let end = pairs.take(left).take_while(equal).count();
    points.truncate(points.len() - end);
    points.drain(..begin);
    (begin as u32, end as u32)
}

/// What has become of a chart, for a page that knows how it was drawn `before`: most of a chart that goes on is as it was.
pub fn picture(
    key: u32,
    drawn: &mut Result<ChartFrame>,
    before: Option<&ChartFrame>,
) -> ChartPicture {
    let mut picture = ChartPicture {
        key,
        drawn: None,
        failed: None,
        strokes: 0,
        places: Vec::new(),
        same: Vec::new(),
    };
    let drawn = match drawn {
        Ok(drawn) => drawn,
        Err(error) => {
            picture.failed = Some(error.clone());
            return picture;
        }
    };
    // Its strokes are the most of it: they are not copied with the rest.
    let strokes = std::mem::take(&mut drawn.ops);
    let mut sent = drawn.clone();
    drawn.ops = strokes;
    picture.strokes = drawn.ops.len() as u32;
    for (place, op) in (0..).zip(&drawn.ops) {
        let known = before.and_then(|before| before.ops.get(place));
        if known == Some(op) {
            continue;
        }
        let mut op = op.clone();
        if let Some(now) = points_mut(&mut op) {
            let known = known.and_then(points);
            picture
                .same
                .push(known.map_or((0, 0), |known| cut(now, known)));
        }
        picture.places.push(place as u32);
        sent.ops.push(op);
    }
    picture.drawn = Some(sent);
    picture
}

/// A frame as bytes.
pub fn pack(mut frame: ChartsFrame) -> Result<Vec<u8>> {
    let mut counts = Vec::new();
    let mut numbers = Vec::new();
    let drawn = frame.pictures.iter_mut().filter_map(|p| p.drawn.as_mut());
    for points in drawn.flat_map(|drawn| drawn.ops.iter_mut().filter_map(points_mut)) {
        counts.push(points.len());
        numbers.append(points);
    }
    let mut packed = vec![0; 4];
    serde_json::to_writer(&mut packed, &Header { counts, frame })
        .map_err(|error| ApiError::new(ErrorCode::Internal, error.to_string()))?;
    packed.resize(packed.len().next_multiple_of(4), b' ');
    let length = packed.len() - 4;
    packed[..4].copy_from_slice(&(length as u32).to_le_bytes());
    packed.reserve(numbers.len() * 4);
    packed.extend(numbers.iter().flat_map(|number: &f32| number.to_le_bytes()));
    Ok(packed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(points: &[f32]) -> DrawOp {
        DrawOp::Path {
            points: points.to_vec(),
            color: "#ffffff".into(),
            width: 1.75,
        }
    }

    fn drawn(id: u32, ops: Vec<DrawOp>) -> ChartFrame {
        ChartFrame {
            id,
            ops,
            ..ChartFrame::default()
        }
    }

    #[test]
    fn coordinates_that_a_page_has_already_are_left_out() {
        let first = drawn(1, vec![path(&[1.0, 5.0, 2.0, 6.0, 3.0, 7.0])]);
        for (next, same, left) in [
            (
                &[1.0, 5.0, 2.0, 6.0, 3.0, 7.0, 4.0, 8.0][..],
                (6, 0),
                &[4.0, 8.0][..],
            ),
            (&[1.0, 5.0, 2.0, 9.0, 3.0, 7.0], (3, 2), &[9.0]),
            (&[1.0, 5.0, 3.0, 7.0], (2, 2), &[]),
            (&[9.0, 9.0], (0, 0), &[9.0, 9.0]),
        ] {
            let after = picture(1, &mut Ok(drawn(1, vec![path(next)])), Some(&first));
            assert_eq!((after.strokes, &after.same[..]), (1, &[same][..]));
            assert_eq!(after.drawn.unwrap().ops, [path(left)]);
        }
    }

    #[test]
    fn strokes_that_a_page_has_already_are_left_out() {
        let dot = |x| DrawOp::Circle {
            x,
            y: 5.0,
            r: 2.0,
            color: "#ffffff".into(),
            fill: true,
        };
        let line = path(&[1.0, 5.0]);
        let first = drawn(1, vec![line.clone(), dot(1.0), dot(2.0)]);
        let after = |ops: Vec<DrawOp>, before| {
            let mut now = Ok(drawn(1, ops.clone()));
            let after = picture(1, &mut now, before);
            assert_eq!(now.unwrap().ops, ops, "it keeps its own strokes");
            let ops = after.drawn.unwrap().ops;
            (after.strokes, after.places, after.same, ops)
        };
        // A dot that has moved, and a path where there was none.
        let ops = vec![line.clone(), dot(9.0), dot(2.0), line.clone()];
        assert_eq!(
            after(ops, Some(&first)),
            (4, vec![1, 3], vec![(0, 0)], vec![dot(9.0), line.clone()])
        );
        // A path where a dot was, and strokes that are gone.
        assert_eq!(
            after(vec![line.clone(), line.clone()], Some(&first)),
            (2, vec![1], vec![(0, 0)], vec![line.clone()])
        );
        // Of what a page sees for the first time it knows nothing.
        assert_eq!(
            after(vec![line.clone()], None),
            (1, vec![0], vec![(0, 0)], vec![line])
        );
    }

    #[test]
    fn the_coordinates_stand_behind_the_words_in_their_order() {
        let filled = DrawOp::Fill {
            points: vec![7.0, 8.0],
            color: "#000000".into(),
        };
        let mut first = Ok(drawn(1, vec![path(&[1.0, 2.5, 3.0, 4.0]), filled]));
        let frame = ChartsFrame {
            frame: 3,
            pictures: vec![
                picture(1, &mut first, None),
                picture(2, &mut Ok(drawn(2, vec![path(&[-0.5, 9.0])])), None),
            ],
        };
        let packed = pack(frame).unwrap();
        let length = u32::from_le_bytes(packed[..4].try_into().unwrap()) as usize;
        assert_eq!(length % 4, 0, "numbers begin where a page can look at them");
        let header: serde_json::Value = serde_json::from_slice(&packed[4..4 + length]).unwrap();
        assert_eq!(header["counts"], serde_json::json!([4, 2, 2]));
        assert_eq!(header["frame"]["frame"], 3);
        let ops = &header["frame"]["pictures"][0]["drawn"]["ops"];
        assert_eq!(ops[0]["points"], serde_json::json!([]));
        let numbers: Vec<f32> = packed[4 + length..]
            .chunks_exact(4)
            .map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap()))
            .collect();
        assert_eq!(numbers, [1.0, 2.5, 3.0, 4.0, 7.0, 8.0, -0.5, 9.0]);
    }
}
