//! Fault rules: between the words of [`api`](crate::api) and those of the broker, and the broker that runs.

use std::time::Duration;

use mqttwb_broker::FaultStatus;
use mqttwb_model::{ClientPattern, FaultRule, FaultWhen, PacketType, TopicFilter};

use crate::Result;
use crate::api::{self, ApiError, ErrorCode, FaultEntry};
use crate::broker::{BrokerControl, not_running};

impl BrokerControl {
    /// The rules that hold, in their order. A broker that is started has none.
    pub(crate) fn faults(&self) -> Result<Vec<FaultEntry>> {
        let running = self.running().ok_or_else(not_running)?;
        let faults = running.broker.faults();
        Ok(faults.into_iter().map(FaultEntry::from).collect())
    }

    /// Puts these in place of the rules that hold.
    pub(crate) fn set_faults(&self, rules: Vec<api::FaultRule>) -> Result<Vec<FaultEntry>> {
        let rules: Vec<FaultRule> = rules.into_iter().map(parse).collect::<Result<_>>()?;
        self.change_faults(|held| *held = rules)
    }

    /// Adds a rule behind those that hold.
    pub(crate) fn add_fault(&self, rule: api::FaultRule) -> Result<Vec<FaultEntry>> {
        let rule = parse(rule)?;
        self.change_faults(|held| held.push(rule))
    }

    /// Removes the rule of this name, or all.
    pub(crate) fn clear_faults(&self, name: Option<&str>) -> Result<Vec<FaultEntry>> {
        if let Some(name) = name
            && !self.faults()?.iter().any(|entry| entry.rule.name == name)
        {
            let why = format!("There is no fault rule {name}.");
            return Err(ApiError::new(ErrorCode::NotFound, why));
        }
        self.change_faults(|held| match name {
            Some(name) => held.retain(|rule| &*rule.name != name),
            None => held.clear(),
        })
    }

    /// The story of a message, as far as its packets are kept.
    pub(crate) async fn story(&self, wanted: api::StoryRequest) -> Result<api::Story> {
        let capture = self.capture();
        crate::blocking(move || crate::traffic::story(capture.as_ref(), &wanted)).await
    }

    fn change_faults(&self, change: impl FnOnce(&mut Vec<FaultRule>)) -> Result<Vec<FaultEntry>> {
        let running = self.running().ok_or_else(not_running)?;
        running
            .broker
            .change_faults(change)
            .map_err(|error| ApiError::new(ErrorCode::InvalidInput, format!("{error}.")))?;
        self.faults()
    }
}

fn parse(rule: api::FaultRule) -> Result<FaultRule> {
    let invalid = |message: String| ApiError::new(ErrorCode::InvalidInput, message);
    let topic = match rule.topic.as_str() {
        "" => None,
        text => Some(
            TopicFilter::try_from(text)
                .map_err(|error| invalid(format!("“{text}” is no topic filter: {error}.")))?,
        ),
    };
    let packet = |name: &String| {
        let wanted = |packet: &PacketType| packet.name().eq_ignore_ascii_case(name);
        let found = PacketType::ALL.into_iter().find(wanted);
        found.ok_or_else(|| invalid(format!("“{name}” is no packet type; one is PUBLISH.")))
    };
    Ok(FaultRule {
        name: rule.name.as_str().into(),
        client: ClientPattern::from(rule.client.as_str()),
        direction: rule.direction.map(Into::into),
        packets: rule.packets.iter().map(packet).collect::<Result<_>>()?,
        topic,
        skip: rule.skip,
        when: match rule.when {
            api::FaultWhen::Always => FaultWhen::Always,
            api::FaultWhen::First { count } => FaultWhen::First(count),
            api::FaultWhen::Every { count } => FaultWhen::Every(count),
            api::FaultWhen::Chance { probability, seed } => FaultWhen::Chance { probability, seed },
        },
        action: rule.action.into(),
    })
}

impl From<FaultStatus> for FaultEntry {
    fn from(status: FaultStatus) -> Self {
        let rule = status.rule;
        Self {
            rule: api::FaultRule {
                name: rule.name.to_string(),
                client: rule.client.as_str().to_owned(),
                direction: rule.direction.map(Into::into),
                packets: rule.packets.iter().map(|p| p.name().to_owned()).collect(),
                topic: rule.topic.map_or_else(String::new, |t| t.to_string()),
                skip: rule.skip,
                when: match rule.when {
                    FaultWhen::Always => api::FaultWhen::Always,
                    FaultWhen::First(count) => api::FaultWhen::First { count },
                    FaultWhen::Every(count) => api::FaultWhen::Every { count },
                    FaultWhen::Chance { probability, seed } => {
                        api::FaultWhen::Chance { probability, seed }
                    }
                },
                action: rule.action.into(),
            },
            seen: status.seen,
            struck: status.struck,
        }
    }
}

impl From<api::FaultAction> for mqttwb_model::FaultAction {
    fn from(action: api::FaultAction) -> Self {
        use api::FaultAction as Api;
        match action {
            Api::Drop => Self::Drop,
            Api::Delay { ms } => Self::Delay(Duration::from_millis(ms.into())),
            Api::Duplicate => Self::Duplicate,
            Api::Corrupt { at } => Self::Corrupt(at),
            Api::Truncate { bytes } => Self::Truncate(bytes),
            Api::CutBefore => Self::CutBefore,
            Api::CutAfter => Self::CutAfter,
        }
    }
}

impl From<mqttwb_model::FaultAction> for api::FaultAction {
    fn from(action: mqttwb_model::FaultAction) -> Self {
        use mqttwb_model::FaultAction as Model;
        match action {
            Model::Drop => Self::Drop,
            Model::Delay(delay) => Self::Delay {
                ms: u32::try_from(delay.as_millis()).unwrap_or(u32::MAX),
            },
            Model::Duplicate => Self::Duplicate,
            Model::Corrupt(at) => Self::Corrupt { at },
            Model::Truncate(bytes) => Self::Truncate { bytes },
            Model::CutBefore => Self::CutBefore,
            Model::CutAfter => Self::CutAfter,
        }
    }
}

impl From<mqttwb_model::FaultDone> for api::FaultDone {
    fn from(done: mqttwb_model::FaultDone) -> Self {
        use mqttwb_model::FaultDone as Model;
        match done {
            Model::Dropped => Self::Dropped,
            Model::Delayed(_) => Self::Delayed,
            Model::Duplicate => Self::Duplicate,
            Model::Corrupted { .. } => Self::Corrupted,
            Model::Truncated(_) => Self::Truncated,
            Model::CutBefore | Model::CutAfter => Self::Cut,
            Model::Lost => Self::Lost,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_reads_back_as_it_was_written() {
        for json in [
            r#"{"name":"a","action":{"kind":"drop"}}"#,
            r#"{"name":"a","client":"p*","direction":"to-client","packets":["PUBACK"],"skip":2,
                "when":{"kind":"chance","probability":0.5,"seed":7},"action":{"kind":"delay","ms":20}}"#,
            r#"{"name":"a","topic":"t/#","when":{"kind":"every","count":3},"action":{"kind":"corrupt","at":5}}"#,
            r#"{"name":"a","when":{"kind":"first","count":3},"action":{"kind":"truncate","bytes":5}}"#,
        ] {
            let written: api::FaultRule = serde_json::from_str(json).unwrap();
            let status = FaultStatus {
                rule: parse(written.clone()).unwrap(),
                seen: 0,
                struck: 0,
            };
            assert_eq!(FaultEntry::from(status).rule, written);
        }
    }

    #[test]
    fn a_rule_with_a_mistake_is_refused_with_what_is_wrong() {
        let rule = |packet: &str, topic: &str| api::FaultRule {
            name: "a".into(),
            client: "*".into(),
            direction: None,
            packets: vec![packet.into()],
            topic: topic.into(),
            skip: 0,
            when: api::FaultWhen::Always,
            action: api::FaultAction::Drop,
        };
        let message = |rule| parse(rule).unwrap_err().message;
        assert!(message(rule("PUBLISHED", "")).contains("PUBLISHED"));
        assert!(message(rule("PUBLISH", "a/#/b")).contains("a/#/b"));
        assert!(parse(rule("publish", "a/#")).is_ok());
    }
}
