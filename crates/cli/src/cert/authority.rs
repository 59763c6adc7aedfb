//! `mqttwb cert authority`.

use std::path::PathBuf;

use mqttwb_app::api::{
    ApiError, AuthorityImport, AuthorityKeys, AuthorityRequest, Certificates, ErrorCode,
    KeyProtection, ProtectKeys,
};
use mqttwb_app::control::RemoteBroker;
use mqttwb_app::{CertificateDesk, Result};

use super::{described, list_words, tell};
use crate::arguments::{
    AuthorityCommand, CreateAuthority, ExportAuthority, ImportAuthority, Passphrase, Protect,
};
use crate::output::Output;
use crate::secret;

/// Shows, makes, takes over, keeps otherwise, opens or exports it.
pub(super) async fn run(
    data: PathBuf,
    what: Option<AuthorityCommand>,
    output: &Output,
) -> Result<()> {
    let desk = CertificateDesk::open;
    match what {
        None => {
            let all = desk(data).await?.overview().await?;
            tell(output, &all.authority, || authority_words(&all))
        }
        Some(AuthorityCommand::Create(wanted)) => create(&desk(data).await?, wanted, output).await,
        Some(AuthorityCommand::Import(wanted)) => import(&desk(data).await?, wanted, output).await,
        Some(AuthorityCommand::Protect(wanted)) => {
            protect(&desk(data).await?, wanted, output).await
        }
        Some(AuthorityCommand::Export(wanted)) => {
            export_authority(&desk(data).await?, wanted, output).await
        }
        // What a broker holds in its memory is its own: nothing is opened in this process.
        Some(AuthorityCommand::Unlock(passphrase)) => unlock(data, &passphrase, output).await,
        Some(AuthorityCommand::Lock) => {
            let keys = RemoteBroker::find(data).await?.lock_authority().await?;
            tell(output, &keys, || keys_words(&keys))
        }
    }
}

async fn create(desk: &CertificateDesk, wanted: CreateAuthority, output: &Output) -> Result<()> {
    agreed(desk, wanted.replace).await?;
    let aside = desk
        .create_authority(AuthorityRequest {
            name: wanted.name,
            organization: wanted.organization,
            key: wanted.key.into(),
            days: wanted.days,
            passphrase: secret::given(&wanted.passphrase)?,
        })
        .await?;
    replaced(desk, &aside, output).await
}

async fn import(desk: &CertificateDesk, wanted: ImportAuthority, output: &Output) -> Result<()> {
    agreed(desk, wanted.replace).await?;
    let aside = desk
        .import_authority(AuthorityImport {
            path: wanted.file.display().to_string(),
            key: wanted.key.map(|key| key.display().to_string()),
            passphrase: secret::given(&wanted.passphrase)?,
        })
        .await?;
    replaced(desk, &aside, output).await
}

/// Tells of the authority that has taken another's place.
async fn replaced(desk: &CertificateDesk, aside: &str, output: &Output) -> Result<()> {
    let all = desk.overview().await?;
    tell(output, &all.authority, || {
        format!("{}\nThe one before is in {aside}", authority_words(&all))
    })
}

async fn protect(desk: &CertificateDesk, wanted: Protect, output: &Output) -> Result<()> {
    let passphrase = match &wanted.new_passphrase_file {
        Some(path) => Some(secret::in_file(path)?),
        None => None,
    };
    let all = desk
        .protect(ProtectKeys {
            protection: wanted.by.into(),
            current: secret::given(&wanted.passphrase)?,
            passphrase,
        })
        .await?;
    tell(output, &all.keys, || keys_words(&all.keys))
}

/// Gives the broker that runs here what opens the key.
async fn unlock(data: PathBuf, passphrase: &Passphrase, output: &Output) -> Result<()> {
    let broker = RemoteBroker::find(data).await?;
    let passphrase = match secret::given(passphrase)? {
        Some(passphrase) => passphrase,
        None => secret::asked("Passphrase: ")?,
    };
    let keys = broker.unlock_authority(passphrase).await?;
    tell(output, &keys, || keys_words(&keys))
}

async fn export_authority(
    desk: &CertificateDesk,
    export: ExportAuthority,
    output: &Output,
) -> Result<()> {
    if let Some(path) = export.key {
        let Some(passphrase) = secret::given(&export.passphrase)? else {
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
