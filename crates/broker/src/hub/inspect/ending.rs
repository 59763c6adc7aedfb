//! Connections and sessions that an operator ends, or that end since what they were proved with does not hold any more.

use super::*;

impl Hub {
    pub(super) fn disconnect(&mut self, client: &ClientId, reason: ReasonCode) -> Ended {
        let key = self.by_id.get(client);
        let client = key.and_then(|key| self.clients.get_mut(*key as usize));
        match client.map(|client| &mut client.state) {
            Some(State::Online(online)) => online.end(reason),
            Some(State::Offline(_)) | None => Ended::Nothing,
        }
    }

    /// Ends the connections of everybody whom this is said of. Each is gone when its receiver hears that its sender is.
    pub(in crate::hub) fn end_where(
        &mut self,
        whom: impl Fn(&Identity) -> bool,
        reason: ReasonCode,
        why: Option<&'static str>,
    ) -> Vec<oneshot::Receiver<()>> {
        let clients = self.clients.iter_mut();
        let ended = clients.filter_map(|(_, client)| match (&mut client.state, &client.identity) {
            (State::Online(online), Some(who)) if whom(who) => {
                Some(online.end_because(reason, why))
            }
            _ => None,
        });
        ended.collect()
    }

    pub(super) fn end(&mut self, client: &ClientId, now: Timestamp) -> Ended {
        let Some(&key) = self.by_id.get(client) else {
            return Ended::Nothing;
        };
        if let State::Online(online) = &mut self.clients[key as usize].state {
            online.session_expiry = 0; // the session goes with its connection
            return online.end(ReasonCode::ADMINISTRATIVE_ACTION);
        }
        self.end_session(key, now);
        Ended::Now
    }
}

impl Online {
    fn end(&mut self, reason: ReasonCode) -> Ended {
        Ended::Soon(self.end_because(reason, None))
    }

    /// Tells the connection to end. It is gone when the receiver hears that its sender is.
    fn end_because(
        &mut self,
        reason: ReasonCode,
        why: Option<&'static str>,
    ) -> oneshot::Receiver<()> {
        let (gone, is_gone) = oneshot::channel();
        self.gone.push(gone);
        self.inbox.end_because(reason, why);
        is_gone
    }
}
