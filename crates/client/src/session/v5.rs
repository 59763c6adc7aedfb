//! MQTT 5: rumqttc's state and codec for it, and the topic aliases of both directions.

use std::collections::{HashMap, HashSet};

use bytes::{Bytes, BytesMut};
use mqttwb_model::{QoS, TopicName};
use mqttwb_wire::{ReasonCode, RetainHandling};
use rumqttc::v5::mqttbytes;
use rumqttc::v5::mqttbytes::v5::{self as packets, Packet};
use rumqttc::v5::{Event as Happened, MqttState, Request};

use super::reason::{puback_reason, pubrec_reason, suback_outcome, unsuback_reason};
use super::{Broken, Event, Machine, PublishError, WINDOW, broken, malformed};
use crate::error::{ConnectionError, RequestError, words};
use crate::hello::Negotiated;
use crate::{Message, MessageProperties, Publication, Version, Wish};

pub(super) struct V5 {
    state: MqttState,
    alias_maximum: u16,
    aliases_in: HashMap<u16, Bytes>,
    aliases_out: HashMap<u16, TopicName>,
}

impl V5 {
    pub(super) fn new() -> Self {
        Self {
            state: MqttState::new(WINDOW, false),
            alias_maximum: 0,
            aliases_in: HashMap::new(),
            aliases_out: HashMap::new(),
        }
    }

    /// The topic, or nothing where an alias that the broker knows already stands for it.
    fn topic(&mut self, message: &Publication) -> Result<Bytes, RequestError> {
        let whole = || Bytes::copy_from_slice(message.topic.as_str().as_bytes());
        let Some(alias) = message.properties.topic_alias else {
            return Ok(whole());
        };
        let maximum = self.alias_maximum;
        if alias == 0 || alias > maximum {
            return Err(RequestError::Alias { alias, maximum });
        }
        if self.aliases_out.get(&alias) == Some(&message.topic) {
            return Ok(Bytes::new());
        }
        self.aliases_out.insert(alias, message.topic.clone());
        Ok(whole())
    }

    /// Puts the topic in that an alias stands for `[MQTT-3.3.2-8]`, or remembers what one stands for from now on.
    fn look_up(&mut self, publish: &mut packets::Publish) -> Result<(), Broken> {
        let properties = publish.properties.as_ref();
        let Some(alias) = properties.and_then(|told| told.topic_alias) else {
            return Ok(());
        };
        if publish.topic.is_empty() {
            // Section 4.13.1.
            let known = self.aliases_in.get(&alias).cloned();
            publish.topic = known.ok_or_else(|| {
                malformed(format_args!(
                    "the topic alias {alias}, which stands for nothing"
                ))
            })?;
        } else {
            self.aliases_in.insert(alias, publish.topic.clone());
        }
        Ok(())
    }
}

impl Machine for V5 {
    fn version(&self) -> Version {
        Version::V5
    }

    fn agreed(&mut self, negotiated: &Negotiated) {
        self.alias_maximum = negotiated.topic_alias_maximum;
    }

    fn resume(
        &mut self,
        received: &HashSet<u16>,
        out: &mut BytesMut,
    ) -> Result<Vec<u16>, ConnectionError> {
        self.aliases_in.clear();
        self.aliases_out.clear();
        let state = &mut self.state;
        let mut again = Vec::new();
        for mut request in state.clean() {
            if let Request::Publish(publish) = &mut request {
                publish.dup = true; // [MQTT-3.3.1-1]
                again.push(publish.pkid);
            }
            let packet = state.handle_outgoing_packet(request);
            write(packet.map_err(broken)?, out)?;
        }
        for pkid in received {
            let mut known = packets::Publish::new("", mqttbytes::QoS::ExactlyOnce, "", None);
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
        let topic = self.topic(message).map_err(PublishError::Request)?;
        let state = &mut self.state;
        let mut publish = packets::Publish::new(
            message.topic.as_str(),
            wire_qos(message.qos),
            message.payload.clone(),
            (!message.properties.is_empty()).then(|| wire_properties(&message.properties)),
        );
        publish.retain = message.retain;
        publish.pkid = id;
        // It checks the alias against what it has not been told; that was done above.
        state.broker_topic_alias_max = self.alias_maximum;
        let packet = state.handle_outgoing_packet(Request::Publish(publish));
        state.events.clear();
        let mut packet = packet.map_err(|error| PublishError::Connection(broken(error)))?;
        // What is sent again on another connection must name its topic, so the session keeps the whole one.
        if let Some(Packet::Publish(publish)) = &mut packet {
            publish.topic = topic;
        }
        write(packet, out).map_err(PublishError::Connection)
    }

    fn subscribe(&self, wish: &Wish, id: u16, out: &mut BytesMut) -> Result<(), ConnectionError> {
        let filter = wish.filter.as_str();
        let mut wanted = packets::Filter::new(filter, wire_qos(wish.options.qos));
        wanted.nolocal = wish.options.no_local;
        wanted.preserve_retain = wish.options.retain_as_published;
        wanted.retain_forward_rule = match wish.options.retain_handling {
            RetainHandling::OnSubscribe => packets::RetainForwardRule::OnEverySubscribe,
            RetainHandling::IfNew => packets::RetainForwardRule::OnNewSubscribe,
            RetainHandling::Never => packets::RetainForwardRule::Never,
        };
        let properties = (wish.id.is_some() || !wish.user_properties.is_empty()).then(|| {
            packets::SubscribeProperties {
                // At most 268,435,455.
                id: wish.id.map(|id| id as usize),
                user_properties: wish.user_properties.clone(),
            }
        });
        let mut subscribe = packets::Subscribe::new(wanted, properties);
        subscribe.pkid = id;
        write(Some(Packet::Subscribe(subscribe)), out)
    }

    fn unsubscribe(
        &self,
        filter: &str,
        id: u16,
        out: &mut BytesMut,
    ) -> Result<(), ConnectionError> {
        let mut unsubscribe = packets::Unsubscribe::new(filter, None);
        unsubscribe.pkid = id;
        write(Some(Packet::Unsubscribe(unsubscribe)), out)
    }

    fn disconnect(&self, out: &mut BytesMut) -> Result<(), ConnectionError> {
        let reason = packets::DisconnectReasonCode::NormalDisconnection;
        let packet = Packet::Disconnect(packets::Disconnect::new(reason));
        write(Some(packet), out)
    }

    fn incoming(
        &mut self,
        mut frame: BytesMut,
        out: &mut BytesMut,
    ) -> Result<Option<Event>, Broken> {
        let mut packet = Packet::read(&mut frame, None).map_err(malformed)?;
        if let Packet::Publish(publish) = &mut packet {
            self.look_up(publish)?;
        }
        let state = &mut self.state;
        let answer = state.handle_incoming_packet(packet).map_err(malformed)?;
        write(answer, out).map_err(malformed)?;
        let packet = state.events.drain(..).find_map(|event| match event {
            Happened::Incoming(packet) => Some(packet),
            Happened::Outgoing(_) => None,
        });
        Ok(match packet {
            Some(Packet::Publish(publish)) => Some(Event::Received(Message {
                topic: String::from_utf8_lossy(&publish.topic).into_owned(),
                payload: publish.payload,
                qos: of_qos(publish.qos),
                retain: publish.retain,
                dup: publish.dup,
                properties: publish.properties.map(of_properties).unwrap_or_default(),
            })),
            Some(Packet::PubAck(ack)) => Some(Event::Acknowledged {
                id: ack.pkid,
                reason: puback_reason(ack.reason),
            }),
            Some(Packet::PubRec(ack)) => match pubrec_reason(ack.reason) {
                reason if reason.is_error() => Some(Event::Acknowledged {
                    id: ack.pkid,
                    reason,
                }),
                _ => None,
            },
            Some(Packet::PubComp(ack)) => Some(Event::Acknowledged {
                id: ack.pkid,
                reason: match ack.reason {
                    packets::PubCompReason::Success => ReasonCode::SUCCESS,
                    packets::PubCompReason::PacketIdentifierNotFound => {
                        ReasonCode::PACKET_IDENTIFIER_NOT_FOUND
                    }
                },
            }),
            Some(Packet::SubAck(ack)) => {
                let said = ack.properties.and_then(|told| told.reason_string);
                Some(Event::Granted {
                    id: ack.pkid,
                    outcome: match ack.return_codes.first() {
                        Some(code) => suback_outcome(*code, said.as_deref()),
                        None => Err("the SUBACK is empty".into()),
                    },
                })
            }
            Some(Packet::UnsubAck(ack)) => Some(Event::Unsubscribed {
                id: ack.pkid,
                refused: ack
                    .reasons
                    .first()
                    .map(unsuback_reason)
                    .filter(|reason| reason.is_error())
                    .map(|reason| words(reason.text(), reason, None)),
            }),
            _ => None,
        })
    }
}

fn write(packet: Option<Packet>, out: &mut BytesMut) -> Result<(), ConnectionError> {
    if let Some(packet) = packet {
        packet.write(out, None).map_err(broken)?;
    }
    Ok(())
}

fn wire_properties(properties: &MessageProperties) -> packets::PublishProperties {
    packets::PublishProperties {
        payload_format_indicator: properties.payload_is_text.map(u8::from),
        message_expiry_interval: properties.expiry,
        topic_alias: properties.topic_alias,
        response_topic: properties.response_topic.clone(),
        correlation_data: properties.correlation_data.clone(),
        user_properties: properties.user.clone(),
        // [MQTT-3.3.4-6]: a client sends none.
        subscription_identifiers: Vec::new(),
        content_type: properties.content_type.clone(),
    }
}

fn of_properties(properties: packets::PublishProperties) -> MessageProperties {
    MessageProperties {
        payload_is_text: properties.payload_format_indicator.map(|n| n == 1),
        expiry: properties.message_expiry_interval,
        content_type: properties.content_type,
        response_topic: properties.response_topic,
        correlation_data: properties.correlation_data,
        topic_alias: properties.topic_alias,
        // At most 268,435,455.
        subscription_ids: properties
            .subscription_identifiers
            .into_iter()
            .map(|id| id as u32)
            .collect(),
        user: properties.user_properties,
    }
}

fn wire_qos(qos: QoS) -> mqttbytes::QoS {
    match qos {
        QoS::AtMostOnce => mqttbytes::QoS::AtMostOnce,
        QoS::AtLeastOnce => mqttbytes::QoS::AtLeastOnce,
        QoS::ExactlyOnce => mqttbytes::QoS::ExactlyOnce,
    }
}

pub(super) fn of_qos(qos: mqttbytes::QoS) -> QoS {
    match qos {
        mqttbytes::QoS::AtMostOnce => QoS::AtMostOnce,
        mqttbytes::QoS::AtLeastOnce => QoS::AtLeastOnce,
        mqttbytes::QoS::ExactlyOnce => QoS::ExactlyOnce,
    }
}
