//! A JSON text as a tree.

use crate::DecodeError;
use crate::json::{NotJson, Token, Tokens, unescape};
use crate::value::{Budget, Value};

const WHAT: &str = "JSON";

/// The whole text as one value.
pub(crate) fn decode(bytes: &[u8]) -> Result<Value, DecodeError> {
    let text = std::str::from_utf8(bytes).map_err(|error| DecodeError::Not {
        what: WHAT,
        why: "the text is no UTF-8".to_owned(),
        at: error.valid_up_to(),
    })?;
    let mut walk = Walk {
        tokens: Tokens::new(text),
        budget: Budget::full(),
    };
    let first = walk.next()?;
    let value = walk.value(first, 0)?;
    walk.next()?; // proves that nothing follows
    Ok(value)
}

struct Walk<'a> {
    tokens: Tokens<'a>,
    budget: Budget,
}

impl<'a> Walk<'a> {
    fn next(&mut self) -> Result<Option<Token<'a>>, DecodeError> {
        self.tokens
            .next()
            .map_err(|NotJson { at }| DecodeError::Not {
                what: WHAT,
                why: "the grammar does not allow what stands there".to_owned(),
                at,
            })
    }

    fn value(&mut self, token: Option<Token<'a>>, depth: u32) -> Result<Value, DecodeError> {
        self.budget.spend(depth)?;
        Ok(match token {
            Some(Token::BeginObject) => {
                let mut members = Vec::new();
                while let Some(Token::Key(key)) = self.next()? {
                    let name = unescape(key).into();
                    let first = self.next()?;
                    members.push((name, self.value(first, depth + 1)?));
                }
                Value::Map(members)
            }
            Some(Token::BeginArray) => {
                let mut values = Vec::new();
                loop {
                    match self.next()? {
                        Some(Token::EndArray) | None => break,
                        first => values.push(self.value(first, depth + 1)?),
                    }
                }
                Value::List(values)
            }
            Some(Token::Text(text)) => Value::Text(unescape(text).into()),
            Some(Token::Number(digits)) => number(digits),
            Some(Token::Word("true")) => Value::Bool(true),
            Some(Token::Word("false")) => Value::Bool(false),
            _ => Value::Null,
        })
    }
}

/// A number as it is written: `1.10` stays that.
fn number(digits: &str) -> Value {
    match digits.parse::<i128>() {
        Ok(number) if number != 0 || digits == "0" => Value::Int(number),
        _ => Value::Digits(digits.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_becomes_a_tree_and_no_digit_is_lost() {
        let text =
            r#"{"a": [1, -0, 1.10, 1e999, {"\u0062": "x\ny"}], "c": [true, false, null], "d": {}}"#;
        let value = decode(text.as_bytes()).unwrap();
        let plain: String = value.plain().split_whitespace().collect();
        assert_eq!(
            plain,
            r#"{"a":[1,-0,1.10,1e999,{"b":"x\ny"}],"c":[true,false,null],"d":{}}"#
        );
        for (text, at) in [("[1,", 3), ("{\"a\" 1}", 5), ("1 2", 2), ("", 0)] {
            let error = decode(text.as_bytes()).unwrap_err();
            assert!(
                matches!(error, DecodeError::Not { at: found, .. } if found == at),
                "{error}"
            );
        }
        let many = format!("[{}7]", "1,".repeat(2_000_000));
        assert_eq!(decode(many.as_bytes()), Err(DecodeError::TooMany));
    }
}
