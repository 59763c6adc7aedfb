//! Who is who on a TLS connection: an authority, and the server and device certificates that it signs.
//!
//! Duty: make keys, sign certificates, read certificates back as a person wants to see them.
//! Not here: files (the app keeps them), TLS connections (rustls), and any clock: every time is an argument.
//! Invariant: a [`Certificate`] was parsed and an [`Authority`]'s key belongs to its certificate; nothing checks twice.

mod authority;
mod certificate;
mod key;
mod name;
mod validity;

pub use authority::{Authority, AuthorityError, Identity, IssueError};
pub use certificate::{Certificate, CertificateError, Description};
pub use key::{KeyError, SecretKey};
pub use name::{DeviceName, DeviceNameError, ServerName, ServerNameError, ServerNames};
pub use validity::Validity;
