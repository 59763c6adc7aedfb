//! Where packets are read from.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use mqttwb_model::recording::ConnectionEnd;
use mqttwb_model::{ConnectionId, ConnectionInfo, Timestamp};

use crate::{Filter, Packets, Stats};

/// Connections that have ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ends {
    /// What is to be asked for next.
    pub next: u64,
    /// The ends. `before` is the number of the packet that came next, of whomever.
    pub ends: Vec<ConnectionEnd>,
}

/// Packets in the order that they were seen, numbered: the live memory ([`Capture`](crate::Capture)), or a recording that
/// was opened ([`Recording`](crate::Recording)). Whatever reads packets reads them from here, so that a recording looks
/// as if it were live.
///
/// A number never changes its packet. Numbers below `kept().start` are gone for ever; the end only grows.
pub trait Source: fmt::Debug + Send + Sync {
    /// The numbers of the packets that are kept.
    fn kept(&self) -> Range<u64>;

    /// Packets from number `seq` on, or from the oldest where that is gone, until `enough` are in or none are left.
    fn read(&self, seq: u64, enough: u64) -> Packets;

    /// The packets of these numbers, which ascend, and others beside them.
    fn pick(&self, seqs: &mut dyn Iterator<Item = u64>) -> Packets;

    /// Who is at the other end of a connection that is open, or of which packets are kept.
    fn connection(&self, id: ConnectionId) -> Option<Arc<ConnectionInfo>>;

    /// When a connection ended, and why; `None` where it has not, or where that is not known any more.
    fn ended(&self, id: ConnectionId) -> Option<(Timestamp, Arc<str>)> {
        let _ = id;
        None
    }

    /// The connections that have ended, from the number `from` of all that have on, in that order; those that ended long ago
    /// are not told any more. A recording tells them by [`Archive::ends`](mqttwb_model::recording::Archive::ends).
    fn ends_from(&self, from: u64) -> Ends {
        let _ = from;
        Ends::default()
    }

    /// What became of the packets.
    fn stats(&self) -> Stats;

    /// The packet of that number, where it is kept.
    fn packet(&self, seq: u64) -> Packets {
        self.pick(&mut std::iter::once(seq))
    }

    /// The ranges of numbers, ascending, outside of which no packet passes this filter; `None` where nothing is known
    /// but by looking. It must hold for as long as the source is there.
    fn where_to_look(&self, filter: &Filter) -> Option<Vec<Range<u64>>> {
        let _ = filter;
        None
    }
}
