//! Faults done to the packets of a connection.
//!
//! Duty: do to a packet what a rule says, keep the order of packets, and show each as it arrived, or that it did not.
//! Not here: which packets are struck (`faults.rs`). Invariant: of a packet to the client the session believes that it was
//! sent; a packet of the client is struck before the session or its keep-alive knows of it. What waits is bounded with the
//! output: where too much waits nothing is read.

use bytes::Bytes;
use mqttwb_model::{Fault, FaultAction, FaultDone, Observer, PacketType};
use mqttwb_wire::{peek, secret_spans};

use super::super::output::struck;
use super::*;
use crate::faults::{LiveRule, Strike, strike};

/// A connection's side of the rules; there where any is about its client, or while something waits.
pub(super) struct Injector {
    rules: Vec<Arc<LiveRule>>,
    /// Packets to the client that wait, in their order.
    line: VecDeque<Passing>,
    line_bytes: usize,
    /// Of the next packets of the client, which were looked at already: what was done to them.
    notes: VecDeque<Option<Arc<Fault>>>,
    /// The next packet of the client waits until then.
    input_until: Option<(Instant, Arc<Fault>)>,
    /// When the client was last read from.
    read_at: Instant,
    /// The connection is to be cut.
    cut: Option<Arc<Fault>>,
}

/// A packet on its way to the client.
#[derive(Clone)]
struct Passing {
    due: Option<Instant>,
    mark: PacketMark,
    shown: Bytes,
    /// `None` where it does not arrive.
    wire: Option<Bytes>,
}

/// What is to be done with the next packet of the client.
pub(super) enum Judged {
    /// Handle it; what was done to it.
    Pass(Option<Arc<Fault>>),
    Strike(Strike),
}

impl Injector {
    fn new(rules: Vec<Arc<LiveRule>>) -> Self {
        Self {
            rules,
            line: VecDeque::new(),
            line_bytes: 0,
            notes: VecDeque::new(),
            input_until: None,
            read_at: instant(),
            cut: None,
        }
    }

    /// There is nothing left for it to do.
    fn is_idle(&self) -> bool {
        self.rules.is_empty()
            && self.line.is_empty()
            && self.notes.is_empty()
            && self.input_until.is_none()
            && self.cut.is_none()
    }

    /// When something that waits is due.
    pub(super) fn due(&self) -> Option<Instant> {
        let line = self.line.front().and_then(|passing| passing.due);
        let input = self.input_until.as_ref().map(|(at, _)| *at);
        line.into_iter().chain(input).min()
    }

    /// Whether packets of the client wait, so that no more are read.
    pub(super) fn holds_input(&self) -> bool {
        self.input_until.is_some()
    }

    /// The client was read from.
    pub(super) fn read(&mut self) {
        self.read_at = instant();
    }

    /// What is to be done with a packet of the client. `aliased` is what its topic alias stands for.
    pub(super) fn judge(
        &mut self,
        frame: &[u8],
        version: ProtocolVersion,
        aliased: impl Fn() -> Option<Arc<str>>,
    ) -> Judged {
        if let Some(note) = self.notes.pop_front() {
            if note.as_ref().is_some_and(|n| n.done == FaultDone::CutAfter) {
                self.cut.clone_from(&note);
            }
            return Judged::Pass(note);
        }
        if self.rules.is_empty() {
            return Judged::Pass(None);
        }
        let own = peek(frame, version).and_then(|p| p.topic);
        let aliased = match PacketType::of_first_byte(frame[0]) {
            Some(PacketType::Publish) if own.is_none() => aliased(),
            _ => None,
        };
        let topic = || own.or(aliased.as_deref());
        match strike(&self.rules, Direction::ToBroker, frame, topic) {
            Some(strike) => Judged::Strike(strike),
            None => Judged::Pass(None),
        }
    }

    /// Whether a packet that was handled was the last.
    pub(super) fn cuts(&self) -> bool {
        self.cut.is_some()
    }

    /// Takes what the output has got, lets it pass the rules, and puts back what may go. How many bytes that is.
    fn pass(
        &mut self,
        output: &mut Output,
        info: &ConnectionInfo,
        observer: &dyn Observer,
    ) -> usize {
        let now = instant();
        let (bytes, marks, secrets) = output.take_unseen();
        let shown = struck(&bytes, &secrets).map_or_else(|| bytes.clone(), Bytes::from);
        for mark in marks {
            let start = mark.start as usize;
            let range = start..start + mark.len as usize;
            self.admit(
                mark,
                bytes.slice(range.clone()),
                shown.slice(range),
                info.version,
                now,
            );
        }
        let mut seen = Seen::default();
        let mut sent = 0;
        if self.cut.is_some() {
            self.lose_into(&mut seen);
        }
        while self
            .line
            .front()
            .is_some_and(|p| p.due.is_none_or(|due| due <= now))
            && let Some(passing) = self.line.pop_front()
        {
            if let Some(wire) = &passing.wire {
                self.line_bytes -= wire.len();
                output.put_seen(wire);
                sent += wire.len();
            }
            let fault = passing.mark.fault.clone();
            seen.add(passing);
            if fault.as_ref().is_some_and(|fault| is_cut(fault.done)) {
                self.cut = fault;
                self.lose_into(&mut seen);
            }
        }
        output.set_held(self.line_bytes);
        seen.show(info.id, observer);
        sent
    }

    /// Lets a packet stand in the line as the rules say.
    fn admit(
        &mut self,
        mark: PacketMark,
        wire: Bytes,
        shown: Bytes,
        version: ProtocolVersion,
        now: Instant,
    ) {
        let aliased = mark.aliased_topic.clone();
        let topic = || aliased.as_deref().or_else(|| peek(&wire, version)?.topic);
        let struck = match self.cut {
            Some(_) => None, // it will not be sent
            None => strike(&self.rules, Direction::ToClient, &wire, topic),
        };
        let mut passing = Passing {
            due: None,
            mark,
            shown,
            wire: Some(wire.clone()),
        };
        if let Some(strike) = struck {
            let fault = Arc::new(Fault {
                rule: strike.rule,
                done: strike.done,
            });
            match strike.action {
                FaultAction::Drop => passing.wire = None,
                FaultAction::Delay(delay) => passing.due = Some(now + delay),
                FaultAction::Duplicate => {
                    self.stand(passing.clone());
                }
                FaultAction::Corrupt(_) => {
                    if let FaultDone::Corrupted { at, .. } = strike.done {
                        passing.wire = Some(corrupted(&wire, at));
                        passing.shown = corrupted(&passing.shown, at);
                    }
                }
                FaultAction::Truncate(to) => {
                    passing.wire = Some(wire.slice(..to as usize));
                    passing.shown = passing.shown.slice(..to as usize);
                }
                FaultAction::CutBefore => passing.wire = None,
                FaultAction::CutAfter => {}
            }
            passing.mark.fault = Some(fault);
        }
        self.stand(passing);
    }

    fn stand(&mut self, passing: Passing) {
        self.line_bytes += passing.wire.as_ref().map_or(0, Bytes::len);
        self.line.push_back(passing);
    }

    /// What waits does not arrive any more.
    fn lose_into(&mut self, seen: &mut Seen) {
        self.line_bytes = 0;
        let mut rule = self.cut.as_ref().map(|cut| cut.rule.clone());
        for mut passing in self.line.drain(..) {
            // Behind the one that was delayed.
            if let (None, Some(fault)) = (&rule, &passing.mark.fault) {
                rule = Some(fault.rule.clone());
            }
            passing.mark.fault = rule.clone().map(|rule| {
                let done = FaultDone::Lost;
                Arc::new(Fault { rule, done })
            });
            seen.add(passing);
        }
    }
}

/// Packets to be shown to the observer.
#[derive(Default)]
struct Seen {
    bytes: BytesMut,
    marks: Vec<PacketMark>,
}

impl Seen {
    fn add(&mut self, passing: Passing) {
        self.marks.push(PacketMark {
            at: Timestamp::now(),
            start: self.bytes.len() as u32,
            len: passing.shown.len() as u32,
            ..passing.mark
        });
        self.bytes.extend_from_slice(&passing.shown);
    }

    fn show(self, connection: ConnectionId, observer: &dyn Observer) {
        if !self.marks.is_empty() {
            observer.packets(PacketBatch {
                connection,
                direction: Direction::ToClient,
                bytes: &self.bytes,
                marks: &self.marks,
            });
        }
    }
}

fn is_cut(done: FaultDone) -> bool {
    matches!(done, FaultDone::CutBefore | FaultDone::CutAfter)
}

fn corrupted(frame: &[u8], at: u32) -> Bytes {
    let mut frame = BytesMut::from(frame);
    if let Some(byte) = frame.get_mut(at as usize) {
        *byte = !*byte;
    }
    frame.freeze()
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Connection<S> {
    /// Looks whether the rules have changed: one number, where they have not.
    pub(super) fn look_at_faults(&mut self) {
        let version = self.shared.faults.version();
        if version != self.faults_version {
            self.faults_version = version;
            let rules = self.shared.faults.of(&self.info.client);
            match &mut self.faults {
                Some(injector) => injector.rules = rules,
                None => self.faults = Some(Box::new(Injector::new(rules))),
            }
        }
        if self.faults.as_ref().is_some_and(|faults| faults.is_idle()) {
            self.faults = None;
        }
    }

    /// Lets what the output has got pass the rules. How many bytes may go.
    pub(super) fn pass_output(&mut self) -> usize {
        let Some(injector) = &mut self.faults else {
            return 0;
        };
        let sent = injector.pass(&mut self.output, &self.info, self.shared.observer.as_ref());
        if injector.due().is_some() {
            self.timer = None; // it may be set for later
        }
        sent
    }

    /// The connection ends: what waits will not be sent.
    pub(super) fn lose_output(&mut self) {
        if let Some(injector) = &mut self.faults {
            let mut seen = Seen::default();
            injector.lose_into(&mut seen);
            self.output.set_held(0);
            seen.show(self.info.id, self.shared.observer.as_ref());
        }
    }

    /// The end of a connection that a rule has cut.
    pub(super) fn cut(&self) -> Option<End> {
        let fault = self.faults.as_ref()?.cut.as_ref()?;
        Some(End::Cut(format!("cut by the fault rule {}", fault.rule)))
    }

    /// Whether packets of the client wait, since one was delayed that is not due.
    pub(super) fn input_waits(&mut self) -> bool {
        let Some(injector) = &mut self.faults else {
            return false;
        };
        match injector.input_until.take_if(|(at, _)| *at <= instant()) {
            Some((_, fault)) => injector.notes.push_front(Some(fault)),
            None => return injector.input_until.is_some(),
        }
        false
    }

    /// Does what a rule says to the packet at the beginning of the input, which has this length. Whether there may be more.
    pub(super) fn strike_input(
        &mut self,
        strike: Strike,
        len: usize,
        input: &mut BytesMut,
    ) -> Result<bool, End> {
        let Some(injector) = &mut self.faults else {
            return Ok(true);
        };
        let fault = Arc::new(Fault {
            rule: strike.rule,
            done: strike.done,
        });
        match strike.action {
            FaultAction::Drop => {
                self.show_struck(&input[..len], fault);
                input.advance(len);
            }
            FaultAction::Delay(delay) => {
                injector.input_until = Some((injector.read_at + delay, fault));
                self.timer = None; // it may be set for later
                return Ok(!self.input_waits());
            }
            FaultAction::Duplicate => {
                injector.notes.extend([None, Some(fault)]);
                let mut twice = BytesMut::with_capacity(len + input.len());
                twice.extend_from_slice(&input[..len]);
                twice.extend_from_slice(input);
                *input = twice;
            }
            FaultAction::Corrupt(_) => {
                let FaultDone::Corrupted { at, .. } = fault.done else {
                    return Ok(true);
                };
                if let Some(byte) = input.get_mut(at as usize) {
                    *byte = !*byte;
                }
                let largest = self.limits.maximum_packet_size;
                if frame_len(input, largest) == Ok(Some(len)) {
                    injector.notes.push_back(Some(fault));
                } else {
                    // Where it ends, if it is a packet at all, is not known any more.
                    injector.notes.push_back(None);
                    self.show_struck(&input[..len], fault);
                }
            }
            FaultAction::Truncate(to) => {
                injector.notes.push_back(None);
                let behind = input.split_off(len);
                input.truncate(to as usize);
                self.show_struck(input, fault);
                input.extend_from_slice(&behind);
            }
            FaultAction::CutBefore => {
                injector.cut = Some(fault.clone());
                self.show_struck(&input[..len], fault);
                return self.cut().map_or(Ok(true), Err);
            }
            FaultAction::CutAfter => injector.notes.push_back(Some(fault)),
        }
        Ok(true)
    }

    /// Shows a packet of the client that is not handled as it came.
    fn show_struck(&mut self, frame: &[u8], fault: Arc<Fault>) {
        self.secrets.extend(secret_spans(frame, self.info.version));
        self.marks.push(PacketMark {
            at: Timestamp::now(),
            start: 0,
            len: frame.len() as u32,
            message: None,
            aliased_topic: None,
            fault: Some(fault),
        });
        self.observe_input(frame);
    }
}
