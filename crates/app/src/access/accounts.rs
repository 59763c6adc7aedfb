//! `accounts.toml`: user names, hashes of their passwords, and groups.
//!
//! Not here: verifying (`policy::password`), who is let in (`access`). Invariant: the file can be read by its owner alone,
//! and holds no password; a file with a mistake gives no accounts at all.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use mqttwb_policy::password::Hash;
use ring::rand::{SecureRandom as _, SystemRandom};
use serde::{Deserialize, Serialize};

use crate::api::{Account, ApiError, ErrorCode};
use crate::{Result, files};

/// The file's name in the data folder.
pub(crate) const FILE_NAME: &str = "accounts.toml";
/// The longest user name, in bytes.
const NAME: usize = 256;

/// What is kept of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Kept {
    pub(crate) hash: Hash,
    pub(crate) groups: Arc<[Arc<str>]>,
}

/// Accounts by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Accounts(pub(crate) BTreeMap<String, Kept>);

#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    account: Vec<Entry>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: String,
    hash: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    groups: Vec<String>,
}

/// A hash of a new password.
pub(crate) fn hash(password: &str) -> Result<Hash> {
    if password.is_empty() {
        let told = "A password has at least one character.";
        return Err(ApiError::new(ErrorCode::InvalidInput, told));
    }
    let internal = |what: &str| ApiError::new(ErrorCode::Internal, what);
    let mut salt = [0; 16];
    SystemRandom::new()
        .fill(&mut salt)
        .map_err(|_| internal("The system gives no random bytes."))?;
    Hash::new(password.as_bytes(), &salt).map_err(|error| internal(&error.to_string()))
}

/// Whether a text can be a user name.
pub(crate) fn check_name(name: &str) -> Result<()> {
    if name.is_empty() || name.len() > NAME || name.chars().any(char::is_control) {
        return Err(ApiError::new(
            ErrorCode::InvalidInput,
            format!("A user name has 1 to {NAME} bytes and no control characters."),
        ));
    }
    Ok(())
}

/// Groups without blanks and repetitions.
pub(crate) fn groups(of: &[String]) -> Arc<[Arc<str>]> {
    let mut groups: Vec<Arc<str>> = Vec::new();
    for group in of.iter().map(|group| group.trim()) {
        if !group.is_empty() && !groups.iter().any(|known| **known == *group) {
            groups.push(group.into());
        }
    }
    groups.into()
}

impl Accounts {
    fn path(data: &Path) -> PathBuf {
        data.join(FILE_NAME)
    }

    /// Reads them; none where there is no file.
    pub(crate) fn read(data: &Path) -> Result<Self> {
        let path = Self::path(data);
        if !files::exists(&path)? {
            return Ok(Self::default());
        }
        Self::parse(&files::read_secret(&path)?, &path)
    }

    fn parse(text: &str, path: &Path) -> Result<Self> {
        let wrong = |what: String| {
            ApiError::new(ErrorCode::Config, format!("{}: {what}", path.display()))
                .hint("Make and change accounts with `mqttwb account`, or on the Access page.")
        };
        let file: File = toml::from_str(text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            let line = text[..at.min(text.len())].matches('\n').count() + 1;
            // The text of the line may hold a hash: it is not repeated.
            wrong(format!("line {line}: {}", error.message()))
        })?;
        let mut accounts = BTreeMap::new();
        for entry in file.account {
            check_name(&entry.name)?;
            let name = entry.name;
            let hash = Hash::try_from(entry.hash.as_str())
                .map_err(|error| wrong(format!("account {name}: {error}")))?;
            let groups = groups(&entry.groups);
            if accounts
                .insert(name.clone(), Kept { hash, groups })
                .is_some()
            {
                return Err(wrong(format!("account {name} is there twice")));
            }
        }
        Ok(Self(accounts))
    }

    /// Puts them in place, whole.
    pub(crate) fn write(&self, data: &Path) -> Result<()> {
        let account = self.0.iter().map(|(name, kept)| Entry {
            name: name.clone(),
            hash: kept.hash.as_str().to_owned(),
            groups: kept.groups.iter().map(ToString::to_string).collect(),
        });
        let file = File {
            account: account.collect(),
        };
        let text = toml::to_string(&file)
            .map_err(|error| ApiError::new(ErrorCode::Internal, error.to_string()))?;
        let path = Self::path(data);
        files::create_private_folder(data)?;
        files::write_secret(&path, &text)
    }

    pub(crate) fn list(&self) -> Vec<Account> {
        let account = |(name, kept): (&String, &Kept)| Account {
            name: name.clone(),
            groups: kept.groups.iter().map(ToString::to_string).collect(),
            hash: kept.hash.form().to_owned(),
            strong: kept.hash.is_strong(),
        };
        self.0.iter().map(account).collect()
    }
}

/// That there is no account of this name.
pub(crate) fn none(name: &str) -> ApiError {
    ApiError::new(ErrorCode::NotFound, format!("There is no account {name}."))
}
