//! MQTT 3.1.1: rumqttc's state and codec for it.

use std::collections::HashSet;

use bytes::BytesMut;
use mqttwb_model::QoS;
use mqttwb_wire::ReasonCode;
use rumqttc::mqttbytes::v4 as packets;
use rumqttc::{Event as Happened, MqttState, Packet, Request, SubscribeReasonCode};

use super::{Broken, Event, Machine, PublishError, WINDOW, broken, malformed};
use crate::error::{ConnectionError, words};
use crate::hello::{LARGEST_PACKET, Negotiated};
use crate::{Message, MessageProperties, Publication, Version, Wish};

pub(super) struct V311(MqttState);

impl V311 {
    pub(super) fn new() -> Self {
        Self(MqttState::new(WINDOW, false))
    }
}

impl Machine for V311 {
    fn version(&self) -> Version {
        Version::V311
    }

    /// Nothing that concerns it.
    fn agreed(&mut self, _: &Negotiated) {}

    fn resume(
        &mut self,
        received: &HashSet<u16>,
        out: &mut BytesMut,
    ) -> Result<Vec<u16>, ConnectionError> {
        let state = &mut self.0;
        let mut again = Vec::new();
        for mut request in state.clean() {
            if let Request::Publish(publish) = &mut request {
                publish.dup = true; // [MQTT3-3.3.1-1]
                again.push(publish.pkid);
            }
            let packet = state.handle_outgoing_packet(request);
            write(packet.map_err(broken)?, out)?;
        }
        for pkid in received {
            let mut known = packets::Publish::new("", rumqttc::QoS::ExactlyOnce, []);
            known.pkid = *pkid;
            state
                .handle_incoming_packet(Packet::Publish(known))
                .map_err(broken)?;
        }
        state.events.clear();
        Ok(again)
    }

    fn publish(
        &mut self,
        message: &Publication,
        id: u16,
        out: &mut BytesMut,
    ) -> Result<(), PublishError> {
        let state = &mut self.0;
        let mut publish = packets::Publish::from_bytes(
            message.topic.as_str(),
            wire_qos(message.qos),
            message.payload.clone(),
        );
        publish.retain = message.retain;
        publish.pkid = id;
        let packet = state.handle_outgoing_packet(Request::Publish(publish));
        state.events.clear();
        let packet = packet.map_err(|error| PublishError::Connection(broken(error)))?;
        write(packet, out).map_err(PublishError::Connection)
    }

    fn subscribe(&self, wish: &Wish, id: u16, out: &mut BytesMut) -> Result<(), ConnectionError> {
        let filter = wish.filter.as_str();
        let mut subscribe = packets::Subscribe::new(filter, wire_qos(wish.options.qos));
        subscribe.pkid = id;
        write(Some(Packet::Subscribe(subscribe)), out)
    }

    fn unsubscribe(
        &self,
        filter: &str,
        id: u16,
        out: &mut BytesMut,
    ) -> Result<(), ConnectionError> {
        let mut unsubscribe = packets::Unsubscribe::new(filter);
        unsubscribe.pkid = id;
        write(Some(Packet::Unsubscribe(unsubscribe)), out)
    }

    fn disconnect(&self, out: &mut BytesMut) -> Result<(), ConnectionError> {
        write(Some(Packet::Disconnect), out)
    }

    fn incoming(
        &mut self,
        mut frame: BytesMut,
        out: &mut BytesMut,
    ) -> Result<Option<Event>, Broken> {
        let state = &mut self.0;
        let packet = Packet::read(&mut frame, LARGEST_PACKET).map_err(malformed)?;
        let answer = state.handle_incoming_packet(packet).map_err(malformed)?;
        write(answer, out).map_err(malformed)?;
        let packet = state.events.drain(..).find_map(|event| match event {
            Happened::Incoming(packet) => Some(packet),
            Happened::Outgoing(_) => None,
        });
        Ok(match packet {
            Some(Packet::Publish(publish)) => Some(Event::Received(Message {
                topic: publish.topic,
                payload: publish.payload,
                qos: of_qos(publish.qos),
                retain: publish.retain,
                dup: publish.dup,
                properties: MessageProperties::default(),
            })),
            Some(
                Packet::PubAck(rumqttc::PubAck { pkid })
                | Packet::PubComp(rumqttc::PubComp { pkid }),
            ) => Some(Event::Acknowledged {
                id: pkid,
                reason: ReasonCode::SUCCESS,
            }),
            Some(Packet::SubAck(ack)) => Some(Event::Granted {
                id: ack.pkid,
                outcome: match ack.return_codes.first() {
                    Some(SubscribeReasonCode::Success(qos)) => Ok(of_qos(*qos)),
                    _ => Err(words("failure", ReasonCode(0x80), None)),
                },
            }),
            Some(Packet::UnsubAck(ack)) => Some(Event::Unsubscribed {
                id: ack.pkid,
                refused: None,
            }),
            _ => None,
        })
    }
}

fn write(packet: Option<Packet>, out: &mut BytesMut) -> Result<(), ConnectionError> {
    if let Some(packet) = packet {
        packet.write(out, LARGEST_PACKET).map_err(broken)?;
    }
    Ok(())
}

fn wire_qos(qos: QoS) -> rumqttc::QoS {
    match qos {
        QoS::AtMostOnce => rumqttc::QoS::AtMostOnce,
        QoS::AtLeastOnce => rumqttc::QoS::AtLeastOnce,
        QoS::ExactlyOnce => rumqttc::QoS::ExactlyOnce,
    }
}

fn of_qos(qos: rumqttc::QoS) -> QoS {
    match qos {
        rumqttc::QoS::AtMostOnce => QoS::AtMostOnce,
        rumqttc::QoS::AtLeastOnce => QoS::AtLeastOnce,
        rumqttc::QoS::ExactlyOnce => QoS::ExactlyOnce,
    }
}
