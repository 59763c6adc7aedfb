//! An attempt to connect: from dialling to CONNACK.
//!
//! Duty: what all connections of one client have in common, and the making of one from it, within its time.
//! Not here: how the socket is made (`dial.rs`), what is said over it first (`hello.rs`), whether another is tried
//! (`connections.rs`).

use std::sync::Arc;

use bytes::BytesMut;
use mqttwb_model::{ConnectionInfo, NoObserver, Observer, SeenBy};
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::dial::{Dialled, dial};
use crate::error::ConnectionError;
use crate::hello::{Negotiated, hello};
use crate::kept::Shared;
use crate::tap::{Tap, next_connection};
use crate::{Endpoint, Message, Options};

/// Everything that connections of one client have in common.
pub(crate) struct Ground {
    pub(crate) shared: Arc<Shared>,
    pub(crate) observer: Arc<dyn Observer>,
    pub(crate) options: Options,
    pub(crate) endpoint: Endpoint,
    /// Whole messages for somebody who reads them; who is slow holds the connection up.
    pub(crate) inbox: Option<mpsc::Sender<Message>>,
}

impl Ground {
    /// Makes a connection: from dialling to CONNACK, within the time that the options give.
    pub(crate) async fn connect(&self) -> Result<Connected, ConnectionError> {
        let within = self.options.connect_within;
        let address = self.endpoint.to_string();
        let attempt = async {
            let mut dialled = dial(&self.endpoint).await?;
            let mut info = ConnectionInfo {
                id: next_connection(),
                seen_by: match self.endpoint.embedded {
                    true => SeenBy::ClientOfBroker,
                    false => SeenBy::ClientOfRemote,
                },
                client: self.options.client_id.as_str().into(),
                version: self.options.version.into(),
                listener: self.endpoint.url().into(),
                protocol: self.endpoint.protocol(),
                peer: dialled.peer,
                common_name: None,
                certificate: None,
            };
            let observer = match self.endpoint.embedded && !self.options.show_own_end {
                true => Arc::new(NoObserver),
                false => self.observer.clone(),
            };
            let mut tap = Tap::new(observer, &info);
            let mut input = BytesMut::new();
            let hello = hello(
                &mut dialled,
                &mut input,
                &mut tap,
                &self.options,
                &self.endpoint,
            );
            match hello.await {
                Ok(negotiated) => {
                    if negotiated.client_id != info.client.as_str() {
                        info.client = negotiated.client_id.as_str().into();
                        tap.renamed(&info);
                    }
                    Ok(Connected {
                        dialled,
                        input,
                        tap,
                        negotiated,
                    })
                }
                Err(error) => {
                    tap.ends(error.to_string());
                    Err(error)
                }
            }
        };
        timeout(within, attempt)
            .await
            .unwrap_or(Err(ConnectionError::TimedOut { address, within }))
    }
}

/// A connection that the broker has accepted.
pub(crate) struct Connected {
    pub(crate) dialled: Dialled,
    pub(crate) input: BytesMut,
    pub(crate) tap: Tap,
    pub(crate) negotiated: Negotiated,
}
