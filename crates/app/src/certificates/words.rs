//! Certificates and revocation lists as a person reads them.

use mqttwb_model::Timestamp;
use mqttwb_pki::{Certificate, KeyType, RevocationList, RevocationReason};

use super::EXPIRES_SOON;
use crate::api::{self, CertificateKind, CertificateState};

pub(super) fn for_people(
    certificate: &Certificate,
    kind: CertificateKind,
    now: Timestamp,
    list: Option<&RevocationList>,
) -> api::Certificate {
    let told = certificate.description();
    let validity = told.validity;
    let revoked = list.and_then(|list| list.entry(certificate));
    let state = if revoked.is_some() {
        CertificateState::Revoked
    } else if now < validity.not_before {
        CertificateState::NotYetValid
    } else if now > validity.not_after {
        CertificateState::Expired
    } else if now.plus(EXPIRES_SOON) > validity.not_after {
        CertificateState::Expiring
    } else {
        CertificateState::Valid
    };
    api::Certificate {
        kind,
        name: told.common_name.clone(),
        subject: told.subject.clone(),
        issuer: told.issuer.clone(),
        serial: told.serial.clone(),
        names: told.names.clone(),
        not_before: validity.not_before.as_millis(),
        not_after: validity.not_after.as_millis(),
        state,
        revoked: revoked.map(|entry| api::Revocation {
            at: entry.at.as_millis(),
            reason: entry.reason.into(),
        }),
        superseded: 0,
        has_key: true,
        key: told.key.clone(),
        signature: told.signature.clone(),
        usages: told.usages.clone(),
        fingerprint: told.fingerprint.clone(),
        pem: certificate.to_pem(),
    }
}

pub(super) fn list_for_people(list: &RevocationList, now: Timestamp) -> api::RevocationList {
    api::RevocationList {
        issuer: list.issuer().to_owned(),
        number: list.number().unwrap_or_default(),
        this_update: list.this_update().as_millis(),
        next_update: list.next_update().unwrap_or_default().as_millis(),
        expired: list.has_expired(now),
        count: u32::try_from(list.revoked().len()).unwrap_or(u32::MAX),
    }
}

impl From<RevocationReason> for api::RevocationReason {
    fn from(reason: RevocationReason) -> Self {
        match reason {
            RevocationReason::Unspecified => Self::Unspecified,
            RevocationReason::KeyCompromise => Self::KeyCompromise,
            RevocationReason::AffiliationChanged => Self::AffiliationChanged,
            RevocationReason::Superseded => Self::Superseded,
            RevocationReason::CessationOfOperation => Self::CessationOfOperation,
            RevocationReason::PrivilegeWithdrawn => Self::PrivilegeWithdrawn,
        }
    }
}

impl From<api::RevocationReason> for RevocationReason {
    fn from(reason: api::RevocationReason) -> Self {
        match reason {
            api::RevocationReason::Unspecified => Self::Unspecified,
            api::RevocationReason::KeyCompromise => Self::KeyCompromise,
            api::RevocationReason::AffiliationChanged => Self::AffiliationChanged,
            api::RevocationReason::Superseded => Self::Superseded,
            api::RevocationReason::CessationOfOperation => Self::CessationOfOperation,
            api::RevocationReason::PrivilegeWithdrawn => Self::PrivilegeWithdrawn,
        }
    }
}

impl From<api::KeyType> for KeyType {
    fn from(key: api::KeyType) -> Self {
        match key {
            api::KeyType::EcdsaP256 => Self::EcdsaP256,
            api::KeyType::Rsa2048 => Self::Rsa2048,
            api::KeyType::Ed25519 => Self::Ed25519,
        }
    }
}
