//! `mqttwb alerts`: what the rules of the broker's data folder have raised, and raise.

use std::path::PathBuf;
use std::time::Duration;

use mqttwb_app::Result;
use mqttwb_app::api::{Alert, AlertsState};
use mqttwb_app::control::RemoteBroker;

use crate::arguments::Alerts;
use crate::inspect::age;
use crate::output::{Output, ReaderGone};
use crate::signal::Ending;
use crate::watch::plain;

/// How often a broker is asked for new ones.
const TICK: Duration = Duration::from_millis(250);

/// Prints alerts, oldest first, and with `--follow` those that come. JSON is an alert a line.
pub async fn alerts(data: PathBuf, wanted: Alerts, output: &Output) -> Result<()> {
    let mut ending = Ending::catch()?;
    let broker = RemoteBroker::find(data).await?;
    let mut after = 0;
    let mut left = wanted.count.unwrap_or(u64::MAX);
    if wanted.rules {
        // Who does not read has ended the command as it is.
        let _ = rules(&broker.alerts().await?, output)?;
        return Ok(());
    }
    loop {
        let state = broker.alerts().await?;
        let seen = after;
        for alert in state.alerts.iter().rev().filter(|alert| alert.id > seen) {
            after = alert.id;
            let printed = if output.is_json() {
                output.json(alert)?
            } else {
                output.line(line(alert).as_bytes())
            };
            left -= 1;
            if printed.is_err() || left == 0 {
                return Ok(());
            }
        }
        if !wanted.follow {
            return Ok(());
        }
        tokio::select! {
            () = tokio::time::sleep(TICK) => {}
            () = ending.wanted() => return Ok(()),
        }
    }
}

fn rules(state: &AlertsState, output: &Output) -> Result<std::result::Result<(), ReaderGone>> {
    for state in &state.rules {
        let printed = if output.is_json() {
            output.json(state)?
        } else {
            let rule = &state.rule;
            let told = format!(
                "{}  {}  watches {}, {} raised{}",
                rule.id,
                plain(&rule.name),
                state.watched,
                state.raised,
                if rule.enabled {
                    ""
                } else {
                    ", not watched for"
                }
            );
            output.line(told.as_bytes())
        };
        if printed.is_err() {
            return Ok(printed);
        }
    }
    Ok(Ok(()))
}

fn line(alert: &Alert) -> String {
    let over = match (alert.lasting, alert.over) {
        (true, None) if alert.interrupted => "not known",
        (true, None) => "raised",
        (true, Some(_)) => "over",
        (false, _) => "changed",
    };
    format!(
        "{:<9}  {} ago  {}  {}  {}",
        over,
        age(alert.at),
        plain(&alert.name),
        plain(&alert.thing),
        plain(&alert.why)
    )
}
