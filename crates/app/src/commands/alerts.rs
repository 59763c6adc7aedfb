//! What can be asked of alerts.

use tokio::sync::broadcast;

use crate::api::*;
use crate::{App, Result, alerts};

impl App {
    /// Rules and alerts.
    pub async fn alerts(&self) -> AlertsState {
        self.alerts.state()
    }

    /// Makes a rule, or changes one: it begins to watch anew.
    pub async fn alert_rule_set(&self, rule: AlertRule) -> Result<AlertRule> {
        self.alerts.set_rule(rule).await
    }

    /// Removes a rule. Returns it, for an undo.
    pub async fn alert_rule_remove(&self, id: u32) -> Result<AlertRule> {
        self.alerts.remove_rule(id).await
    }

    /// Somebody has seen these alerts; all where none is named.
    pub async fn alerts_acknowledge(&self, ids: Vec<u64>) {
        self.alerts.acknowledge(&ids);
    }

    /// An alert as a heading and a sentence below it, for a service of the system.
    pub fn alert_text(alert: &Alert) -> (String, String) {
        let sentence = format!("{}: {}", alert.thing, alert.why);
        (alerts::plain(&alert.name), alerts::plain(&sentence))
    }

    /// Hears of each alert from now on; who is slow misses the oldest.
    pub fn alerts_listen(&self) -> broadcast::Receiver<Alert> {
        self.alerts.listen()
    }
}
