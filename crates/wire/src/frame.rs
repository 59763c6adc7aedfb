//! Finding packets in a stream of bytes.

use bytes::{BufMut, BytesMut};

use crate::WireError;

/// The largest remaining length that the wire can say (MQTT 5, section 2.1.4).
pub const MAX_REMAINING_LENGTH: usize = 268_435_455;

/// The whole length of the packet that `buf` begins with, or `None` while its fixed header is not all there.
///
/// `max` bounds the whole packet, so that a length of 256 MiB is refused when it is read, not when memory is gone. A length
/// in more bytes than it needs is taken here: MQTT 5 alone forbids it, and decoding knows the version.
pub fn frame_len(buf: &[u8], max: usize) -> Result<Option<usize>, WireError> {
    let Some(rest) = buf.get(1..) else {
        return Ok(None);
    };
    let mut value = 0usize;
    for (i, byte) in rest.iter().take(4).enumerate() {
        value |= usize::from(byte & 0x7f) << (7 * i);
        if byte & 0x80 == 0 {
            let size = 1 + i + 1 + value;
            if size > max {
                return Err(WireError::TooLarge { size, max });
            }
            return Ok(Some(size));
        }
    }
    if rest.len() >= 4 {
        return Err(WireError::VarInt);
    }
    Ok(None)
}

/// How many bytes a variable byte integer takes.
pub fn var_int_len(value: usize) -> usize {
    match value {
        0..=127 => 1,
        128..=16_383 => 2,
        16_384..=2_097_151 => 3,
        _ => 4,
    }
}

/// Writes a variable byte integer (MQTT 5, section 1.5.5).
pub fn write_var_int(out: &mut BytesMut, mut value: usize) {
    debug_assert!(value <= MAX_REMAINING_LENGTH);
    loop {
        let byte = (value & 0x7f) as u8;
        value >>= 7;
        if value == 0 {
            out.put_u8(byte);
            return;
        }
        out.put_u8(byte | 0x80);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_survives_its_bytes_and_is_refused_when_it_is_too_long() {
        for value in [
            0,
            127,
            128,
            16_383,
            16_384,
            2_097_151,
            2_097_152,
            MAX_REMAINING_LENGTH,
        ] {
            let mut out = BytesMut::from(&[0x30u8][..]);
            write_var_int(&mut out, value);
            assert_eq!(out.len(), 1 + var_int_len(value));
            assert_eq!(frame_len(&out, usize::MAX), Ok(Some(out.len() + value)));
        }
        assert_eq!(frame_len(&[0x30, 0x80, 0x00], 100), Ok(Some(3)));
        assert_eq!(
            frame_len(&[0x30, 0xff, 0xff, 0xff, 0xff], 100),
            Err(WireError::VarInt)
        );
        assert_eq!(frame_len(&[0x30, 0xff, 0xff], 100), Ok(None));
        assert!(matches!(
            frame_len(&[0x30, 0xff, 0xff, 0xff, 0x7f], 1 << 20),
            Err(WireError::TooLarge { .. })
        ));
    }
}
