//! An authority without its key: what is shown, and what is trusted.

use crate::{AuthorityError, Certificate};

/// The certificates of an authority and of those above it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthorityChain {
    certificate: Certificate,
    /// The authorities above it, the nearest first. A root has none.
    above: Vec<Certificate>,
}

impl AuthorityChain {
    /// An authority below these, the nearest first.
    pub fn new(certificate: Certificate, above: Vec<Certificate>) -> Result<Self, AuthorityError> {
        if !certificate.description().authority {
            return Err(AuthorityError::NotAnAuthority);
        }
        let mut lower = &certificate;
        for upper in &above {
            if !lower.is_signed_by(upper) {
                return Err(AuthorityError::NotSignedBy {
                    lower: lower.description().subject.clone(),
                    upper: upper.description().subject.clone(),
                });
            }
            lower = upper;
        }
        Ok(Self { certificate, above })
    }

    /// One that was just made, below those that signed it.
    pub(crate) fn made(certificate: Certificate, above: Vec<Certificate>) -> Self {
        Self { certificate, above }
    }

    /// Its own certificate.
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// Itself and all above it, up to the root.
    pub fn certificates(&self) -> Vec<Certificate> {
        std::iter::once(self.certificate.clone())
            .chain(self.above.iter().cloned())
            .collect()
    }

    /// The highest: what clients and servers are told to trust.
    pub fn anchor(&self) -> &Certificate {
        self.above.last().unwrap_or(&self.certificate)
    }

    /// What a peer that trusts the anchor has to be shown besides the certificate that is signed.
    pub fn intermediates(&self) -> Vec<Certificate> {
        let mut chain = self.certificates();
        chain.pop(); // the anchor, which is trusted without being shown
        chain
    }
}
