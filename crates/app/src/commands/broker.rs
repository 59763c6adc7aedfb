//! What can be asked of the broker: its life, its settings, its faults.

use crate::api::*;
use crate::{App, Result};

impl App {
    /// Starts the broker.
    pub async fn broker_start(&self, request: BrokerStart) -> Result<BrokerStatus> {
        self.broker.start(&request).await
    }

    /// Stops the broker; its ports are free when this returns.
    pub async fn broker_stop(&self) -> Result<BrokerStatus> {
        self.broker.stop().await
    }

    /// The broker as it stands.
    pub fn broker_status(&self) -> BrokerStatus {
        self.broker.status()
    }

    /// The configuration that the broker runs with, or would.
    pub fn broker_config(&self) -> ConfigReport {
        self.broker.config()
    }

    /// The broker's fault rules, in their order, with what each has done. A broker that is started has none.
    pub async fn faults(&self) -> Result<Vec<FaultEntry>> {
        self.broker.faults()
    }

    /// Puts these in place of the broker's fault rules; one that stays as it was goes on counting.
    pub async fn faults_set(&self, rules: Vec<FaultRule>) -> Result<Vec<FaultEntry>> {
        self.broker.set_faults(rules)
    }

    /// Adds a fault rule behind those that hold.
    pub async fn fault_add(&self, rule: FaultRule) -> Result<Vec<FaultEntry>> {
        self.broker.add_fault(rule)
    }

    /// Removes the fault rule of this name, or all.
    pub async fn faults_clear(&self, name: Option<String>) -> Result<Vec<FaultEntry>> {
        self.broker.clear_faults(name.as_deref())
    }

    /// Reads the configuration again, and applies what can be applied while the broker runs. A file with a mistake
    /// changes nothing.
    pub async fn broker_reload(&self) -> Result<ConfigReloaded> {
        self.broker.reload().await
    }
}
