//! The certificates and the revocation list that the listeners go by, changed while they run.

use std::sync::Arc;

use mqttwb_model::Timestamp;
use rustls::ServerConfig;
use zeroize::Zeroizing;

use super::BrokerControl;
use crate::api::AuthorityKeys;
use crate::certificates::{OutsideLists, names_of_listeners};
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

    /// Opens the authority's key for as long as this process lives, and has the listeners go by what waited for it.
    pub(crate) async fn unlock_authority(
        &self,
        passphrase: Zeroizing<String>,
    ) -> Result<AuthorityKeys> {
        let certificates = self.certificates.clone();
        let keys = blocking(move || {
            certificates.unlock(&passphrase)?;
            Ok(certificates.keys())
        })
        .await?;
        self.apply_certificates().await?;
        Ok(keys)
    }

    /// Forgets the authority's key until it is unlocked again.
    pub(crate) async fn lock_authority(&self) -> Result<AuthorityKeys> {
        let certificates = self.certificates.clone();
        blocking(move || {
            certificates.lock_keys()?;
            Ok(certificates.keys())
        })
        .await
    }

    /// Does what time has made due, takes over what another process has changed, and goes by it.
    /// What goes wrong is a finding.
    pub(crate) async fn keep_certificates_good(&self) {
        let certificates = self.certificates.clone();
        match blocking(move || certificates.refresh(Timestamp::now())).await {
            // It tells of itself what it can't give the listeners.
            Ok(true) => drop(self.apply_certificates().await),
            Ok(false) => self.follow_outside_lists().await,
            Err(error) => *self.certificates_stale.lock() = Some(error),
        }
    }

    /// Has the hub know who is revoked, and the listeners of what has changed since `version` was held: they were built of
    /// that. The broker runs, so what goes wrong is a finding.
    pub(super) async fn trust_from_the_start(&self, version: u64) {
        if self.certificates.version() != version {
            // It tells of itself what it can't give the listeners.
            drop(self.apply_certificates().await);
            return;
        }
        let _alone = self.reloading.lock().await;
        let failed = self.read_outside_lists().await.err();
        if let Some(running) = self.running() {
            let revoked = self.certificates.revoked(&self.outside.lock());
            running.broker.set_revoked(revoked).await;
        }
        *self.certificates_stale.lock() = failed;
    }

    /// Goes by lists of authorities outside that became others. What goes wrong is a finding, and the older ones hold.
    async fn follow_outside_lists(&self) {
        if self.running().is_none() {
            return;
        }
        let before = self.outside.lock().clone();
        match self.outside_lists().await {
            Ok(now) if now == before => {}
            // It reads them itself, and tells of itself what it can't give the listeners.
            Ok(_) => drop(self.apply_certificates().await),
            Err(error) => *self.certificates_stale.lock() = Some(error),
        }
    }

    async fn read_outside_lists(&self) -> Result<()> {
        let lists = self.outside_lists().await?;
        *self.outside.lock() = lists;
        Ok(())
    }

    /// The lists that the listeners' files have now.
    async fn outside_lists(&self) -> Result<Vec<OutsideLists>> {
        let held = self.held();
        blocking(move || {
            let mut all = Vec::new();
            for spec in &held.broker.listeners {
                if let Some(files) = &spec.files {
                    all.extend(files.outside(&spec.name)?);
                }
            }
            Ok(all)
        })
        .await
    }

    /// Gives every listener the certificates and the list as they are held now, and ends the connections of who is
    /// revoked. How many; `None` while the broker does not run.
    pub(crate) async fn apply_certificates(&self) -> Result<Option<u32>> {
        let _alone = self.reloading.lock().await;
        let Some(running) = self.running() else {
            return Ok(None);
        };
        let held = self.held();
        let mut failed = self.read_outside_lists().await.err();
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
        let revoked = self.certificates.revoked(&self.outside.lock());
        let ended = running.broker.set_revoked(revoked).await;
        *self.certificates_stale.lock() = failed.clone();
        match failed {
            Some(error) => Err(error),
            None => Ok(Some(u32::try_from(ended).unwrap_or(u32::MAX))),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::App;
    use crate::api::{BrokerStart, BrokerState};
    use crate::certificates::CertificateStore;

    #[tokio::test]
    async fn a_broker_that_runs_is_no_failed_start_and_its_files_are_read_once() {
        let data = tempfile::tempdir().unwrap();
        CertificateStore::open(data.path()).unwrap();
        let own = |name: &str| data.path().join(name);
        for kind in ["crt", "key"] {
            let from = own("pki").join(format!("server.{kind}"));
            std::fs::copy(from, own(&format!("own.{kind}"))).unwrap();
        }
        let config = format!(
            "[listeners.tls]\nbind = \"127.0.0.1:0\"\nprotocol = \"tls\"\ncert = '{}'\nkey = '{}'\n",
            own("own.crt").display(),
            own("own.key").display()
        );
        std::fs::write(own("broker.toml"), config).unwrap();
        let app = App::open(data.path().into()).await.unwrap();
        let status = app.broker_start(BrokerStart::default()).await.unwrap();
        assert_eq!(status.state, BrokerState::Running);
        let stale = || {
            let findings = app.broker.findings();
            findings
                .iter()
                .any(|one| one.title.contains("older certificates"))
        };
        std::fs::remove_file(own("own.key")).unwrap();
        let version = app.certificates.version();
        app.broker.trust_from_the_start(version).await;
        assert!(!stale(), "what was built a moment ago is not built again");
        // Something was changed while it started, and can't be applied: that is told, and the broker runs.
        app.broker.trust_from_the_start(version + 1).await;
        assert!(stale());
        assert_eq!(app.broker.status().state, BrokerState::Running);
        app.close().await;
    }
}
