//! MessagePack, through `rmp`.

use rmp::Marker;
use rmp::decode::{RmpRead as _, read_marker};

use crate::DecodeError;
use crate::value::{Budget, Value};

const WHAT: &str = "MessagePack";

/// One value, and where what follows it begins.
pub(crate) fn decode(bytes: &[u8]) -> Result<(Value, usize), DecodeError> {
    let mut walk = Walk {
        rest: bytes,
        len: bytes.len(),
        budget: Budget::full(),
    };
    let value = walk.value(0)?;
    Ok((value, walk.at()))
}

struct Walk<'a> {
    rest: &'a [u8],
    len: usize,
    budget: Budget,
}

/// A number of this width, or the payload ends within it.
macro_rules! number {
    ($walk:ident, $read:ident, $at:ident) => {
        $walk.rest.$read().map_err(|_| DecodeError::Ends {
            what: WHAT,
            at: $at,
        })?
    };
}

impl<'a> Walk<'a> {
    fn at(&self) -> usize {
        self.len - self.rest.len()
    }

    fn value(&mut self, depth: u32) -> Result<Value, DecodeError> {
        self.budget.spend(depth)?;
        let at = self.at();
        let marker =
            read_marker(&mut self.rest).map_err(|_| DecodeError::Ends { what: WHAT, at })?;
        Ok(match marker {
            Marker::FixPos(number) => Value::Int(number.into()),
            Marker::FixNeg(number) => Value::Int(number.into()),
            Marker::Null => Value::Null,
            Marker::True => Value::Bool(true),
            Marker::False => Value::Bool(false),
            Marker::U8 => Value::Int(number!(self, read_data_u8, at).into()),
            Marker::U16 => Value::Int(number!(self, read_data_u16, at).into()),
            Marker::U32 => Value::Int(number!(self, read_data_u32, at).into()),
            Marker::U64 => Value::Int(number!(self, read_data_u64, at).into()),
            Marker::I8 => Value::Int(number!(self, read_data_i8, at).into()),
            Marker::I16 => Value::Int(number!(self, read_data_i16, at).into()),
            Marker::I32 => Value::Int(number!(self, read_data_i32, at).into()),
            Marker::I64 => Value::Int(number!(self, read_data_i64, at).into()),
            Marker::F32 => Value::single(number!(self, read_data_f32, at)),
            Marker::F64 => Value::Float(number!(self, read_data_f64, at)),
            Marker::FixStr(len) => self.text(len.into(), at)?,
            Marker::Str8 => {
                let len = number!(self, read_data_u8, at);
                self.text(len.into(), at)?
            }
            Marker::Str16 => {
                let len = number!(self, read_data_u16, at);
                self.text(len.into(), at)?
            }
            Marker::Str32 => {
                let len = number!(self, read_data_u32, at);
                self.text(len as usize, at)?
            }
            Marker::Bin8 => {
                let len = number!(self, read_data_u8, at);
                Value::Bytes(self.take(len.into(), at)?.into())
            }
            Marker::Bin16 => {
                let len = number!(self, read_data_u16, at);
                Value::Bytes(self.take(len.into(), at)?.into())
            }
            Marker::Bin32 => {
                let len = number!(self, read_data_u32, at);
                Value::Bytes(self.take(len as usize, at)?.into())
            }
            Marker::FixArray(len) => self.list(len.into(), depth)?,
            Marker::Array16 => {
                let len = number!(self, read_data_u16, at);
                self.list(len.into(), depth)?
            }
            Marker::Array32 => {
                let len = number!(self, read_data_u32, at);
                self.list(len, depth)?
            }
            Marker::FixMap(len) => self.map(len.into(), depth)?,
            Marker::Map16 => {
                let len = number!(self, read_data_u16, at);
                self.map(len.into(), depth)?
            }
            Marker::Map32 => {
                let len = number!(self, read_data_u32, at);
                self.map(len, depth)?
            }
            Marker::FixExt1 => self.extension(1, at)?,
            Marker::FixExt2 => self.extension(2, at)?,
            Marker::FixExt4 => self.extension(4, at)?,
            Marker::FixExt8 => self.extension(8, at)?,
            Marker::FixExt16 => self.extension(16, at)?,
            Marker::Ext8 => {
                let len = number!(self, read_data_u8, at);
                self.extension(len.into(), at)?
            }
            Marker::Ext16 => {
                let len = number!(self, read_data_u16, at);
                self.extension(len.into(), at)?
            }
            Marker::Ext32 => {
                let len = number!(self, read_data_u32, at);
                self.extension(len as usize, at)?
            }
            Marker::Reserved => {
                return Err(DecodeError::Not {
                    what: WHAT,
                    why: "0xc1 is never used".to_owned(),
                    at,
                });
            }
        })
    }

    fn take(&mut self, len: usize, at: usize) -> Result<&'a [u8], DecodeError> {
        let (taken, rest) = self
            .rest
            .split_at_checked(len)
            .ok_or(DecodeError::Ends { what: WHAT, at })?;
        self.rest = rest;
        Ok(taken)
    }

    /// A string; older writers put bytes into one, which then are shown as bytes.
    fn text(&mut self, len: usize, at: usize) -> Result<Value, DecodeError> {
        let bytes = self.take(len, at)?;
        Ok(match std::str::from_utf8(bytes) {
            Ok(text) => Value::Text(text.into()),
            Err(_) => Value::named("str", Value::Bytes(bytes.into())),
        })
    }

    fn list(&mut self, len: u32, depth: u32) -> Result<Value, DecodeError> {
        let mut values = Vec::new();
        for _ in 0..len {
            values.push(self.value(depth + 1)?);
        }
        Ok(Value::List(values))
    }

    fn map(&mut self, len: u32, depth: u32) -> Result<Value, DecodeError> {
        let mut members = Vec::new();
        for _ in 0..len {
            let key = crate::key(self.value(depth + 1)?);
            members.push((key, self.value(depth + 1)?));
        }
        Ok(Value::Map(members))
    }

    fn extension(&mut self, len: usize, at: usize) -> Result<Value, DecodeError> {
        let kind = number!(self, read_data_i8, at);
        let bytes = self.take(len, at)?;
        Ok(match (kind, bytes) {
            // Timestamps, in their three widths.
            (-1, &[a, b, c, d]) => Value::named(
                "timestamp",
                Value::Int(u32::from_be_bytes([a, b, c, d]).into()),
            ),
            (-1, &[a, b, c, d, e, f, g, h]) => {
                let both = u64::from_be_bytes([a, b, c, d, e, f, g, h]);
                timestamp((both & 0x3_ffff_ffff).into(), both >> 34)
            }
            (-1, &[n1, n2, n3, n4, a, b, c, d, e, f, g, h]) => timestamp(
                i64::from_be_bytes([a, b, c, d, e, f, g, h]).into(),
                u32::from_be_bytes([n1, n2, n3, n4]).into(),
            ),
            (kind, bytes) => Value::named(format!("ext-{kind}"), Value::Bytes(bytes.into())),
        })
    }
}

fn timestamp(seconds: i128, nanos: u64) -> Value {
    Value::named(
        "timestamp",
        Value::Map(vec![
            ("seconds".into(), Value::Int(seconds)),
            ("nanoseconds".into(), Value::Int(nanos.into())),
        ]),
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_kind_of_value_is_read() {
        use rmpv::Value as Other;
        let other = Other::Map(vec![
            (Other::from("i"), Other::from(-5)),
            (Other::from("u"), Other::from(u64::MAX)),
            (Other::from(7), Other::F32(0.1)),
            (Other::from("b"), Other::Binary(vec![1, 2])),
            (
                Other::from("l"),
                Other::Array(vec![Other::Nil, Other::from(true)]),
            ),
            (Other::from("x"), Other::Ext(3, vec![9; 300])),
            (Other::from("s"), Other::from("ü".repeat(40_000))),
            (Other::from("t"), Other::Ext(-1, vec![0, 0, 0, 9])),
        ]);
        let mut bytes = Vec::new();
        rmpv::encode::write_value(&mut bytes, &other).unwrap();
        let (value, end) = decode(&bytes).unwrap();
        assert_eq!(end, bytes.len());
        let member = |at: usize| value.child(at).unwrap();
        assert_eq!(member(0), (Some("i"), &Value::Int(-5)));
        assert_eq!(member(1), (Some("u"), &Value::Int(u64::MAX.into())));
        assert_eq!(member(2), (Some("7"), &Value::Float(0.1)));
        assert_eq!(member(3), (Some("b"), &Value::Bytes([1, 2].into())));
        assert_eq!(
            member(4).1,
            &Value::List(vec![Value::Null, Value::Bool(true)])
        );
        assert_eq!(member(5).1.names(), ["ext-3"]);
        assert_eq!(member(6).1.brief(10), ("ü".repeat(5), 80_000));
        assert_eq!(member(7).1.number(), Some(9.0));
    }

    #[test]
    fn what_is_cut_or_wrong_is_said_with_its_place() {
        for bytes in [
            &b""[..],
            b"\x92\x01",
            b"\xdb\xff\xff\xff\xffabc",
            b"\xcd\x01",
        ] {
            let error = decode(bytes).unwrap_err();
            assert!(
                matches!(error, DecodeError::Ends { what: WHAT, .. }),
                "{error}"
            );
        }
        assert!(decode(b"\xc1").unwrap_err().to_string().contains("0xc1"));
        assert_eq!(decode(&[0x91; 1000]), Err(DecodeError::TooDeep));
        let mut many = vec![0xdd, 0xff, 0xff, 0xff, 0xff];
        many.resize(9_000_000, 0xc0);
        assert_eq!(decode(&many), Err(DecodeError::TooMany));
    }

    proptest! {
        #[test]
        fn what_another_implementation_reads_is_read_to_the_same_byte(
            bytes in prop::collection::vec(any::<u8>(), 0..60)
        ) {
            let mut rest = &bytes[..];
            if rmpv::decode::read_value(&mut rest).is_ok() {
                match decode(&bytes) {
                    Ok((_, end)) => prop_assert_eq!(end, bytes.len() - rest.len()),
                    // The other one takes the byte that is never used for nil.
                    Err(error) => prop_assert!(error.to_string().contains("0xc1"), "{error}"),
                }
            }
        }
    }
}
