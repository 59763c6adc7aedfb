//! Listeners of other brokers that let in holders of this authority's certificates.

use super::{Made, Part};

pub(super) fn mosquitto(mut parts: Vec<Part>, port: u16) -> Made {
    let config = format!(
        "# A listener that lets in holders of a certificate of this authority, unless it is revoked.
# Paths are as seen from where mosquitto is started; write whole ones for a service.
listener {port}
cafile ca.crt
certfile server.crt
keyfile server.key
require_certificate true
# Sign it again (mqttwb cert crl --out …) before it ends: mosquitto lets nobody in by one that has expired.
crlfile ca.crl
# The common name of the certificate becomes the user name.
use_identity_as_username true
allow_anonymous false
"
    );
    parts.push(Part::open("mosquitto.conf", config));
    Made {
        parts,
        command: Some("mosquitto -v -c mosquitto.conf".into()),
        untried: None,
    }
}

pub(super) fn emqx(mut parts: Vec<Part>, port: u16) -> Made {
    let config = format!(
        "# EMQX 5: add this to emqx.conf, and put the files beside it.
listeners.ssl.workbench {{
  bind = \"0.0.0.0:{port}\"
  ssl_options {{
    cacertfile = \"etc/certs/ca.crt\"
    certfile = \"etc/certs/server.crt\"
    keyfile = \"etc/certs/server.key\"
    verify = verify_peer
    fail_if_no_peer_cert = true
  }}
}}
# The common name of the certificate becomes the user name.
mqtt.peer_cert_as_username = cn
# EMQX fetches revocation lists by the address that is in a certificate, and these have none: a device that is revoked
# must be banned there too.
"
    );
    parts.push(Part::open("emqx.conf", config));
    Made {
        parts,
        command: None,
        untried: Some("The configuration was not run with EMQX."),
    }
}

pub(super) fn rmqtt(mut parts: Vec<Part>, port: u16) -> Made {
    let config = format!(
        "# RMQTT: add this to rmqtt.toml, and put the files beside it.
[listener.tls.workbench]
addr = \"0.0.0.0:{port}\"
cert = \"./etc/server.crt\"
key = \"./etc/server.key\"
# The authority that clients are verified by; RMQTT reads no revocation list.
client_ca_certs = \"./etc/ca.crt\"
cross_certificate = true
"
    );
    parts.push(Part::open("rmqtt.toml", config));
    Made {
        parts,
        command: None,
        untried: Some("The configuration was not run with RMQTT."),
    }
}
