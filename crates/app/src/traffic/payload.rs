//! A payload for a person: what it looks like, and its text.

use std::fmt::Write as _;

use mqttwb_payload::{json, numbers};

use crate::api::{NumberAt, PayloadFormat, PayloadView};

/// Numbers that are listed at most.
const NUMBERS: usize = 200;

/// A payload, of which about `limit` bytes are shown.
pub(super) fn view(payload: &[u8], limit: usize) -> PayloadView {
    let (format, text, partial) = read(payload, limit);
    let numbers = match format {
        PayloadFormat::Json => numbers(payload, NUMBERS)
            .into_iter()
            .map(|(path, value)| NumberAt {
                path: path.to_string(),
                value,
            })
            .collect(),
        PayloadFormat::Empty | PayloadFormat::Text | PayloadFormat::Binary => Vec::new(),
    };
    PayloadView {
        format,
        text,
        size: payload.len() as u32,
        partial,
        numbers,
    }
}

fn read(payload: &[u8], limit: usize) -> (PayloadFormat, String, bool) {
    if payload.is_empty() {
        return (PayloadFormat::Empty, String::new(), false);
    }
    if let Ok(text) = std::str::from_utf8(payload) {
        if let Some(json) = json::indented(text, limit) {
            return (PayloadFormat::Json, json.text, json.cut);
        }
        // Text that a screen can't show is better read as bytes.
        if !text.contains(|c: char| c.is_control() && !matches!(c, '\t' | '\n' | '\r')) {
            let shown = json::beginning(text, limit);
            return (PayloadFormat::Text, shown.into(), shown.len() < text.len());
        }
    }
    let shown = &payload[..payload.len().min(limit)];
    (
        PayloadFormat::Binary,
        hex_dump(shown),
        shown.len() < payload.len(),
    )
}

/// Sixteen bytes a line: offset, hexadecimal, ASCII.
fn hex_dump(bytes: &[u8]) -> String {
    let mut dump = String::with_capacity(bytes.len().div_ceil(16) * 78);
    for (line, chunk) in bytes.chunks(16).enumerate() {
        if line > 0 {
            dump.push('\n');
        }
        let _ = write!(dump, "{:08x} ", line * 16);
        for column in 0..16 {
            if column % 8 == 0 {
                dump.push(' ');
            }
            match chunk.get(column) {
                Some(byte) => {
                    let _ = write!(dump, "{byte:02x} ");
                }
                None => dump.push_str("   "),
            }
        }
        dump.push(' ');
        dump.extend(chunk.iter().map(|&byte| match byte {
            b' '..=b'~' => char::from(byte),
            _ => '.',
        }));
    }
    dump
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_is_shown_as_what_it_is() {
        for (payload, format, text) in [
            (&b""[..], PayloadFormat::Empty, ""),
            (b"{\"v\":1.10}", PayloadFormat::Json, "{\n  \"v\": 1.10\n}"),
            (b"23.40", PayloadFormat::Json, "23.40"),
            ("23,4 °C\n".as_bytes(), PayloadFormat::Text, "23,4 °C\n"),
            (b"{\"v\":1", PayloadFormat::Text, "{\"v\":1"),
            (
                b"\x00\x01Hello, world!\xff\x80",
                PayloadFormat::Binary,
                "00000000  00 01 48 65 6c 6c 6f 2c  20 77 6f 72 6c 64 21 ff  ..Hello, world!.\n\
                 00000010  80                                                .",
            ),
            (
                b"\x00",
                PayloadFormat::Binary,
                "00000000  00                                                .",
            ),
        ] {
            let view = view(payload, 1000);
            assert_eq!((view.format, view.text.as_str()), (format, text));
            assert_eq!((view.size as usize, view.partial), (payload.len(), false));
        }
    }

    #[test]
    fn a_long_payload_is_shown_in_part_but_known_as_a_whole() {
        let json = format!("[{}7]", "1, ".repeat(50_000));
        let part = view(json.as_bytes(), 64 * 1024);
        assert_eq!(part.format, PayloadFormat::Json);
        assert_eq!((part.text.len(), part.partial), (64 * 1024, true));
        assert_eq!(part.numbers.len(), NUMBERS);
        let text = "ß".repeat(100);
        let part = view(text.as_bytes(), 51);
        assert_eq!((part.text.chars().count(), part.partial), (25, true));
        assert!(!view(text.as_bytes(), usize::MAX).partial);
        let part = view(&[0xff; 100], 32);
        assert_eq!((part.text.lines().count(), part.partial), (2, true));
    }

    #[test]
    fn numbers_are_listed_with_their_paths() {
        let view = view(br#"{"value": 4.2, "cells": [1, 2], "unit": "V"}"#, 1000);
        let listed: Vec<(&str, f64)> = view
            .numbers
            .iter()
            .map(|n| (n.path.as_str(), n.value))
            .collect();
        assert_eq!(
            listed,
            [("value", 4.2), ("cells[0]", 1.0), ("cells[1]", 2.0)]
        );
    }
}
