//! A packet taken apart for a person: each field by name, with the bytes that it stands on.

use std::ops::Range;

use mqttwb_model::{PacketType, ProtocolVersion, QoS};

use crate::property::{Property, hex};
use crate::read::Reader;
use crate::{ReasonCode, WireError, decode};

/// What kind of field it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Role {
    FixedHeader,
    Topic,
    PacketId,
    Property,
    Reason,
    Payload,
    Other,
}

/// One field over its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// In the standard's words.
    pub name: &'static str,
    /// As text.
    pub value: String,
    /// Its bytes in the packet.
    pub span: Range<usize>,
    /// Its kind.
    pub role: Role,
}

/// A packet taken apart.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Dissection {
    /// Fields, in the order of the bytes.
    pub fields: Vec<Field>,
    /// Why they end early, or which rule the packet breaks.
    pub malformed: Option<String>,
    /// Of a PUBLISH where the payload is.
    pub payload: Option<Range<usize>>,
}

/// Takes a packet apart, as far as it can be read.
pub fn dissect(frame: &[u8], version: ProtocolVersion) -> Dissection {
    let mut walk = Walk {
        r: Reader::new(frame),
        out: Dissection::default(),
        v5: version == ProtocolVersion::V5,
    };
    let read = walk.packet(frame);
    let checked = decode(frame, version).map(|_| ());
    walk.out.malformed = read.and(checked).err().map(|error| error.to_string());
    walk.out
}

struct Walk<'a> {
    r: Reader<'a>,
    out: Dissection,
    v5: bool,
}

type Step = Result<(), WireError>;

impl<'a> Walk<'a> {
    fn field(&mut self, name: &'static str, role: Role, start: usize, value: impl Into<String>) {
        self.out.fields.push(Field {
            name,
            value: value.into(),
            span: start..self.r.at(),
            role,
        });
    }

    fn u16(&mut self, name: &'static str, role: Role) -> Result<u16, WireError> {
        let start = self.r.at();
        let value = self.r.u16(name)?;
        self.field(name, role, start, value.to_string());
        Ok(value)
    }

    fn string(&mut self, name: &'static str, role: Role) -> Result<&'a str, WireError> {
        let start = self.r.at();
        let value = self.r.string(name)?;
        self.field(name, role, start, value);
        Ok(value)
    }

    fn packet(&mut self, frame: &[u8]) -> Step {
        let first = self.r.u8("first byte")?;
        let packet = PacketType::of_first_byte(first).ok_or(WireError::Type(0))?;
        let flags = match packet {
            PacketType::Publish => format!(
                "PUBLISH, QoS {}{}{}",
                (first >> 1) & 3,
                if first & 8 == 0 { "" } else { ", DUP" },
                if first & 1 == 0 { "" } else { ", RETAIN" },
            ),
            _ => packet.name().to_owned(),
        };
        self.field("type and flags", Role::FixedHeader, 0, flags);
        let (len, _) = self.r.padded_var_int("remaining length")?;
        self.field("remaining length", Role::FixedHeader, 1, len.to_string());
        match packet {
            PacketType::Connect => self.connect(),
            PacketType::ConnAck => self.connack(),
            PacketType::Publish => self.publish(first, frame.len()),
            PacketType::PubAck | PacketType::PubRec | PacketType::PubRel | PacketType::PubComp => {
                self.u16("packet identifier", Role::PacketId)?;
                self.tail(packet)
            }
            PacketType::Subscribe => self.subscribe(),
            PacketType::SubAck | PacketType::UnsubAck => self.reasons(packet),
            PacketType::Unsubscribe => {
                self.u16("packet identifier", Role::PacketId)?;
                self.properties("property length")?;
                while !self.r.is_empty() {
                    self.string("topic filter", Role::Topic)?;
                }
                Ok(())
            }
            PacketType::PingReq | PacketType::PingResp => Ok(()),
            PacketType::Disconnect | PacketType::Auth => self.tail(packet),
        }
    }

    fn connect(&mut self) -> Step {
        let start = self.r.at();
        let name = self.r.binary("protocol name")?;
        self.field(
            "protocol name",
            Role::Other,
            start,
            String::from_utf8_lossy(name),
        );
        let start = self.r.at();
        let level = self.r.u8("protocol level")?;
        let version = match level {
            3 => "3 (MQTT 3.1)",
            4 => "4 (MQTT 3.1.1)",
            5 => "5 (MQTT 5)",
            _ => "unknown",
        };
        self.field("protocol level", Role::Other, start, version);
        self.v5 = level == 5;
        let start = self.r.at();
        let flags = self.r.u8("connect flags")?;
        let mut words = Vec::new();
        if flags & 0x02 != 0 {
            words.push(
                if self.v5 {
                    "clean start"
                } else {
                    "clean session"
                }
                .to_owned(),
            );
        }
        if flags & 0x04 != 0 {
            let retain = if flags & 0x20 == 0 { "" } else { " RETAIN" };
            words.push(format!("will QoS {}{retain}", (flags >> 3) & 3));
        }
        if flags & 0x80 != 0 {
            words.push("user name".into());
        }
        if flags & 0x40 != 0 {
            words.push("password".into());
        }
        let words = if words.is_empty() {
            "none".to_owned()
        } else {
            words.join(", ")
        };
        self.field("connect flags", Role::Other, start, words);
        let start = self.r.at();
        let keep_alive = self.r.u16("keep alive")?;
        let text = match keep_alive {
            0 => "off".to_owned(),
            seconds => format!("{seconds} s"),
        };
        self.field("keep alive", Role::Other, start, text);
        self.properties("property length")?;
        self.string("client identifier", Role::Other)?;
        if flags & 0x04 != 0 {
            self.properties("will property length")?;
            self.string("will topic", Role::Topic)?;
            let start = self.r.at();
            let payload = self.r.binary("will payload")?;
            let text = std::str::from_utf8(payload).map_or_else(|_| hex(payload), str::to_owned);
            self.field("will payload", Role::Payload, start, text);
        }
        if flags & 0x80 != 0 {
            self.string("user name", Role::Other)?;
        }
        if flags & 0x40 != 0 {
            let start = self.r.at();
            let password = self.r.binary("password")?;
            // What proves an identity is not for the screen.
            let text = format!("{} bytes, not shown", password.len());
            self.field("password", Role::Other, start, text);
        }
        Ok(())
    }

    fn connack(&mut self) -> Step {
        let start = self.r.at();
        let flags = self.r.u8("acknowledge flags")?;
        let text = if flags & 1 == 0 {
            "no session"
        } else {
            "session present"
        };
        self.field("acknowledge flags", Role::Other, start, text);
        let start = self.r.at();
        let code = self.r.u8("reason code")?;
        let (name, text) = if self.v5 {
            ("reason code", ReasonCode(code).text())
        } else {
            ("return code", ReasonCode::v3_connack_text(code))
        };
        self.field(name, Role::Reason, start, format!("{code:#04x} {text}"));
        self.properties("property length")
    }

    fn publish(&mut self, first: u8, end: usize) -> Step {
        self.string("topic name", Role::Topic)?;
        if QoS::try_from((first >> 1) & 3) != Ok(QoS::AtMostOnce) {
            self.u16("packet identifier", Role::PacketId)?;
        }
        self.properties("property length")?;
        let start = self.r.at();
        let size = self.r.rest().len();
        if size > 0 {
            self.field("payload", Role::Payload, start, format!("{size} bytes"));
        }
        self.out.payload = Some(start..end);
        Ok(())
    }

    fn subscribe(&mut self) -> Step {
        self.u16("packet identifier", Role::PacketId)?;
        self.properties("property length")?;
        while !self.r.is_empty() {
            self.string("topic filter", Role::Topic)?;
            let start = self.r.at();
            let bits = self.r.u8("subscription options")?;
            let mut text = format!("QoS {}", bits & 3);
            if self.v5 {
                for (bit, word) in [(4, ", no local"), (8, ", retain as published")] {
                    if bits & bit != 0 {
                        text.push_str(word);
                    }
                }
                text.push_str(match (bits >> 4) & 3 {
                    0 => "",
                    1 => ", retained only if new",
                    2 => ", no retained",
                    _ => ", retain handling 3",
                });
            }
            self.field("subscription options", Role::Other, start, text);
        }
        Ok(())
    }

    fn reasons(&mut self, packet: PacketType) -> Step {
        self.u16("packet identifier", Role::PacketId)?;
        self.properties("property length")?;
        while !self.r.is_empty() {
            let start = self.r.at();
            let code = ReasonCode(self.r.u8("reason code")?);
            let text = format!("{:#04x} {}", code.0, code.text_in(packet));
            self.field("reason code", Role::Reason, start, text);
        }
        Ok(())
    }

    fn tail(&mut self, packet: PacketType) -> Step {
        if !self.v5 || self.r.is_empty() {
            return Ok(());
        }
        let start = self.r.at();
        let code = ReasonCode(self.r.u8("reason code")?);
        let text = format!("{:#04x} {}", code.0, code.text_in(packet));
        self.field("reason code", Role::Reason, start, text);
        if self.r.is_empty() {
            return Ok(());
        }
        self.properties("property length")
    }

    fn properties(&mut self, name: &'static str) -> Step {
        if !self.v5 {
            return Ok(());
        }
        let start = self.r.at();
        let len = self.r.var_int(name)? as usize;
        self.field(name, Role::Property, start, len.to_string());
        if len > self.r.remaining() {
            return Err(WireError::Short("properties"));
        }
        let end = self.r.at() + len;
        while self.r.at() < end {
            let start = self.r.at();
            let (_, property) = Property::read(&mut self.r)?;
            self.field(
                property.name(),
                Role::Property,
                start,
                property.value_text(),
            );
        }
        Ok(())
    }
}
