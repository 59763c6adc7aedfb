//! Fault rules: `mqttwb broker faults`.

use mqttwb_app::Result;
use mqttwb_app::api::{Direction, FaultEntry, FaultWhen};
use mqttwb_app::control::RemoteBroker;

use crate::arguments::{FaultCommand, action_text};
use crate::output::{Output, ReaderGone};
use crate::table::Table;

/// Does what is wanted, and prints the rules that hold then.
pub(super) async fn run(
    broker: &RemoteBroker,
    wanted: FaultCommand,
    output: &Output,
) -> Result<()> {
    let rules = match wanted {
        FaultCommand::List => broker.faults().await?,
        FaultCommand::Add(rule) => broker.add_fault(rule.into()).await?,
        FaultCommand::Clear { name } => broker.clear_faults(name).await?,
    };
    if output.is_json() {
        for rule in &rules {
            if output.json(rule)?.is_err() {
                break;
            }
        }
    } else {
        let _ = print(&rules, output);
    }
    Ok(())
}

fn print(rules: &[FaultEntry], output: &Output) -> std::result::Result<(), ReaderGone> {
    if rules.is_empty() {
        return output.line(b"no fault rules");
    }
    let mut table = Table::new([
        "RULE", "ACTION", "WHEN", "PACKETS", "CLIENT", "SEEN", "STRUCK",
    ]);
    for FaultEntry { rule, seen, struck } in rules {
        let mut when = match rule.when {
            FaultWhen::Always => "always".to_owned(),
            FaultWhen::First { count } => format!("first {count}"),
            FaultWhen::Every { count } => format!("every {count}"),
            FaultWhen::Chance { probability, seed } => format!("{probability} (seed {seed})"),
        };
        if rule.skip > 0 {
            when.push_str(&format!(" after {}", rule.skip));
        }
        let mut packets = match rule.packets.is_empty() {
            true => "all".to_owned(),
            false => rule.packets.join(" "),
        };
        if !rule.topic.is_empty() {
            packets.push_str(&format!(" {}", rule.topic));
        }
        packets.push_str(match rule.direction {
            None => "",
            Some(Direction::ToBroker) => " →",
            Some(Direction::ToClient) => " ←",
        });
        table.row([
            rule.name.clone(),
            action_text(rule.action),
            when,
            packets,
            rule.client.clone(),
            seen.to_string(),
            struck.to_string(),
        ]);
    }
    table.print(output)
}
