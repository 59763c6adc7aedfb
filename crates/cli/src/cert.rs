//! `mqttwb cert`.

mod authority;

use std::path::PathBuf;
use std::time::Duration;

use mqttwb_app::api::{
    ApiError, BundleRequest, Certificate, CertificateKind, CertificateState, DeviceFolder,
    DeviceRequest, ErrorCode, FaultSeverity, InspectFileRequest, InspectedFile, RenewRequest,
    RevocationList, RevokeRequest,
};
use mqttwb_app::{CertificateDesk, Result, oneshot};

use crate::arguments::{
    BundleOf, CertCommand, Crl, Export, Issue, Passphrase, Renew, Revoke, Server, Show,
};
use crate::input;
use crate::output::Output;
use crate::secret;
use crate::signal::Ending;

/// Does what is asked of certificates.
pub async fn run(data: PathBuf, wanted: CertCommand, output: &Output) -> Result<()> {
    match wanted {
        CertCommand::Issue(issue) if issue.list.is_some() => batch(data, issue, output).await,
        CertCommand::Issue(issue) if issue.csr.is_some() => sign(data, issue, output).await,
        CertCommand::Issue(one) => issue(data, one, output).await,
        CertCommand::Export(one) => export(data, one, output).await,
        CertCommand::List => list(data, output).await,
        CertCommand::Authority { what } => authority::run(data, what, output).await,
        CertCommand::Server(wanted) => server(data, wanted, output).await,
        CertCommand::Renew(wanted) => renew(data, wanted, output).await,
        CertCommand::Revoke(wanted) => revoke(data, wanted, output).await,
        CertCommand::Show(wanted) => show(data, wanted, output).await,
        CertCommand::Bundle(wanted) => bundle(data, wanted, output).await,
        CertCommand::Crl(wanted) => crl(data, wanted, output).await,
    }
}

/// One JSON value, or a text for people. What was done is done, whoever reads about it.
fn tell(
    output: &Output,
    value: &impl serde::Serialize,
    text: impl FnOnce() -> String,
) -> Result<()> {
    let printed = if output.is_json() {
        output.json(value)?
    } else {
        output.line(text().as_bytes())
    };
    let _ = printed;
    Ok(())
}

/// The desk of a folder, its authority's key opened where it is locked and something was given that may open it.
async fn open(data: PathBuf, passphrase: Option<String>) -> Result<CertificateDesk> {
    let desk = CertificateDesk::open(data).await?;
    if let Some(passphrase) = passphrase
        && desk.is_locked()
    {
        desk.unlock(passphrase).await?;
    }
    Ok(desk)
}

async fn unlocked(data: PathBuf, unlock: Passphrase) -> Result<CertificateDesk> {
    open(data, secret::given(&unlock)?).await
}

fn request(issue: &Issue) -> DeviceRequest {
    DeviceRequest {
        name: issue.name.clone().unwrap_or_default(),
        days: issue.days,
        key: issue.key.into(),
        organization: issue.organization.clone(),
        unit: issue.unit.clone(),
        names: issue.names.clone(),
        request: None,
    }
}

/// Issues a device certificate and writes the device's files.
async fn issue(data: PathBuf, issue: Issue, output: &Output) -> Result<()> {
    let asked = request(&issue);
    let folder = oneshot::issue(data, asked, issue.out, secret::given(&issue.unlock)?).await?;
    written(&folder, output)
}

/// Signs a request, and writes the certificate.
async fn sign(data: PathBuf, issue: Issue, output: &Output) -> Result<()> {
    let file = issue.csr.clone().unwrap_or_default();
    let request = DeviceRequest {
        request: Some(input::read(&file)?),
        ..request(&issue)
    };
    let desk = unlocked(data, issue.unlock).await?;
    let issued = desk.issue(request).await?;
    let mut place = None;
    if let Some(folder) = &issue.out {
        let files = desk
            .export_certificate(issued.name.clone(), folder.clone())
            .await?;
        place = Some(files.folder);
    }
    tell(output, &issued, || match place {
        Some(folder) => format!("{}: signed, its certificate is in {folder}", issued.name),
        None => issued.pem.trim_end().to_owned(),
    })
}

/// Issues every device of a list.
async fn batch(data: PathBuf, issue: Issue, output: &Output) -> Result<()> {
    let list = input::read(&issue.list.unwrap_or_default())?;
    let desk = unlocked(data, issue.unlock).await?;
    let mut progress = desk.batch(list, issue.out).await?;
    let mut ending = Ending::catch()?;
    while progress.running {
        tokio::select! {
            () = tokio::time::sleep(Duration::from_millis(100)) => progress = desk.batch_progress(),
            () = ending.wanted(), if !progress.cancelled => {
                progress = desk.batch_cancel();
                progress.cancelled = true; // it is, after the device that is at hand
            }
        }
    }
    tell(output, &progress, || {
        let mut text = format!(
            "{} of {} devices issued into {}{}",
            progress.issued,
            progress.total,
            progress.folder,
            if progress.cancelled {
                "; stopped before the end"
            } else {
                ""
            }
        );
        for failure in &progress.failed {
            text.push_str(&format!(
                "\nline {}: {}: {}",
                failure.line, failure.name, failure.why
            ));
        }
        text
    })?;
    if !progress.failed.is_empty() {
        let count = progress.failed.len();
        return Err(ApiError::new(
            ErrorCode::Certificate,
            format!("{count} devices of the list were not issued."),
        ));
    }
    Ok(())
}

/// Writes the files of a device that was issued before.
async fn export(data: PathBuf, export: Export, output: &Output) -> Result<()> {
    let folder = oneshot::export(
        data,
        export.name,
        export.out,
        secret::given(&export.unlock)?,
    )
    .await?;
    written(&folder, output)
}

fn written(folder: &DeviceFolder, output: &Output) -> Result<()> {
    tell(output, folder, || {
        format!(
            "{}: {}\n\nTry it while the broker runs:\n\n{}",
            folder.folder,
            folder.files.join(", "),
            folder.command
        )
    })
}

async fn renew(data: PathBuf, renew: Renew, output: &Output) -> Result<()> {
    let desk = unlocked(data, renew.unlock).await?;
    let renewed = desk
        .renew(RenewRequest {
            name: renew.name,
            days: renew.days,
            new_key: renew.new_key,
            revoke_old: renew.revoke_old,
        })
        .await?;
    if let Some(folder) = renew.out {
        if renewed.has_key {
            let folder = desk.export_into(renewed.name, folder).await?;
            return written(&folder, output);
        }
        desk.export_certificate(renewed.name.clone(), folder)
            .await?;
    }
    tell(output, &renewed, || {
        let kept = if renew.revoke_old {
            "the one before is revoked"
        } else {
            "the one before is good until it ends"
        };
        format!(
            "{} is renewed until {}; {kept}",
            renewed.name,
            date(renewed.not_after)
        )
    })
}

async fn revoke(data: PathBuf, revoke: Revoke, output: &Output) -> Result<()> {
    let desk = unlocked(data, revoke.unlock).await?;
    let done = desk
        .revoke(RevokeRequest {
            name: revoke.name,
            reason: revoke.reason.into(),
        })
        .await?;
    tell(output, &done, || {
        let connections = match done.connections {
            None => "no broker runs here".to_owned(),
            Some(1) => "1 connection ended".to_owned(),
            Some(count) => format!("{count} connections ended"),
        };
        format!(
            "{} is revoked ({}); {connections}",
            done.name,
            done.serials.join(", ")
        )
    })
}

async fn crl(data: PathBuf, crl: Crl, output: &Output) -> Result<()> {
    let desk = unlocked(data, crl.unlock).await?;
    let list = match crl.sign {
        true => desk.sign_list(None).await?,
        false => desk.overview().await?.revocations,
    };
    if let Some(folder) = crl.out {
        let written = desk.export_authority(Some(folder)).await?;
        return tell(output, &written, || {
            format!("{}: {}", written.folder, written.files.join(", "))
        });
    }
    tell(output, &list, || list_words(&list))
}

fn list_words(list: &RevocationList) -> String {
    let state = if list.expired { "EXPIRED" } else { "good" };
    format!(
        "list {} of {}: {} revoked, signed {}, {state} until {}",
        list.number,
        list.issuer,
        list.count,
        date(list.this_update),
        date(list.next_update)
    )
}

async fn server(data: PathBuf, server: Server, output: &Output) -> Result<()> {
    let desk = unlocked(data, server.unlock).await?;
    let certificate = if server.renew || server.only || !server.names.is_empty() {
        desk.renew_server(server.names, server.only).await?
    } else {
        desk.overview().await?.server
    };
    tell(output, &certificate, || described(&certificate))
}

async fn bundle(data: PathBuf, bundle: BundleOf, output: &Output) -> Result<()> {
    let passphrase = secret::given(&bundle.passphrase)?;
    let opens = match &bundle.authority_passphrase_file {
        Some(path) => Some(secret::in_file(path)?),
        None => passphrase.clone(),
    };
    let desk = open(data, opens).await?;
    let made = desk
        .bundle(BundleRequest {
            name: bundle.name,
            format: bundle.format.into(),
            folder: bundle.out.map(|folder| folder.display().to_string()),
            zip: bundle.zip,
            passphrase,
            host: bundle.host,
            port: bundle.port,
        })
        .await?;
    tell(output, &made, || {
        let mut text = format!("{}: {}", made.path, made.files.join(", "));
        if let Some(command) = &made.command {
            text.push_str(&format!("\n\nIn that folder:\n\n{command}"));
        }
        if let Some(untried) = &made.untried {
            text.push_str(&format!("\n\n{untried}"));
        }
        text
    })
}

async fn show(data: PathBuf, show: Show, output: &Output) -> Result<()> {
    let request = InspectFileRequest {
        path: Some(show.file.display().to_string()),
        passphrase: secret::given(&show.passphrase)?,
        host: show.host,
        trust_own: show.trust_own,
        bytes: None,
    };
    // A look at a file makes no folder where none is asked about.
    let inspected = if show.trust_own {
        CertificateDesk::open(data).await?.inspect(request).await?
    } else {
        oneshot::inspect_file(request).await?
    };
    let refused = inspected
        .faults
        .iter()
        .filter(|fault| fault.severity == FaultSeverity::Refused)
        .count();
    tell(output, &inspected, || inspected_words(&inspected))?;
    if refused > 0 {
        return Err(ApiError::new(
            ErrorCode::Certificate,
            format!("{} would be refused.", show.file.display()),
        ));
    }
    Ok(())
}

fn inspected_words(file: &InspectedFile) -> String {
    let mut parts = vec![file.form.clone()];
    parts.extend(file.certificates.iter().map(described));
    parts.extend(file.keys.iter().cloned());
    parts.extend(
        file.requests
            .iter()
            .map(|request| format!("a request: {request}")),
    );
    parts.extend(file.lists.iter().map(list_words));
    parts.extend(
        file.unreadable
            .iter()
            .map(|part| format!("not read: {part}")),
    );
    for fault in &file.faults {
        let severity = match fault.severity {
            FaultSeverity::Refused => "REFUSED",
            FaultSeverity::Warning => "warning",
            FaultSeverity::Note => "note",
        };
        parts.push(format!("{severity}: {} {}", fault.message, fault.hint));
    }
    if file.faults.is_empty() && !file.certificates.is_empty() {
        parts.push("Nothing in it would make a device refuse it.".to_owned());
    }
    parts.join("\n")
}

/// A certificate in a few lines.
fn described(certificate: &Certificate) -> String {
    let mut text = format!(
        "{}\n  issuer   {}\n  serial   {}\n  valid    {} to {}, {}\n  key      {}, signed with {}",
        certificate.subject,
        certificate.issuer,
        certificate.serial,
        date(certificate.not_before),
        date(certificate.not_after),
        state(certificate.state).trim_end(),
        certificate.key,
        certificate.signature,
    );
    for (label, values) in [
        ("names", &certificate.names),
        ("usages", &certificate.usages),
    ] {
        if !values.is_empty() {
            text.push_str(&format!("\n  {label:<8} {}", values.join(", ")));
        }
    }
    text.push_str(&format!("\n  SHA-256  {}", certificate.fingerprint));
    text
}

/// Lists the authority, the server certificate and the devices.
async fn list(data: PathBuf, output: &Output) -> Result<()> {
    let all = oneshot::certificates(data).await?;
    if output.is_json() {
        let _ = output.json(&all)?;
        return Ok(());
    }
    let every: Vec<&Certificate> = [&all.authority]
        .into_iter()
        .chain(&all.issuing)
        .chain([&all.server])
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
        CertificateState::Revoked => "revoked      ",
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
