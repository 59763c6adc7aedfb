//! Connections that MQTTX has exported: a list, or one.

use serde_json::Value;

use super::{Read, fitting, flag, number, pairs, text};
use crate::api::{
    ClientConfig, ConnectProperties, MessageProperties, Protocol, Reconnect, Remote,
    RetainHandling, Secret, SubscribeRequest, Target, TlsConfig, TlsIdentity, Trust, Version, Will,
};

/// The connections, where this is an export of MQTTX.
pub(super) fn read(value: &Value) -> Option<Read> {
    let connections = match value {
        Value::Array(connections) => connections.as_slice(),
        one => std::slice::from_ref(one),
    };
    let is_one = |each: &Value| each.get("clientId").is_some() && each.get("mqttVersion").is_some();
    if connections.is_empty() || !connections.iter().all(is_one) {
        return None;
    }
    let mut read = Read {
        format: "MQTTX",
        ..Read::default()
    };
    for connection in connections {
        let config = client(connection, &mut read.left_out);
        read.clients.push(config);
    }
    Some(read)
}

fn client(from: &Value, left_out: &mut Vec<String>) -> ClientConfig {
    let name = text(from, "name");
    // Newer versions keep the properties apart.
    let properties = from.get("properties").unwrap_or(from);
    let secret = |value: String| match value.is_empty() {
        true => Secret::None,
        false => Secret::New { value },
    };
    if flag(from, "clientIdWithTime") == Some(true) {
        left_out.push(format!(
            "{name}: the time behind the client identifier; the identifier stays as it is"
        ));
    }
    let data = text(properties, "authenticationData");
    ClientConfig {
        client_id: text(from, "clientId"),
        version: match text(from, "mqttVersion").as_str() {
            "3.1.1" | "3.1" => Version::V311,
            _ => Version::V5,
        },
        target: Target::Remote(Box::new(remote(from, &name, left_out))),
        keep_alive: fitting(from, "keepalive").unwrap_or(60),
        clean_start: flag(from, "clean").unwrap_or(true),
        session_expiry: fitting(properties, "sessionExpiryInterval").unwrap_or(0),
        will: from.get("will").and_then(will),
        user: text(from, "username"),
        password: secret(text(from, "password")),
        properties: ConnectProperties {
            receive_maximum: fitting(properties, "receiveMaximum").filter(|n| *n > 0),
            maximum_packet_size: fitting(properties, "maximumPacketSize").filter(|n| *n > 0),
            topic_alias_maximum: fitting(properties, "topicAliasMaximum").filter(|n| *n > 0),
            request_response_information: flag(properties, "requestResponseInformation"),
            request_problem_information: flag(properties, "requestProblemInformation"),
            user_properties: pairs(properties.get("userProperties")),
            authentication_method: text(properties, "authenticationMethod"),
            authentication_data: secret(data),
        },
        connect_timeout: fitting(from, "connectTimeout").unwrap_or(5).clamp(1, 600),
        reconnect: (flag(from, "reconnect") == Some(true)).then(|| Reconnect {
            first: number(from, "reconnectPeriod")
                .and_then(|millis| u16::try_from(millis.div_ceil(1_000)).ok())
                .unwrap_or(4)
                .max(1),
            ..Reconnect::default()
        }),
        subscriptions: subscriptions(from, &name, left_out),
        name,
        ..ClientConfig::default()
    }
}

fn remote(from: &Value, name: &str, left_out: &mut Vec<String>) -> Remote {
    let secure = flag(from, "ssl").unwrap_or(false);
    let protocol = match text(from, "protocol").trim_end_matches("://") {
        "mqtts" | "ssl" | "tls" => Protocol::Tls,
        "wss" => Protocol::Wss,
        "ws" if secure => Protocol::Wss,
        "ws" => Protocol::Ws,
        _ if secure => Protocol::Tls,
        _ => Protocol::Tcp,
    };
    let (ca, certificate, key) = (text(from, "ca"), text(from, "cert"), text(from, "key"));
    let own = text(from, "certType") == "self";
    if own && certificate.is_empty() != key.is_empty() {
        left_out.push(format!(
            "{name}: its client certificate, since it names a certificate or a key alone"
        ));
    }
    let alpn = match from.get("ALPNProtocols") {
        Some(Value::String(names)) => names
            .split(',')
            .map(|name| name.trim().to_owned())
            .filter(|name| !name.is_empty())
            .collect(),
        _ => Vec::new(),
    };
    Remote {
        protocol,
        host: text(from, "host"),
        port: fitting(from, "port").unwrap_or(1883),
        path: match text(from, "path") {
            path if path.is_empty() => "/mqtt".into(),
            path if path.starts_with('/') => path,
            path => format!("/{path}"),
        },
        headers: pairs(
            from.get("wsOptions")
                .and_then(|options| options.get("headers"))
                .or_else(|| from.get("headers")),
        ),
        tls: TlsConfig {
            // There it is on or off for every kind of certificate, and off where it is left out.
            trust: match (flag(from, "rejectUnauthorized"), own && !ca.is_empty()) {
                (Some(false), _) => Trust::Anybody,
                (_, true) => Trust::File { path: ca },
                (_, false) => Trust::System,
            },
            identity: match own && !certificate.is_empty() && !key.is_empty() {
                true => TlsIdentity::Files {
                    certificate,
                    key,
                    passphrase: Secret::None,
                },
                false => TlsIdentity::None,
            },
            server_name: String::new(),
            alpn,
        },
        proxy: None,
    }
}

fn will(from: &Value) -> Option<Will> {
    let topic = text(from, "lastWillTopic");
    if topic.is_empty() {
        return None;
    }
    let none = Value::Null;
    let properties = from.get("properties").unwrap_or(&none);
    let filled = |name: &str| Some(text(properties, name)).filter(|text| !text.is_empty());
    Some(Will {
        topic,
        payload: text(from, "lastWillPayload"),
        qos: fitting(from, "lastWillQos").unwrap_or(0).min(2),
        retain: flag(from, "lastWillRetain").unwrap_or(false),
        delay: fitting(properties, "willDelayInterval"),
        properties: MessageProperties {
            payload_is_text: flag(properties, "payloadFormatIndicator"),
            expiry: fitting(properties, "messageExpiryInterval"),
            content_type: filled("contentType"),
            response_topic: filled("responseTopic"),
            correlation_data: filled("correlationData"),
            user: pairs(properties.get("userProperties")),
            ..MessageProperties::default()
        },
    })
}

fn subscriptions(from: &Value, name: &str, left_out: &mut Vec<String>) -> Vec<SubscribeRequest> {
    let Some(Value::Array(subscriptions)) = from.get("subscriptions") else {
        return Vec::new();
    };
    let mut wanted = Vec::new();
    for subscription in subscriptions {
        // One that was switched off is none.
        if flag(subscription, "disabled") == Some(true) {
            continue;
        }
        let request = SubscribeRequest {
            filter: text(subscription, "topic"),
            qos: fitting(subscription, "qos").unwrap_or(0).min(2),
            no_local: flag(subscription, "nl").unwrap_or(false),
            retain_as_published: flag(subscription, "rap").unwrap_or(false),
            retain_handling: match number(subscription, "rh") {
                Some(1) => RetainHandling::IfNew,
                Some(2) => RetainHandling::Never,
                _ => RetainHandling::OnSubscribe,
            },
            id: fitting(subscription, "subscriptionIdentifier").filter(|id| *id > 0),
            user_properties: pairs(subscription.get("userProperties")),
        };
        match crate::clients::options::wish(&request) {
            Ok(_) => wanted.push(request),
            Err(error) => left_out.push(format!(
                "{name}: the subscription {}. {}",
                request.filter, error.message
            )),
        }
    }
    wanted
}
