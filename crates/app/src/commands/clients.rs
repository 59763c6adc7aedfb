//! What can be asked of test clients and saved messages.

use std::net::{IpAddr, SocketAddr, UdpSocket};

use mqttwb_model::Timestamp;

use crate::api::*;
use crate::clients::{self, Endpoint};
use crate::{App, Result, blocking, files};

impl App {
    /// The test clients.
    pub fn clients(&self) -> Vec<TestClient> {
        self.clients.list()
    }

    /// What has the key that the passwords of test clients are encrypted with; nothing where none is kept.
    pub async fn passwords_kept_by(&self) -> Result<Option<KeptBy>> {
        self.clients.passwords_kept_by().await
    }

    /// Adds a test client.
    pub async fn client_create(&self, config: ClientConfig) -> Result<TestClient> {
        self.clients.create(config).await
    }

    /// Changes a test client that is not connected.
    pub async fn client_update(&self, id: u32, config: ClientConfig) -> Result<TestClient> {
        self.clients.update(id, config).await
    }

    /// Removes a test client; a connected one is disconnected first. Returns how it was configured, for an undo.
    pub async fn client_remove(&self, id: u32) -> Result<ClientConfig> {
        self.clients.remove(id).await
    }

    /// Connects a test client; returns when CONNACK came or it failed.
    pub async fn client_connect(&self, id: u32) -> Result<TestClient> {
        let (target, secrets) = self.clients.target(id)?;
        let endpoint = self.endpoint(target, secrets).await?;
        self.clients.connect(id, &endpoint).await
    }

    /// The way to the broker that a target means.
    pub(super) async fn endpoint(
        &self,
        target: Target,
        secrets: clients::Secrets,
    ) -> Result<Endpoint> {
        let (wanted, device) = match target {
            Target::Remote(remote) => {
                let store = self.certificates.clone();
                let mut endpoint =
                    blocking(move || clients::remote_endpoint(&remote, &secrets, &store)).await?;
                // Whoever dials the embedded broker by its address is seen by it all the same.
                endpoint.embedded = leads_here(&endpoint, &self.broker.status().listeners).await;
                return Ok(endpoint);
            }
            Target::Tcp => (Protocol::Tcp, None),
            Target::MutualTls { device } => (Protocol::Tls, Some(device)),
            Target::Ws => (Protocol::Ws, None),
        };
        let status = self.broker.status();
        if status.state != BrokerState::Running {
            return Err(
                ApiError::new(ErrorCode::WrongState, "The embedded broker does not run.")
                    .hint("Start the broker, then connect."),
            );
        }
        let listener = status
            .listeners
            .into_iter()
            .find(|listener| listener.protocol == wanted)
            .ok_or_else(|| {
                let name = match wanted {
                    Protocol::Tcp => "tcp",
                    Protocol::Tls => "tls",
                    Protocol::Ws => "ws",
                    Protocol::Wss => "wss",
                };
                ApiError::new(
                    ErrorCode::NotFound,
                    format!("The broker has no {name} listener."),
                )
                .hint("Add one in broker.toml, or choose another target.")
            })?;
        let tls = match device {
            None => None,
            Some(device) => {
                let store = self.certificates.clone();
                Some(blocking(move || store.client_config(&device)).await?)
            }
        };
        Ok(Endpoint {
            tls,
            websocket: (wanted == Protocol::Ws).then(|| mqttwb_client::WebSocket {
                path: "/mqtt".into(),
                headers: Vec::new(),
            }),
            embedded: true,
            ..Endpoint::tcp(listener.host, listener.port)
        })
    }

    /// Ends a test client's connection.
    pub async fn client_disconnect(&self, id: u32, how: DisconnectHow) -> Result<TestClient> {
        self.clients.disconnect(id, how).await
    }

    /// Subscribes a test client; returns when SUBACK came.
    pub async fn client_subscribe(&self, id: u32, request: SubscribeRequest) -> Result<TestClient> {
        self.clients.subscribe(id, &request).await
    }

    /// Ends a subscription of a test client.
    pub async fn client_unsubscribe(&self, id: u32, filter: String) -> Result<TestClient> {
        self.clients.unsubscribe(id, &filter).await
    }

    /// Publishes from a test client.
    pub async fn client_publish(&self, id: u32, request: PublishRequest) -> Result<()> {
        self.clients.publish(id, &request).await
    }

    /// Has a test client back that was removed.
    pub async fn client_restore(&self, id: u32) -> Result<TestClient> {
        self.clients.restore(id).await
    }

    /// Begins to publish messages one after the other from a test client.
    pub async fn client_run(&self, id: u32, request: RunRequest) -> Result<TestClient> {
        self.clients.run(id, request).await
    }

    /// Ends what [`client_run`](Self::client_run) began.
    pub async fn client_run_stop(&self, id: u32) -> Result<TestClient> {
        self.clients.stop(id)
    }

    /// Publishes a request from a test client, and waits for its reply.
    pub async fn client_request(&self, id: u32, request: ReplyRequest) -> Result<ReplyReceived> {
        self.clients.request(id, request).await
    }

    /// Messages that are kept.
    pub async fn saved_messages(&self) -> Result<Vec<SavedMessage>> {
        Ok(self.clients.messages())
    }

    /// Keeps a message; one of the same name is replaced.
    pub async fn saved_message_keep(&self, saved: SavedMessage) -> Result<Vec<SavedMessage>> {
        self.clients.keep_message(saved).await
    }

    /// Forgets a message that was kept.
    pub async fn saved_message_forget(&self, name: String) -> Result<Vec<SavedMessage>> {
        self.clients.forget_message(&name).await
    }

    /// Writes test clients and saved messages into a file, all of them where none is named; secrets only where they are
    /// asked for. Returns the file.
    pub async fn clients_export(
        &self,
        ids: Vec<u32>,
        secrets: bool,
        path: Option<String>,
    ) -> Result<String> {
        let text = self.clients.export(&ids, secrets)?;
        let data = self.data.clone();
        blocking(move || {
            let path = match path {
                Some(path) => files::absolute(std::path::Path::new(&path))?,
                None => clients::free_export(&data)?,
            };
            files::write_secret(&path, &text)?;
            Ok(path.display().to_string())
        })
        .await
    }

    /// Adds the test clients of a text that the workbench, MQTTX or MQTT Explorer has exported.
    pub async fn clients_import(&self, text: String) -> Result<Imported> {
        self.clients.import(&text, Some(&self.data)).await
    }

    /// What a test client did and saw: at most `count` entries that are newer than `after`, oldest first.
    pub async fn client_timeline(
        &self,
        id: u32,
        after: u64,
        count: u32,
    ) -> Result<Vec<TimelineEntry>> {
        self.clients.timeline(id, after, count)
    }

    /// Topics that were seen and whose name holds a text: at most `count` of them, 100 at most.
    pub async fn topics_like(&self, text: &str, count: u32) -> Result<Vec<String>> {
        const LOOK: u32 = 500;
        let topics = self.traffic.topics();
        let view = topics.open();
        let found = topics.filter(view, text).and_then(|()| {
            let look = TopicsLook {
                count: LOOK,
                ..TopicsLook::default()
            };
            topics.frame(view, &look, Timestamp::now())
        });
        topics.close(view)?;
        let seen = found?.rows.into_iter().filter(|row| row.topic.is_some());
        let most = usize::try_from(count.min(100)).unwrap_or(100);
        Ok(seen.map(|row| row.name).take(most).collect())
    }
}

/// Whether the embedded broker is what is reached, by whatever name, and through a proxy too.
async fn leads_here(endpoint: &Endpoint, listeners: &[Listener]) -> bool {
    // Whoever dials a port that nothing here listens at is spared the look-up.
    if !listeners
        .iter()
        .any(|listener| listener.listening && listener.port == endpoint.port)
    {
        return false;
    }
    // To a proxy elsewhere its own computer is the loopback.
    let from_here = match &endpoint.proxy {
        None => true,
        Some(proxy) => addresses(&proxy.host)
            .await
            .into_iter()
            .any(is_of_this_computer),
    };
    addresses(&endpoint.host).await.into_iter().any(|address| {
        (from_here || !address.is_loopback()) && reaches(listeners, address, endpoint.port)
    })
}

/// The addresses of a host; none where it has none, which is told when it is dialled.
async fn addresses(host: &str) -> Vec<IpAddr> {
    match host.parse() {
        Ok(address) => vec![address],
        Err(_) => tokio::net::lookup_host((host, 0))
            .await
            .map(|found| found.map(|address| address.ip()).collect())
            .unwrap_or_default(),
    }
}

/// Whether a listener of the embedded broker is at this address.
fn reaches(listeners: &[Listener], address: IpAddr, port: u16) -> bool {
    listeners
        .iter()
        .filter(|listener| listener.listening && listener.port == port)
        .filter_map(|listener| listener.address.parse::<SocketAddr>().ok())
        .any(|bound| match bound.ip() {
            bound if bound.is_unspecified() => is_of_this_computer(address),
            bound => address == bound,
        })
}

/// Only an address of this computer can be bound to.
fn is_of_this_computer(address: IpAddr) -> bool {
    UdpSocket::bind((address, 0)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listener(address: &str, listening: bool) -> Listener {
        Listener {
            name: "tcp".into(),
            protocol: Protocol::Tcp,
            address: address.into(),
            host: "127.0.0.1".into(),
            port: 1883,
            url: "mqtt://127.0.0.1:1883".into(),
            client_cert: ClientCert::None,
            loopback: true,
            clients: 0,
            listening,
            instead_of: None,
        }
    }

    #[tokio::test]
    async fn the_embedded_broker_is_known_by_its_addresses_and_names() {
        for (address, listening, host, port, expected) in [
            ("127.0.0.1:1883", true, "127.0.0.1", 1883, true),
            ("127.0.0.1:1883", true, "LocalHost", 1883, true),
            ("127.0.0.1:1883", true, "127.0.0.1", 1884, false),
            ("127.0.0.1:1883", false, "127.0.0.1", 1883, false),
            ("127.0.0.1:1883", true, "192.0.2.7", 1883, false),
            ("127.0.0.1:1883", true, "broker.invalid", 1883, false),
            ("0.0.0.0:1883", true, "127.0.0.1", 1883, true),
            ("0.0.0.0:1883", true, "192.0.2.7", 1883, false),
            ("192.0.2.7:1883", true, "localhost", 1883, false),
            ("192.0.2.7:1883", true, "192.0.2.7", 1883, true),
        ] {
            let listeners = [listener(address, listening)];
            let endpoint = Endpoint::tcp(host, port);
            let told = leads_here(&endpoint, &listeners).await;
            assert_eq!(told, expected, "{host}:{port} and {address}");
        }
    }

    #[tokio::test]
    async fn a_proxy_elsewhere_has_a_loopback_of_its_own() {
        for (proxy, host, expected) in [
            ("127.0.0.1", "127.0.0.1", true),
            ("192.0.2.1", "127.0.0.1", false),
            ("192.0.2.1", "192.0.2.7", true),
        ] {
            let listeners = [listener(&format!("{host}:1883"), true)];
            let endpoint = Endpoint {
                proxy: Some(mqttwb_client::Proxy {
                    protocol: mqttwb_client::ProxyProtocol::Http,
                    host: proxy.into(),
                    port: 3128,
                    login: None,
                }),
                ..Endpoint::tcp(host, 1883)
            };
            let told = leads_here(&endpoint, &listeners).await;
            assert_eq!(told, expected, "{host} through {proxy}");
        }
    }
}
