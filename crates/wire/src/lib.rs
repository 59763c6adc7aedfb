//! MQTT 3.1, 3.1.1 and 5 on the wire.
//!
//! Duty: find frames in a stream, decode them without copying, encode packets, and take a packet apart for a person
//! to read ([`dissect`]). Not here: what a packet means for a session.
//! Invariant: what [`decode`] returns obeys every rule that can be checked on one packet alone; what [`encode`]
//! writes, [`decode`] reads back as the same.
//!
//! Why a codec of our own: a workbench must say which bytes are which field, must name the rule that a malformed
//! packet breaks, and must hand user properties on byte for byte. The tests compare it with `rmqtt-codec`.

mod decode;
mod dissect;
mod encode;
mod error;
mod frame;
mod packet;
mod peek;
mod property;
mod read;
mod reason;

pub use decode::decode;
pub use dissect::{Dissection, Field, Role, dissect};
pub use encode::{PublishHead, encode, encode_publish, publish_size};
pub use error::WireError;
pub use frame::{MAX_REMAINING_LENGTH, frame_len, var_int_len, write_var_int};
pub use packet::{
    Ack, Auth, ConnAck, Connect, Disconnect, Packet, Publish, RetainHandling, SubAck, Subscribe,
    SubscriptionOptions, UnsubAck, Unsubscribe, Will,
};
pub use peek::{Peek, peek, protocol_of_connect, secret_spans, summary};
pub use property::{Properties, Property, PropertyId};
pub use reason::ReasonCode;
