//! A reader over the bytes of one packet.

use crate::WireError;

/// Reads fields; knows where it is, for spans.
#[derive(Debug, Clone)]
pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    pub(crate) fn at(&self) -> usize {
        self.at
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.at == self.bytes.len()
    }

    pub(crate) fn remaining(&self) -> usize {
        self.bytes.len() - self.at
    }

    pub(crate) fn take(&mut self, n: usize, field: &'static str) -> Result<&'a [u8], WireError> {
        let end = self.at.checked_add(n).ok_or(WireError::Short(field))?;
        let taken = self
            .bytes
            .get(self.at..end)
            .ok_or(WireError::Short(field))?;
        self.at = end;
        Ok(taken)
    }

    pub(crate) fn rest(&mut self) -> &'a [u8] {
        let rest = &self.bytes[self.at..];
        self.at = self.bytes.len();
        rest
    }

    pub(crate) fn u8(&mut self, field: &'static str) -> Result<u8, WireError> {
        Ok(self.take(1, field)?[0])
    }

    pub(crate) fn u16(&mut self, field: &'static str) -> Result<u16, WireError> {
        let b = self.take(2, field)?;
        Ok(u16::from_be_bytes([b[0], b[1]]))
    }

    pub(crate) fn u32(&mut self, field: &'static str) -> Result<u32, WireError> {
        let b = self.take(4, field)?;
        Ok(u32::from_be_bytes([b[0], b[1], b[2], b[3]]))
    }

    pub(crate) fn packet_id(&mut self) -> Result<u16, WireError> {
        match self.u16("packet identifier")? {
            0 => Err(WireError::PacketId),
            id => Ok(id),
        }
    }

    pub(crate) fn binary(&mut self, field: &'static str) -> Result<&'a [u8], WireError> {
        let len = self.u16(field)?;
        self.take(usize::from(len), field)
    }

    pub(crate) fn string(&mut self, field: &'static str) -> Result<&'a str, WireError> {
        let text = std::str::from_utf8(self.binary(field)?).map_err(|_| WireError::Utf8(field))?;
        if text.as_bytes().contains(&0) {
            return Err(WireError::Null(field));
        }
        Ok(text)
    }

    pub(crate) fn var_int(&mut self, field: &'static str) -> Result<u32, WireError> {
        match self.padded_var_int(field)? {
            (value, false) => Ok(value),
            (_, true) => Err(WireError::VarInt), // [MQTT-1.5.5-1]
        }
    }

    /// A variable byte integer, and whether it has more bytes than it needs: before MQTT 5 nothing forbids that.
    pub(crate) fn padded_var_int(&mut self, field: &'static str) -> Result<(u32, bool), WireError> {
        let mut value = 0u32;
        for i in 0..4 {
            let byte = self.u8(field)?;
            value |= u32::from(byte & 0x7f) << (7 * i);
            if byte & 0x80 == 0 {
                return Ok((value, i > 0 && byte == 0));
            }
        }
        Err(WireError::VarInt)
    }

    pub(crate) fn end(&self) -> Result<(), WireError> {
        match self.remaining() {
            0 => Ok(()),
            n => Err(WireError::Trailing(n)),
        }
    }
}
