//! What is kept of a packet besides its bytes, and how what follows those is marked and written.
//!
//! Not here: where records and bytes are kept (`segment`), and how they are written to a file (`bytes`).

use std::num::NonZeroU64;

use mqttwb_model::{
    ConnectionId, Direction, FaultDone, MessageId, PacketMark, ProtocolVersion, SeenBy, Timestamp,
};

/// What is kept of a packet besides its bytes: 40 bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Record {
    pub(super) at: Timestamp,
    pub(super) connection: ConnectionId,
    /// The message's number plus one, so that "none" takes no room.
    pub(super) message: Option<NonZeroU64>,
    pub(super) offset: u32,
    pub(super) len: u32,
    pub(super) direction: Direction,
    pub(super) version: ProtocolVersion,
    /// The packet's first byte: type and flags, which most filters ask for, without touching `bytes`.
    pub(super) first: u8,
    /// What follows the packet in `bytes`: [`ALIASED`], [`FAULTED`]; and which end has seen it: [`AT_CLIENT`], [`REMOTE`].
    pub(super) extras: u8,
}

impl Record {
    pub(super) fn message(&self) -> Option<MessageId> {
        self.message.map(|id| MessageId(id.get().wrapping_sub(1)))
    }
}

/// A packet's record, at the offset 0 and with nothing that follows the packet.
pub(super) fn record(
    connection: ConnectionId,
    direction: Direction,
    (version, seen_by): (ProtocolVersion, SeenBy),
    mark: &PacketMark,
    first: u8,
) -> Record {
    Record {
        at: mark.at,
        connection,
        message: mark
            .message
            .and_then(|id| NonZeroU64::new(id.0.wrapping_add(1))),
        offset: 0,
        len: mark.len,
        direction,
        version,
        first,
        extras: seen_bits(seen_by),
    }
}

/// The topic of an alias, after its length in two bytes.
pub(super) const ALIASED: u8 = 1;
/// Behind that what a fault rule did: its word and numbers in [`FAULT`] bytes, the length of the rule's name, the name.
pub(super) const FAULTED: u8 = 2;
pub(super) const FAULT: usize = 6;
/// A test client has seen the packet.
pub(super) const AT_CLIENT: u8 = 4;
/// A test client of another broker has.
pub(super) const REMOTE: u8 = 8;

/// Bytes that a record takes, its packet's bytes apart.
pub(super) const RECORD: usize = size_of::<Record>();

pub(super) fn fault_bytes(done: FaultDone) -> [u8; FAULT] {
    let (kind, n, byte) = match done {
        FaultDone::Dropped => (0, 0, 0),
        FaultDone::Delayed(ms) => (1, ms, 0),
        FaultDone::Duplicate => (2, 0, 0),
        FaultDone::Corrupted { at, was } => (3, at, was),
        FaultDone::Truncated(len) => (4, len, 0),
        FaultDone::CutBefore => (5, 0, 0),
        FaultDone::CutAfter => (6, 0, 0),
        FaultDone::Lost => (7, 0, 0),
    };
    let [a, b, c, d] = n.to_be_bytes();
    [kind, a, b, c, d, byte]
}

pub(super) fn fault_of([kind, a, b, c, d, byte]: [u8; FAULT]) -> FaultDone {
    let n = u32::from_be_bytes([a, b, c, d]);
    match kind {
        0 => FaultDone::Dropped,
        1 => FaultDone::Delayed(n),
        2 => FaultDone::Duplicate,
        3 => FaultDone::Corrupted { at: n, was: byte },
        4 => FaultDone::Truncated(n),
        5 => FaultDone::CutBefore,
        6 => FaultDone::CutAfter,
        _ => FaultDone::Lost,
    }
}

pub(super) fn seen_bits(seen_by: SeenBy) -> u8 {
    match seen_by {
        SeenBy::Broker => 0,
        SeenBy::ClientOfBroker => AT_CLIENT,
        SeenBy::ClientOfRemote => AT_CLIENT | REMOTE,
    }
}

pub(super) fn seen_of(extras: u8) -> SeenBy {
    match (extras & AT_CLIENT != 0, extras & REMOTE != 0) {
        (false, _) => SeenBy::Broker,
        (true, false) => SeenBy::ClientOfBroker,
        (true, true) => SeenBy::ClientOfRemote,
    }
}
