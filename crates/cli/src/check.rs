//! `mqttwb broker check`.

use std::path::PathBuf;

use mqttwb_app::api::{ConfigReport, Severity};
use mqttwb_app::config::ConfigFile;
use mqttwb_app::{Result, oneshot};

use crate::arguments::Check;
use crate::output::{Output, ReaderGone};
use crate::table::Table;

/// Explains the configuration that a start would have.
pub async fn check(data: PathBuf, check: Check, output: &Output) -> Result<()> {
    let file = match check.config {
        Some(path) => ConfigFile::named(path),
        None => ConfigFile::of(&data),
    };
    let report = oneshot::check(file).await?;
    // Whoever reads it or not, it was checked.
    let _ = if output.is_json() {
        output.json(&report)?
    } else {
        print(&report, output)
    };
    Ok(())
}

fn print(report: &ConfigReport, output: &Output) -> std::result::Result<(), ReaderGone> {
    match &report.file {
        Some(file) => output.line(file.as_bytes())?,
        None => output.line(b"There is no broker.toml: every value is a default.")?,
    }
    let mut table = Table::new(["KEY", "VALUE", "UNIT", "FROM"]);
    for setting in &report.settings {
        let value = setting.value.as_deref().or(setting.absent.as_deref());
        // A text names its unit itself.
        let plain = value.is_some_and(|value| !value.starts_with('"'));
        let unit = setting.unit.as_deref().filter(|_| plain);
        let from = match setting.line {
            Some(line) => format!("line {line}"),
            None => "default".to_owned(),
        };
        table.row([
            setting.key.clone(),
            value.unwrap_or("-").to_owned(),
            unit.unwrap_or_default().to_owned(),
            from,
        ]);
    }
    output.line(b"")?;
    table.print(output)?;
    for warning in &report.warnings {
        let kind = match warning.severity {
            Severity::Serious => "serious",
            Severity::Warning => "warning",
            Severity::Info => "note",
        };
        output.line(format!("\n{kind}: {}\n  {}", warning.title, warning.detail).as_bytes())?;
    }
    Ok(())
}
