//! `mqttwb cert authority`.

use std::path::PathBuf;

use mqttwb_app::api::{
    ApiError, AuthorityImport, AuthorityKeys, AuthorityRequest, Certificates, ErrorCode,
    KeyProtection, ProtectKeys,
};
use mqttwb_app::{CertificateDesk, Result};

use super::{described, list_words, secret, tell};
use crate::arguments::{
    AuthorityCommand, CreateAuthority, ExportAuthority, ImportAuthority, Passphrase,
};
use crate::output::Output;

/// Shows, makes, takes over, keeps otherwise or exports it.
pub(super) async fn run(
    data: PathBuf,
    what: Option<AuthorityCommand>,
    output: &Output,
) -> Result<()> {
    let desk = CertificateDesk::open(data).await?;
    let aside = match what {
        None => {
            let all = desk.overview().await?;
            return tell(output, &all.authority, || authority_words(&all));
        }
        Some(AuthorityCommand::Export(export)) => {
            return export_authority(&desk, export, output).await;
        }
        Some(AuthorityCommand::Protect(protect)) => {
            let all = desk
                .protect(ProtectKeys {
                    protection: protect.by.into(),
                    current: secret(protect.passphrase)?,
                    passphrase: secret(Passphrase {
                        passphrase_file: protect.new_passphrase_file,
                        passphrase: None,
                    })?,
                })
                .await?;
            return tell(output, &all.keys, || keys_words(&all.keys));
        }
        Some(AuthorityCommand::Create(create)) => {
            let CreateAuthority {
                name,
                organization,
                key,
                days,
                replace,
                passphrase,
            } = create;
            agreed(&desk, replace).await?;
            desk.create_authority(AuthorityRequest {
                name,
                organization,
                key: key.into(),
                days,
                passphrase: secret(passphrase)?,
            })
            .await?
        }
        Some(AuthorityCommand::Import(import)) => {
            let ImportAuthority {
                file,
                key,
                replace,
                passphrase,
            } = import;
            agreed(&desk, replace).await?;
            desk.import_authority(AuthorityImport {
                path: file.display().to_string(),
                key: key.map(|key| key.display().to_string()),
                passphrase: secret(passphrase)?,
            })
            .await?
        }
    };
    let all = desk.overview().await?;
    tell(output, &all.authority, || {
        format!("{}\nThe one before is in {aside}", authority_words(&all))
    })
}

async fn export_authority(
    desk: &CertificateDesk,
    export: ExportAuthority,
    output: &Output,
) -> Result<()> {
    if let Some(path) = export.key {
        let Some(passphrase) = secret(export.passphrase)? else {
            return Err(ApiError::new(
                ErrorCode::InvalidInput,
                "A key is not written without a passphrase.",
            )
            .hint("Give one with --passphrase-file FILE or MQTTWB_PASSPHRASE."));
        };
        desk.export_root(path.clone(), passphrase.clone(), Some(passphrase))
            .await?;
        let path = path.display().to_string();
        return tell(output, &path, || path.clone());
    }
    let written = desk.export_authority(export.out).await?;
    tell(output, &written, || {
        format!("{}: {}", written.folder, written.files.join(", "))
    })
}

/// An authority that has signed something is not replaced by a slip.
async fn agreed(desk: &CertificateDesk, replace: bool) -> Result<()> {
    let devices = desk.overview().await?.devices.len();
    if replace || devices == 0 {
        return Ok(());
    }
    Err(ApiError::new(
        ErrorCode::AlreadyExists,
        format!("The authority has signed {devices} devices, which would not be let in any more."),
    )
    .hint("Say --replace if that is meant. The old one is put aside, not removed."))
}

fn authority_words(all: &Certificates) -> String {
    let mut text = described(&all.authority);
    if all.root_locked {
        text.push_str("\n  its key is encrypted");
    }
    if let Some(issuing) = &all.issuing {
        text.push('\n');
        text.push_str(&described(issuing));
    }
    text.push('\n');
    text.push_str(&keys_words(&all.keys));
    text.push('\n');
    text.push_str(&list_words(&all.revocations));
    text
}

fn keys_words(keys: &AuthorityKeys) -> String {
    let kept = match keys.protection {
        KeyProtection::File => "its owner's alone to read (0600), and not encrypted",
        KeyProtection::Passphrase => "encrypted with a passphrase",
        KeyProtection::Keychain => "encrypted, and opened by the system's keychain",
    };
    let mut text = format!("the key that signs is {kept}");
    if let Some(why) = &keys.locked {
        text.push_str(&format!("; locked: {why}"));
    }
    for waiting in &keys.waiting {
        text.push_str(&format!("\nwaits until it is unlocked: {waiting}"));
    }
    text
}
