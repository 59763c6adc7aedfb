//! Rules from and for other brokers.

use mqttwb_policy::foreign::{Format, Translated, from_mosquitto};

use super::*;
use crate::api::{RulesFormat, RulesTranslated};
use crate::{App, blocking};

impl From<RulesFormat> for Format {
    fn from(format: RulesFormat) -> Self {
        match format {
            RulesFormat::Mosquitto => Self::Mosquitto,
            RulesFormat::Emqx => Self::Emqx,
        }
    }
}

impl From<Translated> for RulesTranslated {
    fn from(translated: Translated) -> Self {
        let Translated { text, notes } = translated;
        Self { text, notes }
    }
}

/// mosquitto's ACL file as `acl.toml`; nothing is changed.
pub(crate) fn translate(text: &str) -> RulesTranslated {
    from_mosquitto(text).into()
}

impl AccessControl {
    /// The rules that are in the file, in the words of another broker.
    pub(crate) fn export(&self, to: RulesFormat) -> Result<RulesTranslated> {
        let rules = parse_rules(&rules_text(&self.data)?, &rules_path(&self.data))?;
        let accounts = Accounts::read(&self.data)?;
        let groups = accounts.0.into_iter().map(|(name, kept)| {
            let groups = kept.groups.iter().map(ToString::to_string).collect();
            (name, groups)
        });
        Ok(rules.translated(to.into(), &groups.collect()).into())
    }
}

impl App {
    /// mosquitto's ACL file as rules of ours, to look at; nothing is changed.
    pub async fn access_translate(&self, text: String) -> RulesTranslated {
        translate(&text)
    }

    /// The rules that are in the file, in the words of another broker.
    pub async fn access_export(&self, to: RulesFormat) -> Result<RulesTranslated> {
        let access = self.broker.access.clone();
        blocking(move || access.export(to)).await
    }
}
