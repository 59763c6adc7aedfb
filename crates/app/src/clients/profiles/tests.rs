use serde_json::json;

use super::*;
use crate::api::{Protocol, Secret, Target, TlsIdentity, Trust, Version};

fn remote(config: &ClientConfig) -> &crate::api::Remote {
    match &config.target {
        Target::Remote(remote) => remote,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_export_of_mqttx_is_taken_over_with_all_that_has_a_counterpart() {
    let export = json!([{
        "id": "a1", "clientId": "mqttx_0f1e", "name": "factory", "clean": false, "protocol": "wss",
        "host": "broker.example", "port": 8084, "keepalive": 30, "connectTimeout": 10, "reconnect": true,
        "reconnectPeriod": 4000, "username": "ada", "password": "s3cret", "path": "mqtt", "certType": "self",
        "ssl": true, "rejectUnauthorized": true, "ca": "/keys/ca.crt", "cert": "/keys/c.crt", "key": "/keys/c.key",
        "mqttVersion": "5.0", "unreadMessageCount": 3, "messages": [], "clientIdWithTime": true,
        "properties": {
            "sessionExpiryInterval": 3600, "receiveMaximum": 20, "topicAliasMaximum": 5,
            "requestProblemInformation": true, "userProperties": { "site": ["north", "south"], "line": "1" }
        },
        "will": {
            "lastWillTopic": "gone", "lastWillPayload": "bye", "lastWillQos": 1, "lastWillRetain": true,
            "properties": { "willDelayInterval": 5, "contentType": "text/plain" }
        },
        "subscriptions": [
            { "id": "s1", "topic": "plant/#", "qos": 1, "disabled": false, "nl": true, "rap": false, "rh": 2 },
            { "id": "s2", "topic": "off", "qos": 0, "disabled": true },
            { "id": "s3", "topic": "bad/#/filter", "qos": 0 }
        ]
    }]);
    let read = read(&export.to_string(), None).unwrap();
    assert_eq!(read.format, "MQTTX");
    let config = &read.clients[0];
    assert_eq!(
        (config.name.as_str(), config.client_id.as_str()),
        ("factory", "mqttx_0f1e")
    );
    assert_eq!(config.version, Version::V5);
    assert!(!config.clean_start);
    assert_eq!(
        (
            config.keep_alive,
            config.connect_timeout,
            config.session_expiry
        ),
        (30, 10, 3600)
    );
    assert_eq!(config.reconnect.as_ref().unwrap().first, 4);
    assert_eq!(
        config.password,
        Secret::New {
            value: "s3cret".into()
        }
    );
    assert_eq!(config.properties.receive_maximum, Some(20));
    let user: Vec<_> = config
        .properties
        .user_properties
        .iter()
        .map(|pair| (pair.name.as_str(), pair.value.as_str()))
        .collect();
    assert_eq!(user, [("line", "1"), ("site", "north"), ("site", "south")]);
    let will = config.will.as_ref().unwrap();
    assert_eq!(
        (will.topic.as_str(), will.qos, will.retain, will.delay),
        ("gone", 1, true, Some(5))
    );
    let target = remote(config);
    assert_eq!(
        (
            target.protocol,
            target.host.as_str(),
            target.port,
            target.path.as_str()
        ),
        (Protocol::Wss, "broker.example", 8084, "/mqtt")
    );
    assert_eq!(
        target.tls.trust,
        Trust::File {
            path: "/keys/ca.crt".into()
        }
    );
    assert!(matches!(&target.tls.identity, TlsIdentity::Files { key, .. } if key == "/keys/c.key"));
    assert_eq!(config.subscriptions.len(), 1);
    assert!(config.subscriptions[0].no_local);
    assert_eq!(
        config.subscriptions[0].retain_handling,
        crate::api::RetainHandling::Never
    );
    // The identifier with the time, and the filter that is none.
    assert_eq!(read.left_out.len(), 2, "{:?}", read.left_out);
}

#[test]
fn an_older_export_of_mqttx_with_its_properties_beside_the_rest_is_one_too() {
    let export = json!({
        "clientId": "c", "name": "old", "clean": true, "host": "h", "port": "1883", "keepalive": 60,
        "ssl": false, "mqttVersion": "3.1.1", "sessionExpiryInterval": 7, "username": "", "password": "",
        "rejectUnauthorized": false, "subscriptions": []
    });
    let read = read(&export.to_string(), None).unwrap();
    let config = &read.clients[0];
    assert_eq!((config.version, config.session_expiry), (Version::V311, 7));
    assert_eq!(config.password, Secret::None);
    assert_eq!(remote(config).protocol, Protocol::Tcp);
    assert_eq!(remote(config).tls.trust, Trust::Anybody);
}

#[test]
fn connections_of_mqtt_explorer_come_with_their_certificates() {
    use base64::Engine as _;
    let packed = |text: &str| base64::engine::general_purpose::STANDARD.encode(text);
    let settings = json!({
        "Settings_theme": "dark",
        "ConnectionManager_connections": {
            "second": {
                "configVersion": 1, "type": "mqtt", "id": "second", "host": "b", "protocol": "ws", "basePath": "ws",
                "port": 9001, "name": "b", "encryption": false, "certValidation": true, "clientId": "me-2",
                "subscriptions": ["#"], "order": 2
            },
            "first": {
                "configVersion": 1, "type": "mqtt", "id": "first", "host": "a", "protocol": "mqtt", "port": 8883,
                "name": "a", "username": "ada", "password": "s3cret", "encryption": true, "certValidation": true,
                "selfSignedCertificate": { "name": "ca.crt", "data": packed("-----BEGIN CERTIFICATE-----\nCA\n") },
                "clientCertificate": { "name": "c.crt", "data": packed("-----BEGIN CERTIFICATE-----\nC\n") },
                "clientKey": { "name": "c.key", "data": packed("-----BEGIN PRIVATE KEY-----\nK\n") },
                "clientId": "me-1",
                "subscriptions": [{ "topic": "#", "qos": 0 }, { "topic": "$SYS/#", "qos": 1 }], "order": 1
            }
        }
    });
    let data = tempfile::tempdir().unwrap();
    let read = read(&settings.to_string(), Some(data.path())).unwrap();
    assert_eq!(read.format, "MQTT Explorer");
    let [first, second] = read.clients.as_slice() else {
        panic!("{:?}", read.clients);
    };
    assert_eq!((first.name.as_str(), first.version), ("a", Version::V311));
    assert_eq!(remote(first).protocol, Protocol::Tls);
    assert!(matches!(&remote(first).tls.trust, Trust::Pem { pem } if pem.contains("CA")));
    let TlsIdentity::Files { key, .. } = &remote(first).tls.identity else {
        panic!("{first:?}");
    };
    assert!(
        std::fs::read_to_string(key)
            .unwrap()
            .contains("PRIVATE KEY")
    );
    let filters: Vec<_> = first
        .subscriptions
        .iter()
        .map(|each| (each.filter.as_str(), each.qos))
        .collect();
    assert_eq!(filters, [("#", 0), ("$SYS/#", 1)]);
    assert_eq!(
        (remote(second).protocol, remote(second).path.as_str()),
        (Protocol::Ws, "/ws")
    );
    assert_eq!(second.subscriptions[0].filter, "#");
}

#[test]
fn what_was_exported_here_is_read_back_as_the_same() {
    let config = ClientConfig {
        client_id: "pump-7".into(),
        name: "the pump".into(),
        ..ClientConfig::default()
    };
    let message = SavedMessage {
        name: "on".into(),
        message: crate::api::PublishRequest {
            topic: "a".into(),
            ..Default::default()
        },
    };
    let text = write(vec![config.clone()], vec![message.clone()]).unwrap();
    let read = read(&text, None).unwrap();
    assert_eq!((read.clients, read.messages), (vec![config], vec![message]));
}

#[test]
fn what_is_no_export_is_refused_with_what_would_be_one() {
    for text in ["", "{", "[]", "{}", "{\"a\": 1}", "[{\"clientId\": \"x\"}]"] {
        let error = read(text, None).unwrap_err();
        assert!(error.hint.is_some(), "{text}: {error:?}");
    }
    let later = json!({ "format": FORMAT, "version": VERSION + 1, "clients": [] });
    assert!(
        read(&later.to_string(), None)
            .unwrap_err()
            .message
            .contains("later")
    );
}
