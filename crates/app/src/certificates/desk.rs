//! What is done with certificates: in the window beside its own broker, or in a shell beside one that runs elsewhere.
//!
//! Duty: each act off the threads that serve connections, and the broker told of it before the act is said to be done.
//! Invariant: when an act has returned, the broker that runs on the folder goes by what it changed.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use mqttwb_model::ListenerProtocol;
use parking_lot::Mutex;
use zeroize::Zeroizing;

use super::batch::{self, Batch};
use super::{CertificateStore, DEFAULT_TLS_PORT};
use crate::api::{
    ApiError, AuthorityImport, AuthorityRequest, BatchProgress, Bundle, BundleRequest, Certificate,
    Certificates, DeviceFolder, DeviceRequest, ErrorCode, ExportRequest, InspectFileRequest,
    InspectedFile, ProtectKeys, Protocol, RenewRequest, RevocationDone, RevocationList,
    RevokeRequest, WrittenFiles,
};
use crate::broker::BrokerControl;
use crate::config::ConfigFile;
use crate::control::RemoteBroker;
use crate::{Result, blocking, files};

/// The certificates of a data folder, and the broker that goes by them.
pub struct CertificateDesk {
    store: Arc<CertificateStore>,
    beside: Beside,
    batch: Mutex<Arc<Batch>>,
}

enum Beside {
    Own(Arc<BrokerControl>),
    Folder(PathBuf),
}

impl CertificateDesk {
    pub(crate) fn of_broker(store: Arc<CertificateStore>, broker: Arc<BrokerControl>) -> Self {
        Self {
            store,
            beside: Beside::Own(broker),
            batch: Mutex::default(),
        }
    }

    /// The desk of a data folder, whether a broker runs on it or not.
    pub async fn open(data: PathBuf) -> Result<Self> {
        let folder = data.clone();
        let store = Arc::new(blocking(move || CertificateStore::open(&folder)).await?);
        Ok(Self {
            store,
            beside: Beside::Folder(data),
            batch: Mutex::default(),
        })
    }

    async fn with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&CertificateStore) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let store = self.store.clone();
        blocking(move || work(&store)).await
    }

    /// Has the broker go by what is in the folder now. How many connections it ended; `None` where none runs.
    async fn tell(&self) -> Result<Option<u32>> {
        match &self.beside {
            Beside::Own(broker) => broker.apply_certificates().await,
            Beside::Folder(data) => {
                let Ok(broker) = RemoteBroker::find(data.clone()).await else {
                    return Ok(None);
                };
                match broker.certificates_changed().await {
                    Ok(ended) => Ok(ended),
                    // The file of one that is gone.
                    Err(error) if error.code == ErrorCode::WrongState => Ok(None),
                    Err(error) => Err(ApiError::new(
                        error.code,
                        format!(
                            "It is done, but the broker that runs here could not be told: {}",
                            error.message
                        ),
                    )
                    .hint("It looks at its folder by itself within a minute.")),
                }
            }
        }
    }

    /// The port of the first listener that devices with certificates connect to.
    fn tls_port(&self) -> u16 {
        match &self.beside {
            Beside::Own(broker) => {
                let listeners = broker.status().listeners;
                listeners
                    .iter()
                    .find(|listener| listener.protocol == Protocol::Tls)
                    .map_or(DEFAULT_TLS_PORT, |listener| listener.port)
            }
            Beside::Folder(data) => tls_port_of(data),
        }
    }

    /// The authority and all that it has signed.
    pub async fn overview(&self) -> Result<Certificates> {
        self.with(|store| store.overview()).await
    }

    /// Makes a certificate for a device, and a key unless the request brings one.
    pub async fn issue(&self, request: DeviceRequest) -> Result<Certificate> {
        self.with(move |store| store.issue(&request)).await
    }

    /// Writes the folder that a device is set up from.
    pub async fn export(&self, request: ExportRequest) -> Result<DeviceFolder> {
        let port = self.tls_port();
        self.with(move |store| store.export(&request, port)).await
    }

    /// Writes what a device is set up from into this very folder.
    pub async fn export_into(&self, name: String, folder: PathBuf) -> Result<DeviceFolder> {
        let port = self.tls_port();
        self.with(move |store| store.export_into(&name, &folder, port))
            .await
    }

    /// Writes the certificate of a device that has its key itself, and the authority's, into this very folder.
    pub async fn export_certificate(&self, name: String, folder: PathBuf) -> Result<WrittenFiles> {
        self.with(move |store| store.export_certificate(&name, &folder))
            .await
    }

    /// Makes another certificate for a device that has one.
    pub async fn renew(&self, request: RenewRequest) -> Result<Certificate> {
        let tells = request.revoke_old;
        let renewed = self.with(move |store| store.renew(&request)).await?;
        if tells {
            self.tell().await?;
        }
        Ok(renewed)
    }

    /// Revokes a device: its connections end before this returns, and no other is let in.
    pub async fn revoke(&self, request: RevokeRequest) -> Result<RevocationDone> {
        let done = self.with(move |store| store.revoke(&request)).await?;
        let connections = self.tell().await?;
        Ok(RevocationDone {
            connections,
            ..done
        })
    }

    /// Signs the revocation list anew; in place of the one of this number alone, where one is named.
    pub async fn sign_list(&self, instead_of: Option<u64>) -> Result<RevocationList> {
        let list = self.with(move |store| store.sign_list(instead_of)).await?;
        self.tell().await?;
        Ok(list)
    }

    /// Makes another server certificate, good for these names too; `only` for these and those of the listeners.
    pub async fn renew_server(&self, names: Vec<String>, only: bool) -> Result<Certificate> {
        self.with(move |store| store.renew_server(&names, only))
            .await?;
        self.tell().await?;
        Ok(self.overview().await?.server)
    }

    /// Opens the authority's key with its passphrase, does what waited for it, and holds it until the process ends.
    pub async fn unlock(&self, passphrase: String) -> Result<Certificates> {
        let passphrase = Zeroizing::new(passphrase);
        self.with(move |store| store.unlock(&passphrase)).await?;
        self.tell().await?;
        self.overview().await
    }

    /// Whether the authority's key is locked, so that nothing can be signed.
    pub fn is_locked(&self) -> bool {
        self.store.is_locked()
    }

    /// Forgets the authority's key until it is unlocked again.
    pub async fn lock(&self) -> Result<Certificates> {
        self.with(|store| store.lock_keys()).await?;
        self.overview().await
    }

    /// Keeps the authority's keys in another way.
    pub async fn protect(&self, request: ProtectKeys) -> Result<Certificates> {
        self.with(move |store| store.protect(&request)).await?;
        self.tell().await?;
        self.overview().await
    }

    /// Makes another authority in place of the one that is there. Every device needs a new certificate then. The folder
    /// that the old one was put into.
    pub async fn create_authority(&self, request: AuthorityRequest) -> Result<String> {
        let aside = self
            .with(move |store| store.create_authority(&request))
            .await?;
        self.tell().await?;
        Ok(aside)
    }

    /// Takes an authority over that somebody has, in place of the one that is there.
    pub async fn import_authority(&self, request: AuthorityImport) -> Result<String> {
        let aside = self
            .with(move |store| store.import_authority(&request))
            .await?;
        self.tell().await?;
        Ok(aside)
    }

    /// Writes certificates and list of the authority as PEM and DER. No key.
    pub async fn export_authority(&self, folder: Option<PathBuf>) -> Result<WrittenFiles> {
        self.with(move |store| store.export_authority(folder.as_deref()))
            .await
    }

    /// Writes the root with its key into a PKCS #12 file.
    pub async fn export_root(
        &self,
        path: PathBuf,
        passphrase: String,
        opens: Option<String>,
    ) -> Result<()> {
        self.with(move |store| store.export_root(&path, &passphrase, opens.as_deref()))
            .await
    }

    /// Looks into a file.
    pub async fn inspect(&self, request: InspectFileRequest) -> Result<InspectedFile> {
        self.with(move |store| CertificateStore::inspect(Some(store), &request))
            .await
    }

    /// Writes a bundle.
    pub async fn bundle(&self, request: BundleRequest) -> Result<Bundle> {
        let port = self.tls_port();
        self.with(move |store| store.bundle(&request, port)).await
    }

    /// Begins to issue the devices of a list (CSV), each with a folder below this one or the default one. One list at a
    /// time.
    pub async fn batch(&self, list: String, folder: Option<PathBuf>) -> Result<BatchProgress> {
        let lines = blocking(move || batch::read(&list)).await?;
        let folder = match folder {
            Some(folder) => files::absolute(&folder)?,
            None => self.store.exports.clone(),
        };
        let port = self.tls_port();
        let begun = {
            let mut current = self.batch.lock();
            if current.progress().running {
                return Err(ApiError::new(
                    ErrorCode::WrongState,
                    "A list is being worked off already.",
                )
                .hint("Wait until it is done, or stop it."));
            }
            *current = Batch::of(&lines, &folder);
            current.clone()
        };
        let (store, works) = (self.store.clone(), begun.clone());
        tokio::task::spawn_blocking(move || works.run(&store, lines, &folder, port));
        Ok(begun.progress())
    }

    /// How far the list is.
    pub fn batch_progress(&self) -> BatchProgress {
        self.batch.lock().progress()
    }

    /// Stops it after the device that is at hand.
    pub fn batch_cancel(&self) -> BatchProgress {
        let batch = self.batch.lock().clone();
        batch.cancel();
        batch.progress()
    }
}

/// The port of the first tls listener of a data folder's configuration. A configuration that is broken is the broker's
/// affair, not that of a certificate.
pub(crate) fn tls_port_of(data: &Path) -> u16 {
    let listeners = ConfigFile::of(data)
        .read()
        .map(|config| config.broker.listeners)
        .unwrap_or_default();
    listeners
        .iter()
        .find(|listener| listener.protocol == ListenerProtocol::Tls)
        .map(|listener| listener.bind.port())
        .filter(|port| *port != 0)
        .unwrap_or(DEFAULT_TLS_PORT)
}
