//! Revocation lists of authorities outside, that a listener with a `ca` of its own goes by.
//!
//! Duty: read them, and take those alone that an authority of the listener has signed: any other would say nothing of who
//! comes in, and whoever wrote it down would believe that it does.

use std::path::{Path, PathBuf};

use mqttwb_model::Timestamp;
use mqttwb_pki::{Certificate, RevocationList};

use super::certificate_error;
use crate::api::{ApiError, ErrorCode, Finding, Severity};
use crate::words::sentence;
use crate::{Result, files};

/// The authorities of a listener's `ca`, and the lists of its `crl`, as they were read last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OutsideLists {
    /// The listener.
    pub(crate) listener: String,
    /// The file of the lists; that of the authorities where none is named.
    pub(crate) path: PathBuf,
    /// Whom the listener trusts.
    pub(crate) authorities: Vec<Certificate>,
    /// What they have revoked, as far as it is known.
    pub(crate) lists: Vec<RevocationList>,
}

/// The authorities of `ca`.
pub(super) fn authorities(ca: &Path) -> Result<Vec<Certificate>> {
    Certificate::all_from_pem(&files::read(ca)?).map_err(|error| certificate_error(&error))
}

/// The lists of a file, each signed by one of the `authorities` of `ca`.
pub(super) fn read(
    path: &Path,
    ca: &Path,
    authorities: &[Certificate],
) -> Result<Vec<RevocationList>> {
    let unusable = |why: &dyn std::fmt::Display| {
        ApiError::new(
            ErrorCode::Certificate,
            sentence(format_args!("{} can't be used: {why}", path.display())),
        )
    };
    let lists = RevocationList::read_all(&files::read_bytes(path)?).map_err(|error| {
        unusable(&error).hint("It must be a revocation list, PEM or DER; PEM may have several.")
    })?;
    for list in &lists {
        if !authorities
            .iter()
            .any(|authority| list.is_signed_by(authority))
        {
            return Err(unusable(&format_args!(
                "its list of {} is signed by none of the authorities in {}",
                list.issuer(),
                ca.display()
            ))
            .hint(
                "Append the certificate of the authority that signs the list to the file of ca.",
            ));
        }
    }
    Ok(lists)
}

impl OutsideLists {
    /// A list whose time is over keeps everybody out whom its authority has signed for.
    pub(crate) fn findings(&self, now: Timestamp) -> Vec<Finding> {
        let expired = self.lists.iter().filter(|list| list.has_expired(now));
        expired
            .map(|list| {
                Finding::new(
                    Severity::Serious,
                    format!("A revocation list of listener {} has expired", self.listener),
                    format!(
                        "Nobody is let in with a certificate of {}. Put a newer list at {}: it is read within a minute, or \
                         at once with `mqttwb broker reload`.",
                        list.issuer(),
                        self.path.display()
                    ),
                )
            })
            .collect()
    }
}
