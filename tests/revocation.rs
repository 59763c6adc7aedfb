//! Who is let in by which certificate, as OpenSSL, Node and Python see it; and that a revocation is felt at once.

#![allow(clippy::unwrap_used)] // a test may fail

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use acceptance::broker::{Own, issue, mqttwb};
use acceptance::process::{finish, top};
use acceptance::{Broker, Identity, Maker, Options, Peer, Running, Version, Way};
use serde_json::Value;

/// `mqttwb cert …` on the folder of a broker that runs.
fn cert(broker: &Broker, words: &[&str]) -> Value {
    let mut command = mqttwb(broker.data());
    command.args(["--json", "cert"]).args(words);
    serde_json::from_str(&finish(&mut command).success().out).unwrap()
}

/// Each client that is not ours, at each version of TLS: whether the broker lets it in, and what it says otherwise.
fn probe(broker: &Broker, host: &str, shown: &Identity) -> Vec<(String, bool, String)> {
    let tests = top().join("tests");
    let mut seen = Vec::new();
    for version in ["1.2", "1.3"] {
        let python = tests.join(".venv/bin/python");
        let programs = [
            (
                python.as_os_str().to_owned(),
                tests.join("clients/tls_probe.py"),
            ),
            ("node".into(), tests.join("clients/tls_probe.mjs")),
        ];
        for (program, script) in programs {
            let mut command = Command::new(&program);
            command
                .arg(script)
                .args([&broker.port("tls").to_string(), host, version])
                .arg(&shown.authority);
            if let Some(own) = &shown.own {
                command.arg(&own.certificate).arg(&own.key);
            }
            let said = finish(&mut command).success().out;
            let who = format!("{} TLS {version}", Path::new(&program).display());
            seen.push((who, said.trim() == "in", said));
        }
        let mut openssl = Command::new("openssl");
        openssl
            .args(["s_client", "-brief", "-ign_eof", "-verify_return_error"])
            .args([
                "-verify_hostname",
                host,
                &format!("-tls{}", version.replace('.', "_")),
            ])
            .arg("-connect")
            .arg(broker.address("tls").to_string())
            .arg("-CAfile")
            .arg(&shown.authority);
        if let Some(own) = &shown.own {
            openssl
                .arg("-cert")
                .arg(&own.certificate)
                .arg("-cert_chain")
                .arg(&own.certificate)
                .arg("-key")
                .arg(&own.key);
        }
        let who = format!("openssl TLS {version}");
        let process = Running::start(&mut openssl);
        // Either an error ends it, or the broker waits for a CONNECT: then "Verification: OK" was said, and in TLS 1.3
        // the judgement of the client's certificate is the first thing that the broker sends.
        let finished = process.finish();
        let said = format!("{}{}", finished.out, finished.err);
        seen.push((
            who,
            !said.contains("alert") && said.contains("Verification: OK"),
            said,
        ));
    }
    seen
}

#[track_caller]
fn all_in(broker: &Broker, shown: &Identity) {
    for (who, is_in, said) in probe(broker, "localhost", shown) {
        assert!(is_in, "{who}: {said}");
    }
}

#[track_caller]
fn none_in(broker: &Broker, shown: &Identity, why: &str) {
    for (who, is_in, said) in probe(broker, "localhost", shown) {
        assert!(!is_in, "{who} was let in, {why}: {said}");
    }
    // The broker says why, to its operator.
    broker.process.wait_for(why);
}

/// A certificate that the broker's own authority signs with OpenSSL, for what mqttwb would not sign.
fn signed(data: &Path, name: &str, from: &str, until: &str, usage: &str) -> Own {
    let folder = data.join("openssl").join(name);
    fs::create_dir_all(&folder).unwrap();
    let pki = data.join("pki");
    fs::write(
        folder.join("ca.cnf"),
        format!(
            "[ca]\ndefault_ca=c\n[c]\ndatabase={0}/index.txt\nnew_certs_dir={0}\nserial={0}/serial\n\
             default_md=sha256\npolicy=p\nx509_extensions=x\n[p]\ncommonName=supplied\n\
             [x]\nbasicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\n\
             extendedKeyUsage={usage}\nauthorityKeyIdentifier=keyid\n",
            folder.display()
        ),
    )
    .unwrap();
    fs::write(folder.join("index.txt"), "").unwrap();
    fs::write(folder.join("serial"), "4711\n").unwrap();
    let own = Own {
        certificate: folder.join("own.crt"),
        key: folder.join("own.key"),
    };
    let mut request = Command::new("openssl");
    request
        .args([
            "req",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
        ])
        .args([
            "-subj",
            &format!("/CN={name}"),
            "-out",
            "own.csr",
            "-keyout",
            "own.key",
        ])
        .current_dir(&folder);
    finish(&mut request).success();
    let mut sign = Command::new("openssl");
    sign.args([
        "ca", "-batch", "-notext", "-config", "ca.cnf", "-in", "own.csr", "-out", "own.crt",
    ])
    .args(["-startdate", from, "-enddate", until, "-cert"])
    .arg(pki.join("issuing.crt"))
    .arg("-keyfile")
    .arg(pki.join("issuing.key"))
    .current_dir(&folder);
    finish(&mut sign).success();
    let chain = fs::read_to_string(&own.certificate).unwrap()
        + &fs::read_to_string(pki.join("issuing.crt")).unwrap();
    fs::write(&own.certificate, chain).unwrap();
    own
}

/// A time to CONNECT that is soon over: s_client sends none.
const LISTENERS: &str = "[listeners.tls]\nbind = \"127.0.0.1:0\"\nprotocol = \"tls\"\nclient_cert = \"required\"\n\
                         [limits]\nconnect_timeout = \"1s\"\n";

#[test]
fn every_wrong_certificate_is_refused_by_name_and_the_right_one_let_in() {
    let broker = Broker::with(LISTENERS);
    let good = broker.issue("pump-7");
    let elsewhere = tempfile::tempdir().unwrap();
    let stranger = issue(elsewhere.path(), "stranger");
    let shown = |own: Own| Identity {
        own: Some(own),
        ..good.clone()
    };
    all_in(&broker, &good);
    none_in(&broker, &good.anonymous(), "showed no certificate");
    none_in(&broker, &good.showing(&stranger), "of another authority");
    let of = |name: &str, from: &str, until: &str, usage: &str| {
        shown(signed(broker.data(), name, from, until, usage))
    };
    let (past, now, future) = ("20200101000000Z", "20300101000000Z", "20350101000000Z");
    all_in(&broker, &of("by-openssl", past, now, "clientAuth"));
    none_in(
        &broker,
        &of("late", past, "20210101000000Z", "clientAuth"),
        "has expired",
    );
    none_in(
        &broker,
        &of("early", now, future, "clientAuth"),
        "is not valid yet",
    );
    none_in(
        &broker,
        &of("server", past, now, "serverAuth"),
        "is not for a client",
    );
    cert(&broker, &["revoke", "pump-7"]);
    none_in(&broker, &good, "is revoked");
}

#[test]
fn a_client_does_not_take_the_broker_for_another_host() {
    let broker = Broker::with(LISTENERS);
    let good = broker.issue("pump-7");
    for (who, is_in, said) in probe(&broker, "elsewhere.example", &good) {
        assert!(!is_in, "{who}: {said}");
    }
    // Once the certificate bears the name it does, without a restart, and who is connected stays so.
    let way = Way::Tls(good.clone());
    let mut stays = Peer::connect(Maker::Paho, &broker, &way, Version::V5, "stays");
    cert(&broker, &["server", "--name", "elsewhere.example"]);
    for (who, is_in, said) in probe(&broker, "elsewhere.example", &good) {
        assert!(is_in, "{who}: {said}");
    }
    stays.subscribe("x", 0);
    stays.disconnect();
}

#[test]
fn a_revocation_in_another_shell_ends_the_connections_of_that_device_alone_and_says_why() {
    let broker = Broker::start();
    let (pump, valve) = (broker.issue("pump-7"), broker.issue("valve-2"));
    let listen = |identity: &Identity, id: &str| {
        let mut command = Way::Tls(identity.clone()).mosquitto("mosquitto_sub", broker.port("tls"));
        command.args(["-V", "5", "-d", "-i", id, "-t", "x"]);
        let process = Running::start(&mut command);
        process.wait_for("received SUBACK");
        process
    };
    let (gone, stays) = (listen(&pump, "pump-7"), listen(&valve, "valve-2"));
    let second = Peer::connect(
        Maker::MqttJs,
        &broker,
        &Way::Wss(pump.clone()),
        Version::V5,
        "second",
    );
    let done = cert(&broker, &["revoke", "pump-7", "--reason", "key-compromise"]);
    assert_eq!(done["connections"], 2);
    assert_eq!(done["list"]["count"], 1);
    // 0x87, not authorized.
    gone.wait_for("Received DISCONNECT (135)");
    second.ended_by_the_broker();
    Peer::refused(
        Maker::Paho,
        &broker,
        &Way::Tls(pump.clone()),
        Options::new("pump-7", Version::V5),
    );
    broker.process.wait_for("its certificate is revoked");
    // Who was not meant goes on, and hears what is published.
    let published = finish(
        Way::Tls(valve)
            .mosquitto("mosquitto_pub", broker.port("tls"))
            .args(["-t", "x", "-m", "still here"]),
    );
    published.success();
    stays.wait_for("still here");
    // A new certificate lets the device in again.
    let renewed = cert(
        &broker,
        &[
            "renew",
            "pump-7",
            "--new-key",
            "--out",
            &pump.folder.display().to_string(),
        ],
    );
    assert_eq!(renewed["name"], "pump-7");
    Peer::connect(Maker::Paho, &broker, &Way::Tls(pump), Version::V5, "pump-7").disconnect();
    let listed = cert(&broker, &["list"]);
    assert_eq!(listed["devices"][0]["state"], "valid");
}

#[test]
fn a_revocation_where_no_broker_runs_holds_when_one_is_started() {
    let data = tempfile::tempdir().unwrap();
    let identity = issue(data.path(), "pump-7");
    let mut command = mqttwb(data.path());
    let done = finish(command.args(["cert", "revoke", "pump-7"])).success();
    assert!(done.out.contains("no broker runs here"), "{done:?}");
    let config = data.path().join("test.toml");
    fs::write(&config, LISTENERS).unwrap();
    let config = config.display().to_string();
    let broker = Broker::run(data, &["broker", "run", "--config", &config]);
    Peer::refused(
        Maker::Paho,
        &broker,
        &Way::Tls(identity),
        Options::new("pump-7", Version::V311),
    );
    broker.process.wait_for("its certificate is revoked");
}

#[test]
fn a_list_of_devices_is_issued_whole_or_refused_with_its_line() {
    let data = tempfile::tempdir().unwrap();
    let list = data.path().join("devices.csv");
    let out = data.path().join("out");
    let run = |text: &str| {
        fs::write(&list, text).unwrap();
        let mut command = mqttwb(data.path());
        command
            .args(["cert", "issue", "--list"])
            .arg(&list)
            .arg("--out")
            .arg(&out);
        finish(&mut command)
    };
    let refused = run("name,days\na-1,30\n../../up,30\n");
    assert!(
        !refused.status.success() && refused.err.contains("Line 3"),
        "{refused:?}"
    );
    assert!(!out.exists());
    let done = run("name,days,unit\na-1,30,Hall 2\na-2,40,\n").success();
    assert!(done.out.contains("2 of 2 devices issued"), "{done:?}");
    for name in ["a-1", "a-2"] {
        let file: PathBuf = out.join(name).join(format!("{name}.crt"));
        let mut verify = Command::new("openssl");
        verify
            .args(["verify", "-CAfile"])
            .arg(out.join(name).join("ca.crt"));
        finish(verify.arg("-untrusted").arg(&file).arg(&file)).success();
    }
    // A second time each line says why it was not issued.
    let again = run("name,days,unit\na-1,30,Hall 2\na-3,40,\n");
    assert!(!again.status.success(), "{again:?}");
    assert!(
        again.out.contains("1 of 2") && again.out.contains("line 2: a-1"),
        "{again:?}"
    );
}

#[test]
fn a_file_is_looked_into_and_what_a_device_would_refuse_is_said() {
    let data = tempfile::tempdir().unwrap();
    let identity = issue(data.path(), "pump-7");
    let show = |words: &[&str]| {
        let mut command = mqttwb(data.path());
        command.args(["cert", "show"]).args(words);
        finish(&mut command)
    };
    let server = data.path().join("pki/server.crt").display().to_string();
    let good = show(&[&server, "--host", "localhost", "--trust-own"]).success();
    assert!(
        good.out
            .contains("Nothing in it would make a device refuse it."),
        "{good:?}"
    );
    let elsewhere = show(&[&server, "--host", "elsewhere.example"]);
    assert!(
        !elsewhere.status.success()
            && elsewhere
                .out
                .contains("It is not for DNS:elsewhere.example"),
        "{elsewhere:?}"
    );
    let device = identity.certificate().display().to_string();
    let wrong_use = show(&[&device, "--host", "localhost"]);
    assert!(
        wrong_use.out.contains("has no TLS server authentication"),
        "{wrong_use:?}"
    );
    assert!(
        wrong_use.out.contains("no subject alternative name"),
        "{wrong_use:?}"
    );
    let nothing = data.path().join("nothing");
    fs::write(&nothing, "hello").unwrap();
    let nothing = show(&[&nothing.display().to_string()]);
    assert!(
        !nothing.status.success() && nothing.err.contains("holds no certificate"),
        "{nothing:?}"
    );
    finish(mqttwb(data.path()).args(["cert", "revoke", "pump-7"])).success();
    let revoked = show(&[&device, "--trust-own"]);
    assert!(revoked.out.contains("It is revoked."), "{revoked:?}");
}
