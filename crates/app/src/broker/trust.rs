//! The certificates and the revocation list that the listeners go by, changed while they run.

use std::sync::Arc;

use mqttwb_model::Timestamp;
use rustls::ServerConfig;

use super::BrokerControl;
use crate::certificates::names_of_listeners;
use crate::config::ListenerSpec;
use crate::{Result, blocking};

impl BrokerControl {
    /// Has the server certificate bear every name that clients may call these listeners by.
    pub(super) async fn have_names(&self, listeners: &[ListenerSpec]) -> Result<()> {
        let secure = listeners.iter().filter(|spec| spec.protocol.is_secure());
        let names = names_of_listeners(secure.map(|spec| spec.bind));
        let certificates = self.certificates.clone();
        blocking(move || certificates.serve(names, Timestamp::now())).await?;
        Ok(())
    }

    pub(super) async fn tls_config(&self, spec: &ListenerSpec) -> Result<Arc<ServerConfig>> {
        let files = spec.files.clone();
        let certificates = self.certificates.clone();
        let (client_cert, websocket) = (spec.client_cert, spec.protocol.is_websocket());
        blocking(move || certificates.server_config(client_cert, files.as_ref(), websocket)).await
    }

    /// Another process has changed the folder: reads it, and goes by it.
    pub(crate) async fn certificates_changed(&self) -> Result<Option<u32>> {
        let certificates = self.certificates.clone();
        blocking(move || certificates.refresh(Timestamp::now())).await?;
        self.apply_certificates().await
    }

    /// Does what time has made due, takes over what another process has changed, and goes by it.
    /// What goes wrong is a finding.
    pub(crate) async fn keep_certificates_good(&self) {
        let certificates = self.certificates.clone();
        match blocking(move || certificates.refresh(Timestamp::now())).await {
            // It tells of itself what it can't give the listeners.
            Ok(true) => drop(self.apply_certificates().await),
            Ok(false) => {}
            Err(error) => *self.certificates_stale.lock() = Some(error),
        }
    }

    /// Gives every listener the certificates and the list as they are held now, and ends the connections of who is
    /// revoked. How many; `None` while the broker does not run.
    pub(crate) async fn apply_certificates(&self) -> Result<Option<u32>> {
        let _alone = self.reloading.lock().await;
        let Some(running) = self.running() else {
            return Ok(None);
        };
        let held = self.held();
        let mut failed = None;
        for state in running.broker.listeners() {
            let spec = held
                .broker
                .listeners
                .iter()
                .find(|spec| *spec.name == *state.config.name);
            let (Some(tls), Some(spec)) = (&state.config.tls, spec) else {
                continue;
            };
            match self.tls_config(spec).await {
                Ok(config) => tls.replace(config),
                // The others are given theirs all the same.
                Err(error) => failed = Some(error),
            }
        }
        let ended = running
            .broker
            .set_revoked(self.certificates.revoked())
            .await;
        *self.certificates_stale.lock() = failed.clone();
        match failed {
            Some(error) => Err(error),
            None => Ok(Some(u32::try_from(ended).unwrap_or(u32::MAX))),
        }
    }
}
