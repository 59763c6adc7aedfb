//! Profiles of test clients as text: our own, MQTTX's and MQTT Explorer's.
//!
//! Duty: recognise a format by what is in it, and take over what has a counterpart here. Invariant: what is not taken over
//! is named.

mod explorer;
mod mqttx;

use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::options::invalid;
use crate::Result;
use crate::api::{ApiError, ClientConfig, ErrorCode, SavedMessage};

/// What our own format calls itself.
const FORMAT: &str = "mqtt-workbench";
/// The version of our own format.
const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Own {
    format: String,
    version: u32,
    clients: Vec<ClientConfig>,
    #[serde(default)]
    messages: Vec<SavedMessage>,
}

/// What was read from a text.
#[derive(Debug, Default)]
pub(super) struct Read {
    /// Whose format it is.
    pub format: &'static str,
    pub clients: Vec<ClientConfig>,
    pub messages: Vec<SavedMessage>,
    /// What was not taken over, and why.
    pub left_out: Vec<String>,
}

/// Clients and messages as a text.
pub(super) fn write(clients: Vec<ClientConfig>, messages: Vec<SavedMessage>) -> Result<String> {
    let own = Own {
        format: FORMAT.into(),
        version: VERSION,
        clients,
        messages,
    };
    serde_json::to_string_pretty(&own).map_err(|error| {
        ApiError::new(
            ErrorCode::Internal,
            format!("The clients can't be written: {error}."),
        )
    })
}

/// Clients and messages of a text. Keys that stand in it are written into `folder`, where there is one.
pub(super) fn read(text: &str, folder: Option<&Path>) -> Result<Read> {
    let value: Value = serde_json::from_str(text).map_err(|error| {
        invalid(format_args!(
            "this is no export of clients: it is not JSON, {error}"
        ))
        .hint("Choose a file that the workbench, MQTTX or MQTT Explorer has exported.")
    })?;
    if value.get("format").and_then(Value::as_str) == Some(FORMAT) {
        return own(value);
    }
    if let Some(read) = mqttx::read(&value) {
        return Ok(read);
    }
    if let Some(read) = explorer::read(&value, folder) {
        return read;
    }
    Err(
        invalid("this JSON is no export of clients that is known here").hint(
            "Known are exports of the workbench, of MQTTX (Connections, Export data, JSON), and settings of MQTT Explorer.",
        ),
    )
}

fn own(value: Value) -> Result<Read> {
    let own: Own = serde_json::from_value(value).map_err(|error| {
        invalid(format_args!(
            "this export of the workbench is damaged: {error}"
        ))
    })?;
    if own.version > VERSION {
        return Err(invalid(format_args!(
            "a later version of the workbench wrote this (format {})",
            own.version
        ))
        .hint("Update the workbench, or export from the later one with fewer settings."));
    }
    Ok(Read {
        format: "MQTT Workbench",
        clients: own.clients,
        messages: own.messages,
        left_out: Vec::new(),
    })
}

/// A field that is text, or a number written as such.
fn text(value: &Value, name: &str) -> String {
    match value.get(name) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        _ => String::new(),
    }
}

/// A field that is a number, or a text that reads as one.
fn number(value: &Value, name: &str) -> Option<u64> {
    match value.get(name)? {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// A field that is a number that fits.
fn fitting<T: TryFrom<u64>>(value: &Value, name: &str) -> Option<T> {
    number(value, name).and_then(|number| T::try_from(number).ok())
}

fn flag(value: &Value, name: &str) -> Option<bool> {
    match value.get(name)? {
        Value::Bool(flag) => Some(*flag),
        // MQTTX keeps its connections in SQLite, where a flag is a number.
        Value::Number(number) => number.as_u64().map(|number| number != 0),
        _ => None,
    }
}

/// Fields of an object as names and values, texts alone.
fn pairs(value: Option<&Value>) -> Vec<crate::api::NameAndValue> {
    let Some(Value::Object(fields)) = value else {
        return Vec::new();
    };
    let mut pairs = Vec::new();
    for (name, value) in fields {
        // A user property that is repeated is a list there.
        let values = match value {
            Value::Array(values) => values.iter().collect(),
            one => vec![one],
        };
        for value in values {
            if let Value::String(value) = value {
                pairs.push(crate::api::NameAndValue {
                    name: name.clone(),
                    value: value.clone(),
                });
            }
        }
    }
    pairs
}

#[cfg(test)]
mod tests;
