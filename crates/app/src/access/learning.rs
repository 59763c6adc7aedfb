//! Learning: what clients do is watched for a while, and becomes rules that a person accepts.
//!
//! Duty: begin and end it, and write what was learned into the rules. Not here: which rules (`policy::learn`).
//! Invariant: nothing is allowed by learning; only rules that were accepted hold. While nothing is learned a check costs
//! one look at a flag.

use mqttwb_policy::Rules;
use mqttwb_policy::learn::{Learned, Proposal};

use super::*;
use crate::App;
use crate::api::{LearnReport, LearnedRule, RulesApplied};
use crate::blocking;
use crate::broker::BrokerControl;

/// Examples that are told of what is left out.
const TOLD: usize = 20;

/// What is watched, or was.
#[derive(Debug)]
pub(super) struct Learning {
    since: Timestamp,
    until: Option<Timestamp>,
    pub(super) learned: Learned,
}

fn nothing_learned() -> ApiError {
    ApiError::new(ErrorCode::WrongState, "Nothing was learned.")
        .hint("Start learning, and let the clients do what they are to do.")
}

/// A rule as it stands in the file.
fn text_of(rule: &mqttwb_policy::Rule) -> String {
    mqttwb_policy::write([rule], &Default::default())
}

/// Rules behind those of a text.
fn appended(text: &str, rules: &[String]) -> String {
    let before = text.trim_end();
    let after = rules.join("\n");
    match before.is_empty() {
        true => after,
        false => format!("{before}\n\n{after}"),
    }
}

impl AccessControl {
    /// Watches from now on; what was learned before is forgotten.
    pub(crate) fn learn(&self) {
        *self.learning.lock() = Some(Learning {
            since: Timestamp::now(),
            until: None,
            learned: Learned::default(),
        });
        self.is_learning.store(true, Relaxed);
    }

    /// Watches no more; what was learned stays.
    pub(crate) fn stop_learning(&self) {
        self.is_learning.store(false, Relaxed);
        if let Some(learning) = &mut *self.learning.lock() {
            learning.until.get_or_insert_with(Timestamp::now);
        }
    }

    /// Forgets what was learned.
    pub(crate) fn forget_learned(&self) {
        self.is_learning.store(false, Relaxed);
        *self.learning.lock() = None;
    }

    /// What was learned, and the rules that come of it. Rules that are in the file already are not among them.
    pub(crate) fn learned(&self) -> Result<LearnReport> {
        let text = rules_text(&self.data)?;
        let learning = self.learning.lock();
        let Some(Learning {
            since,
            until,
            learned,
        }) = &*learning
        else {
            return Ok(LearnReport::default());
        };
        let proposal = learned.propose();
        let (seen, forgotten) = (learned.len() as u32, learned.forgotten());
        let (since, until) = (Some(since.as_millis()), until.map(Timestamp::as_millis));
        drop(learning);
        let Proposal {
            rules,
            allowed,
            denied,
            unsayable,
            widened,
        } = proposal;
        let new = |rule: &mqttwb_policy::Rule| {
            let text_of_it = text_of(rule);
            (!text.contains(text_of_it.trim_end())).then(|| LearnedRule {
                name: rule.name.clone(),
                text: text_of_it,
                action: rule.action.to_string(),
                topics: rule.topics.iter().map(ToString::to_string).collect(),
                subjects: commands::subjects(&rule.subjects),
            })
        };
        let cut = |mut all: Vec<String>| {
            let more = all.len().saturating_sub(TOLD) as u32;
            all.truncate(TOLD);
            (all, more)
        };
        let (denied, more_denied) = cut(denied);
        let (unsayable, more_unsayable) = cut(unsayable);
        Ok(LearnReport {
            since,
            until,
            seen,
            forgotten,
            rules: rules.iter().filter_map(new).collect(),
            allowed,
            denied,
            more_denied,
            unsayable,
            more_unsayable,
            widened,
            is_first: Rules::parse(&text).is_ok_and(|rules| rules.is_empty()),
        })
    }

    /// Puts rules that were learned behind those that are there: these of the report, by their names and texts.
    pub(crate) fn accept_learned(&self, chosen: &[String]) -> Result<()> {
        let text = rules_text(&self.data)?;
        let known = self.learned()?.rules;
        let rules: Vec<String> = match chosen {
            [] => known.into_iter().map(|rule| rule.text).collect(),
            some => known
                .into_iter()
                .map(|rule| rule.text)
                .filter(|text| some.contains(text))
                .collect(),
        };
        if rules.is_empty() {
            return Err(nothing_learned());
        }
        self.save_rules(&appended(&text, &rules))
    }
}

impl BrokerControl {
    /// Begins to learn. What clients have subscribed already, and their wills, are looked at first.
    pub(crate) async fn learn_start(&self) -> Result<LearnReport> {
        let running = self.running().ok_or_else(crate::broker::not_running)?;
        self.access.learn();
        running.broker.recheck().await;
        self.learned().await
    }

    /// Ends learning.
    pub(crate) async fn learn_stop(&self) -> Result<LearnReport> {
        self.access.stop_learning();
        self.learned().await
    }

    /// What was learned.
    pub(crate) async fn learned(&self) -> Result<LearnReport> {
        let access = self.access.clone();
        blocking(move || access.learned()).await
    }

    /// Puts learned rules in place: those of these texts, all where none is named.
    pub(crate) async fn learn_accept(&self, chosen: Vec<String>) -> Result<RulesApplied> {
        let access = self.access.clone();
        blocking(move || access.accept_learned(&chosen)).await?;
        self.access.stop_learning();
        self.reload_access().await
    }
}

impl App {
    /// Begins to watch what clients do.
    pub async fn access_learn_start(&self) -> Result<LearnReport> {
        self.broker.learn_start().await
    }

    /// Watches no more.
    pub async fn access_learn_stop(&self) -> Result<LearnReport> {
        self.broker.learn_stop().await
    }

    /// What was learned, and the rules that come of it.
    pub async fn access_learn(&self) -> Result<LearnReport> {
        self.broker.learned().await
    }

    /// Puts rules that were learned in place; a broker that runs goes by them at once.
    pub async fn access_learn_accept(&self, chosen: Vec<String>) -> Result<RulesApplied> {
        self.broker.learn_accept(chosen).await
    }

    /// Forgets what was learned.
    pub async fn access_learn_forget(&self) {
        self.broker.access.forget_learned();
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{connection, folder};
    use super::*;

    fn publishes(access: &AccessControl, client: &str, topic: &str) -> bool {
        let who = Identity {
            connection: connection(client),
            user_name: None,
            verified: None,
        };
        let attempt = Attempt::Publish {
            topic,
            qos: QoS::AtLeastOnce,
            retain: false,
        };
        access.verdict(&who, &attempt).is_ok()
    }

    #[test]
    fn what_clients_do_becomes_rules_that_hold_when_they_are_accepted() {
        let (_data, access) = folder();
        access.load().unwrap();
        assert!(publishes(&access, "p1", "before/learning"));
        access.learn();
        for client in ["p1", "p2"] {
            assert!(publishes(
                &access,
                client,
                &format!("devices/{client}/state")
            ));
        }
        access.stop_learning();
        assert!(publishes(&access, "p1", "after/learning"));
        let report = access.learned().unwrap();
        assert_eq!(
            (report.seen, report.rules.len(), report.is_first),
            (2, 1, true)
        );
        assert!(report.until.is_some());
        assert_eq!(report.rules[0].topics, ["devices/{client}/state"]);
        assert_eq!(report.rules[0].subjects, "client p1, p2");
        access.accept_learned(&[]).unwrap();
        access.load().unwrap();
        assert!(publishes(&access, "p1", "devices/p1/state"));
        assert!(!publishes(&access, "p1", "devices/p2/state"));
        assert!(!publishes(&access, "p3", "devices/p3/state"));
        assert!(!publishes(&access, "p1", "before/learning"));
        // What is in the file is not proposed again, and can't be accepted twice.
        assert!(access.learned().unwrap().rules.is_empty());
        assert_eq!(
            access.accept_learned(&[]).unwrap_err().code,
            ErrorCode::WrongState
        );
        access.forget_learned();
        assert_eq!(access.learned().unwrap(), LearnReport::default());
    }

    #[test]
    fn learned_rules_stand_behind_those_that_are_there_and_only_those_that_are_chosen() {
        let (_data, access) = folder();
        let before = "# mine\n[[rule]]\ndeny = \"publish\"\ntopic = \"secret/#\"\n\n";
        access.save_rules(before).unwrap();
        access.load().unwrap();
        access.learn();
        assert!(!publishes(&access, "p1", "secret/x"));
        assert!(!publishes(&access, "p1", "open/x"));
        assert!(!publishes(&access, "p2", "other/x"));
        let report = access.learned().unwrap();
        assert_eq!(report.denied.len(), 1);
        let wanted = report
            .rules
            .iter()
            .find(|rule| rule.topics == ["open/x"])
            .unwrap();
        access
            .accept_learned(std::slice::from_ref(&wanted.text))
            .unwrap();
        let text = rules_text(&access.data).unwrap();
        assert_eq!(text, format!("{}\n\n{}", before.trim_end(), wanted.text));
        access.load().unwrap();
        assert!(publishes(&access, "p1", "open/x"));
        assert!(!publishes(&access, "p2", "other/x"));
    }
}
