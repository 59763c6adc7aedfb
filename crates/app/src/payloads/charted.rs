//! One number or one state out of a payload, as charts, alerts and the device board want it.
//!
//! Not here: which payloads are asked for. Invariant: a number in a JSON text is found without the rest of it being decoded.

use mqttwb_payload::{Decoder, Path, Value, ValueKind, detect, expand};

use super::Payloads;

/// Bytes of a state that are kept.
const STATE: usize = 60;
/// A payload longer than this is not tried as something binary when a chart looks for a number without a rule.
const CHARTED: usize = 64 * 1024;

impl Payloads {
    /// The number at a path of a payload: by the rule for its topic, or by its looks.
    pub fn number(&self, topic: &str, payload: &[u8], path: &Path) -> Option<f64> {
        let decoder = self.ruled(topic);
        if matches!(decoder, None | Some(Decoder::Json))
            && let Some(number) = path.number_in(payload)
        {
            return Some(number);
        }
        if decoder.is_none() && (payload.len() > CHARTED || std::str::from_utf8(payload).is_ok()) {
            return None;
        }
        path.number_at(&self.decoded(payload, decoder)?)
    }

    /// The value at a path of a payload as a text, where it holds no others: a word, a number, true or false.
    pub fn state(&self, topic: &str, payload: &[u8], path: &Path) -> Option<String> {
        let decoder = self.ruled(topic);
        if decoder.is_none() && payload.len() > CHARTED {
            return None;
        }
        let decoded = self.decoded(payload, decoder)?;
        let found = path.find(&decoded)?;
        if matches!(
            found.kind(),
            ValueKind::List | ValueKind::Map | ValueKind::Bytes
        ) {
            return None;
        }
        Some(found.brief(STATE).0.trim().to_owned())
    }

    /// The decoder that a rule has for a topic.
    fn ruled(&self, topic: &str) -> Option<Decoder> {
        let schemas = self.schemas.lock();
        let rule = schemas.rule_for(topic)?;
        schemas.decoder(&rule.decoder).ok()
    }

    /// What is in a payload: by this decoder, or by its looks.
    fn decoded(&self, payload: &[u8], decoder: Option<Decoder>) -> Option<Value> {
        let expanded = expand(payload);
        let decoder =
            decoder.unwrap_or_else(|| detect(&expanded.bytes, &self.schemas.lock().avro()));
        decoder.decode(&expanded.bytes).value
    }
}
