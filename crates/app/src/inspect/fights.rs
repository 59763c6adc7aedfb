//! Client identifiers that connections take from each other, as findings.

use mqttwb_broker::inspect::Fight;

use crate::api::{Finding, Fix, Severity};

/// Fights that are told one by one.
const FIGHTS: usize = 5;

/// What a person should know of client identifiers that are fought over, with what was seen.
pub(crate) fn fights(fights: &[Fight]) -> Vec<Finding> {
    let finding = |title: String, detail: String| {
        Finding::new(Severity::Warning, title, detail).mended_by(Fix::show(
            "Look at sessions",
            "sessions",
            None,
        ))
    };
    let mut findings: Vec<Finding> = fights
        .iter()
        .take(FIGHTS)
        .map(|fight| {
            let (from, by) = (&fight.last.from, &fight.last.by);
            finding(
                format!("Connections fight over the client identifier {}", fight.client),
                format!(
                    "In the last minute one took the other's place {} times, the last time {} ({}) that of {} ({}). None of \
                     them stays: give each device an identifier of its own. Sessions shows every time.",
                    fight.rounds, by.peer, by.listener, from.peer, from.listener
                ),
            )
        })
        .collect();
    if fights.len() > FIGHTS {
        findings.push(finding(
            format!(
                "{} client identifiers more are fought over",
                fights.len() - FIGHTS
            ),
            "Sessions shows which.".into(),
        ));
    }
    findings
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use mqttwb_broker::inspect::TakeOver;
    use mqttwb_model::{ConnectionInfo, ProtocolVersion, Timestamp};

    use super::*;

    #[test]
    fn a_fight_is_told_with_who_took_whose_place_and_of_many_how_many_more() {
        let connection = |port: u16| {
            Arc::new(ConnectionInfo {
                peer: ([10, 0, 0, 7], port).into(),
                ..ConnectionInfo::local(port.into(), "pump-7", ProtocolVersion::V5)
            })
        };
        let fight = Fight {
            client: "pump-7".into(),
            rounds: 4,
            last: TakeOver {
                at: Timestamp(0),
                from: connection(1_111),
                by: connection(2_222),
            },
        };
        let told = fights(std::slice::from_ref(&fight));
        assert_eq!(told.len(), 1);
        assert!(told[0].title.ends_with("pump-7"));
        let detail = "4 times, the last time 10.0.0.7:2222 (tcp) that of 10.0.0.7:1111 (tcp)";
        assert!(told[0].detail.contains(detail), "{}", told[0].detail);
        let told = fights(&vec![fight; 8]);
        assert_eq!(told.len(), 6);
        assert!(told[5].title.starts_with("3 client identifiers more"));
    }
}
