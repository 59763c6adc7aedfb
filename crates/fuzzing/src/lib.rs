//! What must hold whatever bytes come.
//!
//! Duty: the bodies of the fuzz targets, each a function that panics where something does not hold, and inputs for
//! them by seeded mutation. `fuzz/` runs them under cargo-fuzz for as long as one likes, the tests of this package run
//! them on the kept inputs of `fuzz/corpus` and some thousands of mutants in seconds, on stable.
//! Not here: rules of MQTT that only a sequence chosen with care can break (`crates/broker/tests`).
//! Invariant: the same input does the same, but for the order in which tasks of the broker run.

#![allow(clippy::unwrap_used)] // a panic is what a target has to say

mod access;
mod certificates;
mod front_session;
mod mutation;
mod script;
mod session;
mod topics;
mod wire_decode;

pub use mutation::Mutants;

use mqttwb_model::ProtocolVersion;

/// A body with the name of its corpus and of its cargo-fuzz target.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// As in `cargo fuzz run NAME`.
    pub name: &'static str,
    /// Panics where something does not hold.
    pub run: fn(&[u8]),
}

/// Bytes as a packet of every version: decoding, encoding, taking apart.
pub const WIRE_DECODE: Target = Target {
    name: "wire_decode",
    run: wire_decode::run,
};

/// Two connections of a whole broker, and what they send.
pub const FRONT_SESSION: Target = Target {
    name: "front_session",
    run: front_session::run,
};

/// A session alone, and what its client sends.
pub const SESSION: Target = Target {
    name: "session",
    run: session::run,
};

/// A topic filter and a topic name.
pub const TOPICS: Target = Target {
    name: "topics",
    run: topics::run,
};

/// A certificate, a revocation list, a request or a key, as DER or PEM.
pub const CERTIFICATE: Target = Target {
    name: "certificate",
    run: certificates::certificate,
};

/// A PKCS #12 file.
pub const PKCS12: Target = Target {
    name: "pkcs12",
    run: certificates::pkcs12,
};

/// A password file of mosquitto.
pub const PASSWORDS: Target = Target {
    name: "passwords",
    run: access::passwords,
};

/// Access rules, ours and mosquitto's.
pub const ACL: Target = Target {
    name: "acl",
    run: access::acl,
};

/// A token, and a key set.
pub const TOKEN: Target = Target {
    name: "token",
    run: access::token,
};

/// All of them.
pub const TARGETS: [Target; 9] = [
    WIRE_DECODE,
    FRONT_SESSION,
    SESSION,
    TOPICS,
    CERTIFICATE,
    PKCS12,
    PASSWORDS,
    ACL,
    TOKEN,
];

const VERSIONS: [ProtocolVersion; 3] = [
    ProtocolVersion::V31,
    ProtocolVersion::V311,
    ProtocolVersion::V5,
];
