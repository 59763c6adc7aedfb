//! Bundles, each used as it stands. Not run here: EMQX, RMQTT, and what is for hardware, whose programs are checked by headers
//! that declare what their libraries' documentation does (`clients/stubs`).

#![allow(clippy::unwrap_used)] // a test may fail

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use acceptance::broker::{issue, mqttwb};
use acceptance::process::{Finished, finish, mosquitto, top};
use acceptance::screen::free_port;
use acceptance::{Broker, Maker, Peer, Running, Version, Way};
use serde_json::Value;

fn bundle(data: &Path, words: &[&str]) -> (PathBuf, Value) {
    let mut command = mqttwb(data);
    command.args(["--json", "cert", "bundle"]).args(words);
    let made: Value = serde_json::from_str(&finish(&mut command).success().out).unwrap();
    (made["path"].as_str().unwrap().into(), made)
}

#[test]
fn programs_connect_as_they_stand_and_a_zip_holds_the_same() {
    let broker = Broker::start();
    broker.issue("pump-7");
    let port = broker.port("tls").to_string();
    let mut watcher = Peer::connect(Maker::Paho, &broker, &Way::Tcp, Version::V5, "watcher");
    watcher.subscribe("devices/#", 1);
    let tests = top().join("tests");

    let (python, _) = bundle(
        broker.data(),
        &["pump-7", "--format", "python", "--port", &port],
    );
    let ran = finish(Command::new(tests.join(".venv/bin/python")).arg(python.join("connect.py")))
        .success();
    assert!(ran.out.contains("acknowledged"), "{ran:?}");
    assert_eq!(watcher.message().topic, "devices/pump-7/hello");

    let (zip, _) = bundle(
        broker.data(),
        &["pump-7", "--format", "nodejs", "--port", &port, "--zip"],
    );
    let unpacked = broker.data().join("unpacked");
    let unpack = "import sys, zipfile; zipfile.ZipFile(sys.argv[1]).extractall(sys.argv[2])";
    finish(
        Command::new("python3")
            .args(["-c", unpack])
            .arg(&zip)
            .arg(&unpacked),
    )
    .success();
    let node = unpacked.join("pump-7-nodejs");
    std::os::unix::fs::symlink(tests.join("node_modules"), node.join("node_modules")).unwrap();
    let ran = finish(Command::new("node").arg("connect.mjs").current_dir(&node)).success();
    assert!(ran.out.contains("acknowledged"), "{ran:?}");
    assert_eq!(watcher.message().topic, "devices/pump-7/hello");
}

#[test]
fn a_pkcs12_file_is_opened_by_openssl_and_by_us_with_its_passphrase_alone() {
    let data = tempfile::tempdir().unwrap();
    issue(data.path(), "pump-7");
    let secret = data.path().join("secret");
    fs::write(&secret, "correct horse\n").unwrap();
    let secret = secret.display().to_string();
    let without =
        finish(mqttwb(data.path()).args(["cert", "bundle", "pump-7", "--format", "pkcs12"]));
    assert!(
        !without.status.success() && without.err.contains("passphrase"),
        "{without:?}"
    );
    let (folder, _) = bundle(
        data.path(),
        &["pump-7", "--format", "pkcs12", "--passphrase-file", &secret],
    );
    let file = folder.join("pump-7.p12").display().to_string();
    let open = |passphrase: &str| {
        finish(
            Command::new("openssl").args(["pkcs12", "-nodes", "-in", &file, "-passin", passphrase]),
        )
    };
    let opened = open("pass:correct horse").success();
    assert_eq!(opened.out.matches("BEGIN CERTIFICATE").count(), 3);
    assert!(opened.out.contains("BEGIN PRIVATE KEY"));
    assert!(!open("pass:wrong").status.success());
    let show = |words: &[&str]| {
        finish(
            mqttwb(data.path())
                .args(["cert", "show", &file])
                .args(words),
        )
    };
    assert!(show(&[]).err.contains("passphrase is needed"));
    let shown = show(&["--passphrase-file", &secret]).success();
    assert!(
        shown.out.contains("the private key of CN=pump-7"),
        "{shown:?}"
    );
}

#[test]
fn mosquitto_goes_by_the_configuration_and_by_the_revocation_list() {
    let data = tempfile::tempdir().unwrap();
    let (good, bad) = (issue(data.path(), "pump-7"), issue(data.path(), "valve-2"));
    finish(mqttwb(data.path()).args(["cert", "revoke", "valve-2"])).success();
    let port = free_port();
    let (folder, _) = bundle(
        data.path(),
        &[
            "plant",
            "--format",
            "mosquitto",
            "--port",
            &port.to_string(),
        ],
    );
    // As root mosquitto becomes another user, who may not read the key; `user root` keeps it as it is.
    let config = folder.join("mosquitto.conf");
    let text = fs::read_to_string(&config).unwrap() + "user root\n";
    fs::write(&config, text).unwrap();
    let broker = Running::start(
        mosquitto()
            .args(["-v", "-c", "mosquitto.conf"])
            .current_dir(&folder),
    );
    broker.wait_for("running");
    let publish = |identity| {
        finish(
            Way::Tls(identity)
                .mosquitto("mosquitto_pub", port)
                .args(["-t", "x", "-m", "hello", "-q", "1"]),
        )
    };
    publish(good).success();
    broker.wait_for("u'pump-7'");
    assert!(!publish(bad).status.success());
}

#[test]
fn firmware_is_whole_and_names_what_was_not_tried() {
    let data = tempfile::tempdir().unwrap();
    issue(data.path(), "pump-7");
    for format in ["arduino", "esp-idf", "micropython", "emqx", "rmqtt"] {
        let (folder, made) = bundle(data.path(), &["pump-7", "--format", format]);
        assert!(made["untried"].as_str().unwrap().contains("not"), "{made}");
        for file in made["files"].as_array().unwrap() {
            let path = folder.join(file.as_str().unwrap());
            assert!(path.metadata().unwrap().len() > 0, "{}", path.display());
        }
    }
    let exports = data.path().join("exports");
    let compile = "import ast, sys; ast.parse(open(sys.argv[1]).read())";
    finish(
        Command::new("python3")
            .args(["-c", compile])
            .arg(exports.join("pump-7-micropython/main.py")),
    )
    .success();
}

/// Checks a program of C or C++ by headers that declare what its libraries' documentation does.
fn compiles(compiler: &str, words: &[&str], stubs: &str, program: &Path) -> Finished {
    let stubs = top().join("tests/clients/stubs").join(stubs);
    let mut command = Command::new(compiler);
    command
        .args(["-fsyntax-only", "-Wall", "-Wextra", "-Wno-unused-parameter"])
        .args(["-Werror", "-I"])
        .arg(stubs)
        .args(words)
        .arg(program);
    finish(&mut command)
}

#[test]
fn firmware_compiles_by_what_its_libraries_declare_and_a_mistake_in_it_would_be_found() {
    let data = tempfile::tempdir().unwrap();
    issue(data.path(), "pump-7");
    for format in ["arduino", "esp-idf"] {
        bundle(data.path(), &["pump-7", "--format", format]);
    }
    let exports = data.path().join("exports");
    let sketch = exports.join("pump-7-arduino/pump-7-arduino.ino");
    // The Arduino IDE puts its header before a sketch.
    let as_sketch = ["-std=gnu++17", "-include", "Arduino.h", "-x", "c++"];
    let main = exports.join("pump-7-esp-idf/main/main.c");
    let as_c = ["-std=gnu17"];
    compiles("c++", &as_sketch, "arduino", &sketch).success();
    compiles("cc", &as_c, "esp-idf", &main).success();
    // A call that does not exist, or one that could mean two, does not pass.
    for (was, becomes) in [
        ("net.setCACert(CA)", "net.setRootCertificate(CA)"),
        ("mqtt.setServer(", "mqtt.setServer(0, "),
    ] {
        let text = fs::read_to_string(&sketch).unwrap();
        assert!(text.contains(was), "{text}");
        let wrong = sketch.with_file_name("wrong.ino");
        fs::write(&wrong, text.replace(was, becomes)).unwrap();
        let refused = compiles("c++", &as_sketch, "arduino", &wrong);
        assert!(!refused.status.success(), "{becomes}");
    }
    let text = fs::read_to_string(&main).unwrap();
    let wrong = main.with_file_name("wrong.c");
    fs::write(&wrong, text.replace(".client_id", ".identifier")).unwrap();
    assert!(!compiles("cc", &as_c, "esp-idf", &wrong).status.success());
}

#[test]
fn a_name_that_is_a_path_makes_no_bundle() {
    let data = tempfile::tempdir().unwrap();
    for name in ["../up", "a/b", "..", &"x".repeat(65)] {
        for format in ["pem", "mosquitto"] {
            let refused =
                finish(mqttwb(data.path()).args(["cert", "bundle", name, "--format", format]));
            assert!(!refused.status.success(), "{name}: {refused:?}");
        }
    }
    assert!(!data.path().join("up").exists() && !data.path().join("exports").exists());
}
