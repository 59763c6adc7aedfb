//! From what a form holds to what the client engine takes.

use std::path::PathBuf;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use mqttwb_client::{
    Authentication, Login, MessageProperties, Options, OptionsError, Publication, Reconnect,
    RetainHandling, SubscriptionOptions, Version, Will, Wish,
};
use mqttwb_model::{ProtocolVersion, QoS, TopicFilter, TopicName};

use super::template::{Filling, Template};
use super::vault::{Secrets, Use};
use crate::api::{
    self, ApiError, ClientConfig, ErrorCode, NameAndValue, PayloadEncoding, PublishRequest,
    SubscribeRequest,
};
use crate::words::sentence;
use crate::{Result, files};

/// A file that is published is no larger.
const LARGEST_FILE: u64 = 256 * 1024 * 1024;

pub(super) fn invalid(message: impl std::fmt::Display) -> ApiError {
    ApiError::new(ErrorCode::InvalidInput, sentence(message))
}

/// What the engine takes of a form.
pub(super) fn options(config: &ClientConfig, secrets: &Secrets) -> Result<Options> {
    if config.client_id.is_empty() && config.name.is_empty() {
        return Err(invalid("a test client needs a name or a client identifier")
            .hint("One of them is its name in the list of clients."));
    }
    let version = version(config.version)?;
    let v5 = version == Version::V5;
    let secret = |of: Use| secrets.get(&of).map(|text| text.to_string());
    let will = config.will.as_ref().map(|will| -> Result<Will> {
        Ok(Will {
            topic: topic(&will.topic)?,
            payload: will.payload.clone().into(),
            qos: qos(will.qos)?,
            retain: will.retain,
            delay: will.delay,
            properties: properties(&will.properties)?,
        })
    });
    let password = secret(Use::Password).unwrap_or_default();
    let login = (!config.user.is_empty() || !password.is_empty()).then(|| Login {
        user: config.user.clone(),
        password,
    });
    let told = &config.properties;
    let authentication = (v5 && !told.authentication_method.is_empty()).then(|| {
        let data = secret(Use::Authentication).unwrap_or_default();
        let mut lines = data.lines().map(|line| Bytes::from(line.to_owned()));
        Authentication {
            method: told.authentication_method.clone(),
            data: lines.next(),
            answers: lines.collect(),
        }
    });
    let mut subscriptions = Vec::with_capacity(config.subscriptions.len());
    for subscription in &config.subscriptions {
        subscriptions.push(wish(subscription)?);
    }
    let options = Options {
        version,
        keep_alive: config.keep_alive,
        clean_start: config.clean_start,
        session_expiry: config.session_expiry,
        receive_maximum: told.receive_maximum,
        maximum_packet_size: told.maximum_packet_size,
        topic_alias_maximum: told.topic_alias_maximum,
        request_response_information: told.request_response_information,
        request_problem_information: told.request_problem_information,
        user_properties: pairs(&told.user_properties),
        authentication,
        will: will.transpose()?,
        login,
        connect_within: Duration::from_secs(config.connect_timeout.max(1).into()),
        reconnect: config.reconnect.as_ref().map(|reconnect| Reconnect {
            first: Duration::from_secs(reconnect.first.max(1).into()),
            longest: Duration::from_secs(reconnect.longest.max(reconnect.first).max(1).into()),
        }),
        subscriptions,
        show_own_end: config.show_own_end,
        ..Options::new(config.client_id.clone())
    };
    Ok(options)
}

pub(crate) fn version(version: api::Version) -> Result<Version> {
    let version = match version {
        api::Version::V31 => ProtocolVersion::V31,
        api::Version::V311 => ProtocolVersion::V311,
        api::Version::V5 => ProtocolVersion::V5,
    };
    version
        .try_into()
        .map_err(|error: OptionsError| invalid(error))
}

pub(super) fn pairs(pairs: &[NameAndValue]) -> Vec<(String, String)> {
    let named = pairs.iter().filter(|pair| !pair.name.is_empty());
    named
        .map(|pair| (pair.name.clone(), pair.value.clone()))
        .collect()
}

/// The properties of a message.
pub(super) fn properties(told: &api::MessageProperties) -> Result<MessageProperties> {
    // An empty field of a form is one that was left out.
    let text = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    let response_topic = text(&told.response_topic);
    if let Some(name) = &response_topic {
        topic(name).map_err(|error| {
            ApiError::new(error.code, format!("Response topic: {}", error.message))
        })?;
    }
    Ok(MessageProperties {
        payload_is_text: told.payload_is_text,
        expiry: told.expiry,
        content_type: text(&told.content_type),
        response_topic,
        correlation_data: match text(&told.correlation_data) {
            Some(data) => Some(correlation_data(&data)?),
            None => None,
        },
        topic_alias: told.topic_alias.filter(|alias| *alias > 0),
        subscription_ids: Vec::new(),
        user: pairs(&told.user),
    })
}

/// Text, or hexadecimal after `0x`.
fn correlation_data(text: &str) -> Result<Bytes> {
    match text.strip_prefix("0x") {
        Some(digits) => hexadecimal(digits, "the correlation data"),
        None => Ok(text.to_owned().into()),
    }
}

/// A subscription to make.
pub(super) fn wish(request: &SubscribeRequest) -> Result<Wish> {
    let filter = filter(&request.filter)?;
    if let Some(id) = request.id
        && !(1..=268_435_455).contains(&id)
    {
        return Err(invalid(format_args!(
            "{id} is no subscription identifier: one is 1 to 268,435,455"
        )));
    }
    // [MQTT-3.8.3-4]
    if request.no_local && request.filter.starts_with("$share/") {
        return Err(
            invalid("a shared subscription can't be without local messages")
                .hint("Turn No Local off, or subscribe without $share."),
        );
    }
    Ok(Wish {
        filter,
        options: SubscriptionOptions {
            qos: qos(request.qos)?,
            no_local: request.no_local,
            retain_as_published: request.retain_as_published,
            retain_handling: match request.retain_handling {
                api::RetainHandling::OnSubscribe => RetainHandling::OnSubscribe,
                api::RetainHandling::IfNew => RetainHandling::IfNew,
                api::RetainHandling::Never => RetainHandling::Never,
            },
        },
        id: request.id,
        user_properties: pairs(&request.user_properties),
    })
}

pub(crate) fn filter(text: &str) -> Result<TopicFilter> {
    TopicFilter::try_from(text).map_err(invalid)
}

pub(crate) fn topic(text: &str) -> Result<TopicName> {
    TopicName::try_from(text).map_err(invalid)
}

pub(crate) fn qos(qos: u8) -> Result<QoS> {
    QoS::try_from(qos).map_err(invalid)
}

/// A message that can be made again and again.
pub(super) struct Draft {
    topic: Template,
    payload: Payload,
    qos: QoS,
    retain: bool,
    properties: MessageProperties,
}

enum Payload {
    Fixed(Bytes),
    Text(Template, PayloadEncoding),
}

impl Draft {
    /// Reads what a form holds; a file is read here.
    pub fn parse(request: &PublishRequest) -> Result<Self> {
        let template = |text: &str| match request.template {
            true => Template::parse(text).map_err(invalid),
            false => Ok(Template::plain(text)),
        };
        let filled = request.template && request.encoding != PayloadEncoding::File;
        let draft = Self {
            topic: template(&request.topic)?,
            payload: match filled {
                true => Payload::Text(template(&request.payload)?, request.encoding),
                false => Payload::Fixed(payload(&request.payload, request.encoding)?),
            },
            qos: qos(request.qos)?,
            retain: request.retain,
            properties: properties(&request.properties)?,
        };
        if !request.template {
            topic(&request.topic)?;
        }
        Ok(draft)
    }

    /// The message, filled in; with another payload where one is given.
    pub fn make(&self, with: &Filling<'_>, instead: Option<Bytes>) -> Result<Publication> {
        let payload = match (instead, &self.payload) {
            (Some(payload), _) => payload,
            (None, Payload::Fixed(bytes)) => bytes.clone(),
            (None, Payload::Text(text, encoding)) => payload(&text.fill(with), *encoding)?,
        };
        Ok(Publication {
            topic: topic(&self.topic.fill(with))?,
            payload,
            qos: self.qos,
            retain: self.retain,
            properties: self.properties.clone(),
        })
    }
}

/// The bytes of a payload that was written in a text field.
pub(crate) fn payload(text: &str, encoding: PayloadEncoding) -> Result<Bytes> {
    match encoding {
        PayloadEncoding::Text => Ok(text.to_owned().into()),
        PayloadEncoding::Json => {
            serde_json::from_str::<serde::de::IgnoredAny>(text)
                .map_err(|error| invalid(format!("the payload is not JSON: {error}")))?;
            Ok(text.to_owned().into())
        }
        PayloadEncoding::Hex => hexadecimal(text, "the payload"),
        PayloadEncoding::Base64 => {
            let packed: String = text.split_whitespace().collect();
            let bytes = STANDARD
                .decode(packed)
                .map_err(|error| invalid(format!("the payload is not Base64: {error}")))?;
            Ok(bytes.into())
        }
        PayloadEncoding::File => file(text),
    }
}

fn file(path: &str) -> Result<Bytes> {
    let path = PathBuf::from(path);
    let size = std::fs::metadata(&path)
        .map_err(|cause| files::error("could not be read", &path, &cause))?
        .len();
    if size > LARGEST_FILE {
        return Err(invalid(format_args!(
            "{} has {size} bytes, and an MQTT message has 268,435,455 at most",
            path.display()
        )));
    }
    Ok(Bytes::from(files::read_bytes(&path)?.to_vec()))
}

/// Pairs of digits, with blanks between them or without.
fn hexadecimal(text: &str, what: &str) -> Result<Bytes> {
    let mut bytes = Vec::with_capacity(text.len() / 2);
    for word in text.split_whitespace() {
        let mut digits = word.chars();
        while let Some(high) = digits.next() {
            let digit = |c: char| {
                c.to_digit(16)
                    .ok_or_else(|| invalid(format!("{what} is not hexadecimal: {c:?} is no digit")))
            };
            let high = digit(high)?;
            let low = digits.next().ok_or_else(|| {
                invalid(format!(
                    "{what} is not hexadecimal: a byte takes two digits"
                ))
                .hint(format!("{word:?} has an odd number of them."))
            })?;
            // Two digits make no more than 255.
            bytes.push((high * 16 + digit(low)?) as u8);
        }
    }
    Ok(bytes.into())
}
