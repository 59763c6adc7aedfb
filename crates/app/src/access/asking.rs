//! "What if", "who can", and the rule that would allow what was denied.

use mqttwb_model::{TopicFilter, TopicName};
use mqttwb_policy::{Action, Decision, Effect, Limits, Rule, Subjects, TopicPattern, Verdict};

use super::*;
use crate::api::{AccessVerdict, RuleProposal, WhatIf, WhoCan, WhoEntry};

impl From<Verdict<'_>> for AccessVerdict {
    fn from(verdict: Verdict<'_>) -> Self {
        Self {
            allowed: verdict.allowed,
            why: verdict.to_string(),
            line: match verdict.decision {
                Decision::Rule { rule, .. } => Some(rule.line),
                Decision::NoRules | Decision::Default => None,
            },
        }
    }
}

fn invalid(error: impl std::fmt::Display) -> ApiError {
    ApiError::new(ErrorCode::InvalidInput, format!("{error}."))
}

fn some(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

impl AccessControl {
    /// What would be said to somebody who wants something.
    pub(crate) fn what_if(&self, ask: &WhatIf) -> Result<AccessVerdict> {
        let held = self.held();
        let account = some(&ask.account);
        let who = Who {
            client: &ask.client_id,
            account,
            certificate: some(&ask.certificate),
            groups: held.groups(account),
            claims: Some(&ask.claims),
        };
        let qos = qos(ask.qos)?;
        let verdict = match ask.action {
            AccessAction::Publish | AccessAction::Will => {
                TopicName::check(&ask.topic).map_err(invalid)?;
                let (topic, retain) = (ask.topic.as_str(), ask.retain);
                held.rules
                    .verdict(&who, &Want::Publish { topic, qos, retain })
            }
            AccessAction::Subscribe => {
                let filter = TopicFilter::try_from(ask.topic.as_str()).map_err(invalid)?;
                let want = Want::Subscribe {
                    filter: &filter,
                    qos,
                };
                return Ok(held.rules.verdict(&who, &want).into());
            }
            AccessAction::Connect => {
                let told = "Ask about publish, subscribe or will.";
                return Err(ApiError::new(ErrorCode::InvalidInput, told));
            }
        };
        Ok(verdict.into())
    }

    /// Everybody who is known, and what each may do with a topic: accounts, devices by the names of their certificates,
    /// and who proves nothing. Where a rule names the client identifier, it is taken to be the name.
    pub(crate) fn who_can(&self, ask: &WhoCan, devices: &[String]) -> Result<Vec<WhoEntry>> {
        let held = self.held();
        let filter = TopicFilter::try_from(ask.topic.as_str()).map_err(invalid)?;
        let is_name = TopicName::check(&ask.topic).is_ok();
        let entry = |who: Who<'_>, name: &str, kind: &str| {
            let qos = QoS::AtMostOnce;
            let subscribe = Want::Subscribe {
                filter: &filter,
                qos,
            };
            let publish = Want::Publish {
                topic: &ask.topic,
                qos,
                retain: false,
            };
            WhoEntry {
                who: name.to_owned(),
                kind: kind.to_owned(),
                publish: is_name.then(|| held.rules.verdict(&who, &publish).into()),
                subscribe: held.rules.verdict(&who, &subscribe).into(),
            }
        };
        let accounts = held.accounts.0.keys().map(|name| {
            let who = Who {
                client: name,
                account: Some(name),
                groups: held.groups(Some(name)),
                ..Who::default()
            };
            entry(who, name, "account")
        });
        let certificates = devices.iter().map(|name| {
            let who = Who {
                client: name,
                certificate: Some(name),
                ..Who::default()
            };
            entry(who, name, "certificate")
        });
        let nobody = entry(Who::default(), "who proves nothing", "anybody");
        Ok(accounts.chain(certificates).chain([nobody]).collect())
    }

    /// The narrowest rule that allows what was denied, in the text of the rules as they are now: before the rule that
    /// denied it, or at the end.
    pub(crate) fn propose(&self, id: u32) -> Result<RuleProposal> {
        let denials = self.denials.lock().list();
        let denial = denials.entries.into_iter().find(|denial| denial.id == id);
        let denial = denial.ok_or_else(|| {
            ApiError::new(
                ErrorCode::NotFound,
                "This denial is not remembered any more.",
            )
        })?;
        let action = match denial.action {
            AccessAction::Publish | AccessAction::Will => Action::Publish,
            AccessAction::Subscribe => Action::Subscribe,
            AccessAction::Connect => {
                let told = "A login that failed is mended with an account or its password, not with a rule.";
                return Err(ApiError::new(ErrorCode::InvalidInput, told));
            }
        };
        let mut subjects = Subjects::default();
        let list = match (&denial.account, &denial.certificate) {
            (Some(account), _) => (&mut subjects.accounts, account),
            (None, Some(certificate)) => (&mut subjects.certificates, certificate),
            (None, None) => (&mut subjects.clients, &denial.client_id),
        };
        list.0.push(list.1.clone());
        let topic = match denial.action {
            AccessAction::Subscribe => TopicFilter::try_from(denial.topic.as_str())
                .map_err(invalid)?
                .pattern()
                .to_owned(),
            _ => denial.topic.clone(),
        };
        let topic = TopicPattern::try_from(topic.as_str()).map_err(invalid)?;
        let rule = Rule {
            name: String::new(),
            line: 0,
            effect: Effect::Allow,
            action,
            topics: vec![topic],
            subjects,
            limits: Limits::default(),
        };
        let rule = mqttwb_policy::write([&rule], &Default::default());
        let text = rules_text(&self.data)?;
        Ok(insert(&text, &rule, denial.line))
    }
}

/// Puts a rule before the one at a line, and before what is written above that one; at the end where there is none.
fn insert(text: &str, rule: &str, before: Option<u32>) -> RuleProposal {
    let mut lines: Vec<&str> = text.lines().collect();
    let at = match before {
        Some(line) => {
            let mut at = (line as usize).saturating_sub(1).min(lines.len());
            while at > 0 && lines[at - 1].trim_start().starts_with('#') {
                at -= 1;
            }
            at
        }
        None => lines.len(),
    };
    let mut piece: Vec<&str> = rule.lines().collect();
    if at < lines.len() {
        piece.push("");
    }
    let gap = at > 0 && !lines[at - 1].trim().is_empty();
    if gap {
        piece.insert(0, "");
    }
    lines.splice(at..at, piece);
    let mut text = lines.join("\n");
    text.push('\n');
    RuleProposal {
        text,
        rule: rule.to_owned(),
        line: (at + 1 + usize::from(gap)) as u32,
    }
}
