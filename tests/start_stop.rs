//! Start and stop of the broker, again and again, leaves nothing behind. Alone in its program: it counts what the whole
//! process holds.

#![allow(clippy::unwrap_used)] // a test may fail

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};

use mqttwb_testkit::TestBroker;

const ROUNDS: usize = 50;
/// Rounds until caches, worker threads and the allocator have what they keep.
const WARM_UP: usize = 10;
/// What an allocator may keep aside; a leak of one connection's buffers a round would be more.
const MEMORY_MARGIN_KIB: u64 = 4 * 1024;

/// What the process holds.
#[derive(Debug, Clone, Copy)]
struct Held {
    threads: usize,
    files: usize,
    memory_kib: u64,
}

impl Held {
    fn now() -> Self {
        let count = |folder: &str| fs::read_dir(folder).map_or(0, Iterator::count);
        let status = fs::read_to_string("/proc/self/status").unwrap();
        let memory_kib = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))
            .and_then(|rest| rest.split_whitespace().next()?.parse().ok())
            .unwrap();
        Self {
            threads: count("/proc/self/task"),
            files: count("/proc/self/fd"),
            memory_kib,
        }
    }
}

/// A client that connects, subscribes to what it publishes, and breaks off.
fn visit(address: SocketAddr) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream
        .write_all(b"\x10\x11\x00\x04MQTT\x04\x02\x00\x00\x00\x05visit")
        .unwrap();
    stream.write_all(b"\x82\x06\x00\x01\x00\x01a\x00").unwrap();
    stream.write_all(b"\x30\x05\x00\x01ahi").unwrap();
    // CONNACK, SUBACK, and its own message back.
    let mut answer = [0; 4 + 5 + 7];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer[..4], b"\x20\x02\x00\x00");
    assert_eq!(&answer[9..], b"\x30\x05\x00\x01ahi");
}

#[cfg(target_os = "linux")]
#[test]
fn fifty_starts_and_stops_leak_neither_threads_nor_sockets_nor_memory() {
    // A pool that grows and shrinks as it likes would hide a thread that is left behind.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .max_blocking_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let broker = runtime.block_on(TestBroker::open());
    let mut before = Held::now();
    for round in 0..WARM_UP + ROUNDS {
        let status = runtime.block_on(broker.run());
        let addresses: Vec<SocketAddr> = ["tcp", "tls", "ws"]
            .iter()
            .map(|listener| TestBroker::address(&status, listener))
            .collect();
        visit(addresses[0]);
        runtime.block_on(broker.app.broker_stop()).unwrap();
        // Stopped means free, at once.
        for address in addresses {
            TcpListener::bind(address)
                .unwrap_or_else(|error| panic!("round {round}: {address} is not free: {error}"));
        }
        if round + 1 == WARM_UP {
            before = Held::now();
        }
    }
    let after = Held::now();
    assert!(after.threads <= before.threads, "{before:?} {after:?}");
    assert!(after.files <= before.files, "{before:?} {after:?}");
    assert!(
        after.memory_kib <= before.memory_kib + MEMORY_MARGIN_KIB,
        "{before:?} {after:?}"
    );
}
