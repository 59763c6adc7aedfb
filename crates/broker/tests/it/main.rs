//! The broker over real sockets, spoken to packet by packet.

mod support;

mod delivery;
mod lifecycle;
mod sessions;
