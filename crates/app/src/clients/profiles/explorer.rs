//! Connections of MQTT Explorer: its settings file, or the map of connections within.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::{Read, fitting, flag, text};
use crate::api::{
    ClientConfig, Protocol, Remote, Secret, SubscribeRequest, Target, TlsConfig, TlsIdentity,
    Trust, Version,
};
use crate::{Result, files};

/// Where its settings keep connections.
const CONNECTIONS: &str = "ConnectionManager_connections";

/// The connections, where these are MQTT Explorer's.
pub(super) fn read(value: &Value, folder: Option<&Path>) -> Option<Result<Read>> {
    let Value::Object(map) = value.get(CONNECTIONS).unwrap_or(value) else {
        return None;
    };
    let is_one = |each: &Value| each.get("certValidation").is_some() && each.get("host").is_some();
    if map.is_empty() || !map.values().all(is_one) {
        return None;
    }
    let mut connections: Vec<&Value> = map.values().collect();
    connections.sort_by_key(|each| fitting::<u64>(each, "order").unwrap_or(u64::MAX));
    let mut read = Read {
        format: "MQTT Explorer",
        ..Read::default()
    };
    for connection in connections {
        match client(connection, folder, &mut read.left_out) {
            Ok(config) => read.clients.push(config),
            Err(error) => return Some(Err(error)),
        }
    }
    Some(Ok(read))
}

fn client(from: &Value, folder: Option<&Path>, left_out: &mut Vec<String>) -> Result<ClientConfig> {
    let name = text(from, "name");
    let secure = flag(from, "encryption").unwrap_or(false);
    let trust = match (
        flag(from, "certValidation").unwrap_or(true),
        pem(from, "selfSignedCertificate", "CERTIFICATE"),
    ) {
        (false, _) => Trust::Anybody,
        (true, Some(pem)) => Trust::Pem { pem },
        (true, None) => Trust::System,
    };
    let identity = match (
        pem(from, "clientCertificate", "CERTIFICATE"),
        pem(from, "clientKey", "PRIVATE KEY"),
        folder,
    ) {
        (Some(certificate), Some(key), Some(folder)) => write_identity(folder, &certificate, &key)?,
        (None, None, _) => TlsIdentity::None,
        _ => {
            left_out.push(format!("{name}: its client certificate"));
            TlsIdentity::None
        }
    };
    let subscriptions = match from.get("subscriptions") {
        Some(Value::Array(subscriptions)) => subscriptions
            .iter()
            .map(|each| SubscribeRequest {
                // Older versions have the filters alone.
                filter: each
                    .as_str()
                    .map_or_else(|| text(each, "topic"), str::to_owned),
                qos: fitting(each, "qos").unwrap_or(0).min(2),
                ..SubscribeRequest::default()
            })
            .filter(|wanted| !wanted.filter.is_empty())
            .collect(),
        _ => Vec::new(),
    };
    let password = text(from, "password");
    let path = text(from, "basePath");
    Ok(ClientConfig {
        client_id: text(from, "clientId"),
        // It speaks no MQTT 5.
        version: Version::V311,
        target: Target::Remote(Box::new(Remote {
            protocol: match (text(from, "protocol").as_str(), secure) {
                ("ws" | "wss", true) => Protocol::Wss,
                ("ws" | "wss", false) => Protocol::Ws,
                (_, true) => Protocol::Tls,
                (_, false) => Protocol::Tcp,
            },
            host: text(from, "host"),
            port: fitting(from, "port").unwrap_or(1883),
            path: format!("/{}", path.trim_start_matches('/')),
            tls: TlsConfig {
                trust,
                identity,
                ..TlsConfig::default()
            },
            ..Remote::default()
        })),
        user: text(from, "username"),
        password: match password.is_empty() {
            true => Secret::None,
            false => Secret::New { value: password },
        },
        subscriptions,
        name,
        ..ClientConfig::default()
    })
}

/// What a file held that was loaded there: PEM, or DER, which is made PEM.
fn pem(from: &Value, name: &str, tag: &str) -> Option<String> {
    let packed = text(from.get(name)?, "data");
    let bytes = STANDARD
        .decode(packed)
        .ok()
        .filter(|bytes| !bytes.is_empty())?;
    match String::from_utf8(bytes) {
        Ok(text) if text.contains("-----BEGIN") => Some(text),
        Ok(_) => None,
        Err(error) => Some(pem::encode(&pem::Pem::new(tag, error.into_bytes()))),
    }
}

/// A certificate and its key as files of their own, since clients name files.
fn write_identity(folder: &Path, certificate: &str, key: &str) -> Result<TlsIdentity> {
    let folder = folder.join("imported");
    files::create_private_folder(&folder)?;
    let free = |number: u32| -> [PathBuf; 2] {
        ["crt", "key"].map(|end| folder.join(format!("client-{number}.{end}")))
    };
    let mut number = 1;
    while files::exists(&free(number)[0])? {
        number += 1;
    }
    let [certificate_path, key_path] = free(number);
    files::write_secret(&certificate_path, certificate)?;
    files::write_secret(&key_path, key)?;
    Ok(TlsIdentity::Files {
        certificate: certificate_path.display().to_string(),
        key: key_path.display().to_string(),
        passphrase: Secret::None,
    })
}
