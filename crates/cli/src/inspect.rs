//! Looking into the broker that runs on the data folder, and acting on it: `mqttwb broker status` and the like.

mod faults;
mod print;
mod time;

use std::path::PathBuf;

use mqttwb_app::Result;
use mqttwb_app::api::{Page, PageRequest, SessionRequest, SubscriptionRequest};
use mqttwb_app::control::RemoteBroker;
use serde::Serialize;

use crate::arguments::{InspectCommand, Paging, SessionArguments};
use crate::output::{Output, ReaderGone};
use crate::table::Table;
use print::Row;
pub use time::age;

/// Asks what is wanted and prints the answer.
pub async fn run(data: PathBuf, wanted: InspectCommand, output: &Output) -> Result<()> {
    let broker = RemoteBroker::find(data).await?;
    match wanted {
        InspectCommand::Status => tell(&broker.status().await?, print::status, output),
        InspectCommand::Reload => tell(&broker.reload().await?, print::reloaded, output),
        InspectCommand::Counters => tell(&broker.counters().await?, print::counters, output),
        InspectCommand::Limits => tell(&broker.limits().await?, print::limits, output),
        InspectCommand::Refusals => tell(&broker.refusals().await?, print::refusals, output),
        InspectCommand::Clients(paging) => {
            list(&paging, async |page| broker.clients(page).await, output).await
        }
        InspectCommand::Sessions(paging) => {
            list(&paging, async |page| broker.sessions(page).await, output).await
        }
        InspectCommand::Session(wanted) => session(&broker, wanted, output).await,
        InspectCommand::Subscriptions {
            client,
            topic,
            paging,
        } => {
            let wanted = SubscriptionRequest {
                client_id: client,
                topic,
            };
            let ask = async |page| broker.subscriptions(wanted.clone(), page).await;
            list(&paging, ask, output).await
        }
        InspectCommand::Retained { filter, paging } => {
            let ask = async |page| broker.retained(filter.clone(), page).await;
            list(&paging, ask, output).await
        }
        InspectCommand::Disconnect { client, reason } => {
            broker.disconnect(client.clone(), reason.into()).await?;
            let told = |client: &String, output: &Output| {
                output.line(format!("{client} is disconnected").as_bytes())
            };
            tell(&client, told, output)
        }
        InspectCommand::EndSession { client } => {
            broker.end_session(client.clone()).await?;
            let told = |client: &String, output: &Output| {
                output.line(format!("The session of {client} has ended").as_bytes())
            };
            tell(&client, told, output)
        }
        InspectCommand::DropQueue { client } => {
            tell(&broker.drop_queue(client).await?, print::dropped, output)
        }
        InspectCommand::RestoreQueue { number } => tell(
            &broker.restore_queue(number).await?,
            |count: &u64, output: &Output| {
                output.line(format!("{} back", print::messages(*count)).as_bytes())
            },
            output,
        ),
        InspectCommand::ClearRetained { filter, yes: true } => tell(
            &broker.clear_retained(filter).await?,
            print::cleared,
            output,
        ),
        InspectCommand::ClearRetained { filter, yes: false } => {
            let all = Paging {
                limit: 0,
                after: None,
                all: true,
            };
            let ask = async |page| broker.retained(filter.clone(), page).await;
            list(&all, ask, output).await?;
            if !output.is_json() {
                let told = "\nThese would be cleared: nothing was done yet. Clear them with --yes.";
                let _ = output.line(told.as_bytes());
            }
            Ok(())
        }
        InspectCommand::Undo { number } => tell(
            &broker.restore_retained(number).await?,
            print::restored,
            output,
        ),
        InspectCommand::Faults(wanted) => faults::run(&broker, wanted, output).await,
    }
}

async fn session(broker: &RemoteBroker, wanted: SessionArguments, output: &Output) -> Result<()> {
    let request = SessionRequest {
        client_id: wanted.client,
        from: wanted.from,
        count: wanted.limit,
    };
    tell(&broker.session(request).await?, print::session, output)
}

/// Prints one thing.
fn tell<T: Serialize>(
    value: &T,
    print: impl Fn(&T, &Output) -> std::result::Result<(), ReaderGone>,
    output: &Output,
) -> Result<()> {
    // It was asked and done, whoever reads the answer.
    let _ = if output.is_json() {
        output.json(value)?
    } else {
        print(value, output)
    };
    Ok(())
}

/// Prints a list, page after page where all of it is wanted. JSON is an entry a line, then a line with `total` and,
/// where the list goes on, `next`.
async fn list<const N: usize, T: Serialize + Row<N>>(
    paging: &Paging,
    ask: impl AsyncFn(PageRequest) -> Result<Page<T>>,
    output: &Output,
) -> Result<()> {
    let mut request = paging.first();
    let mut items = Vec::new();
    let (total, next) = loop {
        let page = ask(request.clone()).await?;
        items.extend(page.items);
        match page.next {
            Some(next) if paging.all => request.after = Some(next),
            next => break (page.total, next),
        }
    };
    if output.is_json() {
        for item in &items {
            if output.json(item)?.is_err() {
                return Ok(());
            }
        }
        let end = match &next {
            Some(next) => serde_json::json!({ "total": total, "next": next }),
            None => serde_json::json!({ "total": total }),
        };
        let _ = output.json(&end)?;
        return Ok(());
    }
    let mut table = Table::new(T::HEAD);
    for item in &items {
        table.row(item.cells());
    }
    let shown = items.len();
    let end = match next {
        Some(next) => format!(
            "\n{shown} of {total}. The list goes on with --after '{}', or --all.",
            next.replace('\'', "'\\''")
        ),
        None if shown as u64 == total => format!("\n{total} in all"),
        None => format!("\n{shown} of {total}"),
    };
    let _ = table
        .print(output)
        .and_then(|()| output.line(end.as_bytes()));
    Ok(())
}
