//! rumqttd's own server, as it is: `plain-rumqttd ADDRESS`.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::process::ExitCode;

use rumqttd::{Broker, Config, ConnectionSettings, RouterConfig, ServerSettings};

fn main() -> ExitCode {
    let Some(Ok(listen)) = std::env::args()
        .nth(1)
        .map(|address| address.parse::<SocketAddr>())
    else {
        eprintln!("usage: plain-rumqttd ADDRESS");
        return ExitCode::FAILURE;
    };
    match Broker::new(config(listen)).start() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("plain-rumqttd: {error}");
            ExitCode::FAILURE
        }
    }
}

/// As its shipped configuration, with more in flight than any load here asks for.
fn config(listen: SocketAddr) -> Config {
    let server = ServerSettings {
        name: "v4-1".into(),
        listen,
        tls: None,
        next_connection_delay_ms: 1,
        connections: ConnectionSettings {
            connection_timeout_ms: 60_000,
            max_payload_size: 20_480,
            max_inflight_count: 1_000,
            auth: None,
            external_auth: None,
            dynamic_filters: true,
        },
    };
    Config {
        router: RouterConfig {
            max_connections: 10_010,
            max_outgoing_packet_count: 200,
            max_segment_size: 104_857_600,
            max_segment_count: 10,
            ..RouterConfig::default()
        },
        v4: Some(HashMap::from([("1".to_owned(), server)])),
        ..Config::default()
    }
}
