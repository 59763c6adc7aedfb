//! A broker on a port of this computer, for a profiler: `cargo run --release --example serve -- 1883`.

use std::sync::Arc;

use mqttwb_broker::{Broker, BrokerConfig, ListenerConfig};
use mqttwb_model::{ClientCert, ListenerProtocol, NoObserver};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let port: u16 = std::env::args().nth(1).unwrap_or("0".into()).parse()?;
    let listener = |name: &str, port, protocol| ListenerConfig {
        name: name.into(),
        bind: ([127, 0, 0, 1], port).into(),
        protocol,
        client_cert: ClientCert::None,
        tls: None,
    };
    let config = BrokerConfig {
        listeners: vec![
            listener("tcp", port, ListenerProtocol::Tcp),
            listener("ws", 0, ListenerProtocol::Ws),
        ],
        ..BrokerConfig::default()
    };
    let broker = Broker::start(config, Arc::new(NoObserver)).await?;
    for listener in broker.listeners() {
        println!("{} {}", listener.config.name, listener.address);
    }
    tokio::signal::ctrl_c().await?;
    broker.stop().await;
    Ok(())
}
