//! Who is who on a TLS connection: authorities, and the server and device certificates that they sign and revoke.
//!
//! Duty: make keys, sign certificates and revocation lists, read what others made (PEM, DER, PKCS #12) back as a person
//! wants to see it, and say what a peer would refuse about it.
//! Not here: files (the app keeps them), TLS connections (rustls), and any clock: every time is an argument.
//! Invariant: a [`Certificate`] was parsed and an [`Authority`]'s key belongs to its certificate; nothing checks twice.

mod authority;
mod certificate;
mod chain;
mod inspect;
mod judge;
mod key;
mod name;
mod pkcs12;
mod request;
mod revocation;
mod subject;
mod validity;
mod wrapping;

pub use authority::{Authority, AuthorityError, AuthorityOptions, Identity, IssueError};
pub use certificate::{Certificate, CertificateError, Description};
pub use chain::AuthorityChain;
pub use inspect::{Contents, FoundKey, InspectError, read};
pub use judge::{Fault, Purpose, Question, Severity, judge};
pub use key::{KeyError, KeyType, SecretKey};
pub use name::{DeviceName, DeviceNameError, ServerName, ServerNameError, ServerNames};
pub use pkcs12::{Pkcs12, Pkcs12Error};
pub use request::{CertificateRequest, RequestError};
pub use revocation::{
    RevocationList, RevocationListError, RevocationReason, Revoked, SerialNumber,
};
pub use subject::{AltName, AltNameError, Subject, SubjectError};
pub use validity::Validity;
pub use wrapping::Wrapping;
