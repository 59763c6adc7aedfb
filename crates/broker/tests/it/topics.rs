//! Which topics match which filters, over the wire (section 4.7).

use mqttwb_wire::{Packet, ReasonCode};

use crate::support::*;

#[tokio::test]
async fn a_message_goes_where_its_topic_matches_and_nowhere_else() {
    // [MQTT-3.3.2-3], [MQTT-4.7.1-1], [MQTT-4.7.1-2], [MQTT-4.7.2-1], [MQTT-4.7.3-4]
    // [MQTT3-3.3.2-3], [MQTT3-4.7.1-2], [MQTT3-4.7.1-3], [MQTT3-4.7.2-1], [MQTT3-4.7.3-4]
    const CASES: [(&str, &[&str], &[&str]); 14] = [
        ("#", &["a", "a/b", "/", "/a", "a/", " "], &["$a", "$a/b"]),
        ("a/#", &["a", "a/", "a/b", "a/b/c"], &["A", "b", "/a", "ab"]),
        ("+", &["a", " "], &["a/b", "/a", "/", "a/", "$a"]),
        ("+/+", &["a/b", "/a", "a/", "/"], &["a", "a/b/c", "$a/b"]),
        ("/+", &["/a", "/"], &["a", "a/b", "/a/b"]),
        ("a/+/c", &["a/b/c", "a//c"], &["a/b/d", "a/c", "a/b/c/d"]),
        ("+/b/#", &["a/b", "a/b/c", "/b/"], &["b", "$a/b", "a/c"]),
        ("$a/#", &["$a", "$a/b"], &["a", "a/$a"]),
        ("$a/+", &["$a/b"], &["$a", "$b/b", "a/b"]),
        ("a/$b", &["a/$b"], &["a/b"]),
        ("a b", &["a b"], &["a  b", "ab", "a%20b"]),
        // One letter or two that look alike: nothing is normalised, and letters have a case.
        ("\u{e9}", &["\u{e9}"], &["e\u{301}", "\u{c9}", "e"]),
        ("Accounts", &["Accounts"], &["ACCOUNTS", "accounts"]),
        ("a//b", &["a//b"], &["a/b", "a///b", "a/./b"]),
    ];
    let broker = broker().await;
    for version in BOTH {
        for (filter, matching, others) in CASES {
            let mut client = Client::connected(&broker, version, "client").await;
            client.subscribe(filter, 0).await;
            for topic in others.iter().chain(matching) {
                client.send(Packet::Publish(publish(topic, "x", 0))).await;
            }
            for topic in matching {
                assert_eq!(client.message().await.topic, *topic, "filter {filter:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_retained_message_is_found_by_the_same_rules() {
    // [MQTT-4.7.2-1], [MQTT3-4.7.2-1], [MQTT-3.3.2-3], [MQTT3-3.3.2-3], [MQTT3-3.3.1-6]
    const TOPICS: [&str; 6] = ["$a/b", "a/b", "a", "/b", "a/b/c", "$a"];
    let broker = broker().await;
    for version in BOTH {
        let mut publisher = Client::connected(&broker, version, "publisher").await;
        for topic in TOPICS {
            let p = mqttwb_wire::Publish {
                retain: true,
                ..publish(topic, "x", 1)
            };
            publisher.publish(p).await;
        }
        for (filter, matching) in [
            ("#", &["/b", "a", "a/b", "a/b/c"][..]),
            ("+/b", &["/b", "a/b"]),
            ("+", &["a"]),
            ("a/#", &["a", "a/b", "a/b/c"]),
            ("$a/#", &["$a", "$a/b"]),
            ("$a/b", &["$a/b"]),
            ("b", &[]),
        ] {
            let mut client = Client::connected(&broker, version, "client").await;
            client.subscribe(filter, 0).await;
            let mut seen = Vec::new();
            for _ in matching {
                seen.push(client.message().await.topic);
            }
            seen.sort();
            assert_eq!(seen, matching, "filter {filter:?}");
            client.expect_silence().await;
        }
    }
}

#[tokio::test]
async fn a_filter_that_is_none_is_refused() {
    // [MQTT-4.7.1-1], [MQTT-4.7.1-2], [MQTT-4.7.3-1], [MQTT-4.8.2-1], [MQTT-4.8.2-2]
    // [MQTT3-4.7.1-2], [MQTT3-4.7.1-3], [MQTT3-4.7.3-1]
    let broker = broker().await;
    for version in BOTH {
        for filter in [
            "",
            "a#",
            "#a",
            "a/#/b",
            "#/",
            "a+",
            "+a",
            "a/b+/c",
            "$share/group",
            "$share//a",
            "$share/+/a",
            "$share/g#/a",
            "$share/group/",
        ] {
            let mut client = Client::connected(&broker, version, "client").await;
            let is_shared = filter.starts_with("$share");
            if is_shared && version != V5 {
                continue; // a filter like any other before MQTT 5, or not: the standard leaves it open
            }
            let reason = client.subscribe(filter, 0).await;
            let expected = match version {
                V5 => ReasonCode::TOPIC_FILTER_INVALID,
                _ => ReasonCode(0x80),
            };
            assert_eq!(reason, expected, "filter {filter:?}");
        }
    }
}

#[tokio::test]
async fn a_topic_of_no_characters_ends_the_connection() {
    // [MQTT-4.7.3-1], [MQTT-4.7.3-2], [MQTT3-4.7.3-1], [MQTT3-4.7.3-2]
    let broker = broker().await;
    for version in BOTH {
        let none: &[u8] = if version == V5 { b"\x00" } else { b"" };
        for topic in [&b"\x00\x00"[..], b"\x00\x02a\0"] {
            let mut client = Client::connected(&broker, version, "client").await;
            client
                .send_bytes(&frame(0x30, &[topic, none].concat()))
                .await;
            let said = client.expect_end().await;
            assert_eq!(said.is_some(), version == V5);
        }
    }
}
