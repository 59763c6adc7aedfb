//! Placeholders in topics and payloads: `{{counter}}`, `{{now}}`, `{{random 1 100}}`.
//!
//! Duty: find them once, and fill them in for each message. Not here: when messages are sent.
//! Invariant: what was parsed can be filled in; a placeholder that nobody knows is refused when it is parsed.

use std::fmt::Write as _;

use mqttwb_model::Timestamp;
use time::OffsetDateTime;
use time::macros::format_description;

/// A text with placeholders.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Template(Vec<Part>);

#[derive(Debug, Clone, PartialEq)]
enum Part {
    Text(String),
    Counter,
    /// RFC 3339 with milliseconds, UTC.
    Now,
    Millis,
    Seconds,
    Integer(i64, i64),
    Float(f64, f64),
    Uuid,
    Pick(Vec<String>),
    Client,
    Topic,
    Payload,
}

/// What fills placeholders in.
pub(super) struct Filling<'a> {
    /// Counts up from 1.
    pub counter: u64,
    pub now: Timestamp,
    /// The client's identifier.
    pub client: &'a str,
    /// Of the message that is answered; empty where none is.
    pub topic: &'a str,
    pub payload: &'a str,
}

impl Template {
    /// A text as it stands.
    pub fn plain(text: &str) -> Self {
        Self(vec![Part::Text(text.to_owned())])
    }

    /// Finds the placeholders; the error is the one that is wrong, and why.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(start) = rest.find("{{") {
            let Some(length) = rest[start..].find("}}") else {
                return Err(format!("“{}” has no end }}}}", &rest[start..]));
            };
            if start > 0 {
                parts.push(Part::Text(rest[..start].to_owned()));
            }
            parts.push(placeholder(&rest[start + 2..start + length])?);
            rest = &rest[start + length + 2..];
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.to_owned()));
        }
        Ok(Self(parts))
    }

    /// The text with every placeholder filled in.
    pub fn fill(&self, with: &Filling<'_>) -> String {
        let mut text = String::new();
        for part in &self.0 {
            // Writing to a string does not fail.
            let _ = match part {
                Part::Text(plain) => text.write_str(plain),
                Part::Counter => write!(text, "{}", with.counter),
                Part::Now => text.write_str(&rfc3339(with.now)),
                Part::Millis => write!(text, "{}", with.now.as_millis()),
                Part::Seconds => write!(text, "{}", with.now.as_secs()),
                Part::Integer(from, to) => write!(text, "{}", fastrand::i64(*from..=*to)),
                Part::Float(from, to) => {
                    let value = from + fastrand::f64() * (to - from);
                    write!(text, "{value:.3}")
                }
                Part::Uuid => text.write_str(&uuid()),
                Part::Pick(words) => text.write_str(&words[fastrand::usize(..words.len())]),
                Part::Client => text.write_str(with.client),
                Part::Topic => text.write_str(with.topic),
                Part::Payload => text.write_str(with.payload),
            };
        }
        text
    }
}

fn placeholder(inside: &str) -> Result<Part, String> {
    let mut words = inside.split_whitespace();
    let name = words.next().unwrap_or_default();
    let rest: Vec<&str> = words.collect();
    let wrong = |why: &str| Err(format!("“{{{{{inside}}}}}” {why}"));
    let number = |text: &str| text.parse::<f64>().ok().filter(|n| n.is_finite());
    let part = match (name, rest.as_slice()) {
        ("counter", []) => Part::Counter,
        ("now", []) => Part::Now,
        ("millis", []) => Part::Millis,
        ("seconds", []) => Part::Seconds,
        ("uuid", []) => Part::Uuid,
        ("client", []) => Part::Client,
        ("topic", []) => Part::Topic,
        ("payload", []) => Part::Payload,
        ("random", []) => Part::Float(0.0, 1.0),
        ("random" | "float", [from, to]) => {
            let (Some(low), Some(high)) = (number(from), number(to)) else {
                return wrong("wants two numbers");
            };
            if low > high {
                return wrong("wants the smaller number first");
            }
            match (name, from.parse(), to.parse()) {
                ("random", Ok(low), Ok(high)) => Part::Integer(low, high),
                _ => Part::Float(low, high),
            }
        }
        ("pick", [_, ..]) => Part::Pick(rest.iter().map(|word| (*word).to_owned()).collect()),
        ("random" | "float", _) => return wrong("wants two numbers"),
        ("pick", []) => return wrong("wants words to pick from"),
        _ => {
            return wrong(
                "is no placeholder; there are counter, now, millis, seconds, random, float, uuid, pick, client, topic \
                 and payload",
            );
        }
    };
    Ok(part)
}

fn rfc3339(at: Timestamp) -> String {
    let format =
        format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");
    // A time of 64 bits of nanoseconds is within the years that can be written.
    OffsetDateTime::from_unix_timestamp_nanos(at.0.into())
        .ok()
        .and_then(|at| at.format(format).ok())
        .unwrap_or_default()
}

/// A UUID of version 4.
fn uuid() -> String {
    let mut bytes = fastrand::u128(..).to_be_bytes();
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!(
        "{}-{}-{}-{}-{}",
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..]
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(text: &str) -> String {
        Template::parse(text).unwrap().fill(&Filling {
            counter: 7,
            now: Timestamp(951_782_400_123_000_000),
            client: "pump-7",
            topic: "a/b",
            payload: "{\"x\":1}",
        })
    }

    #[test]
    fn placeholders_are_filled_in_and_all_else_stays() {
        assert_eq!(
            fill("{\"n\": {{counter}}, \"o\": {}}"),
            "{\"n\": 7, \"o\": {}}"
        );
        assert_eq!(fill("{{ now }}"), "2000-02-29T00:00:00.123Z");
        assert_eq!(fill("{{millis}} {{seconds}}"), "951782400123 951782400");
        assert_eq!(
            fill("{{client}}/{{topic}}={{payload}}"),
            "pump-7/a/b={\"x\":1}"
        );
        assert_eq!(fill("{{pick on}}"), "on");
        assert_eq!(fill("{{random 5 5}}"), "5");
        assert_eq!(fill("{{float 2.5 2.5}}"), "2.500");
        assert_eq!(fill("plain"), "plain");
        assert_eq!(fill(""), "");
    }

    #[test]
    fn random_values_stay_within_their_bounds() {
        for _ in 0..1_000 {
            let whole: i64 = fill("{{random -3 4}}").parse().unwrap();
            assert!((-3..=4).contains(&whole));
            let broken: f64 = fill("{{random}}").parse().unwrap();
            assert!((0.0..=1.0).contains(&broken));
        }
        let uuid = fill("{{uuid}}");
        assert_eq!(uuid.len(), 36);
        assert_eq!(&uuid[14..15], "4");
    }

    #[test]
    fn a_placeholder_that_nobody_knows_is_named() {
        for text in [
            "{{counte}}",
            "{{random 1}}",
            "{{random 5 1}}",
            "{{pick}}",
            "{{",
        ] {
            let told = Template::parse(text).unwrap_err();
            assert!(told.contains(text.trim_end_matches('}')), "{told}");
        }
    }
}
