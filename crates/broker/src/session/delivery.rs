//! A message on its way to one subscriber.

use std::collections::VecDeque;

use mqttwb_model::{QoS, SubscriptionIds};

use crate::message::Message;
use crate::shares::ShareId;

/// A message on its way to one subscriber.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// What.
    pub message: Message,
    /// The lower of the message's QoS and the subscription's `[MQTT-3.8.4-8]`.
    pub qos: QoS,
    /// The retain flag that the subscriber sees.
    pub retain: bool,
    /// Identifiers of the subscriptions that matched (section 3.8.2.1.2).
    pub subscription_ids: SubscriptionIds,
    /// Its place among the session's deliveries above QoS 0, from 1; 0 at QoS 0. The hub counts.
    pub seq: u64,
    /// The shared subscription that it was made for: the session is the member whose turn it was.
    pub share: Option<ShareId>,
}

impl Delivery {
    /// A delivery at QoS 0.
    pub(crate) fn at_most_once(message: &Message, subscription_ids: &SubscriptionIds) -> Self {
        Self {
            message: message.clone(),
            qos: QoS::AtMostOnce,
            retain: false,
            subscription_ids: subscription_ids.clone(),
            seq: 0,
            share: None,
        }
    }

    /// The same, with the message in memory of its own.
    #[must_use]
    pub(crate) fn detached(self) -> Self {
        Self {
            message: self.message.detached(),
            ..self
        }
    }
}

/// Takes out of a queue whatever this is said of; the rest stays in its order.
pub(crate) fn take_out(
    queue: &mut VecDeque<Delivery>,
    is: impl FnMut(&Delivery) -> bool,
) -> Vec<Delivery> {
    let (out, kept) = std::mem::take(queue).into_iter().partition(is);
    *queue = kept;
    out.into()
}
