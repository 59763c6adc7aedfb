//! The broker over real sockets, spoken to packet by packet.

#![allow(clippy::unwrap_used)]

mod support;

mod delivery;
mod floods;
mod lifecycle;
mod sessions;
