//! The device board.

use clap::{Args, ValueEnum};
use mqttwb_app::api::{DeviceOrder, DeviceState, DevicesLook};

/// Which devices to list.
#[derive(Debug, Args)]
pub struct Devices {
    /// Those alone that have this in their name, client identifier, user, certificate, address or a value
    #[arg(value_name = "TEXT", default_value = "")]
    pub text: String,
    /// Those in this state alone
    #[arg(long, value_enum, value_name = "STATE")]
    pub state: Option<State>,
    /// Those alone of which something retained may no longer be true
    #[arg(long)]
    pub stale: bool,
    /// What they are sorted by
    #[arg(long, value_enum, value_name = "BY", default_value_t)]
    pub sort: Sort,
    /// The other way round
    #[arg(long)]
    pub reverse: bool,
    /// The first one to list, from 0
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub from: u32,
    /// At most so many
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub limit: u32,
}

/// Whether a device is there: [`DeviceState`] as clap lists it, which the API does not know.
#[derive(Debug, Clone, Copy, ValueEnum)]
#[allow(missing_docs)]
pub enum State {
    Online,
    Offline,
    Unknown,
}

/// What devices are sorted by: [`DeviceOrder`] as clap lists it.
#[derive(Debug, Clone, Copy, Default, ValueEnum)]
#[allow(missing_docs)]
pub enum Sort {
    #[default]
    State,
    Name,
    Changed,
    LastSeen,
    Rate,
    Certificate,
}

impl From<Devices> for DevicesLook {
    fn from(wanted: Devices) -> Self {
        Self {
            text: wanted.text,
            state: wanted.state.map(|state| match state {
                State::Online => DeviceState::Online,
                State::Offline => DeviceState::Offline,
                State::Unknown => DeviceState::Unknown,
            }),
            stale: wanted.stale,
            order: match wanted.sort {
                Sort::State => DeviceOrder::State,
                Sort::Name => DeviceOrder::Name,
                Sort::Changed => DeviceOrder::Changed,
                Sort::LastSeen => DeviceOrder::LastSeen,
                Sort::Rate => DeviceOrder::Rate,
                Sort::Certificate => DeviceOrder::Certificate,
            },
            descending: wanted.reverse,
            from: wanted.from,
            count: wanted.limit,
        }
    }
}
