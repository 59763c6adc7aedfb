//! Sessions: whose they are, who takes them over, and when they end.

use super::*;

impl Hub {
    pub(super) fn attach(&mut self, attach: Box<Attach>, now: Timestamp) {
        if let Some(reason) = self.closed {
            let _ = attach.reply.send(Err(reason));
            return;
        }
        let Some(&key) = self.by_id.get(&attach.info.client) else {
            self.attach_new(*attach);
            return;
        };
        let client = &mut self.clients[key as usize];
        match &client.state {
            State::Online(online) => {
                // [MQTT-3.1.4-3]: the one that is there goes; it is not gone until its session is back.
                online.inbox.end(ReasonCode::SESSION_TAKEN_OVER);
                client.waiting.push_back(attach);
            }
            State::Offline(_) if attach.clean_start => {
                self.end_session(key, now); // [MQTT-3.1.2-4]
                self.attach_new(*attach);
            }
            State::Offline(_) => self.resume(key, *attach),
        }
    }

    fn attach_new(&mut self, attach: Attach) {
        let session = Session::new(attach.terms.clone(), self.limits.queue);
        let client = attach.info.client.clone();
        let inbox = Arc::new(Inbox::new(self.limits.queue));
        let (online, reply) = online(attach, inbox.clone());
        let key = self.clients.insert(Client {
            id: client.clone(),
            state: State::Online(online),
            filters: HashMap::new(),
            waiting: VecDeque::new(),
        }) as u32;
        self.by_id.insert(client, key);
        self.counters
            .sessions
            .store(self.clients.len() as u64, Relaxed);
        self.hand_over(key, reply, session, false, inbox);
    }

    fn resume(&mut self, key: u32, attach: Attach) {
        let inbox = Arc::new(Inbox::new(self.limits.queue));
        let (online, reply) = online(attach, inbox.clone());
        let client = &mut self.clients[key as usize];
        let State::Offline(offline) = std::mem::replace(&mut client.state, State::Online(online))
        else {
            return;
        };
        // A will that waits is not sent [MQTT-3.1.3-9].
        self.forget_deadlines(key, &offline);
        self.hand_over(key, reply, offline.session, true, inbox);
    }

    /// Gives the session to its connection; takes it back where the connection has gone meanwhile.
    fn hand_over(
        &mut self,
        key: u32,
        reply: oneshot::Sender<Result<Attached, ReasonCode>>,
        session: Session,
        session_present: bool,
        inbox: Arc<Inbox>,
    ) {
        let attached = Attached {
            session,
            session_present,
            inbox,
        };
        if let Err(Ok(back)) = reply.send(Ok(attached)) {
            let client = &self.clients[key as usize];
            if let State::Online(online) = &client.state {
                let detach = Detach {
                    client: client.id.clone(),
                    connection: online.info.id,
                    session: Some(back.session),
                    clean: false,
                    session_expiry: None,
                };
                self.detach(detach, Timestamp::now());
            }
        }
    }

    pub(super) fn detach(&mut self, detach: Detach, now: Timestamp) {
        let Some(&key) = self.by_id.get(&detach.client) else {
            return;
        };
        let client = &mut self.clients[key as usize];
        let State::Online(online) = &mut client.state else {
            return;
        };
        if online.info.id != detach.connection {
            return;
        }
        let expiry = match detach.session_expiry {
            // Section 3.14.2.2.2: a session that was to end can't be kept after all
            Some(changed) if online.session_expiry != 0 => changed,
            _ => online.session_expiry,
        };
        let will = online.will.take().filter(|_| !detach.clean);
        let inbox = online.inbox.clone();
        let pending = std::mem::take(&mut online.pending);
        let waiting = std::mem::take(&mut client.waiting);
        let will_delay = will.as_ref().map(|w| w.delay);

        if let Some(mut session) = detach.session.filter(|_| expiry > 0) {
            session.disconnect();
            let mut dropped = 0;
            for delivery in inbox.empty().into_iter().chain(pending) {
                let kept = session.deliver(delivery, now, &mut Vec::new());
                dropped += u64::from(matches!(kept, Err(reason) if reason != Dropped::Away));
            }
            self.counters.dropped.fetch_add(dropped, Relaxed);
            let lifetime = Duration::from_secs(expiry.into());
            let expires = (expiry != u32::MAX).then(|| now.plus(lifetime));
            let delayed = will
                .as_ref()
                .filter(|w| !w.delay.is_zero())
                .map(|w| (now.plus(w.delay), w.message.clone()));
            for at in expires.iter().chain(delayed.as_ref().map(|(at, _)| at)) {
                self.deadlines.insert((*at, key));
            }
            self.clients[key as usize].state = State::Offline(Box::new(Offline {
                session,
                last: detach.connection,
                expires,
                will: delayed,
            }));
            if let (Some(will), Some(Duration::ZERO)) = (will, will_delay) {
                self.route(&will.message.published_at(now), now);
            }
        } else {
            self.remove(key);
            if let Some(will) = will {
                self.route(&will.message.published_at(now), now); // the session ends, so does the delay
            }
        }
        // The first takes the session; each further one takes it over from the one before.
        for attach in waiting {
            self.attach(attach, now);
        }
    }

    /// Ends the session of a client that is away: its delayed will is sent, its subscriptions go.
    pub(super) fn end_session(&mut self, key: u32, now: Timestamp) {
        if matches!(self.clients[key as usize].state, State::Online(_)) {
            return;
        }
        if let State::Offline(offline) = self.remove(key)
            && let Some((_, message)) = offline.will
        {
            self.route(&message.published_at(now), now);
        }
    }

    fn remove(&mut self, key: u32) -> State {
        let client = self.clients.remove(key as usize);
        if let State::Offline(offline) = &client.state {
            self.forget_deadlines(key, offline);
        }
        self.by_id.remove(&client.id);
        for filter in client.filters.keys() {
            self.subscriptions.remove(filter, Subscriber(key));
        }
        // The number may be given to another client: nothing may remember it.
        self.targets.clear();
        self.count_subscriptions();
        self.counters
            .sessions
            .store(self.clients.len() as u64, Relaxed);
        client.state
    }

    /// What was to happen to a session that is away, now that it is not.
    fn forget_deadlines(&mut self, key: u32, offline: &Offline) {
        let will = offline.will.as_ref().map(|(at, _)| *at);
        for at in offline.expires.into_iter().chain(will) {
            self.deadlines.remove(&(at, key));
        }
    }
}
