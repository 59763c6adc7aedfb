//! The few MQTT 3.1.1 frames that the load is made of, written and read as fast as can be.

use std::io;

const CONNACK: u8 = 0x20;
const PUBLISH: u8 = 0x30;
const PUBACK: u8 = 0x40;
const PUBREC: u8 = 0x50;
const PUBREL: u8 = 0x62;
const PUBCOMP: u8 = 0x70;
const SUBACK: u8 = 0x90;

/// Whether the broker keeps a session when its connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Session {
    Clean,
    Persistent,
}

/// CONNECT with a keep-alive of ten minutes (rumqttd refuses 0, and nothing here sends PINGREQ).
pub fn connect(client: &str, session: Session) -> Vec<u8> {
    let clean = match session {
        Session::Clean => 0b10,
        Session::Persistent => 0,
    };
    let [high, low] = 600_u16.to_be_bytes();
    let mut body = vec![0, 4, b'M', b'Q', b'T', b'T', 4, clean, high, low];
    text(&mut body, client);
    frame(0x10, &body)
}

/// SUBSCRIBE to one filter.
pub fn subscribe(filter: &str, qos: u8) -> Vec<u8> {
    let mut body = vec![0, 1];
    text(&mut body, filter);
    body.push(qos);
    frame(0x82, &body)
}

/// PUBLISH to a topic; its packet identifier, where the QoS has one, is at [`PublishFrame::write`]'s hand.
pub struct PublishFrame {
    bytes: Vec<u8>,
    packet_id: Option<usize>,
    /// Bytes of the payload.
    payload: usize,
}

impl PublishFrame {
    pub fn new(topic: &str, qos: u8, payload: &[u8]) -> Self {
        let mut body = Vec::new();
        text(&mut body, topic);
        let id = body.len();
        if qos > 0 {
            body.extend([0, 0]);
        }
        body.extend(payload);
        let bytes = frame(PUBLISH | (qos << 1), &body);
        let header = bytes.len() - body.len();
        Self {
            bytes,
            packet_id: (qos > 0).then_some(header + id),
            payload: payload.len(),
        }
    }

    /// Appends the frame with a number in the first eight bytes of its payload, which has as many.
    pub fn write_stamped(&self, out: &mut Vec<u8>, id: u16, stamp: u64) {
        self.write(out, id);
        let payload = out.len() - self.payload;
        out[payload..payload + 8].copy_from_slice(&stamp.to_le_bytes());
    }

    /// Appends the frame with this packet identifier.
    pub fn write(&self, out: &mut Vec<u8>, id: u16) {
        let begin = out.len();
        out.extend_from_slice(&self.bytes);
        if let Some(at) = self.packet_id {
            out[begin + at..begin + at + 2].copy_from_slice(&id.to_be_bytes());
        }
    }
}

/// What a frame from a broker says, as far as a load minds.
#[derive(Debug, PartialEq, Eq)]
pub enum Said<'a> {
    Connected,
    Subscribed { granted: u8 },
    Published { qos: u8, id: u16, payload: &'a [u8] },
    Acknowledged,
    Received(u16),
    Release(u16),
    Complete,
}

pub fn puback(out: &mut Vec<u8>, id: u16) {
    acknowledge(out, PUBACK, id);
}

pub fn pubrec(out: &mut Vec<u8>, id: u16) {
    acknowledge(out, PUBREC, id);
}

pub fn pubrel(out: &mut Vec<u8>, id: u16) {
    acknowledge(out, PUBREL, id);
}

pub fn pubcomp(out: &mut Vec<u8>, id: u16) {
    acknowledge(out, PUBCOMP, id);
}

fn acknowledge(out: &mut Vec<u8>, kind: u8, id: u16) {
    let [high, low] = id.to_be_bytes();
    out.extend([kind, 2, high, low]);
}

fn text(out: &mut Vec<u8>, text: &str) {
    out.extend((text.len() as u16).to_be_bytes());
    out.extend(text.as_bytes());
}

fn frame(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut frame = vec![kind];
    let mut rest = body.len();
    loop {
        let low = (rest % 128) as u8;
        rest /= 128;
        if rest == 0 {
            frame.push(low);
            break;
        }
        frame.push(low | 0x80);
    }
    frame.extend(body);
    frame
}

/// Hands every whole frame of `bytes` to `each`, and tells how many bytes they took.
pub fn read<'a>(bytes: &'a [u8], mut each: impl FnMut(Said<'a>)) -> io::Result<usize> {
    let mut at = 0;
    while let Some((length, header)) = remaining_length(&bytes[at..])? {
        let end = at + header + length;
        if end > bytes.len() {
            break;
        }
        each(said(bytes[at], &bytes[at + header..end])?);
        at = end;
    }
    Ok(at)
}

/// The remaining length of a frame and the size of its fixed header; `None` where more bytes are wanted.
fn remaining_length(bytes: &[u8]) -> io::Result<Option<(usize, usize)>> {
    let mut length = 0;
    for place in 0..4 {
        let Some(byte) = bytes.get(1 + place) else {
            return Ok(None);
        };
        length |= usize::from(byte & 0x7f) << (7 * place);
        if byte & 0x80 == 0 {
            return Ok(Some((length, 2 + place)));
        }
    }
    Err(io::Error::other("a remaining length of five bytes"))
}

fn said(kind: u8, body: &[u8]) -> io::Result<Said<'_>> {
    let short = || io::Error::other(format!("a frame {kind:#04x} that is too short"));
    let number = |at: usize| -> io::Result<u16> {
        let bytes = body.get(at..at + 2).ok_or_else(short)?;
        Ok(u16::from_be_bytes([bytes[0], bytes[1]]))
    };
    Ok(match kind & 0xf0 {
        PUBLISH => {
            let qos = (kind >> 1) & 3;
            let topic = 2 + usize::from(number(0)?);
            let (id, payload) = match qos {
                0 => (0, topic),
                _ => (number(topic)?, topic + 2),
            };
            let payload = body.get(payload..).ok_or_else(short)?;
            Said::Published { qos, id, payload }
        }
        PUBACK => Said::Acknowledged,
        PUBREC => Said::Received(number(0)?),
        0x60 => Said::Release(number(0)?),
        PUBCOMP => Said::Complete,
        CONNACK if number(0)? & 0xff == 0 => Said::Connected,
        CONNACK => return Err(io::Error::other("the broker refused CONNECT")),
        SUBACK => Said::Subscribed {
            granted: *body.get(2).ok_or_else(short)?,
        },
        _ => return Err(io::Error::other(format!("an unexpected frame {kind:#04x}"))),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_publish_is_read_as_it_was_written() {
        let frame = PublishFrame::new("a/b", 1, &[7; 200]);
        let mut bytes = Vec::new();
        frame.write(&mut bytes, 513);
        frame.write_stamped(&mut bytes, 514, 0x0102_0304);
        let mut stamped = [7; 200];
        stamped[..8].copy_from_slice(&[4, 3, 2, 1, 0, 0, 0, 0]);
        let whole = bytes.len();
        pubrel(&mut bytes, 9);
        bytes.push(0x30);
        let mut seen = Vec::new();
        let used = read(&bytes, |said| seen.push(said)).unwrap();
        assert_eq!(used, whole + 4);
        assert_eq!(
            seen,
            [
                Said::Published {
                    qos: 1,
                    id: 513,
                    payload: &[7; 200]
                },
                Said::Published {
                    qos: 1,
                    id: 514,
                    payload: &stamped
                },
                Said::Release(9)
            ]
        );
    }
}
