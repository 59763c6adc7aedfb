//! JSON, a token at a time.
//!
//! Duty: tell whether a text is JSON (RFC 8259), and which tokens it consists of, each as it was written: a number keeps
//! its digits, a string its escapes.
//! Not here: trees. A payload is walked once, without an allocation, and no digit of it is lost on the way.
//! Invariant: tokens come in an order that the grammar allows, or the walk ends with [`NotJson`].

use std::borrow::Cow;

/// How deep objects and arrays may be nested.
pub const MAX_DEPTH: u32 = 127;

/// The text is not JSON; from this byte on it can't be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not JSON at byte {at}")]
pub struct NotJson {
    /// Bytes before it.
    pub at: usize,
}

/// A token, as it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Token<'a> {
    /// `{`
    BeginObject,
    /// `}`
    EndObject,
    /// `[`
    BeginArray,
    /// `]`
    EndArray,
    /// A member's name, without its quotes, escapes as written.
    Key(&'a str),
    /// A string, without its quotes, escapes as written.
    Text(&'a str),
    /// A number.
    Number(&'a str),
    /// `true`, `false` or `null`.
    Word(&'a str),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expect {
    Value,
    ValueOrEnd,
    Key,
    KeyOrEnd,
    CommaOrEnd,
    Nothing,
}

/// Walks through a text.
#[derive(Debug, Clone)]
pub struct Tokens<'a> {
    text: &'a str,
    at: usize,
    expect: Expect,
    depth: u32,
    /// Bit n is set where the container at depth n is an object.
    objects: u128,
}

impl<'a> Tokens<'a> {
    /// A walk from the beginning.
    pub fn new(text: &'a str) -> Self {
        Self {
            text,
            at: 0,
            expect: Expect::Value,
            depth: 0,
            objects: 0,
        }
    }

    /// Containers that are open.
    pub fn depth(&self) -> u32 {
        self.depth
    }

    /// The next token; `None` at the end of a text that is JSON.
    #[allow(clippy::should_implement_trait)] // an iterator would go on after an error
    pub fn next(&mut self) -> Result<Option<Token<'a>>, NotJson> {
        self.space();
        if self.expect == Expect::CommaOrEnd && self.byte() == Some(b',') {
            self.at += 1;
            self.space();
            self.expect = if self.in_object() {
                Expect::Key
            } else {
                Expect::Value
            };
        }
        let Some(byte) = self.byte() else {
            return match self.expect {
                Expect::Nothing => Ok(None),
                _ => self.fail(),
            };
        };
        match (self.expect, byte) {
            (Expect::Value | Expect::ValueOrEnd, b'{') => self.open(true).map(Some),
            (Expect::Value | Expect::ValueOrEnd, b'[') => self.open(false).map(Some),
            (Expect::Value | Expect::ValueOrEnd, b'"') => {
                let text = self.string()?;
                self.after_value();
                Ok(Some(Token::Text(text)))
            }
            (Expect::Value | Expect::ValueOrEnd, b'-' | b'0'..=b'9') => {
                let number = self.number()?;
                self.after_value();
                Ok(Some(Token::Number(number)))
            }
            (Expect::Value | Expect::ValueOrEnd, b't' | b'f' | b'n') => {
                let rest = &self.text[self.at..];
                let word = ["true", "false", "null"]
                    .into_iter()
                    .find(|word| rest.starts_with(word));
                let Some(word) = word else {
                    return self.fail();
                };
                self.at += word.len();
                self.after_value();
                Ok(Some(Token::Word(&rest[..word.len()])))
            }
            (Expect::Key | Expect::KeyOrEnd, b'"') => {
                let key = self.string()?;
                self.space();
                if self.byte() != Some(b':') {
                    return self.fail();
                }
                self.at += 1;
                self.expect = Expect::Value;
                Ok(Some(Token::Key(key)))
            }
            (Expect::KeyOrEnd | Expect::CommaOrEnd, b'}') if self.in_object() => {
                Ok(Some(self.close(Token::EndObject)))
            }
            (Expect::ValueOrEnd | Expect::CommaOrEnd, b']') if !self.in_object() => {
                Ok(Some(self.close(Token::EndArray)))
            }
            _ => self.fail(),
        }
    }

    /// Passes over the value whose first token was just read.
    pub fn skip(&mut self, first: Token<'a>) -> Result<(), NotJson> {
        if matches!(first, Token::BeginObject | Token::BeginArray) {
            let outside = self.depth - 1;
            while self.depth > outside {
                self.next()?;
            }
        }
        Ok(())
    }

    fn fail<T>(&self) -> Result<T, NotJson> {
        Err(NotJson { at: self.at })
    }

    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.byte(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn in_object(&self) -> bool {
        self.depth > 0 && self.objects >> (self.depth - 1) & 1 == 1
    }

    fn open(&mut self, object: bool) -> Result<Token<'a>, NotJson> {
        if self.depth == MAX_DEPTH {
            return self.fail();
        }
        let bit = 1u128 << self.depth;
        self.depth += 1;
        self.at += 1;
        if object {
            self.objects |= bit;
            self.expect = Expect::KeyOrEnd;
            Ok(Token::BeginObject)
        } else {
            self.objects &= !bit;
            self.expect = Expect::ValueOrEnd;
            Ok(Token::BeginArray)
        }
    }

    fn close(&mut self, token: Token<'a>) -> Token<'a> {
        self.depth -= 1;
        self.at += 1;
        self.after_value();
        token
    }

    fn after_value(&mut self) {
        self.expect = if self.depth == 0 {
            Expect::Nothing
        } else {
            Expect::CommaOrEnd
        };
    }

    /// The inside of the string whose opening quote is next.
    fn string(&mut self) -> Result<&'a str, NotJson> {
        self.at += 1;
        let start = self.at;
        loop {
            let plain = self.text.as_bytes()[self.at..]
                .iter()
                .position(|&byte| matches!(byte, b'"' | b'\\' | 0..0x20));
            let Some(plain) = plain else {
                self.at = self.text.len();
                return self.fail();
            };
            self.at += plain;
            match self.byte() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(&self.text[start..self.at - 1]);
                }
                Some(b'\\') => {
                    self.at += 1;
                    match self.byte() {
                        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
                            self.at += 1
                        }
                        Some(b'u') => {
                            let hex = self.text.as_bytes().get(self.at + 1..self.at + 5);
                            if !hex.is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit)) {
                                return self.fail();
                            }
                            self.at += 5;
                        }
                        _ => return self.fail(),
                    }
                }
                _ => return self.fail(), // a control character
            }
        }
    }

    fn number(&mut self) -> Result<&'a str, NotJson> {
        let start = self.at;
        if self.byte() == Some(b'-') {
            self.at += 1;
        }
        if self.byte() == Some(b'0') {
            self.at += 1; // nothing follows a leading zero
        } else {
            self.digits()?;
        }
        if self.byte() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.byte(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.byte(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(&self.text[start..self.at])
    }

    /// At least one digit.
    fn digits(&mut self) -> Result<(), NotJson> {
        let start = self.at;
        while matches!(self.byte(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        if self.at == start {
            self.fail()
        } else {
            Ok(())
        }
    }
}

/// What a string's inside stands for. A half of a surrogate pair, which stands for nothing, becomes U+FFFD.
pub fn unescape(raw: &str) -> Cow<'_, str> {
    if !raw.contains('\\') {
        return Cow::Borrowed(raw);
    }
    let mut text = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = rest.find('\\') {
        text.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(unit) = code_unit(rest) {
            rest = &rest[5..];
            let low = rest.strip_prefix('\\').and_then(code_unit);
            let pair = low.and_then(|low| char::decode_utf16([unit, low]).next()?.ok());
            text.push(match (char::from_u32(u32::from(unit)), pair) {
                (Some(scalar), _) => scalar,
                (None, Some(scalar)) => {
                    rest = &rest[6..];
                    scalar
                }
                (None, None) => char::REPLACEMENT_CHARACTER,
            });
            continue;
        }
        let mut chars = rest.chars();
        match chars.next() {
            Some('b') => text.push('\u{8}'),
            Some('f') => text.push('\u{c}'),
            Some('n') => text.push('\n'),
            Some('r') => text.push('\r'),
            Some('t') => text.push('\t'),
            Some(other) => text.push(other), // ", \ and /
            None => {}
        }
        rest = chars.as_str();
    }
    text.push_str(rest);
    Cow::Owned(text)
}

/// The UTF-16 code unit of an escape `u00e9`.
fn code_unit(escape: &str) -> Option<u16> {
    let hex = escape.strip_prefix('u')?.get(..4)?;
    let all_hex = hex.bytes().all(|byte| byte.is_ascii_hexdigit());
    all_hex.then(|| u16::from_str_radix(hex, 16).ok()).flatten()
}

/// The first `limit` bytes of a text, or a few less where that would cut a character.
pub fn beginning(text: &str, limit: usize) -> &str {
    if text.len() <= limit {
        return text;
    }
    let end = (0..=limit).rev().find(|&at| text.is_char_boundary(at));
    &text[..end.unwrap_or(0)]
}

#[cfg(test)]
#[path = "json_tests.rs"]
mod tests;
