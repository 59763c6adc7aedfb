//! Test clients by the facade: what they keep, what they send by themselves, and brokers elsewhere.

use mqttwb_app::App;
use mqttwb_app::api::{
    ClientConfig, ClientState, DeviceRequest, ErrorCode, MessageProperties, NameAndValue, Protocol,
    ProxyConfig, PublishRequest, Remote, ReplyRequest, ReplyRule, RunKind, RunRequest,
    SavedMessage, Secret, SeenBy, SubscribeRequest, Target, TlsConfig, TlsIdentity, TrafficFilter,
    Trust, Version,
};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::{connected, workbench};

fn config(id: &str) -> ClientConfig {
    ClientConfig {
        client_id: id.into(),
        ..ClientConfig::default()
    }
}

fn message(topic: &str, payload: &str) -> PublishRequest {
    PublishRequest {
        topic: topic.into(),
        payload: payload.into(),
        qos: 1,
        ..PublishRequest::default()
    }
}

fn wanted(filter: &str) -> SubscribeRequest {
    SubscribeRequest {
        filter: filter.into(),
        qos: 1,
        ..SubscribeRequest::default()
    }
}

/// The address of a listener of the embedded broker, as of a broker elsewhere.
fn elsewhere(app: &App, protocol: Protocol, tls: TlsConfig) -> Target {
    let listeners = app.broker_status().listeners;
    let listener = listeners
        .into_iter()
        .find(|listener| listener.protocol == protocol)
        .unwrap();
    Target::Remote(Box::new(Remote {
        protocol,
        host: listener.host,
        port: listener.port,
        tls,
        ..Remote::default()
    }))
}

#[tokio::test]
async fn a_request_gets_the_reply_that_has_its_correlation_data() {
    let (app, _data) = workbench().await;
    for version in [Version::V311, Version::V5] {
        let rule = ReplyRule {
            enabled: true,
            filter: "ask/#".into(),
            reply: PublishRequest {
                // MQTT 3.1.1 has no response topic.
                topic: match version {
                    Version::V5 => String::new(),
                    _ => "answers".into(),
                },
                payload: "{{topic}} said {{payload}}".into(),
                ..PublishRequest::default()
            },
        };
        let answering = ClientConfig {
            version,
            replies: vec![rule],
            subscriptions: vec![wanted("ask/#")],
            ..config("answering")
        };
        let answering = connected(&app, answering).await;
        let asking = ClientConfig {
            version,
            ..config("asking")
        };
        let asking = connected(&app, asking).await;
        let mut request = message("ask/time", "what time is it?");
        if version == Version::V311 {
            request.properties.response_topic = Some("answers".into());
        }
        // The subscription of the answering client is there when this one is.
        app.client_subscribe(answering, wanted("there"))
            .await
            .unwrap();
        let request = ReplyRequest {
            message: request,
            within: 10_000,
        };
        let reply = app.client_request(asking, request).await.unwrap();
        assert_eq!(reply.payload, "ask/time said what time is it?");
        assert_eq!(reply.correlation_data.is_some(), version == Version::V5);
        assert_eq!(reply.properties.correlation_data, reply.correlation_data);
        assert!(reply.micros > 0);
        for id in [asking, answering] {
            app.client_remove(id).await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_request_that_nobody_answers_is_told_as_that() {
    let (app, _data) = workbench().await;
    let id = connected(&app, config("asking")).await;
    let request = ReplyRequest {
        message: message("ask", ""),
        within: 20,
    };
    let error = app.client_request(id, request).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::Client);
    assert!(error.message.contains("within 20 ms"), "{error:?}");
    // Nothing of it is left.
    let client = &app.clients()[0];
    assert!(client.subscriptions.is_empty(), "{client:?}");
}

#[tokio::test]
async fn bursts_timers_and_lines_are_published_to_their_end_with_their_counters() {
    let (app, data) = workbench().await;
    let listening = connected(&app, config("listening")).await;
    app.client_subscribe(listening, wanted("run/#"))
        .await
        .unwrap();
    let publishing = connected(&app, config("publishing")).await;
    let file = data.path().join("lines.txt");
    std::fs::write(&file, "one\r\ntwo\n\nfour").unwrap();
    let template = PublishRequest {
        template: true,
        ..message("run/{{client}}", "{{counter}}")
    };
    let runs = [
        (RunKind::Burst { count: 300 }, template.clone(), 300),
        (
            RunKind::Timer {
                every: 1,
                count: Some(5),
            },
            template,
            5,
        ),
        (
            RunKind::Lines {
                path: file.display().to_string(),
                every: 0,
            },
            message("run/lines", ""),
            4,
        ),
    ];
    let mut before = 0;
    for (kind, message, count) in runs {
        let request = RunRequest { message, kind };
        app.client_run(publishing, request).await.unwrap();
        loop {
            let clients = app.clients();
            let client = |id| clients.iter().find(|client| client.id == id).unwrap();
            let run = client(publishing).run.clone().unwrap();
            assert_eq!(run.failure, None);
            if !run.running && client(listening).received == before + count {
                assert_eq!(run.sent, count);
                break;
            }
            tokio::task::yield_now().await;
        }
        before += count;
    }
    let entries = app.client_timeline(listening, 0, 2_000).await.unwrap();
    let texts: Vec<&str> = entries
        .iter()
        .filter(|entry| entry.topic.as_deref() == Some("run/lines"))
        .map(|entry| entry.text.as_str())
        .collect();
    assert_eq!(texts, ["one", "two", "", "four"]);
    let mut counted = entries
        .iter()
        .filter(|entry| entry.topic.as_deref() == Some("run/publishing"));
    assert_eq!(counted.next_back().unwrap().text, "5");
}

#[tokio::test]
async fn a_run_ends_when_it_is_told_to_and_when_the_connection_does() {
    let (app, _data) = workbench().await;
    let id = connected(&app, config("publishing")).await;
    let forever = || RunRequest {
        message: message("a", ""),
        kind: RunKind::Timer {
            every: 1,
            count: None,
        },
    };
    let ended = || {
        let client = app.clients().remove(0);
        client.run.filter(|run| !run.running)
    };
    app.client_run(id, forever()).await.unwrap();
    app.client_run_stop(id).await.unwrap();
    while ended().is_none() {
        tokio::task::yield_now().await;
    }
    app.client_run(id, forever()).await.unwrap();
    app.client_disconnect(id, mqttwb_app::api::DisconnectHow::Drop)
        .await
        .unwrap();
    while ended().is_none() {
        tokio::task::yield_now().await;
    }
    assert_eq!(
        app.client_run(id, forever()).await.unwrap_err().code,
        ErrorCode::WrongState
    );
}

#[tokio::test]
async fn clients_messages_and_secrets_outlive_the_app_and_no_secret_comes_back() {
    let (app, data) = workbench().await;
    let remote = Remote {
        host: "broker.example".into(),
        tls: TlsConfig {
            identity: TlsIdentity::Files {
                certificate: "/c.crt".into(),
                key: "/c.key".into(),
                passphrase: Secret::New {
                    value: "0pen".into(),
                },
            },
            ..TlsConfig::default()
        },
        ..Remote::default()
    };
    let kept = ClientConfig {
        user: "ada".into(),
        password: Secret::New {
            value: "s3cret".into(),
        },
        target: Target::Remote(Box::new(remote)),
        subscriptions: vec![wanted("plant/#")],
        ..config("kept")
    };
    let id = app.client_create(kept).await.unwrap().id;
    let saved = SavedMessage {
        name: "on".into(),
        message: message("lamp", "on"),
    };
    app.saved_message_keep(saved.clone()).await.unwrap();
    let shown = serde_json::to_string(&app.clients()).unwrap();
    assert!(
        !shown.contains("s3cret") && !shown.contains("0pen"),
        "{shown}"
    );
    let plain = std::fs::read_to_string(data.path().join("clients.json")).unwrap();
    assert!(
        !plain.contains("s3cret") && !plain.contains("0pen"),
        "{plain}"
    );
    app.close().await;
    drop(app);

    let app = App::open(data.path().into()).await.unwrap();
    let clients = app.clients();
    assert_eq!(clients.len(), 1);
    assert_eq!(
        (clients[0].id, clients[0].state),
        (id, ClientState::Disconnected)
    );
    assert_eq!(clients[0].config.password, Secret::Stored);
    assert_eq!(clients[0].config.subscriptions, [wanted("plant/#")]);
    assert_eq!(app.saved_messages().await.unwrap(), [saved]);
    // What is stored goes into an export only where that is asked for.
    for (secrets, there) in [(false, false), (true, true)] {
        let path = data.path().join(format!("export-{secrets}.json"));
        let path = app
            .clients_export(Vec::new(), secrets, Some(path.display().to_string()))
            .await
            .unwrap();
        let text = std::fs::read_to_string(path).unwrap();
        assert_eq!(text.contains("s3cret") && text.contains("0pen"), there);
        let imported = app.clients_import(text).await.unwrap();
        assert_eq!((imported.clients.len(), imported.left_out.len()), (1, 0));
        let clients = app.clients();
        let back = clients.last().unwrap();
        let expected = if there { Secret::Stored } else { Secret::None };
        assert_eq!(back.config.password, expected);
        app.client_remove(back.id).await.unwrap();
    }
    // A client that is had back has its secrets still.
    app.client_remove(id).await.unwrap();
    let back = app.client_restore(id).await.unwrap();
    assert_eq!(back.config.password, Secret::Stored);
}

#[tokio::test]
async fn a_broker_elsewhere_is_reached_by_every_transport_and_is_seen_at_this_end() {
    let (app, _data) = workbench().await;
    app.device_issue(DeviceRequest {
        name: "pump-7".into(),
        days: 1,
        ..DeviceRequest::default()
    })
    .await
    .unwrap();
    let device = TlsIdentity::Device {
        name: "pump-7".into(),
    };
    let tls = |trust| TlsConfig {
        trust,
        identity: device.clone(),
        ..TlsConfig::default()
    };
    for (protocol, tls, verified) in [
        (Protocol::Tcp, TlsConfig::default(), None),
        (Protocol::Ws, TlsConfig::default(), None),
        (Protocol::Tls, tls(Trust::Workbench), Some(true)),
        (Protocol::Tls, tls(Trust::Anybody), Some(false)),
    ] {
        let config = ClientConfig {
            target: elsewhere(&app, protocol, tls),
            ..config("elsewhere")
        };
        let id = connected(&app, config).await;
        let client = app.clients().remove(0);
        let told = client.negotiated.unwrap();
        assert_eq!(told.tls.as_ref().map(|tls| tls.verified), verified);
        if let Some(tls) = told.tls {
            assert!(tls.version.starts_with("TLS 1."));
            assert!(
                tls.chain[0]
                    .names
                    .iter()
                    .any(|name| name == "DNS:localhost")
            );
        }
        app.client_remove(id).await.unwrap();
    }
    // The authority of the workbench is none of this system's.
    let untrusted = ClientConfig {
        target: elsewhere(&app, Protocol::Tls, TlsConfig::default()),
        ..config("untrusting")
    };
    let id = app.client_create(untrusted).await.unwrap().id;
    if let Ok(client) = app.client_connect(id).await {
        let failure = client.failure.unwrap();
        assert!(failure.message.contains("authority"), "{failure:?}");
        assert!(failure.hint.is_some());
    }
}

/// A proxy of HTTP for one connection, that lets in everybody.
async fn http_proxy(listener: TcpListener) {
    let (mut near, _) = listener.accept().await.unwrap();
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        request.push(near.read_u8().await.unwrap());
    }
    let request = String::from_utf8(request).unwrap();
    let target = request.split(' ').nth(1).unwrap();
    let mut far = TcpStream::connect(target).await.unwrap();
    near.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")
        .await
        .unwrap();
    // Either side may just go.
    let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
}

#[tokio::test]
async fn a_client_that_dials_the_embedded_broker_is_seen_once_by_whatever_name_and_way() {
    let (app, _data) = workbench().await;
    let proxy = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let through = ProxyConfig {
        host: "127.0.0.1".into(),
        port: proxy.local_addr().unwrap().port(),
        ..ProxyConfig::default()
    };
    tokio::spawn(http_proxy(proxy));
    for (id, host, proxy) in [
        ("by-address", None, None),
        ("by-name", Some("localhost"), None),
        ("by-proxy", None, Some(through)),
    ] {
        let mut target = elsewhere(&app, Protocol::Tcp, TlsConfig::default());
        if let Target::Remote(remote) = &mut target {
            remote.proxy = proxy;
            if let Some(host) = host {
                remote.host = host.into();
            }
        }
        connected(
            &app,
            ClientConfig {
                target,
                ..config(id)
            },
        )
        .await;
    }
    let both_ends = ClientConfig {
        show_own_end: true,
        ..config("both-ends")
    };
    connected(&app, both_ends).await;
    let seen = |client: &str, seen_by| TrafficFilter {
        clients: vec![client.into()],
        packets: vec!["CONNECT".into()],
        seen_by,
        ..TrafficFilter::default()
    };
    for (client, seen_by, expected) in [
        ("by-address", None, 1),
        ("by-address", Some(SeenBy::Broker), 1),
        ("by-name", None, 1),
        ("by-proxy", None, 1),
        ("both-ends", None, 2),
        ("both-ends", Some(SeenBy::Broker), 1),
        ("both-ends", Some(SeenBy::ClientOfBroker), 1),
        ("both-ends", Some(SeenBy::ClientOfRemote), 0),
    ] {
        let view = app.traffic_open(seen(client, seen_by)).await.unwrap();
        let rows = app.traffic_rows(view, 0, 100).await.unwrap().rows;
        assert_eq!(rows.len(), expected, "{client} {seen_by:?}: {rows:?}");
    }
}

#[tokio::test]
async fn an_encrypted_key_is_opened_with_its_passphrase_alone() {
    let (app, data) = workbench().await;
    let device = DeviceRequest {
        name: "pump-7".into(),
        days: 1,
        ..DeviceRequest::default()
    };
    app.device_issue(device).await.unwrap();
    let folder = data.path().join("pump-7");
    app.device_export_into("pump-7".into(), folder.clone())
        .await
        .unwrap();
    let plain = std::fs::read_to_string(folder.join("pump-7.key")).unwrap();
    let sealed = mqttwb_pki::SecretKey::open_pem(&plain, None)
        .unwrap()
        .to_encrypted_pem("0pen sesame")
        .unwrap();
    assert!(sealed.starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----"));
    let key = folder.join("sealed.key");
    std::fs::write(&key, sealed.as_bytes()).unwrap();
    let with = |passphrase| ClientConfig {
        target: elsewhere(
            &app,
            Protocol::Tls,
            TlsConfig {
                trust: Trust::Workbench,
                identity: TlsIdentity::Files {
                    certificate: folder.join("pump-7.crt").display().to_string(),
                    key: key.display().to_string(),
                    passphrase,
                },
                ..TlsConfig::default()
            },
        ),
        ..config("sealed")
    };
    let passphrase = |text: &str| Secret::New { value: text.into() };
    let id = connected(&app, with(passphrase("0pen sesame"))).await;
    // The broker knows it by its certificate.
    let seen = app.live_frame().await.clients.into_iter().next().unwrap();
    assert_eq!(seen.client_id, "sealed");
    assert_eq!(seen.common_name.as_deref(), Some("pump-7"));
    app.client_remove(id).await.unwrap();
    for (passphrase, told) in [
        (Secret::None, "encrypted"),
        (passphrase("guess"), "passphrase"),
    ] {
        let id = app.client_create(with(passphrase)).await.unwrap().id;
        let error = app.client_connect(id).await.unwrap_err();
        assert_eq!(error.code, ErrorCode::Certificate);
        let words = format!("{} {}", error.message, error.hint.unwrap_or_default());
        assert!(
            words.contains(told) && words.contains("sealed.key"),
            "{words}"
        );
        assert!(!words.contains("guess"), "{words}");
    }
}

#[tokio::test]
async fn every_property_of_a_message_arrives_as_it_was_sent() {
    let (app, _data) = workbench().await;
    let id = connected(&app, config("both")).await;
    let numbered = SubscribeRequest {
        id: Some(7),
        ..wanted("a")
    };
    app.client_subscribe(id, numbered).await.unwrap();
    let properties = MessageProperties {
        payload_is_text: Some(true),
        expiry: Some(60),
        content_type: Some("text/plain".into()),
        response_topic: Some("b".into()),
        correlation_data: Some("0x00ff".into()),
        user: vec![NameAndValue {
            name: "unit".into(),
            value: "°C".into(),
        }],
        ..MessageProperties::default()
    };
    let sent = PublishRequest {
        properties: properties.clone(),
        ..message("a", "21.5")
    };
    app.client_publish(id, sent).await.unwrap();
    let received = loop {
        let entries = app.client_timeline(id, 0, 100).await.unwrap();
        let received = entries
            .into_iter()
            .find(|entry| entry.kind == mqttwb_app::api::TimelineKind::Received);
        match received {
            Some(received) => break received,
            None => tokio::task::yield_now().await,
        }
    };
    let expected = MessageProperties {
        subscription_ids: vec![7],
        ..properties
    };
    assert_eq!(received.properties, Some(expected));
}
