//! Two connections of a whole broker, over streams in memory, and what they send.
//!
//! An input is a script: each step begins with a byte, whose lowest bit says which of the two connections, the next
//! three what is done, and the highest four who connects where nobody is connected yet. A broker of its own for each
//! input, so that an input does the same whatever ran before.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, BytesMut};
use mqttwb_broker::{Broker, BrokerConfig, Limits};
use mqttwb_model::{NoObserver, ProtocolVersion, QoS};
use mqttwb_wire::{
    Connect, Packet, Properties, Property, ReasonCode, Will, decode, encode, frame_len,
    protocol_of_connect,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, ReadHalf, WriteHalf};
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

use crate::VERSIONS;
use crate::script::{packet, some, take};

/// What a broker in memory needs for any input is a hundredth of this.
const A_HANG: Duration = Duration::from_secs(60);
/// Bytes of a stream in one direction before its writer waits.
const STREAM: usize = 16 << 10;

/// Small bounds, so that inputs of some hundred bytes reach them.
fn limits() -> Limits {
    let mut limits = Limits {
        maximum_packet_size: 1_000,
        receive_maximum: 4,
        topic_alias_maximum: 3,
        ..Limits::default()
    };
    limits.queue.messages = 8;
    limits.queue.bytes = 2_000;
    limits
}

/// Every packet that the broker says is whole and well-formed, each connection ends once its client has left, and the
/// broker stops.
pub fn run(input: &[u8]) {
    thread_local! {
        static RUNTIME: RefCell<Runtime> = RefCell::new(
            tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap(),
        );
    }
    RUNTIME.with_borrow(|runtime| {
        runtime.block_on(async {
            if tokio::time::timeout(A_HANG, script(input)).await.is_err() {
                panic!("it hangs");
            }
        });
    });
}

async fn script(mut input: &[u8]) {
    let config = BrokerConfig {
        limits: limits(),
        ..BrokerConfig::default()
    };
    let broker = Broker::start(config, Arc::new(NoObserver)).await.unwrap();
    let mut clients: [Option<Client>; 2] = [None, None];
    while let Some(step) = take(&mut input) {
        let client = &mut clients[usize::from(step & 1)];
        let kind = (step >> 1) & 7;
        if kind == 7 {
            if let Some(client) = client.take() {
                client.leave().await;
            }
            continue;
        }
        let bytes = match kind {
            6 => some(&mut input).to_vec(),
            _ => packet(&mut input),
        };
        let client = match client {
            Some(client) => client,
            None => {
                let says = if kind == 6 { None } else { Some(step >> 4) };
                client.insert(Client::open(&broker, says, &bytes).await)
            }
        };
        client.say(&bytes).await;
    }
    for client in clients.into_iter().flatten() {
        client.leave().await;
    }
    broker.stop().await;
    assert_eq!(broker.clients(1).await, []);
}

/// A CONNECT by four bits: two for the version, one for clean start, one for the name.
fn connect(bits: u8) -> (BytesMut, ProtocolVersion) {
    let version = VERSIONS[usize::from(bits & 3) % 3];
    let v5 = version == ProtocolVersion::V5;
    let mut properties = Vec::new();
    if v5 {
        Property::SessionExpiryInterval(100).write(&mut properties);
        Property::ReceiveMaximum(3).write(&mut properties);
        Property::TopicAliasMaximum(2).write(&mut properties);
    }
    let connect = Connect {
        version,
        clean_start: bits & 4 != 0,
        keep_alive: 0,
        client_id: if bits & 8 != 0 { "a" } else { "b" },
        will: (bits & 8 != 0).then_some(Will {
            topic: "w",
            payload: b"gone",
            qos: QoS::AtLeastOnce,
            retain: true,
            properties: Properties::NONE,
        }),
        user_name: None,
        password: None,
        properties: Properties::trusted(&properties),
    };
    let mut frame = BytesMut::new();
    encode(&Packet::Connect(Box::new(connect)), version, &mut frame);
    (frame, version)
}

/// One connection from the client's side.
struct Client {
    writes: WriteHalf<DuplexStream>,
    reads: JoinHandle<()>,
    served: JoinHandle<()>,
}

impl Client {
    /// Opens a connection; it says CONNECT by these bits, or else what it is going to say as its first bytes.
    async fn open(broker: &Broker, says: Option<u8>, first: &[u8]) -> Self {
        let (near, far) = tokio::io::duplex(STREAM);
        let served = tokio::spawn(broker.serve(far, "memory"));
        let (reads, writes) = tokio::io::split(near);
        let (connect, version) = match says {
            Some(bits) => {
                let (connect, version) = connect(bits);
                (connect, Some(version))
            }
            None => (BytesMut::new(), protocol_of_connect(first)),
        };
        let mut client = Self {
            writes,
            reads: tokio::spawn(listen(reads, version)),
            served,
        };
        client.say(&connect).await;
        client
    }

    /// Where the broker has ended the connection, there is nobody to hear it.
    async fn say(&mut self, bytes: &[u8]) {
        let _ = self.writes.write_all(bytes).await;
    }

    /// Closes its side. The connection's task must end, and whatever it said must be understood.
    async fn leave(mut self) {
        let _ = self.writes.shutdown().await;
        self.served.await.unwrap();
        self.reads.await.unwrap();
    }
}

/// Reads to the end, each packet checked. Where nothing is known of the version, the bytes alone are read.
async fn listen(mut reads: ReadHalf<DuplexStream>, version: Option<ProtocolVersion>) {
    let mut input = BytesMut::new();
    let mut first = true;
    let mut ended = false;
    while reads.read_buf(&mut input).await.is_ok_and(|n| n > 0) {
        let Some(version) = version else {
            input.clear();
            continue;
        };
        while let Some(len) = frame_len(&input, usize::MAX).unwrap()
            && len <= input.len()
        {
            let packet = decode(&input[..len], version).unwrap();
            assert!(!ended, "{packet:?} after the end");
            match packet {
                // [MQTT-3.2.0-1]
                Packet::ConnAck(ref connack) => {
                    assert!(first, "a second {packet:?}");
                    ended = connack.reason != ReasonCode::SUCCESS;
                }
                Packet::Disconnect(_) => {
                    assert_eq!(
                        version,
                        ProtocolVersion::V5,
                        "no DISCONNECT from a server before MQTT 5"
                    );
                    ended = true;
                }
                Packet::Connect(_)
                | Packet::Subscribe(_)
                | Packet::Unsubscribe(_)
                | Packet::PingReq => panic!("{packet:?} from a server"),
                _ => assert!(
                    !first || matches!(packet, Packet::Auth(_)),
                    "{packet:?} before CONNACK"
                ),
            }
            first = false;
            input.advance(len);
        }
    }
}
