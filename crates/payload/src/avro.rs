//! Avro: plain data with a schema, the single-object encoding, and object container files.
//!
//! Duty: read schemas with `apache-avro`, and walk over the binary encoding within a budget of values and of depth.
//! Not here: schema resolution; data is read by the schema that it was written with.

use std::collections::HashMap;
use std::sync::Arc;

use apache_avro::Schema;
use apache_avro::rabin::Rabin;
use apache_avro::schema::{Name, ResolvedSchema};

use crate::DecodeError;
use crate::expand;
use crate::value::{Budget, Value};

const WHAT: &str = "Avro";
/// What an object container file begins with.
pub(crate) const CONTAINER: &[u8] = b"Obj\x01";
/// What the single-object encoding begins with; the schema's fingerprint follows, then the data.
const SINGLE: &[u8] = b"\xc3\x01";

/// Why a text is no schema.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("this is no Avro schema: {0}")]
pub struct AvroError(String);

/// A schema.
#[derive(Debug, Clone)]
pub struct AvroSchema {
    schema: Arc<Schema>,
    fingerprint: [u8; 8],
}

impl PartialEq for AvroSchema {
    fn eq(&self, other: &Self) -> bool {
        self.fingerprint == other.fingerprint
    }
}

impl AvroSchema {
    /// Reads a schema from its JSON text.
    pub fn parse(text: &str) -> Result<Self, AvroError> {
        let schema = Schema::parse_str(text).map_err(|error| AvroError(error.to_string()))?;
        // References that lead nowhere are found here rather than in a payload.
        ResolvedSchema::try_from(&schema).map_err(|error| AvroError(error.to_string()))?;
        let mut fingerprint = [0; 8];
        let bytes = schema.fingerprint::<Rabin>().bytes;
        for (to, from) in fingerprint.iter_mut().zip(bytes) {
            *to = from;
        }
        Ok(Self {
            schema: Arc::new(schema),
            fingerprint,
        })
    }

    /// The full name of the record, enumeration or fixed that it describes; otherwise the type.
    pub fn name(&self) -> String {
        match self.schema.name() {
            Some(name) => name.fullname(None),
            None => type_name(&self.schema).to_owned(),
        }
    }

    /// Whether these bytes say that they were written with this schema.
    pub fn wrote(&self, bytes: &[u8]) -> bool {
        fingerprint_of(bytes) == Some(self.fingerprint)
    }
}

/// The fingerprint in the single-object encoding.
fn fingerprint_of(bytes: &[u8]) -> Option<[u8; 8]> {
    bytes.strip_prefix(SINGLE)?.first_chunk().copied()
}

/// One datum, with or without the single-object header; or the data of a container file.
pub(crate) fn decode(bytes: &[u8], schema: &AvroSchema) -> Result<(Value, usize), DecodeError> {
    if bytes.starts_with(CONTAINER) {
        return container(bytes).map(|value| (value, bytes.len()));
    }
    let skipped = match fingerprint_of(bytes) {
        Some(found) if found == schema.fingerprint => SINGLE.len() + found.len(),
        Some(found) => {
            // The two bytes may be data; then it reads to its end.
            let plain = datum(bytes, 0, &schema.schema);
            return match plain {
                Ok((value, end)) if end == bytes.len() => Ok((value, end)),
                _ => Err(DecodeError::OtherSchema {
                    found: crate::value::hex(&found),
                    known: crate::value::hex(&schema.fingerprint),
                }),
            };
        }
        None => 0,
    };
    datum(&bytes[skipped..], skipped, &schema.schema)
}

fn datum(bytes: &[u8], at: usize, schema: &Schema) -> Result<(Value, usize), DecodeError> {
    let mut budget = Budget::full();
    let mut input = Input { bytes, at };
    let value = with_names(schema, |names| {
        Walk {
            names,
            budget: &mut budget,
        }
        .value(&mut input, schema, 0)
    })?;
    Ok((value, input.at))
}

fn with_names<T>(
    schema: &Schema,
    then: impl FnOnce(&HashMap<Name, &Schema>) -> Result<T, DecodeError>,
) -> Result<T, DecodeError> {
    let resolved = ResolvedSchema::try_from(schema)
        .map_err(|error| DecodeError::OwnSchema(error.to_string()))?;
    then(resolved.get_names())
}

/// All data of an object container file, which brings its schema along.
pub(crate) fn container(bytes: &[u8]) -> Result<Value, DecodeError> {
    let mut budget = Budget::full();
    let mut input = Input { bytes, at: 0 };
    input.take(CONTAINER.len() as u64)?;
    let no_names = HashMap::new();
    let mut header = Walk {
        names: &no_names,
        budget: &mut budget,
    };
    let mut schema = None;
    let mut codec = String::from("null");
    header.blocks(&mut input, |walk, input| {
        walk.budget.spend(1)?;
        let name = input.text()?;
        let value = input.bytes()?;
        match name {
            "avro.schema" => schema = Some(value),
            "avro.codec" => codec = String::from_utf8_lossy(value).into_owned(),
            _ => {}
        }
        Ok(())
    })?;
    let sync: [u8; 16] = input.fixed()?;
    let schema = std::str::from_utf8(schema.unwrap_or_default())
        .map_err(|error| DecodeError::OwnSchema(error.to_string()))?;
    let schema =
        AvroSchema::parse(schema).map_err(|error| DecodeError::OwnSchema(error.to_string()))?;
    let mut values = Vec::new();
    let mut expanded_in_all = 0;
    with_names(&schema.schema, |names| {
        while !input.bytes.is_empty() {
            let count = input.long()?;
            let len = input.long()?;
            let begin = input.at;
            let block = input.take(u64::try_from(len).unwrap_or(u64::MAX))?.bytes;
            let expanded;
            let (data, at) = match codec.as_str() {
                "null" => (block, begin),
                "deflate" => {
                    expanded = expand::inflate(block)?;
                    (&expanded[..], 0)
                }
                "zstandard" => {
                    expanded = expand::zstandard(block)?;
                    (&expanded[..], 0)
                }
                other => return Err(DecodeError::Codec(other.to_owned())),
            };
            expanded_in_all += data.len();
            if expanded_in_all > expand::MAX_EXPANDED {
                return Err(crate::ExpandError::TooMuch { layer: WHAT }.into());
            }
            let mut data = Input { bytes: data, at };
            for _ in 0..count.max(0) {
                let mut walk = Walk {
                    names,
                    budget: &mut budget,
                };
                values.push(walk.value(&mut data, &schema.schema, 1)?);
            }
            if input.fixed::<16>()? != sync {
                return Err(input.not("a block does not end with the file's marker"));
            }
        }
        Ok(())
    })?;
    Ok(Value::List(values))
}

/// Bytes, and where they are in the payload.
struct Input<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Input<'a> {
    fn not(&self, why: impl Into<String>) -> DecodeError {
        DecodeError::Not {
            what: WHAT,
            why: why.into(),
            at: self.at,
        }
    }

    fn take(&mut self, len: u64) -> Result<Self, DecodeError> {
        let taken = usize::try_from(len)
            .ok()
            .and_then(|len| self.bytes.split_at_checked(len));
        let Some((taken, rest)) = taken else {
            return Err(DecodeError::Ends {
                what: WHAT,
                at: self.at,
            });
        };
        let at = self.at;
        self.bytes = rest;
        self.at += taken.len();
        Ok(Self { bytes: taken, at })
    }

    fn fixed<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let taken = self.take(N as u64)?;
        let mut fixed = [0; N];
        fixed.copy_from_slice(taken.bytes);
        Ok(fixed)
    }

    /// A zigzag number of variable length.
    fn long(&mut self) -> Result<i64, DecodeError> {
        let mut bits = 0u64;
        for place in 0..10u32 {
            let [byte] = self.fixed()?;
            bits |= u64::from(byte & 0x7f) << (7 * place);
            if byte & 0x80 == 0 {
                #[allow(clippy::cast_possible_wrap)]
                return Ok((bits >> 1) as i64 ^ -((bits & 1) as i64));
            }
        }
        Err(self.not("a number has more than 64 bits"))
    }

    fn bytes(&mut self) -> Result<&'a [u8], DecodeError> {
        let begin = self.at;
        let len = self.long()?;
        let len = u64::try_from(len).map_err(|_| DecodeError::Not {
            what: WHAT,
            why: "a length is less than nothing".to_owned(),
            at: begin,
        })?;
        Ok(self.take(len)?.bytes)
    }

    fn text(&mut self) -> Result<&'a str, DecodeError> {
        let begin = self.at;
        std::str::from_utf8(self.bytes()?).map_err(|_| DecodeError::Not {
            what: WHAT,
            why: "a string is no UTF-8".to_owned(),
            at: begin,
        })
    }
}

struct Walk<'w> {
    names: &'w HashMap<Name, &'w Schema>,
    budget: &'w mut Budget,
}

impl<'w> Walk<'w> {
    fn value(
        &mut self,
        input: &mut Input<'_>,
        schema: &'w Schema,
        depth: u32,
    ) -> Result<Value, DecodeError> {
        self.budget.spend(depth)?;
        Ok(match schema {
            Schema::Null => Value::Null,
            Schema::Boolean => match input.fixed()? {
                [0] => Value::Bool(false),
                [1] => Value::Bool(true),
                _ => return Err(input.not("a boolean is neither 0 nor 1")),
            },
            Schema::Int | Schema::Long => Value::Int(input.long()?.into()),
            Schema::Float => Value::single(f32::from_le_bytes(input.fixed()?)),
            Schema::Double => Value::Float(f64::from_le_bytes(input.fixed()?)),
            Schema::Bytes | Schema::BigDecimal => Value::Bytes(input.bytes()?.into()),
            Schema::String | Schema::Uuid => Value::Text(input.text()?.into()),
            Schema::Fixed(fixed) => Value::Bytes(input.take(fixed.size as u64)?.bytes.into()),
            Schema::Array(array) => {
                let mut values = Vec::new();
                self.blocks(input, |walk, input| {
                    values.push(walk.value(input, &array.items, depth + 1)?);
                    Ok(())
                })?;
                Value::List(values)
            }
            Schema::Map(map) => {
                let mut members = Vec::new();
                self.blocks(input, |walk, input| {
                    let name = input.text()?.into();
                    members.push((name, walk.value(input, &map.types, depth + 1)?));
                    Ok(())
                })?;
                Value::Map(members)
            }
            Schema::Union(union) => {
                let at = input.long()?;
                let variants = union.variants();
                let Some(variant) = usize::try_from(at).ok().and_then(|at| variants.get(at)) else {
                    return Err(input.not(format!(
                        "a union has {} types, and type {at} is chosen",
                        variants.len()
                    )));
                };
                let value = self.value(input, variant, depth + 1)?;
                let others = variants
                    .iter()
                    .filter(|variant| !matches!(variant, Schema::Null));
                if others.count() > 1 && !matches!(variant, Schema::Null) {
                    let name = variant
                        .name()
                        .map_or_else(|| type_name(variant).to_owned(), |name| name.name.clone());
                    Value::named(name, value)
                } else {
                    value
                }
            }
            Schema::Record(record) => {
                let mut members = Vec::with_capacity(record.fields.len());
                for field in &record.fields {
                    members.push((
                        field.name.as_str().into(),
                        self.value(input, &field.schema, depth + 1)?,
                    ));
                }
                Value::Map(members)
            }
            Schema::Enum(of) => {
                let at = input.long()?;
                let symbol = usize::try_from(at).ok().and_then(|at| of.symbols.get(at));
                let Some(symbol) = symbol else {
                    return Err(input.not(format!(
                        "an enumeration has {} symbols, and symbol {at} is chosen",
                        of.symbols.len()
                    )));
                };
                Value::named(symbol.as_str(), Value::Int(at.into()))
            }
            Schema::Decimal(decimal) => {
                let bytes = match &*decimal.inner {
                    Schema::Fixed(fixed) => input.take(fixed.size as u64)?.bytes,
                    _ => input.bytes()?,
                };
                self::decimal(bytes, decimal.scale)
            }
            Schema::Duration => {
                let bytes: [u8; 12] = input.fixed()?;
                let part = |at: usize| {
                    let part = [bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]];
                    Value::Int(u32::from_le_bytes(part).into())
                };
                Value::Map(vec![
                    ("months".into(), part(0)),
                    ("days".into(), part(4)),
                    ("milliseconds".into(), part(8)),
                ])
            }
            Schema::Date
            | Schema::TimeMillis
            | Schema::TimeMicros
            | Schema::TimestampMillis
            | Schema::TimestampMicros
            | Schema::TimestampNanos
            | Schema::LocalTimestampMillis
            | Schema::LocalTimestampMicros
            | Schema::LocalTimestampNanos => {
                Value::named(type_name(schema), Value::Int(input.long()?.into()))
            }
            Schema::Ref { name } => {
                let Some(&schema) = self.names.get(name) else {
                    return Err(DecodeError::OwnSchema(format!(
                        "{} is not defined in it",
                        name.fullname(None)
                    )));
                };
                return self.value(input, schema, depth + 1);
            }
        })
    }

    /// Arrays and maps come in blocks, each with the number of its items, and end with an empty one. A negative number
    /// says that the block's size in bytes follows.
    fn blocks<'a>(
        &mut self,
        input: &mut Input<'a>,
        mut item: impl FnMut(&mut Self, &mut Input<'a>) -> Result<(), DecodeError>,
    ) -> Result<(), DecodeError> {
        loop {
            let count = input.long()?;
            if count == 0 {
                return Ok(());
            }
            if count < 0 {
                input.long()?;
            }
            for _ in 0..count.unsigned_abs() {
                item(self, input)?;
            }
        }
    }
}

/// A whole number in two's complement, of which `scale` digits stand behind the point.
fn decimal(bytes: &[u8], scale: usize) -> Value {
    if bytes.is_empty() || bytes.len() > 16 || scale > 38 {
        return Value::named("decimal", Value::Bytes(bytes.into()));
    }
    let sign = if bytes[0] & 0x80 == 0 { 0 } else { -1 };
    let number = bytes
        .iter()
        .fold(sign, |number: i128, byte| number << 8 | i128::from(*byte));
    let digits = format!("{:0>width$}", number.unsigned_abs(), width = scale + 1);
    let (whole, rest) = digits.split_at(digits.len() - scale);
    let sign = if number < 0 { "-" } else { "" };
    let point = if scale == 0 { "" } else { "." };
    Value::named(
        "decimal",
        Value::Digits(format!("{sign}{whole}{point}{rest}").into()),
    )
}

fn type_name(schema: &Schema) -> &'static str {
    match schema {
        Schema::Null => "null",
        Schema::Boolean => "boolean",
        Schema::Int => "int",
        Schema::Long => "long",
        Schema::Float => "float",
        Schema::Double => "double",
        Schema::Bytes => "bytes",
        Schema::String => "string",
        Schema::Array(_) => "array",
        Schema::Map(_) => "map",
        Schema::Union(_) => "union",
        Schema::Record(_) => "record",
        Schema::Enum(_) => "enum",
        Schema::Fixed(_) => "fixed",
        Schema::Decimal(_) | Schema::BigDecimal => "decimal",
        Schema::Uuid => "uuid",
        Schema::Date => "date",
        Schema::TimeMillis => "time-millis",
        Schema::TimeMicros => "time-micros",
        Schema::TimestampMillis => "timestamp-millis",
        Schema::TimestampMicros => "timestamp-micros",
        Schema::TimestampNanos => "timestamp-nanos",
        Schema::LocalTimestampMillis => "local-timestamp-millis",
        Schema::LocalTimestampMicros => "local-timestamp-micros",
        Schema::LocalTimestampNanos => "local-timestamp-nanos",
        Schema::Duration => "duration",
        Schema::Ref { .. } => "reference",
    }
}

#[cfg(test)]
#[path = "avro_tests.rs"]
mod tests;
