//! Words about subscriptions.

use std::ops::Deref;
use std::sync::Arc;

/// Identifiers of the subscriptions that a message matched (MQTT 5, section 3.8.2.1.2). Cheap to clone.
///
/// Most subscriptions have none, and what there is none of has no counter that threads would contend for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SubscriptionIds(Option<Arc<[u32]>>);

impl Deref for SubscriptionIds {
    type Target = [u32];

    fn deref(&self) -> &[u32] {
        self.0.as_deref().unwrap_or_default()
    }
}

impl FromIterator<u32> for SubscriptionIds {
    fn from_iter<I: IntoIterator<Item = u32>>(ids: I) -> Self {
        let mut ids = ids.into_iter().peekable();
        Self(ids.peek().is_some().then(|| ids.collect()))
    }
}
