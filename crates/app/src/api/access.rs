use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// Who may come in, and what each may do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct AccessReport {
    /// Whether clients may come in that prove nothing.
    pub anonymous: bool,
    /// What judges user names and passwords, in this order: `accounts`, `jwt`.
    pub methods: Vec<String>,
    /// The same from the next start of the broker, as `broker.toml` says it now.
    pub methods_next: Vec<String>,
    /// Tokens, where they are taken.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub tokens: Option<TokenReport>,
    /// Accounts, by name.
    pub accounts: Vec<Account>,
    /// The text of `acl.toml`; empty where there is none.
    pub rules_text: String,
    /// What is wrong with it; then the rules that were read before hold.
    pub mistakes: Vec<AclMistake>,
    /// The rules that hold, in their order.
    pub rules: Vec<AccessRule>,
    /// Where the rules are.
    pub rules_file: String,
    /// Where the accounts are.
    pub accounts_file: String,
}

/// An account, without its password.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct Account {
    /// User name.
    pub name: String,
    /// Groups that it is in.
    pub groups: Vec<String>,
    /// How its password is kept: Argon2id, or as mosquitto made it, SHA-512 or PBKDF2.
    pub hash: String,
    /// Whether guessing a password from what is kept takes much work.
    pub strong: bool,
}

/// An account to make or to change.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct AccountRequest {
    /// User name.
    pub name: String,
    /// Its new password; where it is left out the account keeps the one that it has.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub password: Option<String>,
    /// Groups; where they are left out the account keeps those that it has.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub groups: Option<Vec<String>>,
    /// It must not be there yet.
    #[serde(default)]
    pub new: bool,
}

impl std::fmt::Debug for AccountRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AccountRequest")
            .field("name", &self.name)
            .field("groups", &self.groups)
            .finish_non_exhaustive() // a password goes into no log
    }
}

/// What became of another broker's accounts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct AccountsImported {
    /// Accounts that were taken over, with their passwords as they were.
    pub taken: Vec<String>,
    /// Accounts that were here already and stay as they are.
    pub kept: Vec<String>,
    /// Lines that can't be taken, and why.
    pub refused: Vec<String>,
}

/// A rule, for a person to look at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct AccessRule {
    /// Its name; may be empty.
    pub name: String,
    /// Its line in the file.
    pub line: u32,
    /// It allows; otherwise it denies.
    pub allows: bool,
    /// `publish`, `subscribe` or `both`.
    pub action: String,
    /// Of which topics.
    pub topics: Vec<String>,
    /// For whom, in words.
    pub subjects: String,
}

/// A mistake in `acl.toml`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct AclMistake {
    /// Line, from 1.
    pub line: u32,
    /// What is wrong, and what was expected.
    pub what: String,
}

/// What a text would be as rules.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct RulesChecked {
    /// How many rules it has.
    pub rules: u32,
    /// What is wrong with it.
    pub mistakes: Vec<AclMistake>,
}

/// Rules that hold from now on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct RulesApplied {
    /// How many there are.
    pub rules: u32,
    /// How many accounts there are.
    pub accounts: u32,
    /// What clients had that is not allowed any more: `pump-7: plant/#`.
    pub taken: Vec<String>,
    /// Whether a broker runs that goes by them.
    pub running: bool,
}

/// What can be wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
#[ts(export)]
pub enum AccessAction {
    /// To publish.
    Publish,
    /// To subscribe.
    Subscribe,
    /// To leave a last will.
    Will,
    /// To come in.
    Connect,
}

/// "What if somebody wanted …?"
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct WhatIf {
    /// Client identifier.
    #[serde(default)]
    pub client_id: String,
    /// The account, as if it had been proved; empty for none.
    #[serde(default)]
    pub account: String,
    /// The name in a certificate; empty for none.
    #[serde(default)]
    pub certificate: String,
    /// What its token says, as if it had been proved.
    #[serde(default)]
    pub claims: BTreeMap<String, String>,
    /// What is wanted: publish, subscribe or will.
    pub action: AccessAction,
    /// Topic name, or filter.
    pub topic: String,
    /// QoS.
    #[serde(default)]
    pub qos: u8,
    /// Retained.
    #[serde(default)]
    pub retain: bool,
}

/// What would be said to that, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct AccessVerdict {
    /// Whether it may be.
    pub allowed: bool,
    /// What decided, in words.
    pub why: String,
    /// The line of the rule that decided.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub line: Option<u32>,
}

/// "Who can …?"
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct WhoCan {
    /// Topic name, or filter.
    pub topic: String,
}

/// Somebody, and what he may do with a topic.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct WhoEntry {
    /// Who: an account, a device's certificate, or somebody who proves nothing.
    pub who: String,
    /// `account`, `certificate` or `anybody`.
    pub kind: String,
    /// The verdict on publishing; none where the topic has wildcards.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub publish: Option<AccessVerdict>,
    /// The verdict on subscribing.
    pub subscribe: AccessVerdict,
}

/// Something that was denied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct Denial {
    /// Its number.
    pub id: u32,
    /// Client identifier.
    pub client_id: String,
    /// The account; for a failed login the user name that was tried.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub account: Option<String>,
    /// The name in its certificate.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub certificate: Option<String>,
    /// From where, the last time.
    pub peer: String,
    /// By which listener.
    pub listener: String,
    /// What was wanted.
    pub action: AccessAction,
    /// Topic name or filter; empty for a login.
    pub topic: String,
    /// QoS.
    pub qos: u8,
    /// Retained.
    pub retain: bool,
    /// Why not. The client was not told.
    pub why: String,
    /// The line of the rule that decided; none where no rule allows it.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub line: Option<u32>,
    /// The first time.
    #[ts(type = "number")]
    pub first: u64,
    /// The last time.
    #[ts(type = "number")]
    pub last: u64,
    /// How often.
    #[ts(type = "number")]
    pub count: u64,
}

/// What was denied lately.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct Denials {
    /// The newest first, each thing once.
    pub entries: Vec<Denial>,
    /// Denials in all.
    #[ts(type = "number")]
    pub total: u64,
    /// Different ones that are not kept any more.
    #[ts(type = "number")]
    pub forgotten: u64,
}

/// Rules that would allow what was denied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct RuleProposal {
    /// The whole text with the rule in it.
    pub text: String,
    /// The rule alone.
    pub rule: String,
    /// The line that it begins at.
    pub line: u32,
}

/// Tokens as they are taken, for a person to look at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct TokenReport {
    /// The authentication method of MQTT 5.
    pub method: String,
    /// Files and the address that keys come from.
    pub sources: Vec<String>,
    /// Whether keys were read: they are when the broker is started.
    pub read: bool,
    /// The keys, by algorithm and name.
    pub keys: Vec<String>,
    /// Keys of the set that can't be used, and why.
    pub left_out: Vec<String>,
    /// When the key set was read last; milliseconds since the epoch.
    #[ts(optional, type = "number")]
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub fetched: Option<u64>,
    /// Why the key set can't be read at present.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub failure: Option<String>,
    /// What `iss` must be.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub issuer: Option<String>,
    /// What `aud` must hold.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub audience: Option<String>,
    /// The claim that is the user name.
    pub user_claim: String,
    /// The claim that must be the client identifier.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub client_id_claim: Option<String>,
}

/// A token to look at.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct TokenCheck {
    /// The token.
    pub token: String,
    /// The client identifier of who shows it.
    #[serde(default)]
    pub client_id: String,
}

impl std::fmt::Debug for TokenCheck {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TokenCheck")
            .field("client_id", &self.client_id)
            .finish_non_exhaustive() // a token goes into no log
    }
}

/// What a token says, and whether it would be taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct TokenVerdict {
    /// It would be taken.
    pub taken: bool,
    /// Why, or why not.
    pub why: String,
    /// The user that it proves.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub user: Option<String>,
    /// Groups that it puts the user into.
    pub groups: Vec<String>,
    /// What rules can name of it.
    pub claims: BTreeMap<String, String>,
    /// When it ends; milliseconds since the epoch.
    #[ts(optional, type = "number")]
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub expires: Option<u64>,
}

/// What was learned of what clients do, and the rules that come of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct LearnReport {
    /// Since when it was watched; milliseconds since the epoch. Absent where nothing was learned.
    #[ts(optional, type = "number")]
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub since: Option<u64>,
    /// Until when; absent while it is watched.
    #[ts(optional, type = "number")]
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub until: Option<u64>,
    /// Different things that were seen: who did what where.
    pub seen: u32,
    /// Times that something was seen for which there was no room.
    #[ts(type = "number")]
    pub forgotten: u64,
    /// Rules that would allow what no rule speaks of.
    pub rules: Vec<LearnedRule>,
    /// Things that rules allow already.
    pub allowed: u32,
    /// Things that a rule denies: they are left out. The first of them.
    pub denied: Vec<String>,
    /// How many more.
    pub more_denied: u32,
    /// Things that no rule can name, since their topics have braces. The first of them.
    pub unsayable: Vec<String>,
    /// How many more.
    pub more_unsayable: u32,
    /// Levels that had so many values that a wildcard stands for them.
    pub widened: u32,
    /// There are no rules yet: with the first one, what no rule allows is denied.
    pub is_first: bool,
}

/// A rule that was learned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct LearnedRule {
    /// Its name.
    pub name: String,
    /// As it would stand in `acl.toml`.
    pub text: String,
    /// `publish` or `subscribe`.
    pub action: String,
    /// Of which topics.
    pub topics: Vec<String>,
    /// For whom, in words.
    pub subjects: String,
}

/// How another broker writes rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
#[ts(export)]
pub enum RulesFormat {
    /// mosquitto's `acl_file`.
    Mosquitto,
    /// EMQX's `acl.conf`.
    Emqx,
}

/// Rules in other words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct RulesTranslated {
    /// The file.
    pub text: String,
    /// What is not the same there, a sentence each.
    pub notes: Vec<String>,
}
