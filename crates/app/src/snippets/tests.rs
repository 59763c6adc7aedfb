use std::io::Write as _;
use std::process::{Command, Stdio};

use super::*;
use crate::api;
use crate::certificates::CertificateStore;

fn listener(protocol: Protocol) -> Listener {
    let (scheme, host, port, path) = match protocol {
        Protocol::Tcp => ("mqtt", "127.0.0.1", 1883, ""),
        Protocol::Tls => ("mqtts", "localhost", 8883, ""),
        Protocol::Ws => ("ws", "127.0.0.1", 8083, "/mqtt"),
        Protocol::Wss => ("wss", "localhost", 8084, "/mqtt"),
    };
    let secure = matches!(protocol, Protocol::Tls | Protocol::Wss);
    Listener {
        name: scheme.into(),
        protocol,
        address: format!("127.0.0.1:{port}"),
        host: host.into(),
        port,
        url: format!("{scheme}://{host}:{port}{path}"),
        client_cert: if secure {
            ClientCert::Required
        } else {
            ClientCert::None
        },
        loopback: true,
        clients: 0,
        listening: true,
        instead_of: None,
    }
}

/// A device's folder below a folder whose name is a trial for every quoting rule.
fn device(data: &tempfile::TempDir) -> DeviceFolder {
    let store = CertificateStore::open(data.path()).unwrap();
    let request = api::DeviceRequest {
        name: "pump-7".into(),
        days: 30,
        ..api::DeviceRequest::default()
    };
    store.issue(&request).unwrap();
    let folder = data.path().join("it's \"here\" $HOME");
    store.export_into("pump-7", &folder, 8883).unwrap()
}

const ALL: [Protocol; 4] = [Protocol::Tcp, Protocol::Tls, Protocol::Ws, Protocol::Wss];

fn of(tool: &str, protocol: Protocol, device: &DeviceFolder) -> Option<Snippet> {
    snippets(&listener(protocol), Some(device))
        .into_iter()
        .find(|snippet| snippet.tool == tool)
}

/// Runs a program with a text on its standard input, and returns what it printed.
fn run(program: &str, arguments: &[&str], input: &str) -> String {
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{program} must be installed: {error}"));
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(input.as_bytes()).unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    assert!(
        output.status.success(),
        "{program} says {}\nto {input}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn python_parses_and_reads_the_paths_as_they_are() {
    let data = tempfile::tempdir().unwrap();
    let device = device(&data);
    // Parses the text and prints the path that it means.
    let program = "import ast, sys
for node in ast.walk(ast.parse(sys.stdin.read())):
    if isinstance(node, ast.keyword) and node.arg == 'keyfile':
        print(node.value.value)";
    for protocol in ALL {
        let snippet = of("Python", protocol, &device).unwrap();
        let key = run("python3", &["-c", program], &snippet.text);
        if matches!(protocol, Protocol::Tls | Protocol::Wss) {
            assert_eq!(key.trim_end(), format!("{}/pump-7.key", device.folder));
        }
    }
}

#[test]
fn javascript_parses() {
    let data = tempfile::tempdir().unwrap();
    let device = device(&data);
    for protocol in ALL {
        let snippet = of("JavaScript", protocol, &device).unwrap();
        run("node", &["--check", "-"], &snippet.text);
    }
}

#[test]
fn a_shell_hands_the_paths_over_as_they_are() {
    let data = tempfile::tempdir().unwrap();
    let device = device(&data);
    let snippet = of("mosquitto_pub", Protocol::Tls, &device).unwrap();
    let script = format!(
        "mosquitto_pub() {{ printf '%s\\n' \"$@\"; }}\n{}",
        snippet.text
    );
    let arguments = run("sh", &["-s"], &script);
    let arguments: Vec<&str> = arguments.lines().collect();
    for file in ["ca.crt", "pump-7.crt", "pump-7.key"] {
        let path = format!("{}/{file}", device.folder);
        assert!(arguments.contains(&path.as_str()), "{arguments:?}");
    }
    assert!(arguments.contains(&r#"{"value": 21.5}"#));
}

#[test]
fn no_text_holds_a_private_key() {
    let data = tempfile::tempdir().unwrap();
    let device = device(&data);
    for protocol in ALL {
        for snippet in snippets(&listener(protocol), Some(&device)) {
            assert!(!snippet.text.contains("PRIVATE KEY"), "{}", snippet.tool);
        }
    }
    let esp32 = of("ESP32", Protocol::Tls, &device).unwrap();
    // The root, the device, and the issuing authority between them.
    assert_eq!(esp32.text.matches("BEGIN CERTIFICATE").count(), 3);
}

#[test]
fn tools_without_websocket_are_left_out_of_a_websocket_listener() {
    let data = tempfile::tempdir().unwrap();
    let device = device(&data);
    for protocol in [Protocol::Ws, Protocol::Wss] {
        let tools: Vec<String> = snippets(&listener(protocol), Some(&device))
            .into_iter()
            .map(|snippet| snippet.tool)
            .collect();
        assert_eq!(tools, ["Python", "JavaScript"]);
    }
}

#[test]
fn a_listener_that_requires_a_certificate_has_no_text_without_one() {
    assert_eq!(snippets(&listener(Protocol::Tls), None), []);
    assert_eq!(snippets(&listener(Protocol::Tcp), None).len(), 4);
}

#[test]
fn the_command_to_make_the_key_header_of_a_sketch_works() {
    let data = tempfile::tempdir().unwrap();
    let device = device(&data);
    let needs = of("ESP32", Protocol::Tls, &device).unwrap().needs;
    let start = needs.find("( echo").unwrap();
    let end = needs.find(" > device_key.h").unwrap();
    let header = run("sh", &["-s"], &needs[start..end]);
    assert!(header.starts_with("static const char KEY[] = R\"PEM(\n-----BEGIN PRIVATE KEY-----"));
    assert!(
        header
            .trim_end()
            .ends_with("-----END PRIVATE KEY-----\n)PEM\";")
    );
}
