//! The keys of `broker.toml`: one table, from which the parser, the reference page and `mqttwb broker check` are made.
//!
//! A key that is added here is read, documented, shown and applied; nothing else is to be done but to act on it.

#[macro_use]
mod field;

use std::time::Duration;

use mqttwb_broker::SharedStrategy;
use mqttwb_broker::session::WhenFull;
use mqttwb_model::{CertificateIdentity, ClientCert, ListenerProtocol};
use mqttwb_store::Synchronous;

use super::{BrokerConfig, ListenerDraft};
use crate::access::Method;
pub(super) use field::{Applies, Field, Key, NEVER, Slot};
use field::{count, key, seconds, size, text, time, word, words};

/// How a listener may speak; in the order of the words.
const PROTOCOLS: [ListenerProtocol; 4] = [
    ListenerProtocol::Tcp,
    ListenerProtocol::Tls,
    ListenerProtocol::Ws,
    ListenerProtocol::Wss,
];

/// What a listener may want of its clients; in the order of the words.
const CLIENT_CERTS: [ClientCert; 3] =
    [ClientCert::Required, ClientCert::Optional, ClientCert::None];

/// What of a certificate may be its holder's name; in the order of the words.
const IDENTITIES: [CertificateIdentity; 3] = [
    CertificateIdentity::CommonName,
    CertificateIdentity::AlternativeName,
    CertificateIdentity::Fingerprint,
];

/// What may become of a message that is one too many; in the order of the words.
const WHEN_FULL: [WhenFull; 3] = [WhenFull::DropOldest, WhenFull::DropNewest, WhenFull::Refuse];

/// Which member of a shared subscription may be next; in the order of the words.
const SHARED: [SharedStrategy; 4] = [
    SharedStrategy::RoundRobin,
    SharedStrategy::Random,
    SharedStrategy::LeastInflight,
    SharedStrategy::Sticky,
];

/// What an acknowledged message may outlive; in the order of the words.
const SYNCHRONOUS: [Synchronous; 2] = [Synchronous::Normal, Synchronous::Full];

/// What may judge a password; in the order of the words.
const METHODS: [Method; 2] = [Method::Accounts, Method::Jwt];

/// The section of listeners.
pub(super) const LISTENERS: &str = "listeners";

/// What a table is for; empty where there is no such table.
pub(super) fn section_doc(section: &str) -> &'static str {
    match section {
        "mqtt" => "What the protocol leaves to the broker, and what it tells its clients of it.",
        "limits" => {
            "What clients may use up. Whoever goes beyond is refused or cut off, counted and shown."
        }
        "persistence" => "What outlives the broker.",
        "access" => "Who may come in.",
        "access.jwt" => {
            "JSON Web Tokens, as a password or by MQTT 5 enhanced authentication (method `OAUTH2-JWT`). \
             With one of `public_key`, `secret`, `jwks_file` and `jwks_url` they are taken."
        }
        "capture" => "The memory of packets, which Traffic and charts read.",
        LISTENERS => "Where clients connect. Only listeners that are written are opened.",
        _ => "",
    }
}

/// The keys of `[listeners.NAME]`.
pub(super) static LISTENER_KEYS: [Key<ListenerDraft>; 8] = [
    key(
        LISTENERS,
        "bind",
        Field::Address(written!(ListenerDraft, bind)),
        "Address and port to listen at. 127.0.0.1 and [::1] are reachable from this \
         computer alone; port 0 is any free one.",
    )
    .absent("must be written"),
    key(
        LISTENERS,
        "protocol",
        word(
            &["tcp", "tls", "ws", "wss"],
            written!(protocol among PROTOCOLS),
        ),
        "MQTT over plain TCP, over TLS, over WebSocket (path /mqtt), or over WebSocket in \
         TLS. Each speaks MQTT 3.1, 3.1.1 and 5.",
    )
    .absent("must be written"),
    key(
        LISTENERS,
        "client_cert",
        word(
            &["required", "optional", "none"],
            written!(client_cert among CLIENT_CERTS),
        ),
        "Whether a client must show a certificate. For tls and wss alone.",
    )
    .absent("`required` for tls and wss"),
    key(
        LISTENERS,
        "identity",
        word(
            &["cn", "san", "fingerprint"],
            written!(identity among IDENTITIES),
        ),
        "What of a client's certificate is its name, for rules and in what is shown: the common \
         name, the first subject alternative name (without its kind), or the SHA-256 of the \
         certificate, hexadecimal with colons. For tls and wss alone.",
    )
    .absent("`cn` for tls and wss"),
    key(
        LISTENERS,
        "cert",
        Field::File(written!(ListenerDraft, cert)),
        "PEM file of the listener's own certificate and what is between it and its \
         authority. Goes with `key`.",
    )
    .absent("the data folder's certificate"),
    key(
        LISTENERS,
        "key",
        Field::File(written!(ListenerDraft, key)),
        "PEM file of the private key of `cert`.",
    )
    .absent("the data folder's key"),
    key(
        LISTENERS,
        "ca",
        Field::File(written!(ListenerDraft, ca)),
        "PEM file of the authorities that client certificates are checked against.",
    )
    .absent("the data folder's authority"),
    key(
        LISTENERS,
        "crl",
        Field::File(written!(ListenerDraft, crl)),
        "Revocation lists of the authorities of `ca`: PEM, one after the other, or one in DER. It is \
         read again within a minute of a change, and by `mqttwb broker reload`. One that has \
         expired lets nobody of its authority in.",
    )
    .absent("the data folder's list; for authorities of `ca`, none"),
];

/// The keys of every other table, in the order in which they are shown.
pub(super) static KEYS: [Key<BrokerConfig>; 43] = [
    key(
        "mqtt",
        "maximum_packet_size",
        size(128, 268_435_460, number!(limits.maximum_packet_size)),
        "The largest packet that is taken of a client. A larger one is refused with 0x95 \
         when its length is read, and its connection ends. MQTT 5 clients are told in \
         CONNACK.",
    )
    .new_connections(),
    key(
        "mqtt",
        "receive_maximum",
        count("messages", 1, 65_535, number!(limits.receive_maximum)),
        "QoS 1 and 2 messages of one MQTT 5 client that may be unacknowledged, and QoS 2 \
         messages of any client that may wait for their PUBREL; one more is refused with \
         0x93, and its connection ends. MQTT 5 clients are told in CONNACK.",
    )
    .new_connections(),
    key(
        "mqtt",
        "topic_alias_maximum",
        count("aliases", 0, 65_535, number!(limits.topic_alias_maximum)),
        "Topic aliases that a client may use towards the broker; 0 for none. MQTT 5 \
         clients are told in CONNACK.",
    )
    .new_connections(),
    key(
        "mqtt",
        "topic_alias_maximum_out",
        count(
            "aliases",
            0,
            65_535,
            number!(limits.topic_alias_maximum_out),
        ),
        "Topic aliases that the broker uses towards an MQTT 5 client, at most as many as \
         the client allows; 0 for none.",
    )
    .new_connections(),
    key(
        "mqtt",
        "server_keep_alive",
        seconds(65_535, number!(limits.server_keep_alive)),
        "The keep-alive that every MQTT 5 client is given, whatever it asks for; 0 leaves \
         it to the client. MQTT 3 clients can't be told, so theirs stands.",
    )
    .new_connections(),
    key(
        "mqtt",
        "keep_alive_max",
        seconds(65_535, number!(limits.keep_alive_max)),
        "The longest keep-alive of an MQTT 5 client; 0 is no maximum. A longer one, and \
         none at all, becomes this, and CONNACK says so. MQTT 3 clients can't be told, so \
         theirs stands.",
    )
    .new_connections(),
    key(
        "mqtt",
        "session_expiry_max",
        seconds(NEVER, number!(limits.session_expiry_max)),
        "The longest that a session is kept for a client that is away. A longer session \
         expiry interval, and that of an MQTT 3 client that keeps its session, becomes \
         this; MQTT 5 clients are told in CONNACK.",
    )
    .new_connections(),
    key(
        "mqtt",
        "max_queued_messages",
        count("messages", 1, 100_000_000, number!(limits.queue.messages)),
        "Messages above QoS 0 that may wait for one session's client.",
    )
    .new_connections(),
    key(
        "mqtt",
        "max_queued_bytes",
        size(1_024, 1 << 40, number!(limits.queue.bytes)),
        "What the messages that wait for one session's client may take in memory.",
    )
    .new_connections(),
    key(
        "mqtt",
        "when_queue_full",
        word(
            &["drop-oldest", "drop-newest", "refuse"],
            among!(WHEN_FULL, limits.queue.when_full),
        ),
        "What becomes of a message for a session whose queue is full: what waits longest \
         makes room for it, it is dropped itself, or it is refused and its publisher told \
         0x97 where its version and QoS can say it. What is dropped is counted.",
    ),
    key(
        "mqtt",
        "shared_strategy",
        word(
            &["round-robin", "random", "least-inflight", "sticky"],
            among!(SHARED, shared_strategy),
        ),
        "Which member of a shared subscription gets a message: each in turn, any, the one \
         with the fewest messages before it, or the same one for all messages of a \
         publisher's connection. Members that are connected come before those that are \
         away.",
    ),
    key(
        "mqtt",
        "sys_interval",
        time(
            Duration::ZERO,
            Duration::from_secs(86_400),
            value!(sys_interval),
        ),
        "How often the broker publishes its counters under $SYS/broker/, by the names that \
         mosquitto has. 0 is never.",
    ),
    key(
        "mqtt",
        "payload_format_check",
        Field::Flag(value!(limits.payload_format_check)),
        "Whether a payload that calls itself text (payload format indicator 1) must be \
         UTF-8. What is not is refused with 0x99.",
    )
    .new_connections(),
    key(
        "mqtt",
        "response_information",
        text(
            "the beginning of a topic",
            written!(BrokerConfig, response_prefix),
        ),
        "What an MQTT 5 client that asks for response information is told to begin its \
         response topics with: this, a slash and its client identifier.",
    )
    .absent("nothing is told"),
    key(
        "limits",
        "connections",
        count("connections", 1, 1_000_000, number!(limits.connections)),
        "Connections in all, those in a handshake included. One more is closed before it \
         is read from.",
    )
    .new_connections(),
    key(
        "limits",
        "connections_per_address",
        count(
            "connections",
            1,
            1_000_000,
            number!(limits.connections_per_address),
        ),
        "Connections from one IP address. One more is closed before it is read from.",
    )
    .new_connections(),
    key(
        "limits",
        "connection_rate",
        count(
            "connections a second",
            0,
            1_000_000,
            number!(limits.connection_rate),
        ),
        "New connections from one IP address; ten seconds' worth may come at once. 0 is \
         no limit. One more is closed before it is read from.",
    )
    .new_connections(),
    key(
        "limits",
        "connect_timeout",
        time(
            Duration::from_millis(100),
            Duration::from_secs(3_600),
            value!(limits.connect_timeout),
        ),
        "How long a connection may take from its first byte to a whole CONNECT, \
         handshakes of TLS and WebSocket included. One that takes longer is closed.",
    )
    .new_connections(),
    key(
        "limits",
        "sessions",
        count("sessions", 1, 10_000_000, number!(limits.sessions)),
        "Sessions in all, connected or not. One more is refused with 0x97 in CONNACK \
         (return code 3 before MQTT 5).",
    )
    .now(),
    key(
        "limits",
        "message_rate",
        count(
            "messages a second",
            0,
            10_000_000,
            number!(limits.message_rate),
        ),
        "Messages that a client may publish; a second's worth may come at once. 0 is no \
         limit. Who is faster is read from more slowly: nothing is lost.",
    )
    .new_connections(),
    key(
        "limits",
        "byte_rate",
        size(0, 1 << 40, number!(limits.byte_rate)),
        "Bytes a second that a client may send; a second's worth may come at once. 0 is \
         no limit. Who is faster is read from more slowly.",
    )
    .new_connections(),
    key(
        "limits",
        "topic_levels",
        count("levels", 1, 200, number!(limits.topic_levels)),
        "Levels of a topic name or topic filter. A PUBLISH or will with more is refused \
         with 0x90, a filter with 0x8F (0x80 before MQTT 5).",
    )
    .new_connections(),
    key(
        "limits",
        "topic_length",
        size(1, 65_535, number!(limits.topic_length)),
        "Bytes of a topic name or topic filter. What is longer is refused like what has \
         too many levels.",
    )
    .new_connections(),
    key(
        "limits",
        "subscriptions_per_client",
        count(
            "subscriptions",
            1,
            10_000_000,
            number!(limits.subscriptions_per_client),
        ),
        "Subscriptions of one client. One more is refused with 0x97 in SUBACK (0x80 \
         before MQTT 5).",
    )
    .now(),
    key(
        "limits",
        "retained_messages",
        count(
            "messages",
            0,
            100_000_000,
            number!(limits.retained_messages),
        ),
        "Retained messages. One more topic is refused with 0x97 where its version and QoS \
         can say it; otherwise the message goes to its subscribers and is not retained.",
    )
    .now(),
    key(
        "limits",
        "retained_bytes",
        size(0, 1 << 40, number!(limits.retained_bytes)),
        "What retained messages may take in memory, each with its topic, its properties \
         and 48 bytes. What is past it is refused like one message too many.",
    )
    .now(),
    key(
        "persistence",
        "enabled",
        Field::Flag(value!(persistence.enabled)),
        "Whether persistent sessions, what waits for them, and retained messages outlive \
         the broker. Otherwise they end with it.",
    ),
    key(
        "persistence",
        "path",
        Field::File(Slot {
            get: |c: &BrokerConfig| c.persistence.path.clone(),
            set: |c, path| c.persistence.path = Some(path),
        }),
        "The file that they are kept in. Beside it are its write-ahead log (-wal) and its \
         lock (.lock).",
    )
    .absent("`broker.db` in the data folder"),
    key(
        "persistence",
        "synchronous",
        word(
            &["normal", "full"],
            among!(SYNCHRONOUS, persistence.synchronous),
        ),
        "What an acknowledged message outlives: `normal` the end of the broker, however it \
         comes; `full` a power failure too, but then every acknowledgement waits for the \
         disk, some milliseconds.",
    ),
    key(
        "access",
        "anonymous",
        Field::Flag(value!(access.anonymous)),
        "Whether clients may come in that prove nothing: without a user name and without \
         a certificate. Otherwise they are refused with 0x87 in CONNACK (return code 5 \
         before MQTT 5).",
    ),
    key(
        "access",
        "allow_open",
        Field::Flag(value!(allow_open)),
        "Whether the broker may be started with a listener that others on the network reach and \
         that lets in clients that prove nothing. Otherwise it is not started, and says which \
         listener that is. With it the listener stays a serious finding.",
    ),
    key(
        "access",
        "methods",
        words(
            &["accounts", "jwt"],
            Slot {
                get: |c: &BrokerConfig| {
                    let place = |method| METHODS.iter().position(|m| *m == method);
                    Some(c.methods.iter().copied().filter_map(place).collect())
                },
                set: |c, places| {
                    let method = |place: usize| METHODS.get(place).copied();
                    c.methods = places.into_iter().filter_map(method).collect();
                },
            },
        ),
        "What may judge a user name and a password, in the order in which each is asked: \
         the first that knows the proof decides. `accounts` know their own user names; \
         `jwt` knows whatever has the form of a token. What is not listed is not asked.",
    ),
    key(
        "access.jwt",
        "public_key",
        Field::File(maybe!(tokens.public_key)),
        "PEM file of the issuer's public key: RSA for RS256, P-256 for ES256, Ed25519 for \
         EdDSA.",
    )
    .absent("not used"),
    key(
        "access.jwt",
        "secret",
        Field::File(maybe!(tokens.secret)),
        "File that holds the secret of HS256, of 32 bytes or more. The end of its last line \
         does not belong to it.",
    )
    .absent("not used"),
    key(
        "access.jwt",
        "jwks_file",
        Field::File(maybe!(tokens.jwks_file)),
        "File with a JSON Web Key Set. It is read again when a token names a key that is \
         not in it.",
    )
    .absent("not used"),
    key(
        "access.jwt",
        "jwks_url",
        text("an https address", maybe!(tokens.jwks_url)),
        "Where the issuer's JSON Web Key Set is fetched: https, or http on this computer. It \
         is fetched at the start, every ten minutes while it is needed, and when a token \
         names a key that is not in it, at most once in 30 s. At most 256 KiB are taken \
         within 5 s; where that fails, the keys that were fetched before stay.",
    )
    .absent("not used"),
    key(
        "access.jwt",
        "issuer",
        text("an issuer", maybe!(tokens.expected.issuer)),
        "What a token's `iss` must be.",
    )
    .absent("any"),
    key(
        "access.jwt",
        "audience",
        text("an audience", maybe!(tokens.expected.audience)),
        "What a token's `aud` must be, or hold.",
    )
    .absent("a token with `aud` is refused"),
    key(
        "access.jwt",
        "leeway",
        time(
            Duration::ZERO,
            Duration::from_secs(600),
            value!(tokens.expected.leeway),
        ),
        "How far the issuer's clock and this one may differ. A token without `exp` is refused; \
         a session ends when its token does.",
    ),
    key(
        "access.jwt",
        "user_claim",
        text("the name of a claim", value!(tokens.expected.user_claim)),
        "The claim that is the user name. What CONNECT says as user name is not looked at.",
    ),
    key(
        "access.jwt",
        "client_id_claim",
        text(
            "the name of a claim",
            maybe!(tokens.expected.client_id_claim),
        ),
        "The claim that must be the client identifier.",
    )
    .absent("any client identifier"),
    key(
        "access.jwt",
        "groups_claim",
        text("the name of a claim", value!(tokens.expected.groups_claim)),
        "The claim that is a group, or a list of them.",
    ),
    key(
        "capture",
        "memory",
        size(64 << 10, 1 << 40, number!(capture_memory)),
        "What captured packets may take in memory. The oldest go first, and are counted.",
    )
    .now(),
];

/// Keys that are to come, and what is said of them until they do: a promise that nobody keeps is an error.
pub(super) const TO_COME: [(&str, &str); 1] = [(
    "access.rules",
    "access rules are in acl.toml in the data folder, not in this file",
)];

#[cfg(test)]
mod tests;
