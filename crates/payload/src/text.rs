//! Payloads as text: a window onto a text that is never made as a whole.
//!
//! Duty: write a value, bytes or a text as a person reads it, and keep only the part that was asked for.
//! Not here: what the bytes mean. Invariant: the memory taken is that of the part; characters are never cut in two.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::json;
use crate::value::Value;

/// The part of a text that begins about `start` bytes into it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    start: u64,
    room: usize,
    /// The part.
    pub text: String,
    /// Where it begins: at `start`, or after it where that is inside of a character.
    pub begin: u64,
    /// Bytes in the whole text.
    pub total: u64,
}

impl Page {
    /// About `room` bytes from byte `start` on.
    pub fn new(start: u64, room: usize) -> Self {
        Self {
            start,
            room,
            text: String::new(),
            begin: start,
            total: 0,
        }
    }

    /// All of it.
    pub fn whole() -> Self {
        Self::new(0, usize::MAX)
    }

    /// Writes a value, as [`Decoder::write`](crate::Decoder::write) writes one that was decoded.
    pub fn write(&mut self, value: &Value) {
        pretty(value, self);
    }

    /// Whether something follows the part.
    pub fn has_more(&self) -> bool {
        self.begin + (self.text.len() as u64) < self.total
    }

    fn wants_more(&self) -> bool {
        self.text.len() < self.room
    }

    fn end(&self) -> u64 {
        self.start.saturating_add(self.room as u64)
    }

    /// The next piece of the whole text.
    pub(crate) fn push(&mut self, piece: &str) {
        let from = self.total;
        self.total += piece.len() as u64;
        if self.total <= self.start || from >= self.end() {
            return;
        }
        let mut first = self.start.saturating_sub(from) as usize;
        while !piece.is_char_boundary(first) {
            first += 1;
        }
        let mut last = (self.end() - from).min(piece.len() as u64) as usize;
        while !piece.is_char_boundary(last) {
            last -= 1;
        }
        if first >= last {
            // One character lies over an end of the part. The one over its beginning belongs to the part before it,
            // unless that part is this small: a part is never nothing while there is something.
            return;
        }
        if self.text.is_empty() {
            self.begin = from + first as u64;
        }
        self.text.push_str(&piece[first..last]);
    }

    /// `count` spaces.
    fn indent(&mut self, level: usize) {
        const SPACES: &str = "                                                                ";
        self.push("\n");
        let mut left = level * 2;
        while left > 0 {
            let now = left.min(SPACES.len());
            self.push(&SPACES[..now]);
            left -= now;
        }
    }
}

/// A JSON text, every token as it was written, two spaces a level. The text has proved to be JSON.
pub(crate) fn indent_json(text: &str, page: &mut Page) -> Result<(), json::NotJson> {
    use json::Token;
    let mut tokens = json::Tokens::new(text);
    let mut after_key = false;
    let mut first = true; // in its container
    while let Some(token) = tokens.next()? {
        let ends = matches!(token, Token::EndObject | Token::EndArray);
        if !(after_key || ends && first) {
            if !ends && !first {
                page.push(",");
            }
            let begins = matches!(token, Token::BeginObject | Token::BeginArray);
            let level = tokens.depth() - u32::from(begins);
            if page.total > 0 {
                page.indent(level as usize);
            }
        }
        after_key = false;
        first = false;
        match token {
            Token::BeginObject => page.push("{"),
            Token::BeginArray => page.push("["),
            Token::EndObject => page.push("}"),
            Token::EndArray => page.push("]"),
            Token::Number(text) | Token::Word(text) => page.push(text),
            Token::Key(text) | Token::Text(text) => {
                page.push("\"");
                page.push(text);
                page.push("\"");
            }
        }
        match token {
            Token::BeginObject | Token::BeginArray => first = true,
            Token::Key(_) => {
                page.push(": ");
                after_key = true;
            }
            _ => {}
        }
    }
    Ok(())
}

/// A value in the manner of JSON; bytes as `h'0a ff'`, and what is said of a value around it, as `date(19000)`.
pub(crate) fn pretty(value: &Value, page: &mut Page) {
    write_value(value, 0, page);
}

fn write_value(value: &Value, level: usize, page: &mut Page) {
    match value {
        Value::Null => page.push("null"),
        Value::Bool(true) => page.push("true"),
        Value::Bool(false) => page.push("false"),
        Value::Int(number) => page.push(&number.to_string()),
        Value::Float(number) => page.push(&float(*number)),
        Value::Digits(digits) => page.push(digits),
        Value::Text(text) => quoted(text, page),
        Value::Bytes(bytes) => {
            page.push("h'");
            for chunk in bytes.chunks(4096) {
                page.push(&crate::value::hex(chunk).replace(' ', ""));
            }
            page.push("'");
        }
        Value::List(values) => {
            page.push("[");
            for (at, value) in values.iter().enumerate() {
                if at > 0 {
                    page.push(",");
                }
                page.indent(level + 1);
                write_value(value, level + 1, page);
            }
            if !values.is_empty() {
                page.indent(level);
            }
            page.push("]");
        }
        Value::Map(members) => {
            page.push("{");
            for (at, (name, value)) in members.iter().enumerate() {
                if at > 0 {
                    page.push(",");
                }
                page.indent(level + 1);
                quoted(name, page);
                page.push(": ");
                write_value(value, level + 1, page);
            }
            if !members.is_empty() {
                page.indent(level);
            }
            page.push("}");
        }
        Value::Named { name, value } => {
            page.push(name);
            page.push("(");
            write_value(value, level, page);
            page.push(")");
        }
    }
}

/// A floating point number that can't be taken for a whole one.
fn float(number: f64) -> String {
    if number.is_finite() && (number == 0.0 || (1e-5..1e16).contains(&number.abs())) {
        format!("{number:?}")
    } else {
        format!("{number:e}").replace("inf", "Infinity")
    }
}

fn quoted(text: &str, page: &mut Page) {
    page.push("\"");
    let mut from = 0;
    for (at, byte) in text.bytes().enumerate() {
        let escape: &str = match byte {
            b'"' => "\\\"",
            b'\\' => "\\\\",
            b'\n' => "\\n",
            b'\r' => "\\r",
            b'\t' => "\\t",
            0..0x20 => "",
            _ => continue,
        };
        page.push(&text[from..at]);
        if escape.is_empty() {
            page.push(&format!("\\u{byte:04x}"));
        } else {
            page.push(escape);
        }
        from = at + 1;
    }
    page.push(&text[from..]);
    page.push("\"");
}

/// Bytes that should be UTF-8: each byte that is not stands as `\xff`. Returns how many of those there are.
pub(crate) fn utf8(bytes: &[u8], page: &mut Page) -> usize {
    let mut invalid = 0;
    for chunk in bytes.utf8_chunks() {
        page.push(chunk.valid());
        for byte in chunk.invalid() {
            page.push(&format!("\\x{byte:02x}"));
            invalid += 1;
        }
    }
    invalid
}

/// How many bytes one line of a hex dump stands for.
const LINE: usize = 16;
/// How long such a line is, with its line feed.
const WIDTH: u64 = 10 + 3 * LINE as u64 + 2 + 1 + LINE as u64 + 1;

/// Sixteen bytes a line: offset, hexadecimal, ASCII. Only the lines of the part are made.
pub(crate) fn hex_dump(bytes: &[u8], page: &mut Page) {
    let skipped = (page.start / WIDTH).min(bytes.len() as u64 / LINE as u64);
    page.total = skipped * WIDTH;
    let mut dump = String::with_capacity(WIDTH as usize);
    for (at, chunk) in bytes.chunks(LINE).enumerate().skip(skipped as usize) {
        if !page.wants_more() || page.total >= page.end() {
            break;
        }
        dump.clear();
        let _ = write!(dump, "{:08x}  ", at * LINE);
        for column in 0..LINE {
            if column == LINE / 2 {
                dump.push(' ');
            }
            match chunk.get(column) {
                Some(byte) => {
                    let _ = write!(dump, "{byte:02x} ");
                }
                None => dump.push_str("   "),
            }
        }
        dump.push_str("  ");
        dump.extend(chunk.iter().map(|&byte| match byte {
            b' '..=b'~' => char::from(byte),
            _ => '.',
        }));
        dump.push('\n');
        page.push(&dump);
    }
    let rest = bytes.len() % LINE;
    let full = (bytes.len() / LINE) as u64 * WIDTH;
    page.total = full
        + if rest == 0 {
            0
        } else {
            WIDTH - (LINE - rest) as u64
        };
}

/// Bytes as base64, 76 characters a line. Only the lines of the part are made.
pub(crate) fn base64(bytes: &[u8], page: &mut Page) {
    const BYTES: usize = 57;
    const CHARACTERS: u64 = 77;
    let skipped = (page.start / CHARACTERS).min(bytes.len() as u64 / BYTES as u64);
    page.total = skipped * CHARACTERS;
    for chunk in bytes.chunks(BYTES).skip(skipped as usize) {
        if !page.wants_more() || page.total >= page.end() {
            break;
        }
        let mut line = STANDARD.encode(chunk);
        line.push('\n');
        page.push(&line);
    }
    let rest = bytes.len() % BYTES;
    let full = (bytes.len() / BYTES) as u64 * CHARACTERS;
    page.total = full
        + if rest == 0 {
            0
        } else {
            rest.div_ceil(3) as u64 * 4 + 1
        };
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn whole(write: impl Fn(&mut Page)) -> String {
        let mut page = Page::whole();
        write(&mut page);
        assert_eq!(page.total, page.text.len() as u64);
        page.text
    }

    /// Reads a text page by page.
    fn paged(room: usize, write: impl Fn(&mut Page)) -> String {
        let mut text = String::new();
        loop {
            let mut page = Page::new(text.len() as u64, room);
            write(&mut page);
            assert_eq!(page.begin, text.len() as u64);
            if page.text.is_empty() {
                assert_eq!(page.total, text.len() as u64, "nothing is left out");
                return text;
            }
            assert!(page.text.len() <= room);
            text.push_str(&page.text);
            assert_eq!(page.has_more(), (text.len() as u64) < page.total);
        }
    }

    #[test]
    fn a_value_reads_like_json() {
        let value = Value::Map(vec![
            (
                "a\"b".into(),
                Value::List(vec![Value::Int(1), Value::Float(2.0)]),
            ),
            ("e".into(), Value::Map(Vec::new())),
            ("d".into(), Value::named("date", Value::Int(19_000))),
            ("h".into(), Value::Bytes([0x0a, 0xff].into())),
            ("n".into(), Value::Float(f64::INFINITY)),
            ("t".into(), Value::Text("x\n\u{1}".into())),
        ]);
        assert_eq!(
            whole(|page| pretty(&value, page)),
            "{\n  \"a\\\"b\": [\n    1,\n    2.0\n  ],\n  \"e\": {},\n  \"d\": date(19000),\n  \"h\": h'0aff',\n  \
             \"n\": Infinity,\n  \"t\": \"x\\n\\u0001\"\n}"
        );
    }

    #[test]
    fn bytes_that_are_no_utf8_are_shown_as_bytes() {
        let mut page = Page::whole();
        assert_eq!(utf8(b"a\xffb\xc3", &mut page), 2);
        assert_eq!(page.text, "a\\xffb\\xc3");
    }

    #[test]
    fn a_hex_dump_has_sixteen_bytes_a_line() {
        assert_eq!(
            whole(|page| hex_dump(b"\x00\x01Hello, world!\xff\x80", page)),
            "00000000  00 01 48 65 6c 6c 6f 2c  20 77 6f 72 6c 64 21 ff   ..Hello, world!.\n\
             00000010  80                                                 .\n"
        );
    }

    #[test]
    fn a_page_far_into_ten_megabytes_is_made_without_the_rest() {
        let bytes = vec![7u8; 10 * 1024 * 1024];
        let mut page = Page::new(40_000_000, 1000);
        hex_dump(&bytes, &mut page);
        assert_eq!((page.begin, page.text.len()), (40_000_000, 1000));
        assert!(page.has_more());
    }

    proptest! {
        #[test]
        fn pages_together_are_the_whole(text in "\\PC{0,200}", bytes in prop::collection::vec(any::<u8>(), 0..400), room in 4usize..90) {
            let value = Value::List(vec![Value::Text(text.as_str().into()), Value::Bytes(bytes.as_slice().into())]);
            prop_assert_eq!(paged(room, |page| pretty(&value, page)), whole(|page| pretty(&value, page)));
            prop_assert_eq!(paged(room, |page| hex_dump(&bytes, page)), whole(|page| hex_dump(&bytes, page)));
            prop_assert_eq!(paged(room, |page| base64(&bytes, page)), whole(|page| base64(&bytes, page)));
            let lossy = |page: &mut Page| { utf8(&bytes, page); };
            prop_assert_eq!(paged(room, lossy), whole(lossy));
        }
    }
}
