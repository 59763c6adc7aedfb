//! Looking into the broker that runs on the data folder: `mqttwb broker status` and the like.

use std::path::PathBuf;

use mqttwb_app::Result;
use mqttwb_app::api::{BrokerState, BrokerStatus, ClientCert};
use mqttwb_app::control::RemoteBroker;

use crate::output::{Output, ReaderGone};
use crate::table::Table;

/// Prints how the broker is.
pub async fn status(data: PathBuf, output: &Output) -> Result<()> {
    let status = RemoteBroker::find(data).await?.status().await?;
    let _ = if output.is_json() {
        output.json(&status)?
    } else {
        print_status(&status, output)
    };
    Ok(())
}

fn print_status(status: &BrokerStatus, output: &Output) -> std::result::Result<(), ReaderGone> {
    let state = match status.state {
        BrokerState::Stopped => "stopped",
        BrokerState::Starting => "starting",
        BrokerState::Running => "running",
        BrokerState::Stopping => "stopping",
    };
    let since = status.since.map(age).unwrap_or_default();
    output.line(format!("{state} {since}\n").as_bytes())?;
    let mut table = Table::new(["LISTENER", "ADDRESS", "CERTIFICATE", "CLIENTS"]);
    for listener in &status.listeners {
        let certificate = match listener.client_cert {
            ClientCert::Required => "required",
            ClientCert::Optional => "optional",
            ClientCert::None => "-",
        };
        table.row([
            listener.name.clone(),
            listener.url.clone(),
            certificate.to_owned(),
            listener.clients.to_string(),
        ]);
    }
    table.print(output)
}

/// How long ago a time (milliseconds since 1970) was: `3 s`, `5 min`, `2 h 5 min`, `3 d 4 h`.
fn age(since: u64) -> String {
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |now| now.as_millis());
    let seconds = u64::try_from(now).unwrap_or(u64::MAX).saturating_sub(since) / 1_000;
    span(seconds)
}

/// A time in the two largest units that it takes.
fn span(seconds: u64) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3_600, seconds / 86_400);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, _) => format!("{minutes} min"),
        (0, _, _) => format!("{hours} h {} min", minutes % 60),
        _ => format!("{days} d {} h", hours % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::span;

    #[test]
    fn a_time_is_told_in_its_two_largest_units() {
        for (seconds, told) in [
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min"),
            (3_661, "1 h 1 min"),
            (90_000, "1 d 1 h"),
        ] {
            assert_eq!(span(seconds), told);
        }
    }
}
