//! Pictures as bytes, for a page that takes ten of each chart in a second.
//!
//! Duty: leave out the coordinates that a page has already, put the others side by side as numbers that it can use as they are,
//! and say the rest in JSON.
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

/// The points of its paths and polygons, in their order.
fn paths(frame: &mut ChartFrame) -> impl Iterator<Item = &mut Vec<f32>> {
    frame.ops.iter_mut().filter_map(|op| match op {
        DrawOp::Path { points, .. } | DrawOp::Fill { points, .. } => Some(points),
        _ => None,
    })
}

/// What has become of a chart, for a page that knows how it was drawn `before`: most of a line that goes on is as it was.
pub fn picture(key: u32, drawn: Result<ChartFrame>, before: Option<ChartFrame>) -> ChartPicture {
    let mut drawn = match drawn {
        Ok(drawn) => drawn,
        Err(error) => {
            return ChartPicture {
                key,
                drawn: None,
                failed: Some(error),
                same: Vec::new(),
            };
        }
    };
    let mut before = before.unwrap_or_default();
    let same = paths(&mut drawn)
        .zip(paths(&mut before))
        .map(|(points, known)| {
            let equal = |(a, b): &(&f32, &f32)| a == b;
            let begin = points.iter().zip(known.iter()).take_while(equal).count();
            let left = points.len().min(known.len()) - begin;
            let pairs = points.iter().rev().zip(known.iter().rev());
            let end = pairs.take(left).take_while(equal).count();
            points.truncate(points.len() - end);
            points.drain(..begin);
            (begin as u32, end as u32)
        })
        .collect();
    ChartPicture {
        key,
        drawn: Some(drawn),
        failed: None,
        same,
    }
}

/// A frame as bytes.
pub fn pack(mut frame: ChartsFrame) -> Result<Vec<u8>> {
    let mut counts = Vec::new();
    let mut numbers = Vec::new();
    let drawn = frame.pictures.iter_mut().filter_map(|p| p.drawn.as_mut());
    for points in drawn.flat_map(paths) {
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
    fn what_a_page_has_already_is_left_out() {
        let first = drawn(1, vec![path(&[1.0, 5.0, 2.0, 6.0, 3.0, 7.0])]);
        let points =
            |picture: ChartPicture| paths(&mut picture.drawn.unwrap()).next().unwrap().clone();
        for (next, same, left) in [
            (
                &[1.0, 5.0, 2.0, 6.0, 3.0, 7.0, 4.0, 8.0][..],
                (6, 0),
                &[4.0, 8.0][..],
            ),
            (&[1.0, 5.0, 2.0, 9.0, 3.0, 7.0], (3, 2), &[9.0]),
            (&[1.0, 5.0, 2.0, 6.0, 3.0, 7.0], (6, 0), &[]),
            (&[1.0, 5.0, 3.0, 7.0], (2, 2), &[]),
            (&[9.0, 9.0], (0, 0), &[9.0, 9.0]),
        ] {
            let after = picture(1, Ok(drawn(1, vec![path(next)])), Some(first.clone()));
            assert_eq!(
                (&after.same[..], &points(after.clone())[..]),
                (&[same][..], left)
            );
        }
        // A path that there was none of before is whole, and so is all that a page sees for the first time.
        let two = || Ok(drawn(1, vec![path(&[1.0, 5.0]), path(&[2.0, 2.0])]));
        assert_eq!(picture(1, two(), Some(first)).same.len(), 1);
        let new = picture(1, two(), None);
        assert_eq!((new.same.len(), points(new)), (0, vec![1.0, 5.0]));
    }

    #[test]
    fn the_coordinates_stand_behind_the_words_in_their_order() {
        let filled = DrawOp::Fill {
            points: vec![7.0, 8.0],
            color: "#000000".into(),
        };
        let frame = ChartsFrame {
            frame: 3,
            pictures: vec![
                picture(
                    1,
                    Ok(drawn(1, vec![path(&[1.0, 2.5, 3.0, 4.0]), filled])),
                    None,
                ),
                picture(2, Ok(drawn(2, vec![path(&[-0.5, 9.0])])), None),
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
