//! A broker on a free port, and a client that sends and expects single packets.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use mqttwb_broker::{Access, Broker, BrokerConfig, Limits, ListenerConfig};
use mqttwb_model::{
    ClientCert, ConnectionId, ConnectionInfo, ListenerProtocol, NoObserver, Observer, PacketBatch,
    ProtocolVersion, QoS, Refusal, RefusalCause, Timestamp,
};
use mqttwb_wire::{
    Ack, ConnAck, Connect, Disconnect, Packet, Properties, Property, Publish, ReasonCode,
    Subscribe, SubscriptionOptions, Unsubscribe, decode, encode, frame_len,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

pub const V311: ProtocolVersion = ProtocolVersion::V311;
pub const V5: ProtocolVersion = ProtocolVersion::V5;

/// What a statement of both standards is held with.
pub const BOTH: [ProtocolVersion; 2] = [V311, V5];

/// Nothing here takes so long unless it never comes.
const PATIENCE: Duration = Duration::from_secs(20);

pub struct TestBroker {
    pub broker: Broker,
    pub address: SocketAddr,
}

pub fn tcp_listener() -> ListenerConfig {
    ListenerConfig {
        name: "tcp".into(),
        bind: ([127, 0, 0, 1], 0).into(),
        protocol: ListenerProtocol::Tcp,
        client_cert: ClientCert::None,
        tls: None,
    }
}

pub async fn broker() -> TestBroker {
    broker_with(BrokerConfig::default(), Arc::new(NoObserver)).await
}

pub async fn broker_with(mut config: BrokerConfig, observer: Arc<dyn Observer>) -> TestBroker {
    config.listeners.push(tcp_listener());
    let broker = Broker::start(config, observer).await.unwrap();
    let address = broker.listeners().last().unwrap().address;
    TestBroker { broker, address }
}

/// The configuration of a broker with these limits.
pub fn within(limits: Limits) -> BrokerConfig {
    BrokerConfig {
        limits,
        ..BrokerConfig::default()
    }
}

pub async fn broker_within(limits: Limits) -> TestBroker {
    broker_with(within(limits), Arc::new(NoObserver)).await
}

/// A broker with these limits, and whom it refused.
pub async fn limited(limits: Limits) -> (TestBroker, Arc<Refused>) {
    let observer = Arc::new(Refused::default());
    let broker = broker_with(within(limits), observer.clone()).await;
    (broker, observer)
}

/// A broker that asks who comes in and what they may do, and whom it refused.
pub async fn guarded(access: Access) -> (TestBroker, Arc<Refused>) {
    let observer = Arc::new(Refused::default());
    (guarded_by(access, observer.clone()).await, observer)
}

pub async fn guarded_by(access: Access, observer: Arc<dyn Observer>) -> TestBroker {
    let config = BrokerConfig {
        access,
        ..BrokerConfig::default()
    };
    broker_with(config, observer).await
}

pub fn properties(of: &[Property<'_>]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for property in of {
        property.write(&mut bytes);
    }
    bytes
}

pub fn connect(version: ProtocolVersion, client_id: &str) -> Connect<'_> {
    Connect {
        version,
        clean_start: true,
        keep_alive: 0,
        client_id,
        will: None,
        user_name: None,
        password: None,
        properties: Properties::NONE,
    }
}

pub fn publish<'a>(topic: &'a str, payload: &'a str, qos: u8) -> Publish<'a> {
    Publish {
        dup: false,
        qos: QoS::try_from(qos).unwrap(),
        retain: false,
        topic,
        packet_id: u16::from(qos > 0),
        properties: Properties::NONE,
        payload: payload.as_bytes(),
    }
}

/// What a CONNECT is answered; a refused connection is closed.
pub async fn answered(broker: &TestBroker, connect: Connect<'_>) -> ReasonCode {
    let mut client = Client::open(broker.address, connect.version).await;
    let (present, reason) = client.connect(connect).await;
    if reason != ReasonCode::SUCCESS {
        assert!(!present);
        assert_eq!(client.expect_end().await, None);
    }
    reason
}

/// Waits until something holds that no packet tells of.
pub async fn until(what: &str, holds: impl Fn() -> bool) {
    let waits = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    if tokio::time::timeout(PATIENCE, waits).await.is_err() {
        panic!("it never came to be that {what}");
    }
}

/// Tests with hundreds of sockets take turns: a process has a thousand file descriptors on many systems.
pub async fn many_sockets() -> tokio::sync::MutexGuard<'static, ()> {
    static ONE_AT_A_TIME: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
    ONE_AT_A_TIME.lock().await
}

/// Remembers why somebody was not let in, and nothing else.
#[derive(Default)]
pub struct Refused(std::sync::Mutex<Vec<Refusal>>);

impl Refused {
    pub fn causes(&self) -> Vec<RefusalCause> {
        let all = self.0.lock().unwrap();
        all.iter().map(|refusal| refusal.cause).collect()
    }

    /// In words.
    pub fn details(&self) -> Vec<String> {
        let all = self.0.lock().unwrap();
        all.iter()
            .map(|refusal| refusal.detail.to_string())
            .collect()
    }
}

impl Observer for Refused {
    fn connected(&self, _: &ConnectionInfo) {}
    fn packets(&self, _: PacketBatch<'_>) {}
    fn disconnected(&self, _: ConnectionId, _: Timestamp, _: &str) {}
    fn refused(&self, refusal: &Refusal) {
        self.0.lock().unwrap().push(refusal.clone());
    }
}

/// A CONNECT that keeps its session: ten minutes, or until it is asked for no more.
pub fn persistent(version: ProtocolVersion, id: &str) -> Connect<'_> {
    // 0x11 session expiry interval 600 s
    const EXPIRY: &[u8] = &[0x11, 0, 0, 2, 0x58];
    Connect {
        clean_start: false,
        properties: if version == V5 {
            Properties::trusted(EXPIRY)
        } else {
            Properties::NONE
        },
        ..connect(version, id)
    }
}

/// The bytes of a packet.
pub fn bytes_of(packet: &Packet<'_>, version: ProtocolVersion) -> Vec<u8> {
    let mut out = BytesMut::new();
    encode(packet, version, &mut out);
    out.to_vec()
}

/// A packet of this first byte around a body.
pub fn frame(first: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    let mut left = body.len();
    while left > 127 {
        bytes.push((left & 127) as u8 | 128);
        left >>= 7;
    }
    bytes.push(left as u8);
    bytes.extend_from_slice(body);
    bytes
}

pub struct Client {
    stream: TcpStream,
    version: ProtocolVersion,
    input: BytesMut,
}

/// What a test wants to know of a PUBLISH.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Got {
    pub topic: String,
    pub payload: String,
    pub qos: u8,
    pub retain: bool,
    pub dup: bool,
    pub packet_id: u16,
    pub properties: Vec<u8>,
}

impl From<&Publish<'_>> for Got {
    fn from(p: &Publish<'_>) -> Self {
        Self {
            topic: p.topic.to_owned(),
            payload: String::from_utf8_lossy(p.payload).into_owned(),
            qos: p.qos.into(),
            retain: p.retain,
            dup: p.dup,
            packet_id: p.packet_id,
            properties: p.properties.as_bytes().to_vec(),
        }
    }
}

impl Client {
    pub async fn open(address: SocketAddr, version: ProtocolVersion) -> Self {
        Self {
            stream: TcpStream::connect(address).await.unwrap(),
            version,
            input: BytesMut::new(),
        }
    }

    /// The system takes only little for a client that does not read.
    pub async fn open_with_small_window(address: SocketAddr, version: ProtocolVersion) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(16 << 10).unwrap();
        Self {
            stream: socket.connect(address).await.unwrap(),
            version,
            input: BytesMut::new(),
        }
    }

    /// Connects with a clean start.
    pub async fn connected(broker: &TestBroker, version: ProtocolVersion, id: &str) -> Self {
        let mut client = Self::open(broker.address, version).await;
        let (present, reason) = client.connect(connect(version, id)).await;
        assert_eq!((present, reason), (false, ReasonCode::SUCCESS));
        client
    }

    /// Connects as asked, which must be accepted. Whether a session was present.
    pub async fn accepted(broker: &TestBroker, with: Connect<'_>) -> (Self, bool) {
        let mut client = Self::open(broker.address, with.version).await;
        let (present, reason) = client.connect(with).await;
        assert_eq!(reason, ReasonCode::SUCCESS);
        (client, present)
    }

    /// Sends CONNECT: session present, and the reason code.
    pub async fn connect(&mut self, connect: Connect<'_>) -> (bool, ReasonCode) {
        self.send(Packet::Connect(Box::new(connect))).await;
        self.expect(|packet| match packet {
            Packet::ConnAck(ConnAck {
                session_present,
                reason,
                ..
            }) => Some((*session_present, *reason)),
            _ => None,
        })
        .await
    }

    pub async fn send(&mut self, packet: Packet<'_>) {
        self.send_bytes(&bytes_of(&packet, self.version)).await;
    }

    pub async fn send_bytes(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    async fn fill(&mut self) -> Option<usize> {
        loop {
            if let Some(len) = frame_len(&self.input, usize::MAX).unwrap()
                && self.input.len() >= len
            {
                return Some(len);
            }
            let read = self.stream.read_buf(&mut self.input);
            match tokio::time::timeout(PATIENCE, read).await {
                Ok(Ok(0) | Err(_)) => return None,
                Ok(Ok(_)) => {}
                Err(_) => panic!("nothing came"),
            }
        }
    }

    /// The next packet must be one that `pick` takes.
    pub async fn expect<T>(&mut self, pick: impl Fn(&Packet<'_>) -> Option<T>) -> T {
        let len = self.fill().await.expect("the connection was closed");
        let frame = self.input.split_to(len);
        let packet = decode(&frame, self.version).unwrap();
        pick(&packet).unwrap_or_else(|| panic!("unexpected {packet:?}"))
    }

    /// The next packet, as its bytes.
    pub async fn frame(&mut self) -> Vec<u8> {
        let len = self.fill().await.expect("the connection was closed");
        self.input.split_to(len).to_vec()
    }

    /// Every packet up to the end of the connection, as bytes.
    pub async fn frames_to_the_end(&mut self) -> Vec<Vec<u8>> {
        let mut frames = Vec::new();
        while let Some(len) = self.fill().await {
            frames.push(self.input.split_to(len).to_vec());
        }
        frames
    }

    /// The broker ends the connection, and tells an MQTT 5 client this reason.
    pub async fn expect_end_for(&mut self, reason: ReasonCode) {
        let said = self.expect_end().await;
        assert_eq!(said, (self.version == V5).then_some(reason));
    }

    /// Says DISCONNECT and sees the connection end.
    pub async fn disconnect(mut self) {
        self.send(Packet::Disconnect(Disconnect {
            reason: ReasonCode::SUCCESS,
            properties: Properties::NONE,
        }))
        .await;
        assert_eq!(self.expect_end().await, None);
    }

    /// The broker closes; before that it may say a DISCONNECT, whose reason this is.
    pub async fn expect_end(&mut self) -> Option<ReasonCode> {
        let mut said = None;
        while let Some(len) = self.fill().await {
            let frame = self.input.split_to(len);
            if let Packet::Disconnect(p) = decode(&frame, self.version).unwrap() {
                said = Some(p.reason);
            }
        }
        said
    }

    pub async fn subscribe(&mut self, filter: &str, qos: u8) -> ReasonCode {
        let options = SubscriptionOptions {
            qos: QoS::try_from(qos).unwrap(),
            ..Default::default()
        };
        self.subscribe_with(filter, options, &[]).await
    }

    pub async fn subscribe_with(
        &mut self,
        filter: &str,
        options: SubscriptionOptions,
        with: &[Property<'_>],
    ) -> ReasonCode {
        let bytes = properties(with);
        self.send(Packet::Subscribe(Subscribe {
            packet_id: 9,
            properties: Properties::trusted(&bytes),
            filters: vec![(filter, options)],
        }))
        .await;
        self.expect(|packet| match packet {
            Packet::SubAck(p) => Some(p.reasons[0]),
            _ => None,
        })
        .await
    }

    /// Unsubscribes: the reasons, of which 3.1.1 has none.
    pub async fn unsubscribe(&mut self, filters: &[&str]) -> Vec<ReasonCode> {
        self.send(Packet::Unsubscribe(Unsubscribe {
            packet_id: 10,
            properties: Properties::NONE,
            filters: filters.to_vec(),
        }))
        .await;
        self.expect(|packet| match packet {
            Packet::UnsubAck(p) if p.packet_id == 10 => Some(p.reasons.clone()),
            _ => None,
        })
        .await
    }

    /// Publishes and goes through the whole handshake.
    pub async fn publish(&mut self, p: Publish<'_>) {
        let (qos, id) = (p.qos, p.packet_id);
        self.send(Packet::Publish(p)).await;
        match qos {
            QoS::AtMostOnce => {}
            QoS::AtLeastOnce => {
                self.expect(|p| matches!(p, Packet::PubAck(a) if a.packet_id == id).then_some(()))
                    .await;
            }
            QoS::ExactlyOnce => {
                self.expect(|p| matches!(p, Packet::PubRec(a) if a.packet_id == id).then_some(()))
                    .await;
                self.send(Packet::PubRel(Ack::success(id))).await;
                self.expect(|p| matches!(p, Packet::PubComp(a) if a.packet_id == id).then_some(()))
                    .await;
            }
        }
    }

    /// The next packet is a PUBLISH.
    pub async fn message(&mut self) -> Got {
        self.expect(|packet| match packet {
            Packet::Publish(p) => Some(Got::from(p)),
            _ => None,
        })
        .await
    }

    /// The next message, acknowledged to the end of its handshake.
    pub async fn receive(&mut self) -> Got {
        let got = self.message().await;
        let ack = Ack::success(got.packet_id);
        match got.qos {
            1 => self.send(Packet::PubAck(ack)).await,
            2 => {
                self.send(Packet::PubRec(ack)).await;
                self.expect(|p| matches!(p, Packet::PubRel(_)).then_some(()))
                    .await;
                self.send(Packet::PubComp(ack)).await;
            }
            _ => {}
        }
        got
    }

    /// Nothing is under way to this client: PINGREQ is answered by the next packet.
    pub async fn expect_nothing(&mut self) {
        self.send(Packet::PingReq).await;
        self.expect(|p| matches!(p, Packet::PingResp).then_some(()))
            .await;
    }

    /// Nothing that was published before now is for this client: what it publishes to itself is the next to come.
    pub async fn expect_silence(&mut self) {
        self.subscribe("silence", 0).await;
        self.send(Packet::Publish(publish("silence", "", 0))).await;
        let got = self.message().await;
        assert_eq!(got.topic, "silence", "{got:?}");
        self.unsubscribe(&["silence"]).await;
    }

    /// Drops the socket.
    pub fn cut(self) {}
}
