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

impl Hub {
    /// Whether a connection is one of a revoked certificate.
    pub(super) fn is_revoked(&self, info: &ConnectionInfo) -> bool {
        match (&self.revocations, &info.certificate) {
            (Some(revocations), Some(certificate)) => (revocations.0)(certificate),
            _ => false,
        }
    }

    /// Ends the connections of certificates that are revoked, and takes none from now on. Each is gone when its receiver
    /// hears that its sender is.
    pub(super) fn revoke(&mut self, revocations: Revocations) -> Vec<oneshot::Receiver<()>> {
        self.revocations = Some(revocations);
        let revoked = |hub: &Self, client: &Client| match &client.state {
            State::Online(online) => hub.is_revoked(&online.info),
            State::Offline(_) => false,
        };
        let keys: Vec<usize> = self
            .clients
            .iter()
            .filter(|(_, client)| revoked(self, client))
            .map(|(key, _)| key)
            .collect();
        let mut gone = Vec::with_capacity(keys.len());
        for key in keys {
            if let State::Online(online) = &mut self.clients[key].state {
                let (sender, receiver) = oneshot::channel();
                online.gone.push(sender);
                online.inbox.end_because(ReasonCode::NOT_AUTHORIZED, WHY);
                gone.push(receiver);
            }
        }
        gone
    }
}
