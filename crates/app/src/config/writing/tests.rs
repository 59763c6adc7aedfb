//! What is left of a person's file when a key of it is changed: everything else.

use super::*;

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
