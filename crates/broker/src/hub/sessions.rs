//! Sessions: whose they are, who takes them over, and when they end.

use super::*;

impl Hub {
    pub(super) fn attach(&mut self, attach: Box<Attach>, now: Timestamp) {
        if let Some(reason) = self.closed {
            let _ = attach.reply.send(Err(reason));
            return;
        }
        if self.is_revoked(&attach.info) {
            let _ = attach.reply.send(Err(ReasonCode::NOT_AUTHORIZED));
            return;
        }
        self.connects += 1;
        let Some(&key) = self.by_id.get(&attach.info.client) else {
            if self.clients.len() >= self.limits.sessions {
                let _ = attach.reply.send(Err(ReasonCode::QUOTA_EXCEEDED));
                return;
            }
            self.attach_new(*attach);
            return;
        };
        let client = &mut self.clients[key as usize];
        if client
            .identity
            .as_ref()
            .is_some_and(|owner| !owner.hands_over_to(&attach.identity))
        {
            let no = ReasonCode::CLIENT_IDENTIFIER_NOT_VALID;
            let _ = attach.reply.send(Err(no));
            return;
        }
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
        let durable = self.durable.new_session(attach.session_expiry);
        let mut session = Session::new(attach.terms.clone(), self.limits.queue);
        session.set_durable(durable.is_some());
        let client = attach.info.client.clone();
        let identity = Some(attach.identity.clone());
        let inbox = Arc::new(Inbox::new(self.limits.queue));
        let (online, reply) = online(attach, inbox);
        self.is_here();
        if let Some(key) = durable {
            self.durable.change(Change::Session(online.record(key, 0)));
        }
        self.names.insert(online.info.id, client.clone());
        let key = self.clients.insert(Client {
            id: client.clone(),
            state: State::Online(online),
            identity,
            filters: HashMap::new(),
            durable,
            next_seq: 1,
            waiting: VecDeque::new(),
        }) as u32;
        self.by_id.insert(client, key);
        self.counters
            .sessions
            .store(self.clients.len() as u64, Relaxed);
        self.hand_over(key, reply, session, false);
    }

    fn resume(&mut self, key: u32, attach: Attach) {
        let inbox = Arc::new(Inbox::new(self.limits.queue));
        let identity = Some(attach.identity.clone());
        let (online, reply) = online(attach, inbox);
        self.is_here();
        let connection = online.info.id;
        let client = &mut self.clients[key as usize];
        let offline = match std::mem::replace(&mut client.state, State::Online(online)) {
            State::Offline(offline) => *offline,
            // Not so: who calls this has looked.
            online @ State::Online(_) => {
                client.state = online;
                return;
            }
        };
        // A will that waits is not sent [MQTT-3.1.3-9].
        for at in offline.deadlines() {
            self.deadlines.remove(&(at, key));
        }
        let mut session = offline.session;
        if let (Some(kept), State::Online(online)) = (client.durable, &client.state) {
            if online.session_expiry > 0 {
                let record = online.record(kept, session.sent());
                self.durable.change(Change::Session(record));
            } else {
                // It ends with this connection, whatever ends that.
                client.durable = None;
                session.set_durable(false);
                self.durable.end_session(kept, client.filters.keys());
            }
        }
        self.names.remove(&offline.last);
        self.names.insert(connection, client.id.clone());
        self.clients[key as usize].identity = identity;
        // Rules may have changed while it was away, and who comes may be allowed less.
        if let (_, Some(forbidden)) = self.recheck_client(key) {
            let out = session.withhold(forbidden.judge());
            self.withheld(key, out, Timestamp::now());
        }
        self.hand_over(key, reply, session, true);
    }

    /// Gives the session to its connection; takes it back where the connection has gone meanwhile.
    fn hand_over(
        &mut self,
        key: u32,
        reply: oneshot::Sender<Result<Attached, ReasonCode>>,
        session: Session,
        session_present: bool,
    ) {
        // Who takes the session up waits until all that it holds is safe: it must be in the journal before.
        self.durable.append_changes();
        let client = &self.clients[key as usize];
        let State::Online(online) = &client.state else {
            return;
        };
        let attached = Attached {
            client: key,
            durable: client.durable,
            session: Some(session),
            session_present,
            inbox: online.inbox.clone(),
        };
        if let Err(Ok(back)) = reply.send(Ok(attached)) {
            let detach = Detach {
                client: client.id.clone(),
                connection: online.info.id,
                session: back.session,
                clean: false,
                session_expiry: None,
            };
            self.detach(detach, Timestamp::now());
        }
    }

    /// One more client is connected.
    fn is_here(&mut self) {
        self.online += 1;
        self.most_online = self.most_online.max(self.online);
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
        self.online -= 1;
        let expiry = match detach.session_expiry {
            // Section 3.14.2.2.2: a session that was to end can't be kept after all
            Some(changed) if online.session_expiry != 0 => changed,
            _ => online.session_expiry,
        };
        let from = online.info.clone();
        let will = online.will.take().filter(|_| !detach.clean);
        let inbox = online.inbox.clone();
        let pending = std::mem::take(&mut online.pending);
        let waiting = std::mem::take(&mut client.waiting);
        let will_delay = will.as_ref().map(|w| w.delay);

        let (kept, ended) = match detach.session {
            session if expiry > 0 => (session, None),
            session => (None, session),
        };
        if let Some(mut session) = kept {
            session.disconnect();
            session.set_limits(self.limits.queue);
            let durable = client.durable;
            let (info, session_expiry) = (online.info.clone(), expiry);
            for delivery in inbox.empty().into_iter().chain(pending) {
                let seq = delivery.seq;
                if let Err(reason) = session.deliver(delivery, now, &mut self.actions) {
                    self.actions.push(Action::Dropped { reason, seq });
                }
            }
            self.count_dropped(durable);
            for (forbidden, reply) in inbox.unheard() {
                let out = session.withhold(forbidden.judge());
                let _ = reply.send(self.withheld(key, out, now));
            }
            let lifetime = Duration::from_secs(expiry.into());
            let expires = (expiry != u32::MAX).then(|| now.plus(lifetime));
            let delayed = will
                .as_ref()
                .filter(|w| !w.delay.is_zero())
                .map(|w| (now.plus(w.delay), w.message.clone()));
            self.clients[key as usize].state = State::Offline(Box::new(Offline {
                session,
                last: detach.connection,
                expires,
                away_since: now,
                session_expiry,
                version: info.version,
                will: delayed,
            }));
            self.remember_deadlines(key);
            self.journal_away(key);
            if let (Some(will), Some(Duration::ZERO)) = (will, will_delay) {
                self.route(&will.message.published_at(now), now);
            }
        } else {
            self.remove(key);
            let sent = ended.map(Session::undelivered).into_iter().flatten();
            let left = sent.chain(inbox.empty()).chain(pending);
            self.hand_on(left, now);
            if let Some(will) = will {
                self.route(&will.message.published_at(now), now); // the session ends, so does the delay
            }
            self.names.remove(&detach.connection);
        }
        // The first takes the session; each further one takes it over from the one before.
        if let Some(first) = waiting.front().filter(|_| self.closed.is_none()) {
            self.take_overs.add(from, first.info.clone(), now);
        }
        for attach in waiting {
            self.attach(attach, now);
        }
    }

    /// Ends the session of a client that is away: its delayed will is sent, its subscriptions go.
    pub(super) fn end_session(&mut self, key: u32, now: Timestamp) {
        if matches!(self.clients[key as usize].state, State::Online(_)) {
            return;
        }
        if let State::Offline(offline) = self.remove(key) {
            self.hand_on(offline.session.undelivered(), now);
            if let Some((_, message)) = offline.will {
                self.route(&message.published_at(now), now);
            }
            self.names.remove(&offline.last);
        }
    }

    fn remove(&mut self, key: u32) -> State {
        let client = self.clients.remove(key as usize);
        if let State::Offline(offline) = &client.state {
            for at in offline.deadlines() {
                self.deadlines.remove(&(at, key));
            }
        }
        if let Some(session) = client.durable {
            self.durable.end_session(session, client.filters.keys());
        }
        self.by_id.remove(&client.id);
        for filter in client.filters.keys() {
            self.subscriptions.remove(filter, Subscriber(key));
        }
        // The number may be given to another client: nothing may remember it.
        self.matches.clear();
        self.count_subscriptions();
        self.counters
            .sessions
            .store(self.clients.len() as u64, Relaxed);
        client.state
    }

    /// Looks at a session that is away when something is to happen to it.
    pub(super) fn remember_deadlines(&mut self, key: u32) {
        if let State::Offline(offline) = &self.clients[key as usize].state {
            let deadlines = offline.deadlines().map(|at| (at, key));
            self.deadlines.extend(deadlines);
        }
    }
}

impl Offline {
    /// When the session ends, and when its will is due.
    fn deadlines(&self) -> impl Iterator<Item = Timestamp> {
        let will = self.will.as_ref().map(|(at, _)| *at);
        self.expires.into_iter().chain(will)
    }
}
