//! What can be written, and what is said of what can't.

use super::*;

fn read_whole(text: &str) -> Result<Config> {
    Config::parse(text, Path::new("conf/broker.toml"))
}

fn read(text: &str) -> Result<BrokerConfig> {
    read_whole(text).map(|config| config.broker)
}

#[test]
fn only_the_listeners_that_are_written_are_opened() {
    let config = read(
        "[listeners.secure]\nbind = \"[::1]:0\"\nprotocol = \"wss\"\nclient_cert = \"optional\"\n\
         [listeners.plain]\nbind = \"127.0.0.1:1884\"\nprotocol = \"tcp\"\n\
         [mqtt]\nmax_queued_messages = 7\n",
    )
    .unwrap();
    let names: Vec<_> = config.listeners.iter().map(|l| l.name.as_str()).collect();
    assert_eq!(names, ["secure", "plain"]);
    assert_eq!(config.listeners[0].client_cert, ClientCert::Optional);
    assert_eq!(config.limits.queue.messages, 7);
    assert_eq!(read("").unwrap(), BrokerConfig::default());
}

#[test]
fn a_listener_may_have_certificate_files_of_its_own_beside_the_file() {
    let config = read(
        "[listeners.tls]\nbind = \"127.0.0.1:0\"\nprotocol = \"tls\"\ncert = \"s.crt\"\nkey = \"s.key\"\n",
    )
    .unwrap();
    let files = config.listeners[0].files.clone().unwrap();
    assert_eq!(files.cert, Path::new("conf/s.crt"));
    assert_eq!(files.ca, None);
    assert_eq!(config.listeners[0].client_cert, ClientCert::Required);
}

#[test]
fn a_mistake_is_told_with_file_line_key_and_what_was_expected() {
    let tcp = "[listeners.tcp]\nbind = \"127.0.0.1:1\"\nprotocol = \"tcp\"\n";
    for (text, key, expected) in [
        (
            "[listeners.a]\nbind = \"localhost\"\nprotocol = \"tcp\"\n",
            "listeners.a.bind",
            "127.0.0.1:1883",
        ),
        (
            "[listeners.a]\nprotocol = \"tcp\"\n",
            "listeners.a.bind",
            "missing",
        ),
        (
            "[listeners.a]\nbind = \"127.0.0.1:1\"\nprotocol = \"mqtt\"\n",
            "listeners.a.protocol",
            "\"wss\"",
        ),
        (
            "[listeners.a]\nbind = 1883\nprotocol = \"tcp\"\n",
            "listeners.a.bind",
            "an address with a port",
        ),
        (
            &format!("{tcp}port = 1\n"),
            "listeners.tcp.port",
            "expected one of bind",
        ),
        (
            &format!("{tcp}client_cert = \"required\"\n"),
            "listeners.tcp.client_cert",
            "no TLS",
        ),
        (
            "[listeners.a]\nbind = \"127.0.0.1:1\"\nprotocol = \"tls\"\ncert = \"x\"\n",
            "listeners.a.key",
            "missing",
        ),
        ("[listener.a]\n", "listener", "expected one of listeners"),
        ("listeners = 3\n", "listeners", "[listeners.tcp]"),
        (
            "[mqtt]\nreceive_maximum = 0\n",
            "mqtt.receive_maximum",
            "from 1 to 65535",
        ),
    ] {
        let error = read(text).unwrap_err();
        assert_eq!(error.code, ErrorCode::Config);
        let message = error.message;
        assert!(message.starts_with("conf/broker.toml, line "), "{message}");
        assert!(message.contains(&format!(" {key}: ")), "{message}");
        assert!(message.contains(expected), "{message}");
    }
    let error = read("\n\n[listeners.tcp\n").unwrap_err();
    assert!(error.message.contains("line 3"), "{}", error.message);
}

#[test]
fn every_mistake_of_a_file_is_told_at_once_with_its_line() {
    let error = read(
        "[mqtt]\nrecieve_maximum = 3\nmax_queued_bytes = \"2 MB\"\n\n[limits]\nconnect_timeout = \"1 ms\"\n",
    )
    .unwrap_err();
    let lines: Vec<&str> = error.message.lines().collect();
    assert_eq!(lines.len(), 3, "{lines:?}");
    assert!(
        lines[0]
            .contains("line 2: mqtt.recieve_maximum: no such key; did you mean receive_maximum?")
    );
    assert!(
        lines[1].contains(
            "line 3: mqtt.max_queued_bytes: expected a number of bytes, or a text such as"
        )
    );
    assert!(lines[1].ends_with("found \"2 MB\""));
    assert!(
        lines[2].contains("line 6: limits.connect_timeout")
            && lines[2].contains("from 100 ms to 1 h")
    );
}

#[test]
fn a_size_and_a_time_may_be_a_number_or_a_text_with_its_unit() {
    let text =
        read("[mqtt]\nmax_queued_bytes = \"1 MiB\"\n[limits]\nconnect_timeout = \"2500 ms\"\n")
            .unwrap();
    assert_eq!(text.limits.queue.bytes, 1 << 20);
    assert_eq!(text.limits.connect_timeout.as_millis(), 2_500);
    let number =
        read("[mqtt]\nmax_queued_bytes = 1_048_576\n[limits]\nconnect_timeout = 3\n").unwrap();
    assert_eq!(number.limits.queue.bytes, 1 << 20);
    assert_eq!(number.limits.connect_timeout.as_secs(), 3);
}

#[test]
fn the_report_says_of_each_key_what_holds_and_where_it_was_written() {
    let report = read_whole(
        "[listeners.door]\nbind = \"0.0.0.0:1884\"\nprotocol = \"tcp\"\n[mqtt]\nreceive_maximum = 20\n",
    )
    .unwrap()
    .report();
    let setting = |key: &str| report.settings.iter().find(|s| s.key == key).unwrap();
    let bind = setting("listeners.door.bind");
    assert_eq!(bind.value.as_deref(), Some("\"0.0.0.0:1884\""));
    assert_eq!((bind.line, bind.default.clone()), (Some(2), None));
    let receive_maximum = setting("mqtt.receive_maximum");
    assert_eq!(receive_maximum.value.as_deref(), Some("20"));
    assert_eq!(receive_maximum.line, Some(5));
    assert_eq!(receive_maximum.unit.as_deref(), Some("messages"));
    let queue = setting("mqtt.max_queued_bytes");
    assert_eq!(queue.value.as_deref(), Some("\"64 MiB\""));
    assert_eq!((queue.line, &queue.default), (None, &queue.value));
    assert_eq!(report.warnings.len(), 1, "{:?}", report.warnings);
    assert!(
        report.warnings[0]
            .title
            .contains("Listener door lets anyone")
    );
    assert!(Config::default().report().warnings.is_empty());
}

#[test]
fn what_the_report_shows_can_be_written_into_a_file() {
    let mut text = String::new();
    let mut table = String::new();
    for setting in Config::default().report().settings {
        let (section, key) = setting.key.rsplit_once('.').unwrap();
        if section != table {
            table = section.to_owned();
            text.push_str(&format!("[{table}]\n"));
        }
        if let Some(value) = setting.value {
            text.push_str(&format!("{key} = {value}\n"));
        }
    }
    assert_eq!(read(&text).unwrap(), BrokerConfig::default(), "{text}");
}

#[test]
fn a_file_that_is_named_must_be_there_and_one_of_the_data_folder_need_not() {
    let folder = tempfile::tempdir().unwrap();
    let config = ConfigFile::of(folder.path()).read().unwrap();
    assert_eq!(config, Config::default());
    assert_eq!(config.report().file, None);
    let error = ConfigFile::named(folder.path().join(FILE_NAME)).read();
    assert_eq!(error.unwrap_err().code, ErrorCode::Config);
}

#[test]
fn a_session_may_be_kept_for_ever_and_a_keep_alive_is_whole_seconds() {
    let config =
        read("[mqtt]\nsession_expiry_max = \"never\"\nkeep_alive_max = \"2 min\"\n").unwrap();
    assert_eq!(config.limits.session_expiry_max, u32::MAX);
    assert_eq!(config.limits.keep_alive_max, 120);
    for wrong in ["\"never\"", "\"1500 ms\"", "65_536", "-1"] {
        let error = read(&format!("[mqtt]\nkeep_alive_max = {wrong}\n")).unwrap_err();
        assert!(
            error.message.contains("whole seconds"),
            "{wrong}: {}",
            error.message
        );
    }
}

#[test]
fn rules_that_are_not_applied_cannot_be_asked_for() {
    let error = read("[access]\nanonymous = false\nrules = \"acl.toml\"\n").unwrap_err();
    assert!(
        error
            .message
            .contains("access.rules: access rules are in acl.toml"),
        "{}",
        error.message
    );
    assert!(
        !read("[access]\nanonymous = false\n")
            .unwrap()
            .access
            .anonymous
    );
}

#[test]
fn what_a_broker_that_runs_can_take_of_a_newer_file_is_taken_and_the_rest_is_told() {
    let tcp = "[listeners.tcp]\nbind = \"127.0.0.1:1\"\nprotocol = \"tcp\"\n";
    let old = read_whole(&format!("{tcp}[mqtt]\nreceive_maximum = 7\n")).unwrap();
    let newer = read_whole(&format!(
        "{tcp}[listeners.ws]\nbind = \"127.0.0.1:2\"\nprotocol = \"ws\"\n\
         [mqtt]\nwhen_queue_full = \"drop-oldest\"\n[limits]\nretained_messages = 5\n",
    ))
    .unwrap();
    let (taken, told) = old.take(&newer);
    let of = |changes: &[crate::api::SettingChange]| -> Vec<String> {
        changes.iter().map(|change| change.key.clone()).collect()
    };
    assert_eq!(
        of(&told.applied),
        ["mqtt.receive_maximum", "limits.retained_messages"]
    );
    assert_eq!(of(&told.restart), ["listeners.ws", "mqtt.when_queue_full"]);
    assert_eq!(told.applied[0].from.as_deref(), Some("7"));
    assert_eq!(
        told.applied[0].to.as_deref(),
        Some("1024"),
        "it is absent now"
    );
    assert_eq!(
        told.restart[0].to.as_deref(),
        Some("{ bind = \"127.0.0.1:2\", protocol = \"ws\", client_cert = \"none\" }")
    );
    let mut expected = newer.broker.clone();
    expected.listeners = old.broker.listeners.clone();
    expected.limits.queue.when_full = old.broker.limits.queue.when_full;
    assert_eq!(taken, expected);
    // What holds only after a restart is told again as long as it is so.
    let (_, again) = newer.with(taken).take(&newer);
    assert_eq!((again.applied.len(), again.restart.len()), (0, 2));
}

#[test]
fn tables_inside_tables_are_read_and_their_mistakes_are_told() {
    let text = "[access]\nallow_open = true\nmethods = [\"jwt\"]\n[access.jwt]\njwks_url = \"https://id.example/k\"\nleeway = \"1 min\"\n";
    let broker = read(text).unwrap();
    assert!(broker.allow_open);
    assert_eq!(broker.methods, [Method::Jwt]);
    assert_eq!(
        broker.tokens.jwks_url.as_deref(),
        Some("https://id.example/k")
    );
    assert_eq!(broker.tokens.expected.leeway, Duration::from_secs(60));
    assert!(broker.tokens.is_on() && !BrokerConfig::default().tokens.is_on());
    for (text, says) in [
        ("[access.jwt]\nkey = \"x\"\n", "access.jwt.key: no such key"),
        ("[access]\njwt = true\n", "a table, [access.jwt]"),
        ("[access]\nmethods = [\"jwt\", \"jwt\"]\n", "each once"),
        ("[access]\nmethods = [\"ldap\"]\n", "\"accounts\""),
        ("[access]\nmethods = \"jwt\"\n", "a list of"),
    ] {
        let told = read(text).unwrap_err();
        assert!(told.message.contains(says), "{text}: {}", told.message);
    }
}

#[test]
fn a_listener_says_what_of_a_certificate_is_a_name() {
    let tls = "[listeners.tls]\nbind = \"127.0.0.1:0\"\nprotocol = \"tls\"\n";
    let identity = |text: &str| read_whole(text).unwrap().broker.listeners[0].identity;
    assert_eq!(identity(tls), CertificateIdentity::CommonName);
    let by_name = identity(&format!("{tls}identity = \"san\"\n"));
    assert_eq!(by_name, CertificateIdentity::AlternativeName);
    let plain = "[listeners.tcp]\nbind = \"127.0.0.1:0\"\nprotocol = \"tcp\"\nidentity = \"san\"\n";
    assert!(
        read_whole(plain)
            .unwrap_err()
            .message
            .contains("has no TLS")
    );
}
