use std::fmt;

use mqttwb_model::{PacketType, ProtocolVersion};

/// A reason code (MQTT 5, section 2.4). In a SUBACK of 3.1.1 only 0, 1, 2 and 0x80 occur.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct ReasonCode(pub u8);

macro_rules! reasons {
    ($($name:ident = $code:literal, $text:literal;)*) => {
        #[allow(missing_docs)] // the names are the standard's
        impl ReasonCode {
            $(pub const $name: Self = Self($code);)*

            /// The standard's words for it, in lower case.
            pub fn text(self) -> &'static str {
                match self.0 {
                    0x00 => "success",
                    $($code => $text,)*
                    _ => "unknown reason code",
                }
            }
        }
    };
}

impl ReasonCode {
    /// Success, normal disconnection, or granted QoS 0.
    pub const SUCCESS: Self = Self(0);
}

reasons! {
    GRANTED_QOS_1 = 0x01, "granted QoS 1";
    GRANTED_QOS_2 = 0x02, "granted QoS 2";
    DISCONNECT_WITH_WILL = 0x04, "disconnect with will message";
    NO_MATCHING_SUBSCRIBERS = 0x10, "no matching subscribers";
    NO_SUBSCRIPTION_EXISTED = 0x11, "no subscription existed";
    CONTINUE_AUTHENTICATION = 0x18, "continue authentication";
    RE_AUTHENTICATE = 0x19, "re-authenticate";
    UNSPECIFIED_ERROR = 0x80, "unspecified error";
    MALFORMED_PACKET = 0x81, "malformed packet";
    PROTOCOL_ERROR = 0x82, "protocol error";
    IMPLEMENTATION_SPECIFIC = 0x83, "implementation specific error";
    UNSUPPORTED_PROTOCOL_VERSION = 0x84, "unsupported protocol version";
    CLIENT_IDENTIFIER_NOT_VALID = 0x85, "client identifier not valid";
    BAD_USER_NAME_OR_PASSWORD = 0x86, "bad user name or password";
    NOT_AUTHORIZED = 0x87, "not authorized";
    SERVER_UNAVAILABLE = 0x88, "server unavailable";
    SERVER_BUSY = 0x89, "server busy";
    BANNED = 0x8a, "banned";
    SERVER_SHUTTING_DOWN = 0x8b, "server shutting down";
    BAD_AUTHENTICATION_METHOD = 0x8c, "bad authentication method";
    KEEP_ALIVE_TIMEOUT = 0x8d, "keep alive timeout";
    SESSION_TAKEN_OVER = 0x8e, "session taken over";
    TOPIC_FILTER_INVALID = 0x8f, "topic filter invalid";
    TOPIC_NAME_INVALID = 0x90, "topic name invalid";
    PACKET_IDENTIFIER_IN_USE = 0x91, "packet identifier in use";
    PACKET_IDENTIFIER_NOT_FOUND = 0x92, "packet identifier not found";
    RECEIVE_MAXIMUM_EXCEEDED = 0x93, "receive maximum exceeded";
    TOPIC_ALIAS_INVALID = 0x94, "topic alias invalid";
    PACKET_TOO_LARGE = 0x95, "packet too large";
    MESSAGE_RATE_TOO_HIGH = 0x96, "message rate too high";
    QUOTA_EXCEEDED = 0x97, "quota exceeded";
    ADMINISTRATIVE_ACTION = 0x98, "administrative action";
    PAYLOAD_FORMAT_INVALID = 0x99, "payload format invalid";
    RETAIN_NOT_SUPPORTED = 0x9a, "retain not supported";
    QOS_NOT_SUPPORTED = 0x9b, "QoS not supported";
    USE_ANOTHER_SERVER = 0x9c, "use another server";
    SERVER_MOVED = 0x9d, "server moved";
    SHARED_SUBSCRIPTIONS_NOT_SUPPORTED = 0x9e, "shared subscriptions not supported";
    CONNECTION_RATE_EXCEEDED = 0x9f, "connection rate exceeded";
    MAXIMUM_CONNECT_TIME = 0xa0, "maximum connect time";
    SUBSCRIPTION_IDENTIFIERS_NOT_SUPPORTED = 0xa1, "subscription identifiers not supported";
    WILDCARD_SUBSCRIPTIONS_NOT_SUPPORTED = 0xa2, "wildcard subscriptions not supported";
}

impl ReasonCode {
    /// Whether it is an error: 0x80 and above.
    pub fn is_error(self) -> bool {
        self.0 >= 0x80
    }

    /// The words for it in a packet of this type, where 0 to 2 mean something else in some.
    pub fn text_in(self, packet: PacketType) -> &'static str {
        match (packet, self.0) {
            (PacketType::SubAck, 0) => "granted QoS 0",
            (PacketType::Disconnect, 0) => "normal disconnection",
            _ => self.text(),
        }
    }

    /// The words for a CONNACK return code of MQTT 3.1 and 3.1.1 (section 3.2.2.3).
    pub fn v3_connack_text(code: u8) -> &'static str {
        match code {
            0 => "accepted",
            1 => "unacceptable protocol version",
            2 => "identifier rejected",
            3 => "server unavailable",
            4 => "bad user name or password",
            5 => "not authorized",
            _ => "unknown return code",
        }
    }

    /// A code of a packet that is not success, as a number and in the words of its version.
    pub fn told(self, packet: PacketType, version: ProtocolVersion) -> Option<String> {
        let text = match (packet, version) {
            _ if self == Self::SUCCESS => return None,
            (PacketType::ConnAck, ProtocolVersion::V31 | ProtocolVersion::V311) => {
                Self::v3_connack_text(self.0)
            }
            _ => self.text_in(packet),
        };
        Some(format!("{:#04x} {text}", self.0))
    }

    /// The CONNACK return code that says the nearest thing in MQTT 3.1 and 3.1.1; `None` where nothing fits and the
    /// connection is closed without a word.
    pub fn as_v3_connack(self) -> Option<u8> {
        match self {
            Self::SUCCESS => Some(0),
            Self::UNSUPPORTED_PROTOCOL_VERSION => Some(1),
            Self::CLIENT_IDENTIFIER_NOT_VALID => Some(2),
            Self::SERVER_UNAVAILABLE
            | Self::SERVER_BUSY
            | Self::SERVER_SHUTTING_DOWN
            | Self::QUOTA_EXCEEDED
            | Self::CONNECTION_RATE_EXCEEDED => Some(3),
            Self::BAD_USER_NAME_OR_PASSWORD => Some(4),
            Self::NOT_AUTHORIZED | Self::BANNED | Self::BAD_AUTHENTICATION_METHOD => Some(5),
            _ => None,
        }
    }
}

impl fmt::Display for ReasonCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#04x} {}", self.0, self.text())
    }
}
