//! The broker over real sockets, spoken to packet by packet.

#![allow(clippy::unwrap_used)]

mod support;

mod abuse;
mod connect;
mod connect_refused;
mod delivery;
mod floods;
mod handshakes;
mod lifecycle;
mod quality;
mod sessions;
mod subscribe;
mod will;
