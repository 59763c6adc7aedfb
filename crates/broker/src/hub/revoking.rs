//! Certificates that are revoked: who shows one goes, and does not come back by a handshake that was made before.

use std::fmt;

use mqttwb_model::ClientCertificate;

use super::*;

/// What a client is told whose certificate is revoked while it is connected.
const WHY: &str = "its certificate was revoked";

/// Says which certificates are revoked.
pub(crate) struct Revocations(pub(crate) Box<dyn Fn(&ClientCertificate) -> bool + Send + Sync>);

impl fmt::Debug for Revocations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Revocations")
    }
}

impl Revocations {
    /// Whether a connection is one of a revoked certificate.
    fn hit(&self, info: &ConnectionInfo) -> bool {
        let certificate = info.certificate.as_ref();
        certificate.is_some_and(|certificate| (self.0)(certificate))
    }
}

impl Hub {
    /// Whether a connection is one of a revoked certificate.
    pub(super) fn is_revoked(&self, info: &ConnectionInfo) -> bool {
        let revocations = self.revocations.as_ref();
        revocations.is_some_and(|revocations| revocations.hit(info))
    }

    /// Ends the connections of certificates that are revoked, and takes none from now on. Each is gone when its receiver
    /// hears that its sender is.
    pub(super) fn revoke(&mut self, revocations: Revocations) -> Vec<oneshot::Receiver<()>> {
        let revoked = |who: &Identity| revocations.hit(&who.connection);
        let gone = self.end_where(revoked, ReasonCode::NOT_AUTHORIZED, Some(WHY));
        self.revocations = Some(revocations);
        gone
    }
}
