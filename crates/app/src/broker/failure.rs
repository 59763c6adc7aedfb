//! What keeps the broker from starting or from its store, in a person's words.

use std::net::SocketAddr;

use mqttwb_broker::{ListenError, StartError};
use mqttwb_model::durable::StoreError;

use crate::api::{ApiError, ErrorCode, Finding, Severity};

pub(crate) fn not_running() -> ApiError {
    ApiError::new(ErrorCode::WrongState, "The broker does not run.")
}

/// A listener would let in anybody from the network, and nobody has said that it may.
pub(super) fn open_to_all(listener: &str, address: SocketAddr) -> ApiError {
    ApiError::new(
        ErrorCode::OpenToAll,
        format!("Listener {listener} at {address} would let in anybody on the network, without any proof."),
    )
    .hint(
        "Bind it to 127.0.0.1, ask for certificates (tls with client_cert = \"required\"), or set access.anonymous = \
         false. To open it all the same, set access.allow_open = true in broker.toml.",
    )
}

/// What keeps sessions and retained messages can't be opened or read. The store says what to do.
pub(super) fn store_failed(error: &StoreError) -> ApiError {
    let what = match error {
        StoreError::Full(_) => "There is no room for the broker's store",
        StoreError::Damaged(_) => "The broker's store is damaged",
        StoreError::Later(_) => "The broker's store was made by a later version",
        StoreError::InUse(_) => "The broker's store is in use by another broker",
        StoreError::Other(_) => "The broker's store can't be opened",
    };
    ApiError::new(ErrorCode::Store, format!("{what}: {}", error.details()))
        .hint("To run without it, set enabled = false under [persistence] in broker.toml.")
}

pub(super) fn start_failed(error: &StartError) -> ApiError {
    let listen = match error {
        StartError::Listen(listen) => listen,
        StartError::Router(_) | StartError::Thread(_) => {
            return ApiError::new(ErrorCode::Internal, error.to_string());
        }
        StartError::Store(error) => return store_failed(error),
    };
    match listen {
        ListenError::PortInUse { listener, address } => ApiError::new(
            ErrorCode::PortInUse,
            format!(
                "Port {} is in use by another program, so listener {listener} can't be opened at {address}.",
                address.port()
            ),
        )
        .hint("Use a free port, or end the program that has this one."),
        ListenError::SamePort { .. } => {
            ApiError::new(ErrorCode::ListenerFailed, format!("{listen}."))
                .hint("Give one of them another port in broker.toml.")
        }
        ListenError::NotAllowed { address, .. } => {
            ApiError::new(ErrorCode::ListenerFailed, format!("{listen}."))
                .hint(format!(
                    "Ports below 1024 are the administrator's: choose another than {}.",
                    address.port()
                ))
        }
        ListenError::Other { .. } => {
            ApiError::new(ErrorCode::ListenerFailed, format!("{listen}."))
                .hint("Bind to an address that this computer has, such as 127.0.0.1.")
        }
        ListenError::NoCertificate { .. } => {
            ApiError::new(ErrorCode::ListenerFailed, format!("{listen}."))
        }
    }
}

/// Nothing is acknowledged that can't be kept.
pub(super) fn store_finding(error: &StoreError) -> Finding {
    Finding::new(
        Severity::Serious,
        "The broker's store can't be written",
        format!(
            "{error} Until it can be written again, messages for persistent sessions and retained messages are not \
             acknowledged; everything else goes on. The broker keeps trying."
        ),
    )
}
