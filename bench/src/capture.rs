//! What it costs the broker that its packets are captured.

use std::io;

use crate::broker::Kind;
use crate::{Bench, throughput};

/// Throughput of the broker alone, with a capture as its observer and with none.
pub fn measure(bench: &Bench) -> io::Result<String> {
    let Some(alone) = &bench.alone else {
        return Err(io::Error::other("it wants --alone"));
    };
    let kinds = [Kind::Captured, Kind::Unobserved];
    throughput::measure(&bench.of(kinds.map(|kind| (kind, alone.clone())).into()))
}
