use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// Something that a client has proved of who it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct Proof {
    /// What proved it: of several that were asked the one that has decided.
    pub by: ProofKind,
    /// Who it is by that.
    pub name: String,
}

/// What proves who a client is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
#[ts(export)]
pub enum ProofKind {
    /// A certificate that its listener verified.
    Certificate,
    /// The password of an account.
    Account,
    /// A token.
    Token,
}
