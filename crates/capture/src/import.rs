//! MQTT out of the captures of others: pcapng, as Wireshark and tcpdump write it, and the older pcap.
//!
//! Duty: find TCP connections in packets of the network, put their bytes in order, and hand on those that are MQTT, packet
//! by packet; say what the others were. Not here: files, progress, where the packets go (app).
//! Invariant: nothing is handed on that was not in the bytes, and all that is left out is counted.

mod blocks;
mod flow;

use std::collections::{BTreeMap, HashMap};
use std::io::BufRead;
use std::net::SocketAddr;

use mqttwb_model::{ConnectionId, ConnectionInfo, Timestamp};

use crate::Packet;

use blocks::{Blocks, Segment};
use flow::Flow;

/// Takes what is found.
pub trait Sink {
    /// A connection, before its first packet; again where more is known of it.
    fn connected(&mut self, info: ConnectionInfo);
    /// A packet. Its number means nothing.
    fn packet(&mut self, packet: &Packet<'_>);
    /// A connection has ended; no packets of it follow.
    fn ended(&mut self, connection: ConnectionId, at: Timestamp, why: &str);
    /// So many packets of the network were lost before this by the program that captured them.
    fn missing(&mut self, packets: u64);
}

/// What was in a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// Packets of the network.
    pub read: u64,
    /// Those without TCP in them, or damaged.
    pub not_tcp: u64,
    /// Packets of the network of which only a part was captured.
    pub cut_short: u64,
    /// Packets of MQTT.
    pub packets: u64,
    /// Connections that speak MQTT.
    pub connections: u64,
    /// Connections that do not, by what they seem to be.
    pub others: BTreeMap<String, u64>,
    /// Bytes of connections of MQTT that are missing in the file; what followed them could not be read.
    pub missing_bytes: u64,
}

/// A file can't be imported.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// It is something else.
    #[error("it is neither pcapng nor pcap: its first bytes are those of something else")]
    Format,
    /// It is one, but damaged.
    #[error("it is damaged after {read} packets: {why}")]
    Damaged {
        /// Packets of the network that could be read before.
        read: u64,
        /// What is wrong.
        why: String,
    },
    /// The disk failed.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

/// Reads a file.
#[derive(Debug)]
pub struct Importer<R: BufRead> {
    blocks: Blocks<R>,
    flows: HashMap<[SocketAddr; 2], Flow>,
    found: Found,
    last_id: u64,
}

impl<R: BufRead> Importer<R> {
    /// Looks at what kind of file it is.
    pub fn new(reader: R) -> Result<Self, ImportError> {
        Ok(Self {
            blocks: Blocks::new(reader)?,
            flows: HashMap::new(),
            found: Found::default(),
            last_id: 0,
        })
    }

    /// Reads the next packet of the network; false where there is none.
    pub fn step(&mut self, sink: &mut dyn Sink) -> Result<bool, ImportError> {
        let Some(segment) = self.blocks.next(&mut self.found, sink)? else {
            return Ok(false);
        };
        if let Some(segment) = segment {
            self.take(&segment, sink);
        }
        Ok(true)
    }

    /// What was found until now.
    pub fn found(&self) -> &Found {
        &self.found
    }

    /// Ends the reading: what no end was seen of is counted as it stands.
    pub fn finish(mut self) -> Found {
        for (_, flow) in self.flows.drain() {
            flow.end(&mut self.found);
        }
        self.found
    }

    fn take(&mut self, segment: &Segment, sink: &mut dyn Sink) {
        let ends = if segment.from <= segment.to {
            [segment.from, segment.to]
        } else {
            [segment.to, segment.from]
        };
        let begins = segment.syn && !segment.ack;
        let flow = match self.flows.remove(&ends) {
            // The same ports again: another connection.
            Some(old) if begins && !old.begins_with(segment) => {
                old.tell_end(segment.at, sink);
                old.end(&mut self.found);
                Flow::default()
            }
            Some(flow) => flow,
            None => Flow::default(),
        };
        let mut flow = flow;
        let mut next_id = || {
            self.last_id += 1;
            ConnectionId(self.last_id)
        };
        flow.take(segment, &mut next_id, &mut self.found, sink);
        if flow.is_over() {
            flow.tell_end(segment.at, sink);
            flow.end(&mut self.found);
        } else {
            self.flows.insert(ends, flow);
        }
    }
}

#[cfg(test)]
mod tests;
