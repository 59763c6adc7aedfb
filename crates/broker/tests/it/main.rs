//! The broker over real sockets, spoken to packet by packet.

#![allow(clippy::unwrap_used)]

mod support;

mod abuse;
mod aliases;
mod auth;
mod connect;
mod connect_refused;
mod delivery;
mod disconnect;
mod durable;
mod faults;
mod floods;
mod flow;
mod handshakes;
mod inspect;
mod lifecycle;
mod limits;
mod logins;
mod manners;
mod policy;
mod publish;
mod quality;
mod queues;
mod rates;
mod reload;
mod rules_changed;
mod shared;
mod subscribe;
mod sys;
mod topics;
mod websocket;
mod will;
