//! Pictures as bytes, for a page that takes ten of each chart in a second.
//!
//! Duty: put the coordinates of all strokes side by side as numbers that a page can use as they are, and say the rest in JSON.
//! Not here: what is sent when (the shell's pump), and taking it apart (`ui/src/lib/backend/pictures.ts`).
//!
//! The length of the JSON as 32 bits, the JSON, filled up with spaces to a whole number of four bytes, and then 32-bit floating
//! point numbers, all of them little-endian. The JSON is a [`ChartsFrame`] whose paths and polygons have no points; those of all of
//! them follow each other in the numbers, and `counts` says how many belong to each.

use serde::Serialize;

use crate::Result;
use crate::api::{ApiError, ChartsFrame, DrawOp, ErrorCode};

#[derive(Serialize)]
struct Header {
    counts: Vec<usize>,
    frame: ChartsFrame,
}

/// A frame as bytes.
pub fn pack(mut frame: ChartsFrame) -> Result<Vec<u8>> {
    let mut counts = Vec::new();
    let mut numbers = Vec::new();
    let drawn = frame.pictures.iter_mut().filter_map(|p| p.drawn.as_mut());
    for op in drawn.flat_map(|drawn| &mut drawn.ops) {
        if let DrawOp::Path { points, .. } | DrawOp::Fill { points, .. } = op {
            counts.push(points.len());
            numbers.append(points);
        }
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
    use crate::api::{ChartFrame, ChartPicture};

    fn path(points: &[f32]) -> DrawOp {
        DrawOp::Path {
            points: points.to_vec(),
            color: "#ffffff".into(),
            width: 1.75,
        }
    }

    fn picture(key: u32, ops: Vec<DrawOp>) -> ChartPicture {
        ChartPicture {
            key,
            drawn: Some(ChartFrame {
                id: key,
                ops,
                ..ChartFrame::default()
            }),
            failed: None,
        }
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
                picture(1, vec![path(&[1.0, 2.5, 3.0, 4.0]), filled]),
                picture(2, vec![path(&[-0.5, 9.0])]),
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
