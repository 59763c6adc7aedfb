//! A payload that was read: out of what, as what, and what came of it.
//!
//! Duty: choose its decoder (as somebody asks, by the rule for its topic, or by its looks) and decode it. Not here: decoding itself
//! (`payload`). Invariant: what a rule can't do any more is said, and the payload is shown by its looks.

use mqttwb_payload::{Decoded, Decoder, Path, Value, detect, expand};

use super::Payloads;
use super::find::Found;
use crate::Result;
use crate::api::{ApiError, DecoderChoice, DecoderChosen, ErrorCode, PayloadLayer};
use crate::words::sentence;

/// A payload, read.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) found: Found,
    pub(super) bytes: Vec<u8>,
    pub(super) layers: Vec<PayloadLayer>,
    pub(super) decoder: Decoder,
    pub(super) choice: DecoderChoice,
    pub(super) chosen: DecoderChosen,
    pub(super) detected: DecoderChoice,
    pub(super) decoded: Decoded,
    pub(super) problems: Vec<String>,
}

impl Payloads {
    /// Reads it.
    pub(super) fn read(&self, found: Found, asked: Option<&DecoderChoice>) -> Result<Opened> {
        let expanded = expand(&found.payload);
        let mut problems: Vec<String> = expanded.problem.iter().map(sentence).collect();
        let layers = expanded
            .layers
            .iter()
            .map(|(layer, size)| PayloadLayer {
                name: layer.name().to_owned(),
                size: *size as u32,
            })
            .collect();
        let bytes = expanded.bytes.into_owned();
        let (detected, detected_choice, decoder, choice, chosen) = {
            let schemas = self.schemas.lock();
            let detected = detect(&bytes, &schemas.avro());
            let detected_choice = schemas.choice(&detected);
            let rule = schemas.rule_for(&found.topic);
            let (choice, chosen) = match (asked, rule) {
                (Some(asked), _) => (asked.clone(), DecoderChosen::Asked),
                (None, Some(rule)) => (
                    rule.decoder.clone(),
                    DecoderChosen::Rule {
                        filter: rule.filter.clone(),
                    },
                ),
                (None, None) => (detected_choice.clone(), DecoderChosen::Detected),
            };
            let decoder = match schemas.decoder(&choice) {
                Ok(decoder) => Some(decoder),
                // What a rule can't do any more is said beside what can be shown.
                Err(error) if asked.is_none() => {
                    problems.push(error.message);
                    None
                }
                Err(error) => return Err(error),
            };
            (detected, detected_choice, decoder, choice, chosen)
        };
        let (decoder, choice, chosen) = match decoder {
            Some(decoder) => (decoder, choice, chosen),
            None => (detected, detected_choice.clone(), DecoderChosen::Detected),
        };
        let decoded = decoder.decode(&bytes);
        problems.extend(decoded.problem.iter().map(sentence));
        match decoded.not_utf8 {
            0 => {}
            1 => problems.push("One byte is no UTF-8; it is shown as \\x and its value.".into()),
            many => problems.push(format!(
                "{many} bytes are no UTF-8; they are shown as \\x and their values."
            )),
        }
        Ok(Opened {
            found,
            bytes,
            layers,
            decoder,
            choice,
            chosen,
            detected: detected_choice,
            decoded,
            problems,
        })
    }
}

impl Opened {
    pub(super) fn all(&self, expanded: bool) -> &[u8] {
        if expanded {
            &self.bytes
        } else {
            &self.found.payload
        }
    }

    /// The usual ending of a file of this.
    pub(super) fn ending(&self, expanded: bool) -> &'static str {
        if !expanded && let Some(layer) = self.layers.first() {
            return match layer.name.as_str() {
                "gzip" => "gz",
                "zstandard" => "zst",
                _ => "txt",
            };
        }
        match (&self.decoder, self.decoded.image) {
            (_, Some(image)) if image.media_type == "image/png" => "png",
            (_, Some(_)) => "jpg",
            (Decoder::Json, _) => "json",
            (Decoder::Text, _) => "txt",
            (Decoder::Cbor, _) => "cbor",
            (Decoder::MessagePack, _) => "msgpack",
            (Decoder::AvroContainer, _) => "avro",
            _ => "bin",
        }
    }
}

/// The value at positions from the root on.
pub(super) fn reach<'a>(opened: &'a Opened, at: &[u32]) -> Result<(Path, &'a Value)> {
    let nowhere = || {
        ApiError::new(
            ErrorCode::NotFound,
            "There is no value at that place of the payload.",
        )
    };
    let positions: Vec<usize> = at.iter().map(|at| *at as usize).collect();
    let root = opened.decoded.value.as_ref().ok_or_else(nowhere)?;
    let path = Path::to(root, &positions).ok_or_else(nowhere)?;
    let value = positions
        .iter()
        .try_fold(root, |value, &at| value.child(at).map(|(_, child)| child))
        .ok_or_else(nowhere)?;
    Ok((path, value))
}
