//! `mqttwb cert`.

use std::path::PathBuf;

use mqttwb_app::api::{Certificate, CertificateState, DeviceFolder, DeviceRequest};
use mqttwb_app::{Result, oneshot};

use crate::arguments::{Export, Issue};
use crate::output::Output;

/// Issues a device certificate and writes the device's files.
pub async fn issue(data: PathBuf, issue: Issue, output: &Output) -> Result<()> {
    let request = DeviceRequest {
        name: issue.name,
        days: issue.days,
    };
    let folder = oneshot::issue(data, request, issue.out).await?;
    written(&folder, output)
}

/// Writes the files of a device that was issued before.
pub async fn export(data: PathBuf, export: Export, output: &Output) -> Result<()> {
    let folder = oneshot::export(data, export.name, export.out).await?;
    written(&folder, output)
}

fn written(folder: &DeviceFolder, output: &Output) -> Result<()> {
    let printed = if output.is_json() {
        output.json(folder)?
    } else {
        let text = format!(
            "{}: {}\n\nTry it while the broker runs:\n\n{}",
            folder.folder,
            folder.files.join(", "),
            folder.command
        );
        output.line(text.as_bytes())
    };
    // The files are written, whoever reads about it.
    let _ = printed;
    Ok(())
}

/// Lists the authority, the server certificate and the devices.
pub async fn list(data: PathBuf, output: &Output) -> Result<()> {
    let all = oneshot::certificates(data).await?;
    if output.is_json() {
        let _ = output.json(&all)?;
        return Ok(());
    }
    let every: Vec<&Certificate> = [&all.authority, &all.server]
        .into_iter()
        .chain(&all.devices)
        .collect();
    let width = every
        .iter()
        .map(|certificate| certificate.name.len())
        .max()
        .unwrap_or_default();
    for certificate in every {
        let line = format!(
            "{:<9}  {:<width$}  {}  until {}  {}",
            kind(certificate),
            certificate.name,
            state(certificate.state),
            date(certificate.not_after),
            certificate.serial,
        );
        if output.line(line.as_bytes()).is_err() {
            break;
        }
    }
    Ok(())
}

fn kind(certificate: &Certificate) -> &'static str {
    use mqttwb_app::api::CertificateKind;
    match certificate.kind {
        CertificateKind::Authority => "authority",
        CertificateKind::Server => "server",
        CertificateKind::Device => "device",
    }
}

/// All of one width.
fn state(state: CertificateState) -> &'static str {
    match state {
        CertificateState::Valid => "valid        ",
        CertificateState::Expiring => "expires soon ",
        CertificateState::Expired => "expired      ",
        CertificateState::NotYetValid => "not yet valid",
    }
}

/// The date (UTC) of milliseconds since 1970, as 2026-11-22.
fn date(millis: u64) -> String {
    // Howard Hinnant's days-to-civil: years begin in March, so that a leap day is a year's last.
    let days = millis / 86_400_000 + 719_468;
    let era = days / 146_097;
    let day_of_era = days % 146_097;
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

#[cfg(test)]
mod tests {
    use super::date;

    #[test]
    fn milliseconds_become_a_date() {
        for (seconds, expected) in [
            (0, "1970-01-01"),
            (951_782_400, "2000-02-29"),
            (1_767_225_599, "2025-12-31"),
            (1_767_225_600, "2026-01-01"),
            (4_107_542_400, "2100-03-01"),
        ] {
            assert_eq!(date(seconds * 1_000), expected);
        }
    }
}
