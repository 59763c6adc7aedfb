//! Segments of TCP in a file.

use std::fmt;
use std::io::BufRead;
use std::net::{IpAddr, SocketAddr};

use etherparse::{EtherType, NetSlice, SlicedPacket, TransportSlice};
use mqttwb_model::Timestamp;
use pcap_file::pcap::PcapReader;
use pcap_file::pcapng::blocks::enhanced_packet::EnhancedPacketOption;
use pcap_file::pcapng::blocks::interface_description::InterfaceDescriptionOption;
use pcap_file::pcapng::{Block, PcapNgReader};
use pcap_file::{DataLink, PcapError};

use super::{Found, ImportError, Sink};

/// A segment of TCP.
#[derive(Debug)]
pub struct Segment {
    pub at: Timestamp,
    pub from: SocketAddr,
    pub to: SocketAddr,
    pub seq: u32,
    pub syn: bool,
    pub ack: bool,
    pub fin: bool,
    pub rst: bool,
    pub payload: Vec<u8>,
}

/// The blocks of a file.
pub enum Blocks<R: BufRead> {
    Ng {
        reader: PcapNgReader<R>,
        interfaces: Vec<Interface>,
    },
    Old(PcapReader<R>),
}

#[derive(Debug, Clone, Copy)]
pub struct Interface {
    link: DataLink,
    resolution: u8,
}

impl<R: BufRead> fmt::Debug for Blocks<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ng { .. } => "Blocks::Ng",
            Self::Old(_) => "Blocks::Old",
        })
    }
}

impl<R: BufRead> Blocks<R> {
    pub fn new(mut reader: R) -> Result<Self, ImportError> {
        let start = reader.fill_buf()?.first_chunk::<4>().copied();
        match start {
            Some([0x0a, 0x0d, 0x0d, 0x0a]) => Ok(Self::Ng {
                reader: PcapNgReader::new(reader).map_err(|error| damaged(error, 0))?,
                interfaces: Vec::new(),
            }),
            // In either order of bytes, in micro- or nanoseconds.
            Some(
                [0xa1, 0xb2, 0xc3, 0xd4]
                | [0xd4, 0xc3, 0xb2, 0xa1]
                | [0xa1, 0xb2, 0x3c, 0x4d]
                | [0x4d, 0x3c, 0xb2, 0xa1],
            ) => Ok(Self::Old(
                PcapReader::new(reader).map_err(|error| damaged(error, 0))?,
            )),
            _ => Err(ImportError::Format),
        }
    }

    /// The next packet, with the segment that is in it; `None` at the end.
    pub fn next(
        &mut self,
        found: &mut Found,
        sink: &mut dyn Sink,
    ) -> Result<Option<Option<Segment>>, ImportError> {
        match self {
            Self::Old(reader) => {
                let link = reader.header().datalink;
                let Some(packet) = reader.next_packet() else {
                    return Ok(None);
                };
                let packet = packet.map_err(|error| damaged(error, found.read))?;
                let at = Timestamp(u64::try_from(packet.timestamp.as_nanos()).unwrap_or(u64::MAX));
                let whole = packet.orig_len as usize <= packet.data.len();
                Ok(Some(see(found, at, link, &packet.data, whole)))
            }
            Self::Ng { reader, interfaces } => loop {
                let Some(block) = reader.next_block() else {
                    return Ok(None);
                };
                match block.map_err(|error| damaged(error, found.read))? {
                    Block::SectionHeader(_) => interfaces.clear(),
                    Block::InterfaceDescription(block) => {
                        let resolution = block.options.iter().find_map(|option| match option {
                            InterfaceDescriptionOption::IfTsResol(n) => Some(*n),
                            _ => None,
                        });
                        interfaces.push(Interface {
                            link: block.linktype,
                            resolution: resolution.unwrap_or(6),
                        });
                    }
                    Block::EnhancedPacket(packet) => {
                        for option in &packet.options {
                            if let EnhancedPacketOption::DropCount(lost) = option
                                && *lost > 0
                            {
                                sink.missing(*lost);
                            }
                        }
                        let Some(interface) = interfaces.get(packet.interface_id as usize) else {
                            let why = PcapError::InvalidField("a packet of an unknown interface");
                            return Err(damaged(why, found.read));
                        };
                        let units = u64::try_from(packet.timestamp.as_nanos()).unwrap_or(u64::MAX);
                        let at = nanoseconds(units, interface.resolution);
                        let whole = packet.original_len as usize <= packet.data.len();
                        return Ok(Some(see(found, at, interface.link, &packet.data, whole)));
                    }
                    Block::SimplePacket(_) | Block::Packet(_) => {
                        // Without a time, or of a kind that is no longer written.
                        found.read += 1;
                        found.not_tcp += 1;
                        return Ok(Some(None));
                    }
                    _ => {}
                }
            },
        }
    }
}

/// Of a number of units of a resolution as if_tsresol has it: the power of ten, or of two where the first bit is set.
fn nanoseconds(units: u64, resolution: u8) -> Timestamp {
    let units = u128::from(units);
    let power = u32::from(resolution & 0x7f).min(63);
    let nanos = if resolution & 0x80 != 0 {
        (units * 1_000_000_000) >> power
    } else if power <= 9 {
        units * 10u128.pow(9 - power)
    } else {
        units / 10u128.pow((power - 9).min(30))
    };
    Timestamp(u64::try_from(nanos).unwrap_or(u64::MAX))
}

fn see(
    found: &mut Found,
    at: Timestamp,
    link: DataLink,
    data: &[u8],
    whole: bool,
) -> Option<Segment> {
    found.read += 1;
    found.cut_short += u64::from(!whole);
    let segment = segment(at, link, data);
    found.not_tcp += u64::from(segment.is_none());
    segment
}

fn segment(at: Timestamp, link: DataLink, data: &[u8]) -> Option<Segment> {
    let sliced = match link {
        DataLink::ETHERNET => SlicedPacket::from_ethernet(data).ok()?,
        DataLink::LINUX_SLL => SlicedPacket::from_linux_sll(data).ok()?,
        DataLink::LINUX_SLL2 => {
            let (kind, _) = data.split_first_chunk::<2>()?;
            let kind = EtherType(u16::from_be_bytes(*kind));
            SlicedPacket::from_ether_type(kind, data.get(20..)?).ok()?
        }
        DataLink::RAW | DataLink::IPV4 | DataLink::IPV6 => SlicedPacket::from_ip(data).ok()?,
        // The address family in four bytes, in the order of the machine that captured it.
        DataLink::NULL | DataLink::LOOP => SlicedPacket::from_ip(data.get(4..)?).ok()?,
        _ => return None,
    };
    let (from, to): (IpAddr, IpAddr) = match sliced.net? {
        NetSlice::Ipv4(ip) => (
            ip.header().source_addr().into(),
            ip.header().destination_addr().into(),
        ),
        NetSlice::Ipv6(ip) => (
            ip.header().source_addr().into(),
            ip.header().destination_addr().into(),
        ),
        _ => return None,
    };
    let TransportSlice::Tcp(tcp) = sliced.transport? else {
        return None;
    };
    Some(Segment {
        at,
        from: SocketAddr::new(from, tcp.source_port()),
        to: SocketAddr::new(to, tcp.destination_port()),
        seq: tcp.sequence_number(),
        syn: tcp.syn(),
        ack: tcp.ack(),
        fin: tcp.fin(),
        rst: tcp.rst(),
        payload: tcp.payload().to_vec(),
    })
}

fn damaged(error: PcapError, read: u64) -> ImportError {
    match error {
        PcapError::IoError(error) if error.kind() != std::io::ErrorKind::UnexpectedEof => {
            ImportError::Io(error)
        }
        PcapError::IoError(_) => ImportError::Damaged {
            read,
            why: "it ends in the middle of a packet".into(),
        },
        other => ImportError::Damaged {
            read,
            why: other.to_string(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_read_in_the_resolution_of_its_interface() {
        for (units, resolution, nanos) in [
            (1_700_000_000_000_001, 6, 1_700_000_000_000_001_000),
            (1_700_000_000_000_000_001, 9, 1_700_000_000_000_000_001),
            (1_700_000_000, 0, 1_700_000_000_000_000_000),
            (15_000, 12, 15),
            (3 << 10, 0x80 | 10, 3_000_000_000),
            (1, 0x7f, 0),
        ] {
            assert_eq!(
                nanoseconds(units, resolution),
                Timestamp(nanos),
                "{resolution}"
            );
        }
    }
}
