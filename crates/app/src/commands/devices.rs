//! What can be asked of the device board.

use crate::api::*;
use crate::{App, Result};

impl App {
    /// Devices as they are now, a part of them.
    pub async fn devices(&self, look: DevicesLook) -> Result<DevicesFrame> {
        Ok(self.devices.look(look).await)
    }

    /// How devices are told, and what is shown of them.
    pub async fn device_rules(&self) -> DeviceRules {
        self.devices.rules()
    }

    /// Goes by other rules from now on; what is captured and retained is read again by them.
    pub async fn device_rules_set(&self, rules: DeviceRules) -> Result<DeviceRules> {
        self.devices.set_rules(rules).await
    }
}
