//! CBOR (RFC 8949), through `ciborium-ll`.

use ciborium_io::Read as _;
use ciborium_ll::{Decoder, Header};

use crate::DecodeError;
use crate::value::{Budget, Value};

const WHAT: &str = "CBOR";

/// One data item, and where what follows it begins.
pub(crate) fn decode(bytes: &[u8]) -> Result<(Value, usize), DecodeError> {
    let mut walk = Walk {
        bytes,
        decoder: Decoder::from(bytes),
        budget: Budget::full(),
    };
    let header = walk.header()?;
    let value = walk.value(header, 0)?;
    Ok((value, walk.decoder.offset()))
}

struct Walk<'a> {
    bytes: &'a [u8],
    decoder: Decoder<&'a [u8]>,
    budget: Budget,
}

/// A header, and the byte that it begins at.
type At = (Header, usize);

impl Walk<'_> {
    fn header(&mut self) -> Result<At, DecodeError> {
        let at = self.decoder.offset();
        match self.decoder.pull() {
            Ok(header) => Ok((header, at)),
            Err(ciborium_ll::Error::Io(_)) => Err(DecodeError::Ends { what: WHAT, at }),
            Err(ciborium_ll::Error::Syntax(at)) => {
                Err(not("the byte begins no item that is known", at))
            }
        }
    }

    fn value(&mut self, (header, at): At, depth: u32) -> Result<Value, DecodeError> {
        self.budget.spend(depth)?;
        Ok(match header {
            Header::Positive(number) => Value::Int(number.into()),
            Header::Negative(number) => Value::Int(!i128::from(number)),
            // The narrower forms have fewer digits than the number that they widen to.
            #[allow(clippy::cast_possible_truncation)]
            Header::Float(number) => match self.bytes.get(at) {
                Some(0xfb) => Value::Float(number),
                _ => Value::single(number as f32),
            },
            Header::Simple(20) => Value::Bool(false),
            Header::Simple(21) => Value::Bool(true),
            Header::Simple(22) => Value::Null,
            Header::Simple(23) => Value::named("undefined", Value::Null),
            Header::Simple(number) => Value::named("simple", Value::Int(number.into())),
            Header::Bytes(len) => Value::Bytes(self.string(len, at, false)?.into()),
            Header::Text(len) => Value::Text(self.text(len, at)?.into()),
            Header::Array(len) => {
                let mut values = Vec::new();
                while self.goes_on(len, values.len())? {
                    let Some(header) = self.item(len)? else { break };
                    values.push(self.value(header, depth + 1)?);
                }
                Value::List(values)
            }
            Header::Map(len) => {
                let mut members = Vec::new();
                while self.goes_on(len, members.len())? {
                    let Some(key) = self.item(len)? else { break };
                    let key = crate::key(self.value(key, depth + 1)?);
                    let header = self.header()?;
                    members.push((key, self.value(header, depth + 1)?));
                }
                Value::Map(members)
            }
            Header::Tag(tag) => {
                let header = self.header()?;
                tagged(tag, self.value(header, depth + 1)?)
            }
            Header::Break => return Err(not("a break ends nothing", at)),
        })
    }

    fn goes_on(&self, len: Option<usize>, have: usize) -> Result<bool, DecodeError> {
        Ok(len.is_none_or(|len| have < len))
    }

    /// The next item's header; `None` where a break ends what has no length.
    fn item(&mut self, len: Option<usize>) -> Result<Option<At>, DecodeError> {
        match self.header()? {
            (Header::Break, _) if len.is_none() => Ok(None),
            header => Ok(Some(header)),
        }
    }

    fn text(&mut self, len: Option<usize>, at: usize) -> Result<String, DecodeError> {
        String::from_utf8(self.string(len, at, true)?)
            .map_err(|_| not("a text string is no UTF-8", at))
    }

    fn string(
        &mut self,
        len: Option<usize>,
        at: usize,
        is_text: bool,
    ) -> Result<Vec<u8>, DecodeError> {
        let mut string = Vec::new();
        if let Some(len) = len {
            self.chunk(len, at, &mut string)?;
            return Ok(string);
        }
        loop {
            match self.header()? {
                (Header::Break, _) => return Ok(string),
                (Header::Text(Some(len)), at) if is_text => self.chunk(len, at, &mut string)?,
                (Header::Bytes(Some(len)), at) if !is_text => self.chunk(len, at, &mut string)?,
                (_, at) => return Err(not("a string has pieces of another type", at)),
            }
        }
    }

    fn chunk(&mut self, len: usize, at: usize, string: &mut Vec<u8>) -> Result<(), DecodeError> {
        let ends = DecodeError::Ends { what: WHAT, at };
        if len > self.bytes.len() - self.decoder.offset() {
            return Err(ends);
        }
        let before = string.len();
        string.resize(before + len, 0);
        self.decoder
            .read_exact(&mut string[before..])
            .map_err(|_| ends)
    }
}

fn not(why: &str, at: usize) -> DecodeError {
    DecodeError::Not {
        what: WHAT,
        why: why.to_owned(),
        at,
    }
}

/// Tags that have a usual name (the IANA registry of CBOR tags).
fn tagged(tag: u64, value: Value) -> Value {
    let name = match tag {
        0 => "date-time",
        1 => "epoch-time",
        2 | 3 => {
            if let Value::Bytes(bytes) = &value
                && bytes.len() < 16
            {
                let number = bytes
                    .iter()
                    .fold(0i128, |number, byte| number << 8 | i128::from(*byte));
                return Value::named(
                    "bignum",
                    Value::Int(if tag == 2 { number } else { !number }),
                );
            }
            "bignum"
        }
        4 => "decimal",
        5 => "bigfloat",
        24 => "cbor",
        32 => "uri",
        33 => "base64url",
        34 => "base64",
        36 => "mime",
        37 => "uuid",
        100 => "days",
        55_799 => "cbor",
        other => return Value::named(format!("tag-{other}"), value),
    };
    Value::named(name, value)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::text;

    fn shown(bytes: &[u8]) -> String {
        let (value, end) = decode(bytes).unwrap();
        assert_eq!(end, bytes.len());
        let mut page = text::Page::whole();
        text::pretty(&value, &mut page);
        page.text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// RFC 8949, appendix A.
    #[test]
    fn the_standards_examples_are_read() {
        for (hex, expected) in [
            ("00", "0"),
            ("1bffffffffffffffff", "18446744073709551615"),
            ("c249010000000000000000", "bignum(18446744073709551616)"),
            ("3bffffffffffffffff", "-18446744073709551616"),
            ("c349010000000000000000", "bignum(-18446744073709551617)"),
            ("f93e00", "1.5"),
            ("fa47c35000", "100000.0"),
            ("fb3ff199999999999a", "1.1"),
            ("f97c00", "Infinity"),
            ("f97e00", "NaN"),
            ("f6", "null"),
            ("f7", "undefined(null)"),
            ("f0", "simple(16)"),
            ("c11a514b67b0", "epoch-time(1363896240)"),
            ("4401020304", "h'01020304'"),
            ("62c3bc", "\"ü\""),
            ("8301820203820405", "[ 1, [ 2, 3 ], [ 4, 5 ] ]"),
            ("a201020304", "{ \"1\": 2, \"3\": 4 }"),
            ("a26161016162820203", "{ \"a\": 1, \"b\": [ 2, 3 ] }"),
            ("5f42010243030405ff", "h'0102030405'"),
            ("7f657374726561646d696e67ff", "\"streaming\""),
            ("9f018202039f0405ffff", "[ 1, [ 2, 3 ], [ 4, 5 ] ]"),
            ("bf61610161629f0203ffff", "{ \"a\": 1, \"b\": [ 2, 3 ] }"),
        ] {
            let bytes: Vec<u8> = (0..hex.len() / 2)
                .map(|at| u8::from_str_radix(&hex[at * 2..at * 2 + 2], 16).unwrap())
                .collect();
            assert_eq!(shown(&bytes), expected, "{hex}");
        }
    }

    #[test]
    fn what_is_cut_or_wrong_is_said_with_its_place() {
        for (bytes, error) in [
            (&b""[..], DecodeError::Ends { what: WHAT, at: 0 }),
            (b"\x82\x01", DecodeError::Ends { what: WHAT, at: 2 }),
            (b"\x65abc", DecodeError::Ends { what: WHAT, at: 0 }),
            (
                b"\x5b\xff\xff\xff\xff\xff\xff\xff\xff",
                DecodeError::Ends { what: WHAT, at: 0 },
            ),
            (b"\x81\xff", not("a break ends nothing", 1)),
            (b"\x61\xff", not("a text string is no UTF-8", 0)),
            (
                b"\x01\x1c",
                DecodeError::Trailing {
                    what: WHAT,
                    at: 1,
                    left: 1,
                },
            ),
        ] {
            let found = decode(bytes).and_then(|(_, end)| crate::whole(WHAT, bytes, end));
            assert_eq!(found, Err(error), "{bytes:02x?}");
        }
        assert_eq!(decode(&[0x81; 1000]), Err(DecodeError::TooDeep));
        let mut many = vec![0x9a, 0x00, 0x7f, 0xff, 0xff];
        many.resize(9_000_000, 0);
        assert_eq!(decode(&many), Err(DecodeError::TooMany));
    }

    proptest! {
        #[test]
        fn what_another_implementation_reads_is_read_alike(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            let other: Result<ciborium::Value, _> = ciborium::from_reader(&bytes[..]);
            if let Ok(other) = other {
                let found = decode(&bytes);
                prop_assert!(found.is_ok(), "{other:?}: {found:?}");
            }
        }
    }
}
