//! This broker without anything around it, observed or not: `alone ADDRESS capture|nobody`.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;

use mqttwb_broker::{Broker, BrokerConfig, ListenerConfig};
use mqttwb_capture::Capture;
use mqttwb_model::{ClientCert, ListenerProtocol, NoObserver, Observer};

/// As much as the workbench gives it.
const CAPTURED: usize = 256 << 20;

#[tokio::main]
async fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [address, observer] = words.as_slice() else {
        return usage();
    };
    let Ok(address) = address.parse::<SocketAddr>() else {
        return usage();
    };
    let observer: Arc<dyn Observer> = match observer.as_str() {
        "capture" => Capture::new(CAPTURED),
        "nobody" => Arc::new(NoObserver),
        _ => return usage(),
    };
    let listener = ListenerConfig {
        name: "tcp".into(),
        bind: address,
        protocol: ListenerProtocol::Tcp,
        client_cert: ClientCert::None,
        tls: None,
    };
    let config = BrokerConfig {
        listeners: vec![listener],
        ..BrokerConfig::default()
    };
    match Broker::start(config, observer).await {
        Ok(_broker) => std::future::pending().await,
        Err(error) => {
            eprintln!("alone: {error}");
            ExitCode::FAILURE
        }
    }
}

fn usage() -> ExitCode {
    eprintln!("usage: alone ADDRESS capture|nobody");
    ExitCode::FAILURE
}
