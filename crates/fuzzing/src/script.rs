//! Reading an input as steps.

use bytes::{BufMut, BytesMut};
use mqttwb_wire::write_var_int;

/// The next byte.
pub fn take(input: &mut &[u8]) -> Option<u8> {
    let (first, rest) = input.split_first()?;
    *input = rest;
    Some(*first)
}

/// As many bytes as the first of them says, or as there are.
pub fn some<'a>(input: &mut &'a [u8]) -> &'a [u8] {
    let len = usize::from(take(input).unwrap_or(0)).min(input.len());
    let (bytes, rest) = input.split_at(len);
    *input = rest;
    bytes
}

/// A packet with the right remaining length.
pub fn packet(input: &mut &[u8]) -> Vec<u8> {
    let first = take(input).unwrap_or(0xc0);
    let body = some(input);
    let mut frame = BytesMut::new();
    frame.put_u8(first);
    write_var_int(&mut frame, body.len());
    frame.put_slice(body);
    frame.to_vec()
}
