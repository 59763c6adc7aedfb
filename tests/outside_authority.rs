//! A listener that trusts an authority outside, and goes by that one's revocation list.

#![allow(clippy::unwrap_used)] // a test may fail

use std::fs;

use acceptance::broker::{issue, mqttwb};
use acceptance::process::finish;
use acceptance::{Broker, Maker, Options, Peer, Version, Way};

#[test]
fn who_the_outside_authority_revokes_is_put_out_and_refused_as_its_list_is_brought() {
    let elsewhere = tempfile::tempdir().unwrap();
    let outside = elsewhere.path();
    let (pump, valve) = (issue(outside, "pump-7"), issue(outside, "valve-2"));
    let out = outside.join("out");
    let export = || {
        let mut command = mqttwb(outside);
        command.args(["cert", "authority", "export", "--out"]);
        finish(command.arg(&out)).success();
    };
    export();
    let data = tempfile::tempdir().unwrap();
    let stranger = issue(data.path(), "stranger");
    let list = data.path().join("outside.crl");
    fs::copy(out.join("ca.crl"), &list).unwrap();
    let config = data.path().join("test.toml");
    fs::write(
        &config,
        format!(
            "[listeners.tls]\nbind = \"127.0.0.1:0\"\nprotocol = \"tls\"\nclient_cert = \"required\"\n\
             cert = '{0}/server.crt'\nkey = '{0}/server.key'\nca = '{1}/ca-chain.crt'\ncrl = '{2}'\n",
            outside.join("pki").display(),
            out.display(),
            list.display()
        ),
    )
    .unwrap();
    let config = config.display().to_string();
    let broker = Broker::run(data, &["broker", "run", "--config", &config]);
    let way = |identity: &acceptance::Identity| Way::Tls(identity.clone());
    let peer = Peer::connect(Maker::Paho, &broker, &way(&pump), Version::V5, "pump-7");
    let stays = Peer::connect(Maker::MqttJs, &broker, &way(&valve), Version::V5, "valve-2");
    let refused = |identity: &acceptance::Identity| {
        let options = Options::new("refused", Version::V5);
        Peer::refused(Maker::Paho, &broker, &way(identity), options);
    };
    refused(&pump.showing(&stranger));
    broker.process.wait_for("of another authority");

    finish(mqttwb(outside).args(["cert", "revoke", "pump-7"])).success();
    export();
    fs::copy(out.join("ca.crl"), &list).unwrap();
    finish(mqttwb(broker.data()).args(["broker", "reload"])).success();
    peer.ended_by_the_broker();
    refused(&pump);
    broker.process.wait_for("is revoked");
    stays.disconnect();

    // A list that can't be used is told, and the one before holds.
    fs::write(&list, "half a li").unwrap();
    finish(mqttwb(broker.data()).args(["broker", "reload"])).success();
    refused(&pump);
    Peer::connect(Maker::Paho, &broker, &way(&valve), Version::V5, "valve-2").disconnect();
}
