//! What a person sets of a test client, as it is on the wire, and what the subscription options bring about.

use bytes::BytesMut;
use mqttwb_app::App;
use mqttwb_app::api::{
    ClientConfig, ConnectProperties, MessageProperties, NameAndValue, Protocol, PublishRequest,
    Remote, RetainHandling, Secret, SubscribeRequest, Target, TimelineEntry, TimelineKind, Will,
};
use mqttwb_model::{ProtocolVersion, QoS};
use mqttwb_wire::{
    Ack, ConnAck, Packet, Properties, Property, ReasonCode, SubAck, decode, encode, frame_len,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::workbench;

const V5: ProtocolVersion = ProtocolVersion::V5;

/// The next packet of a client.
async fn frame(client: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        if let Some(length) = frame_len(&bytes, usize::MAX).unwrap()
            && bytes.len() == length
        {
            return bytes;
        }
        bytes.push(client.read_u8().await.unwrap());
    }
}

async fn answer(client: &mut TcpStream, packet: Packet<'_>) {
    let mut bytes = BytesMut::new();
    encode(&packet, V5, &mut bytes);
    client.write_all(&bytes).await.unwrap();
}

fn names(pairs: &[(&str, &str)]) -> Vec<NameAndValue> {
    let pair = |(name, value): &(&str, &str)| NameAndValue {
        name: (*name).into(),
        value: (*value).into(),
    };
    pairs.iter().map(pair).collect()
}

/// Every property that a message can have but the alias.
fn message_properties(of: &str) -> MessageProperties {
    MessageProperties {
        payload_is_text: Some(true),
        expiry: Some(61),
        content_type: Some(format!("text/{of}")),
        response_topic: Some(format!("answers/{of}")),
        correlation_data: Some("0x00ff".into()),
        user: names(&[("unit", "°C"), ("unit", of)]),
        ..MessageProperties::default()
    }
}

/// The same as it has to be on the wire.
fn on_the_wire<'a>(content: &'a str, response: &'a str, of: &'a str) -> Vec<Property<'a>> {
    vec![
        Property::PayloadFormatIndicator(1),
        Property::MessageExpiryInterval(61),
        Property::ContentType(content),
        Property::ResponseTopic(response),
        Property::CorrelationData(&[0x00, 0xff]),
        Property::UserProperty("unit", "°C"),
        Property::UserProperty("unit", of),
    ]
}

/// All of these and no other, in whatever order; of one name in this order.
fn are(found: Properties<'_>, mut expected: Vec<Property<'_>>) {
    let mut found: Vec<Property<'_>> = found.iter().collect();
    found.sort_by_key(|property| property.name());
    expected.sort_by_key(|property| property.name());
    assert_eq!(found, expected);
}

#[tokio::test]
async fn every_property_that_can_be_set_is_on_the_wire() {
    let data = tempfile::tempdir().unwrap();
    let app = App::open(data.path().into()).await.unwrap();
    let broker = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = broker.local_addr().unwrap().port();
    let secret = |value: &str| Secret::New {
        value: value.into(),
    };
    let config = ClientConfig {
        client_id: "pump-7".into(),
        target: Target::Remote(Box::new(Remote {
            protocol: Protocol::Tcp,
            host: "127.0.0.1".into(),
            port,
            ..Remote::default()
        })),
        keep_alive: 77,
        clean_start: false,
        session_expiry: 3600,
        will: Some(Will {
            topic: "plant/pump-7/state".into(),
            payload: "gone".into(),
            qos: 2,
            retain: true,
            delay: Some(9),
            properties: message_properties("will"),
        }),
        user: "ada".into(),
        password: secret("s3cret"),
        properties: ConnectProperties {
            receive_maximum: Some(17),
            maximum_packet_size: Some(4096),
            topic_alias_maximum: Some(5),
            request_response_information: Some(true),
            request_problem_information: Some(false),
            user_properties: names(&[("site", "north"), ("site", "south")]),
            authentication_method: "PLAIN".into(),
            authentication_data: secret("first"),
        },
        ..ClientConfig::default()
    };
    let id = app.client_create(config).await.unwrap().id;

    let connecting = app.client_connect(id);
    let accepting = async {
        let (mut client, _) = broker.accept().await.unwrap();
        let bytes = frame(&mut client).await;
        let Packet::Connect(connect) = decode(&bytes, V5).unwrap() else {
            panic!("it begins with something else: {bytes:02x?}");
        };
        assert_eq!(connect.client_id, "pump-7");
        assert_eq!((connect.clean_start, connect.keep_alive), (false, 77));
        assert_eq!(connect.user_name, Some("ada"));
        assert_eq!(connect.password, Some(b"s3cret".as_slice()));
        are(
            connect.properties,
            vec![
                Property::SessionExpiryInterval(3600),
                Property::ReceiveMaximum(17),
                Property::MaximumPacketSize(4096),
                Property::TopicAliasMaximum(5),
                Property::RequestResponseInformation(true),
                Property::RequestProblemInformation(false),
                Property::UserProperty("site", "north"),
                Property::UserProperty("site", "south"),
                Property::AuthenticationMethod("PLAIN"),
                Property::AuthenticationData(b"first"),
            ],
        );
        let will = connect.will.unwrap();
        assert_eq!(
            (will.topic, will.payload),
            ("plant/pump-7/state", &b"gone"[..])
        );
        assert_eq!((will.qos, will.retain), (QoS::ExactlyOnce, true));
        let mut expected = on_the_wire("text/will", "answers/will", "will");
        expected.push(Property::WillDelayInterval(9));
        are(will.properties, expected);

        let mut told = Vec::new();
        Property::TopicAliasMaximum(10).write(&mut told);
        Property::AuthenticationMethod("PLAIN").write(&mut told);
        let accepted = ConnAck {
            session_present: false,
            reason: ReasonCode::SUCCESS,
            properties: Properties::trusted(&told),
        };
        answer(&mut client, Packet::ConnAck(accepted)).await;
        client
    };
    let (connected, mut client) = tokio::join!(connecting, accepting);
    assert_eq!(connected.unwrap().failure, None);

    // SUBSCRIBE: each option, the identifier and user properties.
    let subscribing = app.client_subscribe(
        id,
        SubscribeRequest {
            filter: "plant/#".into(),
            qos: 1,
            no_local: true,
            retain_as_published: true,
            retain_handling: RetainHandling::IfNew,
            id: Some(268_435_455),
            user_properties: names(&[("why", "test")]),
        },
    );
    let granting = async {
        let bytes = frame(&mut client).await;
        let Packet::Subscribe(subscribe) = decode(&bytes, V5).unwrap() else {
            panic!("no SUBSCRIBE: {bytes:02x?}");
        };
        are(
            subscribe.properties,
            vec![
                Property::SubscriptionIdentifier(268_435_455),
                Property::UserProperty("why", "test"),
            ],
        );
        let options = mqttwb_wire::SubscriptionOptions {
            qos: QoS::AtLeastOnce,
            no_local: true,
            retain_as_published: true,
            retain_handling: mqttwb_wire::RetainHandling::IfNew,
        };
        assert_eq!(subscribe.filters, [("plant/#", options)]);
        let granted = SubAck {
            packet_id: subscribe.packet_id,
            properties: Properties::NONE,
            reasons: vec![ReasonCode(1)],
        };
        answer(&mut client, Packet::SubAck(granted)).await;
    };
    let (subscribed, ()) = tokio::join!(subscribing, granting);
    assert_eq!(subscribed.unwrap().subscriptions[0].granted, Some(1));

    // PUBLISH: each property; an alias stands for the topic from its second use on.
    for topic in ["plant/pump-7/bar", ""] {
        let message = PublishRequest {
            topic: "plant/pump-7/bar".into(),
            payload: "4.2".into(),
            qos: 1,
            retain: true,
            properties: MessageProperties {
                topic_alias: Some(3),
                ..message_properties("bar")
            },
            ..PublishRequest::default()
        };
        let publishing = app.client_publish(id, message);
        let taking = async {
            let bytes = frame(&mut client).await;
            let Packet::Publish(publish) = decode(&bytes, V5).unwrap() else {
                panic!("no PUBLISH: {bytes:02x?}");
            };
            assert_eq!((publish.topic, publish.payload), (topic, &b"4.2"[..]));
            assert_eq!((publish.qos, publish.retain), (QoS::AtLeastOnce, true));
            let mut expected = on_the_wire("text/bar", "answers/bar", "bar");
            expected.push(Property::TopicAlias(3));
            are(publish.properties, expected);
            answer(&mut client, Packet::PubAck(Ack::success(publish.packet_id))).await;
        };
        let (published, ()) = tokio::join!(publishing, taking);
        published.unwrap();
    }
}

async fn client(app: &App, name: &str) -> u32 {
    let config = ClientConfig {
        client_id: name.into(),
        ..ClientConfig::default()
    };
    let id = app.client_create(config).await.unwrap().id;
    app.client_connect(id).await.unwrap();
    id
}

async fn subscribe(app: &App, id: u32, filter: &str, change: impl FnOnce(&mut SubscribeRequest)) {
    let mut request = SubscribeRequest {
        filter: filter.into(),
        qos: 1,
        ..SubscribeRequest::default()
    };
    change(&mut request);
    app.client_subscribe(id, request).await.unwrap();
}

async fn publish(app: &App, id: u32, topic: &str, payload: &str, retain: bool) {
    let message = PublishRequest {
        topic: topic.into(),
        payload: payload.into(),
        qos: 1,
        retain,
        ..PublishRequest::default()
    };
    app.client_publish(id, message).await.unwrap();
}

/// What a client has received, once the message that ends it is there: what comes of one client comes in order.
async fn received_until(app: &App, id: u32, last: &str) -> Vec<TimelineEntry> {
    loop {
        let mut entries = app.client_timeline(id, 0, 1_000).await.unwrap();
        entries.retain(|entry| entry.kind == TimelineKind::Received);
        if entries.iter().any(|entry| entry.text == last) {
            return entries;
        }
        tokio::task::yield_now().await;
    }
}

fn texts(entries: &[TimelineEntry]) -> Vec<&str> {
    entries.iter().map(|entry| entry.text.as_str()).collect()
}

#[tokio::test]
async fn no_local_keeps_back_what_the_client_publishes_itself_alone() {
    let (app, _data) = workbench().await;
    let both = client(&app, "both").await;
    let other = client(&app, "other").await;
    subscribe(&app, both, "a", |request| request.no_local = true).await;
    subscribe(&app, both, "end", |_| ()).await;
    publish(&app, both, "a", "own", false).await;
    publish(&app, other, "a", "of another", false).await;
    publish(&app, both, "end", "end", false).await;
    received_until(&app, both, "of another").await;
    let found = received_until(&app, both, "end").await;
    assert!(!texts(&found).contains(&"own"), "{found:?}");
}

#[tokio::test]
async fn retained_messages_come_as_retain_handling_says_and_with_the_flag_as_published() {
    let (app, _data) = workbench().await;
    let publisher = client(&app, "publisher").await;
    publish(&app, publisher, "kept", "kept", true).await;
    let handling = [
        (RetainHandling::OnSubscribe, 2),
        (RetainHandling::IfNew, 1),
        (RetainHandling::Never, 0),
    ];
    for (at, (handling, times)) in handling.into_iter().enumerate() {
        let id = client(&app, &format!("subscriber-{at}")).await;
        subscribe(&app, id, "end", |_| ()).await;
        for _ in 0..2 {
            subscribe(&app, id, "kept", |request| {
                request.retain_handling = handling;
            })
            .await;
        }
        publish(&app, publisher, "end", "end", false).await;
        let found = received_until(&app, id, "end").await;
        let kept = found.iter().filter(|entry| entry.text == "kept");
        assert_eq!(kept.clone().count(), times, "{handling:?}: {found:?}");
        assert!(kept.clone().all(|entry| entry.retain), "{found:?}");
    }
    for as_published in [false, true] {
        let id = client(&app, &format!("as-published-{as_published}")).await;
        subscribe(&app, id, "live", |request| {
            request.retain_as_published = as_published;
            request.retain_handling = RetainHandling::Never;
        })
        .await;
        publish(&app, publisher, "live", "live", true).await;
        let found = received_until(&app, id, "live").await;
        assert_eq!(found[0].retain, as_published, "{found:?}");
    }
}

#[tokio::test]
async fn a_shared_subscription_divides_and_each_identifier_is_told() {
    let (app, _data) = workbench().await;
    let publisher = client(&app, "publisher").await;
    let mut members = Vec::new();
    for (name, number) in [("one", 7), ("two", 8)] {
        let id = client(&app, name).await;
        subscribe(&app, id, "$share/pumps/jobs/+", |request| {
            request.id = Some(number);
        })
        .await;
        subscribe(&app, id, "end", |_| ()).await;
        members.push((id, number));
    }
    for n in 0..20 {
        publish(&app, publisher, "jobs/x", &n.to_string(), false).await;
    }
    publish(&app, publisher, "end", "end", false).await;
    let mut all = Vec::new();
    for (id, number) in members {
        let found = received_until(&app, id, "end").await;
        let mine = found.iter().filter(|entry| entry.text != "end");
        for entry in mine {
            let properties = entry.properties.as_ref().unwrap();
            assert_eq!(properties.subscription_ids, [number], "{entry:?}");
            all.push(entry.text.parse::<u32>().unwrap());
        }
        assert!(found.len() > 1, "a member has nothing: {found:?}");
    }
    all.sort_unstable();
    assert_eq!(all, (0..20).collect::<Vec<_>>());
}
