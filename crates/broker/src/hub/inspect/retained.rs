//! Retained messages that an operator clears, and has back.

use super::*;

impl Hub {
    pub(super) fn clear_retained(
        &mut self,
        filter: &TopicFilter,
        now: Timestamp,
    ) -> Vec<RetainedMessage> {
        let found: Vec<_> = self
            .retained
            .kept(filter, now)
            .map(RetainedMessage::from)
            .collect();
        for cleared in &found {
            self.retained.remove(cleared.message.topic());
            self.durable.unretain(cleared.message.topic());
        }
        self.count_retained();
        found
    }

    pub(super) fn restore_retained(
        &mut self,
        messages: Vec<RetainedMessage>,
        now: Timestamp,
    ) -> Restored {
        let mut done = Restored::default();
        for kept in messages {
            let topic = kept.message.topic().to_owned();
            if self.retained.get(&topic).is_some() {
                done.newer.push(topic);
            } else if kept.message.expires().is_some_and(|at| at <= now) {
                done.expired.push(topic);
            } else if let Err(limit) =
                self.retained
                    .room_for(&topic, kept.message.size(), &self.limits)
            {
                self.counters.limit_hit(limit, now);
                done.no_room.push(topic);
            } else {
                self.retained.set(&kept.message, &kept.publisher);
                self.durable.retain(&kept.message, &kept.publisher);
                done.restored += 1;
            }
        }
        self.count_retained();
        done
    }
}
