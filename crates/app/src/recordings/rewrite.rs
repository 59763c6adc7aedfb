//! Topics that become others: `plant/#=test/#`.

use mqttwb_model::{TopicFilter, TopicName};

use crate::Result;
use crate::api::{ApiError, ErrorCode};

/// A rule that makes other topics of those that match it. Each `+` on the right stands for what the next `+` on the left
/// stood for, `#` for what `#` did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rewrite {
    from: Vec<String>,
    to: Vec<String>,
}

impl TryFrom<&str> for Rewrite {
    type Error = ApiError;

    fn try_from(text: &str) -> Result<Self> {
        let invalid = |why: String| {
            ApiError::new(
                ErrorCode::InvalidInput,
                format!("“{text}” can't rewrite topics: {why}."),
            )
            .hint("Write FILTER=FILTER, as in plant/#=test/# or +/state=copy/+/state.")
        };
        let Some((from, to)) = text.split_once('=') else {
            return Err(invalid("it has no =".into()));
        };
        for side in [from, to] {
            TopicFilter::try_from(side)
                .map_err(|error| invalid(format!("“{side}” is no topic filter, {error}")))?;
        }
        let levels = |side: &str| side.split('/').map(str::to_owned).collect::<Vec<_>>();
        let (from, to) = (levels(from), levels(to));
        let count = |side: &[String], wild: &str| side.iter().filter(|l| *l == wild).count();
        for wild in ["+", "#"] {
            if count(&to, wild) > count(&from, wild) {
                return Err(invalid(format!(
                    "there are more {wild} on the right than on the left"
                )));
            }
        }
        Ok(Self { from, to })
    }
}

impl Rewrite {
    /// Rules from their texts.
    pub fn all(texts: &[String]) -> Result<Vec<Self>> {
        texts
            .iter()
            .map(String::as_str)
            .filter(|text| !text.trim().is_empty())
            .map(Self::try_from)
            .collect()
    }

    /// The topic that this one becomes; `None` where it does not match.
    fn apply(&self, topic: &str) -> Option<String> {
        let mut levels = topic.split('/');
        let (mut single, mut rest) = (Vec::new(), None);
        for part in &self.from {
            match part.as_str() {
                "#" => rest = Some(levels.by_ref().collect::<Vec<_>>()),
                "+" => single.push(levels.next()?),
                name => {
                    if levels.next()? != name {
                        return None;
                    }
                }
            }
        }
        if levels.next().is_some() {
            return None;
        }
        let mut single = single.into_iter();
        let mut made = Vec::new();
        for part in &self.to {
            match part.as_str() {
                "#" => made.extend(rest.take().unwrap_or_default()),
                "+" => made.push(single.next()?),
                name => made.push(name),
            }
        }
        Some(made.join("/"))
    }
}

/// The topic by the first rule that matches, or itself; `None` where what comes out is no topic.
pub fn rewritten(rules: &[Rewrite], topic: &str) -> Option<TopicName> {
    let made = rules.iter().find_map(|rule| rule.apply(topic));
    TopicName::try_from(made.as_deref().unwrap_or(topic)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_becomes_what_the_first_rule_that_matches_says() {
        for (rules, topic, expected) in [
            (&["plant/#=test/#"][..], "plant/a/b", "test/a/b"),
            (&["plant/#=test/#"], "plant", "test"),
            (&["plant/#=test/#"], "plants/a", "plants/a"),
            (&["#=copy/#"], "a/b", "copy/a/b"),
            (&["+/+/state=x/+/y/+"], "a/b/state", "x/a/y/b"),
            (&["+/+/state=x/+"], "a/b/c", "a/b/c"),
            (&["a/#=one", "#=two"], "a/b", "one"),
            (&["a/#=one", "#=two"], "b", "two"),
            (&["a/+/#=#"], "a/b/c/d", "c/d"),
            (&[], "a", "a"),
        ] {
            let rules: Vec<String> = rules.iter().map(|rule| (*rule).to_owned()).collect();
            let rules = Rewrite::all(&rules).unwrap();
            let made = rewritten(&rules, topic).unwrap();
            assert_eq!(made.as_str(), expected, "{topic} by {rules:?}");
        }
        let rules = [Rewrite::try_from("a/#=#").unwrap()];
        assert_eq!(rewritten(&rules, "a"), None, "an empty topic is none");
    }

    #[test]
    fn a_rule_that_makes_no_sense_is_refused_with_the_reason() {
        for (text, why) in [
            ("plant", "no ="),
            ("a/#/b=c", "is no topic filter"),
            ("a=b/+", "more + on the right"),
            ("+=#", "more # on the right"),
            ("=a", "is no topic filter"),
        ] {
            let error = Rewrite::try_from(text).unwrap_err();
            assert!(error.message.contains(why), "{text}: {error}");
        }
    }
}
