//! `mqttwb devices`: the device board of the broker that runs on the data folder.

use std::path::PathBuf;

use mqttwb_app::Result;
use mqttwb_app::api::{DeviceRow, DeviceState, DevicesFrame};
use mqttwb_app::control::RemoteBroker;
use serde_json::json;

use crate::arguments::Devices;
use crate::inspect::age;
use crate::output::{Output, ReaderGone};
use crate::table::Table;
use crate::watch::plain;

/// Prints the devices. JSON is a device a line, then a line with the counts.
pub async fn devices(data: PathBuf, wanted: Devices, output: &Output) -> Result<()> {
    let broker = RemoteBroker::find(data).await?;
    let frame = broker.devices(wanted.into()).await?;
    if output.is_json() {
        for row in &frame.rows {
            if output.json(row)?.is_err() {
                return Ok(());
            }
        }
        let _ = output.json(&json!({
            "total": frame.total,
            "online": frame.online,
            "offline": frame.offline,
            "stale": frame.stale,
            "matching": frame.matching,
            "leftOut": frame.left_out,
            "missed": frame.missed,
        }))?;
        return Ok(());
    }
    // Who does not read has ended the command as it is.
    let _ = print(&frame, output);
    Ok(())
}

fn print(frame: &DevicesFrame, output: &Output) -> std::result::Result<(), ReaderGone> {
    let mut table = Table::new([
        "DEVICE",
        "STATE",
        "FOR",
        "LAST SEEN",
        "CLIENT",
        "FROM",
        "IDENTITY",
        "IN/S",
        "OUT/S",
        "VALUES",
    ]);
    for row in &frame.rows {
        table.row(cells(row, frame));
    }
    table.print(output)?;
    let mut told = vec![format!(
        "\n{} of {} devices: {} online, {} offline",
        frame.rows.len(),
        frame.matching,
        frame.online,
        frame.offline
    )];
    for row in frame.rows.iter().filter(|row| row.stale.is_some()) {
        told.push(format!(
            "{}: retained, and may no longer be true. {}",
            plain(&row.name),
            plain(row.stale.as_deref().unwrap_or_default())
        ));
    }
    for (count, what) in [
        (frame.left_out, "devices and messages found no room"),
        (frame.missed, "packets were gone before they were read"),
    ] {
        if count > 0 {
            told.push(format!("{count} {what}"));
        }
    }
    output.line(told.join("\n").as_bytes())
}

fn cells(row: &DeviceRow, frame: &DevicesFrame) -> [String; 10] {
    let or_dash = |text: Option<&str>| text.map_or("-".to_owned(), plain);
    let ago = |at: Option<u64>| at.map_or("-".to_owned(), age);
    let state = match row.state {
        DeviceState::Online => "online",
        DeviceState::Offline => "offline",
        DeviceState::Unknown => "unknown",
    };
    let identity = match (&row.common_name, &row.user) {
        (Some(name), _) => format!("CN={}", plain(name)),
        (None, Some(user)) => plain(user),
        (None, None) => "-".to_owned(),
    };
    let client = row.client_id.as_deref().or(row.via.as_deref());
    let values = frame.columns.iter().zip(&row.values);
    let values: Vec<String> = values
        .filter_map(|(column, value)| {
            let value = value.as_ref()?;
            Some(format!(
                "{}={}{}",
                plain(&column.label),
                plain(&value.text),
                plain(&column.unit)
            ))
        })
        .collect();
    [
        plain(&row.name),
        state.to_owned(),
        ago(row.since),
        ago(row.last_seen),
        or_dash(client),
        or_dash(row.peer.as_deref()),
        identity,
        format!("{:.1}", row.rate_in),
        format!("{:.1}", row.rate_out),
        if values.is_empty() {
            "-".to_owned()
        } else {
            values.join(" ")
        },
    ]
}
