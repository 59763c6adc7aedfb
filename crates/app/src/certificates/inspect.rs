//! Somebody's file, looked into: what it holds, and what would make a peer refuse it.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mqttwb_model::Timestamp;
use mqttwb_pki::{Contents, Fault, FoundKey, Question, ServerName, Severity};

use super::{CertificateStore, input_error, words};
use crate::api::{self, ApiError, CertificateKind, ErrorCode, FaultSeverity};
use crate::words::sentence;
use crate::{Result, files};

impl CertificateStore {
    /// Looks into a file. `None` for the store asks nothing of this folder's authority.
    pub fn inspect(
        store: Option<&Self>,
        request: &api::InspectFileRequest,
    ) -> Result<api::InspectedFile> {
        let bytes = match (&request.bytes, &request.path) {
            (Some(text), _) => zeroize::Zeroizing::new(
                STANDARD
                    .decode(text)
                    .map_err(|error| ApiError::new(ErrorCode::InvalidInput, sentence(error)))?,
            ),
            (None, Some(path)) => files::read_bytes(&files::absolute(Path::new(path))?)?,
            (None, None) => {
                return Err(ApiError::new(ErrorCode::InvalidInput, "No file is named."));
            }
        };
        let host = match request.host.as_deref().map(str::trim) {
            None | Some("") => None,
            Some(host) => Some(ServerName::try_from(host).map_err(|error| input_error(&error))?),
        };
        let passphrase = request.passphrase.as_deref();
        let contents = mqttwb_pki::read(&bytes, passphrase).map_err(|error| {
            let told = ApiError::new(ErrorCode::Certificate, sentence(&error));
            match error {
                mqttwb_pki::InspectError::PassphraseNeeded => told.hint("Enter its passphrase."),
                _ => told,
            }
        })?;
        let now = Timestamp::now();
        let held = store.filter(|_| request.trust_own).map(Self::held);
        let trusted = held
            .as_ref()
            .map(|held| held.chain.certificates())
            .unwrap_or_default();
        let lists: Vec<_> = held.iter().map(|held| held.list.clone()).collect();
        let faults = mqttwb_pki::judge(
            &contents,
            &Question {
                purpose: None,
                host: host.as_ref(),
                now,
                trusted: &trusted,
                lists: &lists,
            },
        );
        Ok(told(&contents, faults, now))
    }
}

fn told(contents: &Contents, faults: Vec<Fault>, now: Timestamp) -> api::InspectedFile {
    let kind = |certificate: &mqttwb_pki::Certificate| {
        let told = certificate.description();
        if told.authority {
            CertificateKind::Authority
        } else if told.usages.iter().any(|usage| usage == "TLS server") {
            CertificateKind::Server
        } else {
            CertificateKind::Device
        }
    };
    api::InspectedFile {
        form: contents.form.to_owned(),
        certificates: contents
            .certificates
            .iter()
            .map(|certificate| words::for_people(certificate, kind(certificate), now, None))
            .collect(),
        keys: contents
            .keys
            .iter()
            .map(|key| key_words(key, contents))
            .collect(),
        requests: contents
            .requests
            .iter()
            .map(|request| format!("{}, {}", request.subject, request.key))
            .collect(),
        lists: contents
            .lists
            .iter()
            .map(|list| words::list_for_people(list, now))
            .collect(),
        unreadable: contents.unreadable.clone(),
        faults: faults
            .into_iter()
            .map(|fault| api::CertificateFault {
                severity: match fault.severity {
                    Severity::Note => FaultSeverity::Note,
                    Severity::Warning => FaultSeverity::Warning,
                    Severity::Refused => FaultSeverity::Refused,
                },
                code: fault.code.to_owned(),
                message: fault.message,
                hint: fault.hint.to_owned(),
            })
            .collect(),
    }
}

fn key_words(key: &FoundKey, contents: &Contents) -> String {
    let of = key.belongs_to.and_then(|at| contents.certificates.get(at));
    match (&key.unusable, of) {
        (Some(_), _) if key.encrypted => "an encrypted private key, not opened".to_owned(),
        (Some(why), _) => format!("a private key that can't be used: {why}"),
        (None, Some(certificate)) => {
            format!("the private key of {}", certificate.description().subject)
        }
        (None, None) => "a private key of none of these certificates".to_owned(),
    }
}
