//! Bytes as a packet of every version.

use bytes::{BufMut, BytesMut};
use mqttwb_model::ProtocolVersion;
use mqttwb_wire::{
    Dissection, Packet, decode, dissect, encode, frame_len, peek, protocol_of_connect,
    secret_spans, summary, write_var_int,
};

use crate::VERSIONS;

/// The input as it is, and with the remaining length put right: few inputs get past the fixed header otherwise.
pub fn run(input: &[u8]) {
    whole(input);
    if let Some((first, body)) = input.split_first() {
        let mut frame = BytesMut::with_capacity(input.len() + 4);
        frame.put_u8(*first);
        write_var_int(&mut frame, body.len());
        frame.put_slice(body);
        whole(&frame);
    }
}

fn whole(frame: &[u8]) {
    let _ = protocol_of_connect(frame);
    for version in VERSIONS {
        for span in secret_spans(frame, version) {
            assert!(span.start <= span.end && span.end <= frame.len());
        }
        let _ = peek(frame, version);
        let _ = summary(frame, version);
        let dissection = dissect(frame, version);
        let decoded = decode(frame, version);
        assert_eq!(
            dissection.malformed.is_some(),
            decoded.is_err(),
            "{decoded:?} {dissection:?}"
        );
        every_byte_in_one_field(&dissection, frame);
        if let Ok(packet) = decoded {
            assert_eq!(frame_len(frame, usize::MAX), Ok(Some(frame.len())));
            reads_back(&packet, version);
        }
    }
}

/// Fields follow each other; those of a whole packet cover it.
fn every_byte_in_one_field(dissection: &Dissection, frame: &[u8]) {
    let mut at = 0;
    for field in &dissection.fields {
        assert_eq!(field.span.start, at, "{dissection:?}");
        assert!(field.span.end >= at && field.span.end <= frame.len());
        at = field.span.end;
    }
    assert!(dissection.malformed.is_some() || at == frame.len());
    if let Some(payload) = &dissection.payload {
        assert!(payload.start <= payload.end && payload.end <= frame.len());
    }
}

/// What is written reads back as the same, and is written as the same again.
fn reads_back(packet: &Packet<'_>, version: ProtocolVersion) {
    let mut once = BytesMut::new();
    encode(packet, version, &mut once);
    let back = decode(&once, version).unwrap();
    // Before MQTT 5 a server's answers say less: other codes than the few that there are become one of these.
    let says_less =
        version != ProtocolVersion::V5 && matches!(packet, Packet::SubAck(_) | Packet::UnsubAck(_));
    if !says_less {
        assert_eq!(&back, packet);
    }
    let mut twice = BytesMut::new();
    encode(&back, version, &mut twice);
    assert_eq!(once, twice);
}
