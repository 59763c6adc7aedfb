//! What the window and the command line can ask of the workbench, a file for each part of it.
//!
//! Duty: a method of [`App`](crate::App) for each command, which asks whoever does it. Not here: sessions and retained messages
//! (`inspect`), payloads (`payloads`), and any doing. Invariant: a command that failed changed nothing.

mod alerts;
mod broker;
mod certificates;
mod charts;
mod clients;
mod devices;
mod recordings;
mod traffic;
