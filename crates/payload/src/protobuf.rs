//! Protobuf messages, with a schema or without one.
//!
//! Duty: walk over the wire format within a budget, and name what the schema knows. A field that it does not know, and
//! every field where there is no schema, is called by its number, as `#3`.
//! Not here: schemas (`schema`). Invariant: what a message holds is in the tree, known or not.

mod schema;

use std::collections::HashMap;

use prost::encoding::{WireType, decode_varint};
use prost_reflect::{Cardinality, FieldDescriptor, Kind, MessageDescriptor};

use crate::DecodeError;
use crate::value::{Budget, Value};
pub use schema::{ProtobufError, ProtobufMessage, ProtobufSchema};

const WHAT: &str = "Protobuf";

/// How deep bytes are tried as a message where nothing is known of them. Each try may look at all of them.
const MAX_GUESSES: u32 = 24;

/// One message. It has no end of its own: all bytes belong to it.
pub(crate) fn decode(
    bytes: &[u8],
    message: Option<&ProtobufMessage>,
) -> Result<Value, DecodeError> {
    let mut walk = Walk {
        budget: Budget::full(),
    };
    let mut input = Input { bytes, at: 0 };
    walk.message(&mut input, message.map(|message| &message.0), None, 0)
}

struct Walk {
    budget: Budget,
}

/// Bytes, and where they are in the payload.
#[derive(Clone, Copy)]
struct Input<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Input<'a> {
    fn ends<T>(&self) -> Result<T, DecodeError> {
        Err(DecodeError::Ends {
            what: WHAT,
            at: self.at,
        })
    }

    fn varint(&mut self) -> Result<u64, DecodeError> {
        let mut rest = self.bytes;
        let Ok(number) = decode_varint(&mut rest) else {
            if self.bytes.len() < 10 && self.bytes.iter().all(|byte| byte & 0x80 != 0) {
                return self.ends();
            }
            return Err(self.not("a number has more than 64 bits"));
        };
        self.advance(self.bytes.len() - rest.len());
        Ok(number)
    }

    fn advance(&mut self, by: usize) {
        self.bytes = &self.bytes[by..];
        self.at += by;
    }

    fn take(&mut self, len: u64) -> Result<Self, DecodeError> {
        let Some(taken) = usize::try_from(len)
            .ok()
            .and_then(|len| self.bytes.get(..len))
        else {
            return self.ends();
        };
        let taken = Self {
            bytes: taken,
            at: self.at,
        };
        self.advance(taken.bytes.len());
        Ok(taken)
    }

    fn fixed<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let Some(&fixed) = self.bytes.first_chunk() else {
            return self.ends();
        };
        self.advance(N);
        Ok(fixed)
    }

    fn not(&self, why: &str) -> DecodeError {
        DecodeError::Not {
            what: WHAT,
            why: why.to_owned(),
            at: self.at,
        }
    }
}

/// The members of a message that is being read.
#[derive(Default)]
struct Members {
    all: Vec<(Box<str>, Value)>,
    /// By number, and whether the schema knows the field: one that another version of the schema wrote stands apart.
    by_number: HashMap<(u32, bool), usize>,
}

impl Members {
    /// A value of a field that stands once. A later one counts; where nothing is known of the field, both do.
    fn put(&mut self, number: u32, name: &str, value: Value, is_known: bool) {
        match self.by_number.get(&(number, is_known)) {
            Some(&at) if is_known => self.all[at].1 = value,
            Some(&at) => {
                let slot = &mut self.all[at].1;
                if let Value::Named { name, value: list } = slot
                    && &**name == "repeated"
                    && let Value::List(values) = &mut **list
                {
                    values.push(value);
                } else {
                    let first = std::mem::replace(slot, Value::Null);
                    *slot = Value::named("repeated", Value::List(vec![first, value]));
                }
            }
            None => {
                self.by_number.insert((number, is_known), self.all.len());
                self.all.push((name.into(), value));
            }
        }
    }

    /// Another field of the same oneof came after this one.
    fn overwrite(&mut self, number: u32) {
        const NAME: &str = "overwritten";
        if let Some(&at) = self.by_number.get(&(number, true)) {
            let slot = &mut self.all[at].1;
            if slot.names().first() != Some(&NAME) {
                *slot = Value::named(NAME, std::mem::replace(slot, Value::Null));
            }
        }
    }

    /// The list of a repeated field.
    fn list(&mut self, number: u32, name: &str) -> &mut Vec<Value> {
        let at = *self.by_number.entry((number, true)).or_insert_with(|| {
            self.all.push((name.into(), Value::List(Vec::new())));
            self.all.len() - 1
        });
        match &mut self.all[at].1 {
            Value::List(values) => values,
            _ => unreachable!("a repeated field is nothing but a list"),
        }
    }

    /// The map of a map field.
    fn map(&mut self, number: u32, name: &str) -> &mut Vec<(Box<str>, Value)> {
        let at = *self.by_number.entry((number, true)).or_insert_with(|| {
            self.all.push((name.into(), Value::Map(Vec::new())));
            self.all.len() - 1
        });
        match &mut self.all[at].1 {
            Value::Map(members) => members,
            _ => unreachable!("a map field is nothing but a map"),
        }
    }
}

impl Walk {
    /// Fields up to the end of the input, or up to the end of a group.
    fn message(
        &mut self,
        input: &mut Input<'_>,
        message: Option<&MessageDescriptor>,
        group: Option<u32>,
        depth: u32,
    ) -> Result<Value, DecodeError> {
        self.budget.spend(depth)?;
        let mut members = Members::default();
        loop {
            if input.bytes.is_empty() {
                if group.is_some() {
                    return input.ends();
                }
                break;
            }
            let begin = *input;
            let key = input.varint()?;
            let wire = WireType::try_from(key & 7)
                .map_err(|_| begin.not("a field has a wire type that there is not"))?;
            let number = u32::try_from(key >> 3).unwrap_or(0);
            if !(1..1 << 29).contains(&number) {
                return Err(begin.not("a field has a number that there is not"));
            }
            if wire == WireType::EndGroup {
                if group == Some(number) {
                    break;
                }
                return Err(begin.not("a group ends that did not begin"));
            }
            let field = message.and_then(|message| message.get_field(number));
            match field {
                Some(field) => self.known(&field, wire, input, &mut members, depth + 1)?,
                None => {
                    let value = self.unknown(number, wire, input, depth + 1)?;
                    members.put(number, &format!("#{number}"), value, false);
                }
            }
        }
        if let Some(message) = message {
            self.defaults(message, &mut members, depth + 1)?;
        }
        Ok(Value::Map(members.all))
    }

    /// A number that is 0 is not on the wire where its presence is not told: it is there all the same, and a chart of
    /// it must not have a gap.
    fn defaults(
        &mut self,
        message: &MessageDescriptor,
        members: &mut Members,
        depth: u32,
    ) -> Result<(), DecodeError> {
        for field in message.fields() {
            if field.cardinality() == Cardinality::Repeated
                || field.supports_presence()
                || members.by_number.contains_key(&(field.number(), true))
            {
                continue;
            }
            let value = match field.kind() {
                Kind::Message(_) => continue,
                Kind::Bool => Value::Bool(false),
                Kind::String => Value::Text("".into()),
                Kind::Bytes => Value::Bytes([].into()),
                Kind::Float | Kind::Double => Value::Float(0.0),
                Kind::Enum(of) => Value::named(of.default_value().name(), Value::Int(0)),
                _ => Value::Int(0),
            };
            self.budget.spend(depth)?;
            members.put(
                field.number(),
                field.name(),
                Value::named("default", value),
                true,
            );
        }
        Ok(())
    }

    fn known(
        &mut self,
        field: &FieldDescriptor,
        wire: WireType,
        input: &mut Input<'_>,
        members: &mut Members,
        depth: u32,
    ) -> Result<(), DecodeError> {
        let (number, name, kind) = (field.number(), field.name(), field.kind());
        if field.is_group()
            && wire == WireType::StartGroup
            && let Kind::Message(of) = &kind
        {
            let value = self.message(input, Some(of), Some(number), depth)?;
            if field.is_list() {
                members.list(number, name).push(value);
            } else {
                members.put(number, name, value, true);
            }
            return Ok(());
        }
        let fits = !field.is_group() && wire as u8 == kind.wire_type() as u8;
        if field.is_map() && fits {
            let len = input.varint()?;
            let mut entry = input.take(len)?;
            let Kind::Message(of) = &kind else {
                return Ok(());
            };
            let entry = self.message(&mut entry, Some(of), None, depth)?;
            let Value::Map(parts) = entry else {
                return Ok(());
            };
            let mut key: Box<str> = "".into();
            let mut value = Value::Map(Vec::new());
            for (part, of) in parts {
                match &*part {
                    "key" => key = crate::key(of),
                    "value" => value = of.without_default(),
                    _ => {}
                }
            }
            members.map(number, name).push((key, value));
        } else if field.is_list() && !fits && wire == WireType::LengthDelimited {
            // Packed.
            let len = input.varint()?;
            let mut packed = input.take(len)?;
            while !packed.bytes.is_empty() {
                self.budget.spend(depth)?;
                let value = self.scalar(&kind, &mut packed, depth)?;
                members.list(number, name).push(value);
            }
        } else if !fits {
            // Written by another version of the schema: it is shown by its number.
            let value = self.unknown(number, wire, input, depth)?;
            members.put(number, &format!("#{number}"), value, false);
        } else {
            self.budget.spend(depth)?;
            let value = self.scalar(&kind, input, depth)?;
            if field.is_list() {
                members.list(number, name).push(value);
            } else {
                if let Some(oneof) = field.containing_oneof() {
                    // Of a oneof the last counts.
                    for other in oneof.fields().filter(|other| other.number() != number) {
                        members.overwrite(other.number());
                    }
                }
                members.put(number, name, value, true);
            }
        }
        Ok(())
    }

    fn scalar(
        &mut self,
        kind: &Kind,
        input: &mut Input<'_>,
        depth: u32,
    ) -> Result<Value, DecodeError> {
        // Numbers of 32 bits are written with 64 where they are negative; the upper half says nothing.
        #[allow(clippy::cast_possible_truncation, clippy::cast_possible_wrap)]
        Ok(match kind {
            Kind::Double => Value::Float(f64::from_le_bytes(input.fixed()?)),
            Kind::Float => Value::single(f32::from_le_bytes(input.fixed()?)),
            Kind::Int32 => Value::Int((input.varint()? as i32).into()),
            Kind::Int64 => Value::Int((input.varint()? as i64).into()),
            Kind::Uint32 => Value::Int((input.varint()? as u32).into()),
            Kind::Uint64 => Value::Int(input.varint()?.into()),
            Kind::Sint32 => {
                let bits = input.varint()? as u32;
                Value::Int(((bits >> 1) as i32 ^ -((bits & 1) as i32)).into())
            }
            Kind::Sint64 => {
                let bits = input.varint()?;
                Value::Int(((bits >> 1) as i64 ^ -((bits & 1) as i64)).into())
            }
            Kind::Fixed32 => Value::Int(u32::from_le_bytes(input.fixed()?).into()),
            Kind::Fixed64 => Value::Int(u64::from_le_bytes(input.fixed()?).into()),
            Kind::Sfixed32 => Value::Int(i32::from_le_bytes(input.fixed()?).into()),
            Kind::Sfixed64 => Value::Int(i64::from_le_bytes(input.fixed()?).into()),
            Kind::Bool => Value::Bool(input.varint()? != 0),
            Kind::Enum(of) => {
                let number = input.varint()? as i32;
                let value = Value::Int(number.into());
                match of.get_value(number) {
                    Some(known) => Value::named(known.name(), value),
                    None => value,
                }
            }
            Kind::String => {
                let len = input.varint()?;
                let text = input.take(len)?;
                match std::str::from_utf8(text.bytes) {
                    Ok(valid) => Value::Text(valid.into()),
                    Err(_) => return Err(text.not("a string is no UTF-8")),
                }
            }
            Kind::Bytes => {
                let len = input.varint()?;
                Value::Bytes(input.take(len)?.bytes.into())
            }
            Kind::Message(of) => {
                let len = input.varint()?;
                let mut inner = input.take(len)?;
                self.message(&mut inner, Some(of), None, depth)?
            }
        })
    }

    /// A field of which only the wire type is known.
    fn unknown(
        &mut self,
        number: u32,
        wire: WireType,
        input: &mut Input<'_>,
        depth: u32,
    ) -> Result<Value, DecodeError> {
        self.budget.spend(depth)?;
        Ok(match wire {
            WireType::Varint => Value::Int(input.varint()?.into()),
            WireType::SixtyFourBit => Value::named(
                "64 bits",
                Value::Int(u64::from_le_bytes(input.fixed()?).into()),
            ),
            WireType::ThirtyTwoBit => Value::named(
                "32 bits",
                Value::Int(u32::from_le_bytes(input.fixed()?).into()),
            ),
            WireType::StartGroup => self.message(input, None, Some(number), depth)?,
            WireType::EndGroup => return Err(input.not("a group ends that did not begin")),
            WireType::LengthDelimited => {
                let len = input.varint()?;
                let mut inner = input.take(len)?;
                let bytes = inner.bytes;
                if let Ok(text) = std::str::from_utf8(bytes)
                    && !text.contains(|c: char| c.is_control() && !c.is_whitespace())
                {
                    return Ok(Value::Text(text.into()));
                }
                if depth > MAX_GUESSES {
                    return Ok(Value::Bytes(bytes.into()));
                }
                match self.message(&mut inner, None, None, depth + 1) {
                    Ok(message) => message,
                    Err(DecodeError::TooMany) => return Err(DecodeError::TooMany),
                    Err(_) => Value::Bytes(bytes.into()),
                }
            }
        })
    }
}

impl Value {
    fn without_default(self) -> Self {
        match self {
            Self::Named { name, value } if &*name == "default" => *value,
            other => other,
        }
    }
}

#[cfg(test)]
#[path = "protobuf_tests.rs"]
mod tests;
