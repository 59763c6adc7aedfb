//! The way to a broker elsewhere: what a form says of it, as the client engine takes it.

use mqttwb_client::{Endpoint, Proxy, ProxyProtocol, WebSocket};

use super::options::{invalid, pairs};
use super::vault::{Secrets, Use};
use crate::Result;
use crate::api::{Protocol, ProxyKind, Remote};
use crate::certificates::CertificateStore;

/// The way to a broker elsewhere, with what it is trusted by and what the client proves itself with.
pub(crate) fn remote_endpoint(
    remote: &Remote,
    secrets: &Secrets,
    store: &CertificateStore,
) -> Result<Endpoint> {
    let host = remote.host.trim().trim_matches(['[', ']']);
    if host.is_empty() {
        return Err(invalid("the broker has no host name").hint("Enter its host name or address."));
    }
    if remote.port == 0 {
        return Err(invalid("the broker has no port")
            .hint("Usual ones are 1883, 8883 with TLS, and 8083 or 443 with WebSocket."));
    }
    let websocket = matches!(remote.protocol, Protocol::Ws | Protocol::Wss);
    let secure = matches!(remote.protocol, Protocol::Tls | Protocol::Wss);
    let passphrase = secrets.get(&Use::Passphrase).map(|text| text.as_str());
    let tls = match secure {
        true => Some(store.remote_config(&remote.tls, passphrase, websocket)?),
        false => None,
    };
    let server_name = Some(remote.tls.server_name.trim()).filter(|name| !name.is_empty());
    let path = match remote.path.as_str() {
        path if path.starts_with('/') => path.to_owned(),
        path => format!("/{path}"),
    };
    Ok(Endpoint {
        tls,
        server_name: server_name.map(str::to_owned),
        websocket: websocket.then(|| WebSocket {
            path,
            headers: pairs(&remote.headers),
        }),
        proxy: match &remote.proxy {
            Some(proxy) if !proxy.host.is_empty() => Some(Proxy {
                protocol: match proxy.kind {
                    ProxyKind::Http => ProxyProtocol::Http,
                    ProxyKind::Socks5 => ProxyProtocol::Socks5,
                },
                host: proxy.host.clone(),
                port: proxy.port,
                login: (!proxy.user.is_empty()).then(|| {
                    let password = secrets.get(&Use::ProxyPassword);
                    let password = password.map_or_else(String::new, |text| text.to_string());
                    (proxy.user.clone(), password)
                }),
            }),
            _ => None,
        },
        ..Endpoint::tcp(host, remote.port)
    })
}
