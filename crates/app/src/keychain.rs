//! The system's keychain, for what encrypts other things: the authority's key, the key of test clients' passwords.
//!
//! Duty: the one seam to it, and to a system that has none. On macOS it is Keychain Services, on Windows the Credential
//! Manager, elsewhere whoever answers as the Secret Service.
//! Not here: what is encrypted, and with what. Every call may wait for a person whom the system asks to unlock it: call it
//! where blocking is allowed.
//! Invariant: a secret of ours stands under a name that nothing else uses; none is logged.

use std::sync::{Arc, OnceLock};

use keyring::{Entry, Error};
use mqttwb_model::Timestamp;
use ring::error::Unspecified;
use ring::rand::{SecureRandom as _, SystemRandom};
use zeroize::Zeroizing;

/// What entries of ours are called.
const SERVICE: &str = "MQTT Workbench";
/// `off` in this variable keeps the workbench from the keychain: for servers, and for tests.
pub(crate) const VARIABLE: &str = "MQTTWB_KEYCHAIN";

/// Why the keychain could not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum KeychainError {
    /// There is none here.
    #[error("no keychain answers here: {0}")]
    None(String),
    /// There is one, and it is locked, or a person said no.
    #[error("the system's keychain did not open: {0}")]
    Shut(String),
    /// It has no such entry.
    #[error("the system's keychain has no entry {0}")]
    Missing(String),
}

/// Where secrets can be kept.
pub(crate) trait Keychain: Send + Sync {
    /// Whether it answers at all; nobody is asked to unlock it.
    fn answers(&self) -> Result<(), KeychainError>;
    /// The secret of a name.
    fn read(&self, name: &str) -> Result<Zeroizing<String>, KeychainError>;
    /// Puts a secret under a name.
    fn keep(&self, name: &str, secret: &str) -> Result<(), KeychainError>;
    /// Removes what is under a name.
    fn forget(&self, name: &str) -> Result<(), KeychainError>;
}

/// The keychain of this system.
pub(crate) fn system() -> Arc<dyn Keychain> {
    static HELD: OnceLock<Arc<dyn Keychain>> = OnceLock::new();
    HELD.get_or_init(|| {
        let off = std::env::var_os(VARIABLE).is_some_and(|value| value == "off");
        match off || cfg!(test) {
            true => Arc::new(Off),
            false => Arc::new(System),
        }
    })
    .clone()
}

/// A name that no other entry has.
pub(crate) fn name_for(what: &str) -> String {
    format!("{what} {:x}-{:08x}", Timestamp::now().0, fastrand::u32(..))
}

/// 256 random bits, to encrypt with.
pub(crate) fn random_key() -> Result<Zeroizing<Vec<u8>>, Unspecified> {
    let mut bytes = Zeroizing::new(vec![0; 32]);
    SystemRandom::new().fill(bytes.as_mut_slice())?;
    Ok(bytes)
}

/// Keeps a secret, and reads it back before anybody relies on it.
pub(crate) fn keep_safely(
    keychain: &dyn Keychain,
    name: &str,
    secret: &str,
) -> Result<(), KeychainError> {
    keychain.keep(name, secret)?;
    match keychain.read(name)?.as_str() == secret {
        true => Ok(()),
        false => Err(KeychainError::Missing(name.to_owned())),
    }
}

struct System;

impl System {
    fn entry(name: &str) -> Result<Entry, KeychainError> {
        Self.answers()?;
        Entry::new(SERVICE, name).map_err(|error| told(name, &error))
    }
}

impl Keychain for System {
    fn answers(&self) -> Result<(), KeychainError> {
        Entry::store_status()
            .as_ref()
            .map(|_| ())
            .map_err(|error| KeychainError::None(error.to_string()))
    }

    fn read(&self, name: &str) -> Result<Zeroizing<String>, KeychainError> {
        let secret = Self::entry(name)?.get_password();
        secret
            .map(Zeroizing::new)
            .map_err(|error| told(name, &error))
    }

    fn keep(&self, name: &str, secret: &str) -> Result<(), KeychainError> {
        let kept = Self::entry(name)?.set_password(secret);
        kept.map_err(|error| told(name, &error))
    }

    fn forget(&self, name: &str) -> Result<(), KeychainError> {
        match Self::entry(name)?.delete_credential() {
            Ok(()) | Err(Error::NoEntry) => Ok(()),
            Err(error) => Err(told(name, &error)),
        }
    }
}

fn told(name: &str, error: &Error) -> KeychainError {
    match error {
        Error::NoEntry => KeychainError::Missing(name.to_owned()),
        Error::NoDefaultStore => KeychainError::None(error.to_string()),
        other => KeychainError::Shut(other.to_string()),
    }
}

/// Switched off.
struct Off;

impl Off {
    fn why() -> KeychainError {
        KeychainError::None(format!("it is switched off ({VARIABLE}=off)"))
    }
}

impl Keychain for Off {
    fn answers(&self) -> Result<(), KeychainError> {
        Err(Self::why())
    }

    fn read(&self, _: &str) -> Result<Zeroizing<String>, KeychainError> {
        Err(Self::why())
    }

    fn keep(&self, _: &str, _: &str) -> Result<(), KeychainError> {
        Err(Self::why())
    }

    fn forget(&self, _: &str) -> Result<(), KeychainError> {
        Err(Self::why())
    }
}

/// One in memory, that can be shut.
#[cfg(test)]
pub(crate) mod fake {
    use std::collections::BTreeMap;

    use parking_lot::Mutex;

    use super::*;

    #[derive(Default)]
    pub(crate) struct Fake {
        pub(crate) entries: Mutex<BTreeMap<String, String>>,
        pub(crate) shut: Mutex<bool>,
    }

    impl Fake {
        fn open(&self) -> Result<(), KeychainError> {
            match *self.shut.lock() {
                true => Err(KeychainError::Shut("nobody unlocked it".into())),
                false => Ok(()),
            }
        }
    }

    impl Keychain for Fake {
        fn answers(&self) -> Result<(), KeychainError> {
            Ok(())
        }

        fn read(&self, name: &str) -> Result<Zeroizing<String>, KeychainError> {
            self.open()?;
            let entries = self.entries.lock();
            let secret = entries.get(name).cloned().map(Zeroizing::new);
            secret.ok_or_else(|| KeychainError::Missing(name.to_owned()))
        }

        fn keep(&self, name: &str, secret: &str) -> Result<(), KeychainError> {
            self.open()?;
            self.entries
                .lock()
                .insert(name.to_owned(), secret.to_owned());
            Ok(())
        }

        fn forget(&self, name: &str) -> Result<(), KeychainError> {
            self.open()?;
            self.entries.lock().remove(name);
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where a Secret Service runs: `dbus-run-session` with one, or a desktop. It leaves nothing behind.
    #[test]
    #[ignore = "wants a keychain, and may ask a person to unlock it"]
    fn the_systems_own_keychain_keeps_a_secret_until_it_is_forgotten() {
        let name = name_for("a test");
        System.answers().unwrap();
        keep_safely(&System, &name, "correct horse").unwrap();
        assert_eq!(*System.read(&name).unwrap(), "correct horse");
        System.forget(&name).unwrap();
        assert_eq!(
            System.read(&name).unwrap_err(),
            KeychainError::Missing(name.clone())
        );
    }
}
