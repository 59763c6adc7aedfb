//! What is left of a person's file when a key of it is changed: everything else.

use super::*;
use crate::api::{ClientCert, ListenerWrite, Protocol};

const FILE: &str = "\
# The broker of the workshop

[listeners.tcp]   # plain
bind = \"127.0.0.1:1883\"
protocol = \"tcp\"

[limits]
# the gateway sends in bursts
message_rate = 50   # a second
# devices come and go
connections = 20

# end of the file
";

fn changed(text: &str, key: &str, value: Option<&str>) -> String {
    change(text, Path::new("broker.toml"), key, value).unwrap()
}

fn refused(text: &str, key: &str, value: Option<&str>) -> ApiError {
    change(text, Path::new("broker.toml"), key, value).unwrap_err()
}

#[test]
fn only_the_value_changes_where_a_key_is_written() {
    assert_eq!(
        changed(FILE, "limits.message_rate", Some("200")),
        FILE.replace("= 50 ", "= 200 ")
    );
    assert_eq!(
        changed(FILE, "listeners.tcp.bind", Some("127.0.0.1:1884")),
        FILE.replace("1883", "1884")
    );
}

#[test]
fn a_key_that_is_reset_goes_with_its_line_and_no_other() {
    assert_eq!(
        changed(FILE, "limits.message_rate", None),
        FILE.replace("message_rate = 50   # a second\n", "")
    );
    assert_eq!(changed(FILE, "mqtt.receive_maximum", None), FILE);
}

#[test]
fn a_new_key_goes_to_its_table_and_a_new_table_to_the_end() {
    assert_eq!(
        changed(FILE, "limits.sessions", Some("7")),
        FILE.replace("connections = 20\n", "connections = 20\nsessions = 7\n")
    );
    assert_eq!(
        changed(FILE, "mqtt.max_queued_bytes", Some("2 MiB")),
        format!("{FILE}\n[mqtt]\nmax_queued_bytes = \"2 MiB\"\n")
    );
    assert_eq!(
        changed("", "mqtt.receive_maximum", Some("3")),
        "[mqtt]\nreceive_maximum = 3\n"
    );
    assert_eq!(
        changed("# mine\n", "mqtt.receive_maximum", Some("3")),
        "# mine\n\n[mqtt]\nreceive_maximum = 3\n"
    );
}

#[test]
fn tables_may_be_written_in_any_of_tomls_ways() {
    let dotted = "mqtt.receive_maximum = 3\n";
    assert_eq!(
        changed(dotted, "mqtt.receive_maximum", Some("4")),
        "mqtt.receive_maximum = 4\n"
    );
    assert_eq!(changed(dotted, "mqtt.receive_maximum", None), "");
    let braces = "mqtt = { receive_maximum = 3, server_keep_alive = 9 }\n";
    let config = |text: &str| Config::parse(text, Path::new("broker.toml")).unwrap();
    let without = config(&changed(braces, "mqtt.receive_maximum", None));
    assert_eq!(without.broker.limits.server_keep_alive, 9);
    assert_eq!(
        without.broker.limits.receive_maximum,
        BrokerConfig::default().limits.receive_maximum
    );
    for text in [dotted, braces] {
        let with = config(&changed(text, "mqtt.topic_alias_maximum", Some("5")));
        assert_eq!(with.broker.limits.topic_alias_maximum, 5);
        assert_eq!(with.broker.limits.receive_maximum, 3);
    }
}

#[test]
fn the_ends_of_lines_stay_as_they_are() {
    let file = FILE.replace('\n', "\r\n");
    for (key, value) in [
        ("limits.sessions", Some("7")),
        ("mqtt.receive_maximum", Some("7")),
        ("limits.message_rate", None),
    ] {
        let text = changed(&file, key, value);
        assert_eq!(text.replace("\r\n", "\n").replace('\n', "\r\n"), text);
        assert_eq!(text.replace("\r\n", "\n"), changed(FILE, key, value));
    }
}

#[test]
fn listeners_of_the_defaults_are_all_written_before_one_is_changed() {
    let text = changed("", "listeners.tls.bind", Some("127.0.0.1:8884"));
    let config = Config::parse(&text, Path::new("broker.toml")).unwrap();
    let mut expected = BrokerConfig::default();
    expected.listeners[1].bind.set_port(8884);
    assert_eq!(config.broker, expected);
}

#[test]
fn what_was_typed_may_leave_out_quotes_and_is_refused_where_the_key_does_not_take_it() {
    for (key, typed) in [
        ("mqtt.when_queue_full", "refuse"),
        ("mqtt.when_queue_full", "\"refuse\""),
        ("mqtt.session_expiry_max", "never"),
        ("mqtt.session_expiry_max", "60"),
        ("limits.connect_timeout", " 10 s "),
        ("access.anonymous", "false"),
        ("mqtt.response_information", "a \"quoted\" 'prefix'"),
    ] {
        changed(FILE, key, Some(typed));
    }
    for (key, typed) in [
        ("limits.message_rate", "fast"),
        ("limits.message_rate", "-1"),
        ("limits.message_rate", "3\nconnections = 4"),
        ("limits.message_rate", ""),
        ("mqtt.max_queued_bytes", "2 MB"),
        ("mqtt.when_queue_full", "burn"),
        ("access.anonymous", "yes"),
        ("listeners.tcp.bind", "localhost"),
    ] {
        let error = refused(FILE, key, Some(typed));
        assert_eq!(error.code, ErrorCode::InvalidInput, "{key} = {typed}");
        assert!(error.message.contains("expected"), "{}", error.message);
    }
    let error = refused(FILE, "limits.messages", Some("1"));
    assert_eq!(error.code, ErrorCode::NotFound);
}

#[test]
fn a_change_that_makes_the_file_unreadable_is_refused() {
    let no_tls = refused(FILE, "listeners.tcp.client_cert", Some("required"));
    assert!(no_tls.message.contains("no TLS"), "{}", no_tls.message);
    let needed = refused(FILE, "listeners.tcp.bind", None);
    assert!(needed.message.contains("missing"), "{}", needed.message);
    let broken = refused("[limits\n", "limits.sessions", Some("7"));
    assert_eq!(broken.code, ErrorCode::Config);
}

fn listener(was: Option<&str>, name: &str, bind: &str, protocol: Protocol) -> ListenerWrite {
    ListenerWrite {
        was: was.map(str::to_owned),
        name: name.into(),
        bind: bind.into(),
        protocol,
        client_cert: None,
    }
}

fn with_listener(text: &str, request: &ListenerWrite) -> Result<String> {
    write_listener(text, Path::new("broker.toml"), request)
}

fn without_listener(text: &str, name: &str) -> Result<String> {
    remove_listener(text, Path::new("broker.toml"), name)
}

/// Two listeners with comments everywhere, and something behind them.
const TWO: &str = "\
# The broker of the workshop

# for the old gateway
[listeners.tcp]   # plain
# the gateway knows no other port
bind = \"127.0.0.1:1883\"
protocol = \"tcp\"

# for everybody else
[listeners.tls]
bind = \"0.0.0.0:8883\"
protocol = \"tls\"
client_cert = \"required\" # always

[limits]
connections = 20
# end of the file
";

#[test]
fn a_listener_that_is_added_stands_behind_the_others_and_all_else_stays() {
    let mut asked = listener(None, "site", "127.0.0.1:8884", Protocol::Wss);
    asked.client_cert = Some(ClientCert::Optional);
    assert_eq!(
        with_listener(TWO, &asked).unwrap(),
        TWO.replace(
            "\n[limits]",
            "\n[listeners.site]\nbind = \"127.0.0.1:8884\"\nprotocol = \"wss\"\nclient_cert = \"optional\"\n\n[limits]"
        )
    );
    let (end, _) = TWO.split_once("\n[limits]").unwrap();
    let end = format!("{end}# end of the file\n");
    assert_eq!(
        with_listener(&end, &listener(None, "x", "127.0.0.1:1", Protocol::Tcp)).unwrap(),
        format!("{end}\n[listeners.x]\nbind = \"127.0.0.1:1\"\nprotocol = \"tcp\"\n")
    );
    // The defaults are written out first: a file opens what it names and no more.
    let text = with_listener("", &listener(None, "x", "127.0.0.1:1", Protocol::Tcp)).unwrap();
    let config = Config::parse(&text, Path::new("broker.toml")).unwrap();
    let names: Vec<_> = config.broker.listeners.iter().map(|l| &l.name).collect();
    assert_eq!(names, ["tcp", "tls", "ws", "x"]);
}

#[test]
fn a_listener_that_is_changed_keeps_its_place_and_its_comments() {
    let asked = listener(Some("tcp"), "gateway", "127.0.0.1:1884", Protocol::Ws);
    let expected = TWO
        .replace("listeners.tcp", "listeners.gateway")
        .replace("127.0.0.1:1883", "127.0.0.1:1884")
        .replace("\"tcp\"", "\"ws\"");
    assert_eq!(with_listener(TWO, &asked).unwrap(), expected);
    // Nothing to change is nothing changed.
    let same = listener(Some("tls"), "tls", "0.0.0.0:8883", Protocol::Tls);
    assert_eq!(with_listener(TWO, &same).unwrap(), TWO);
    // Without TLS there is nothing to ask a certificate of.
    let plain = listener(Some("tls"), "tls", "0.0.0.0:8883", Protocol::Tcp);
    let expected = TWO
        .replace("protocol = \"tls\"", "protocol = \"tcp\"")
        .replace("client_cert = \"required\" # always\n", "");
    assert_eq!(with_listener(TWO, &plain).unwrap(), expected);
}

#[test]
fn a_listener_that_is_removed_goes_with_its_table_and_what_is_said_above_it_stays() {
    let text = without_listener(TWO, "tcp").unwrap();
    assert_eq!(
        text,
        "\
# The broker of the workshop

# for the old gateway

# for everybody else
[listeners.tls]
bind = \"0.0.0.0:8883\"
protocol = \"tls\"
client_cert = \"required\" # always

[limits]
connections = 20
# end of the file
"
    );
    let text = without_listener(TWO, "tls").unwrap();
    assert!(
        text.contains("# for everybody else\n\n[limits]\n"),
        "{text}"
    );
    let error = without_listener(&text, "tcp").unwrap_err();
    assert_eq!(error.code, ErrorCode::InvalidInput);
    assert!(error.message.contains("last listener"), "{error:?}");
    // The last table of a file.
    let end = "[listeners.a]\nbind = \"127.0.0.1:1\"\nprotocol = \"tcp\"\n\n# b\n[listeners.b]\nbind = \"127.0.0.1:2\"\nprotocol = \"tcp\"\n# end\n";
    let text = without_listener(end, "b").unwrap();
    assert!(text.ends_with("\n\n# b\n# end\n"), "{text}");
}

#[test]
fn a_listener_may_be_written_in_any_of_tomls_ways() {
    let dotted = "\
listeners.a.bind = \"127.0.0.1:1\"
listeners.a.protocol = \"tcp\"
listeners.b.bind = \"127.0.0.1:2\"
listeners.b.protocol = \"tcp\"
";
    let braces = "listeners = { a = { bind = \"127.0.0.1:1\", protocol = \"tcp\" }, b = { bind = \"127.0.0.1:2\", protocol = \"tcp\" } }\n";
    for text in [dotted, braces] {
        let names = |text: &str| -> Vec<String> {
            let config = Config::parse(text, Path::new("broker.toml")).unwrap();
            config
                .broker
                .listeners
                .into_iter()
                .map(|l| l.name)
                .collect()
        };
        let added = listener(None, "c", "127.0.0.1:3", Protocol::Tcp);
        assert_eq!(
            names(&with_listener(text, &added).unwrap()),
            ["a", "b", "c"]
        );
        let changed = listener(Some("b"), "d", "127.0.0.1:4", Protocol::Ws);
        assert_eq!(names(&with_listener(text, &changed).unwrap()), ["a", "d"]);
        assert_eq!(names(&without_listener(text, "a").unwrap()), ["b"]);
    }
}

#[test]
fn a_listener_needs_a_name_and_an_address_that_no_other_has() {
    for (was, name, bind) in [
        (None, "tcp", "127.0.0.1:1"),
        (None, "", "127.0.0.1:1"),
        (None, "a.b", "127.0.0.1:1"),
        (None, "ä", "127.0.0.1:1"),
        (None, "x", "127.0.0.1:1883"),
        (None, "x", "localhost:1"),
        (Some("tls"), "tcp", "127.0.0.1:1"),
        (Some("tls"), "tls", "127.0.0.1:1883"),
    ] {
        let error = with_listener(TWO, &listener(was, name, bind, Protocol::Tcp)).unwrap_err();
        assert_eq!(error.code, ErrorCode::InvalidInput, "{name} {bind}");
    }
    let gone = listener(Some("gone"), "gone", "127.0.0.1:1", Protocol::Tcp);
    let error = with_listener(TWO, &gone).unwrap_err();
    assert_eq!(error.code, ErrorCode::NotFound);
    assert_eq!(
        without_listener(TWO, "gone").unwrap_err().code,
        ErrorCode::NotFound
    );
}

#[test]
fn a_key_of_a_table_inside_a_table_is_written_there() {
    let url = "access.jwt.jwks_url";
    let with = changed(FILE, url, Some("https://id.example/k"));
    assert_eq!(
        with,
        format!("{FILE}\n[access.jwt]\njwks_url = \"https://id.example/k\"\n")
    );
    let both = changed(&with, "access.methods", Some("jwt, accounts"));
    assert!(
        both.contains("methods = [\"jwt\", \"accounts\"]\n"),
        "{both}"
    );
    let config = Config::parse(&both, Path::new("broker.toml")).unwrap();
    assert!(config.broker.tokens.is_on());
    assert!(!changed(&both, url, None).contains("jwks_url"));
    let told = refused(FILE, "access.methods", Some("jwt, ldap"));
    assert!(told.message.contains("each once"), "{told}");
}
