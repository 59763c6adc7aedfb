//! What operators want of the session while its connection has it.

use super::*;

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Connection<S> {
    /// Does what operators want of the session. Who asked may not wait any more.
    pub(super) fn answer(&mut self, asked: Vec<Asked>) {
        let Some(session) = &mut self.session.session else {
            return;
        };
        for asked in asked {
            match asked {
                Asked::Contents {
                    from,
                    at_most,
                    reply,
                } => {
                    let mut contents = session.contents(from, at_most);
                    contents.arriving = self.inbox.len() + self.deliveries.len();
                    contents.silence_left = self.keep_alive.left(instant());
                    let _ = reply.send(contents);
                }
                Asked::DropQueue(reply) => {
                    let dropped: Vec<_> = session.take_queue().collect();
                    if let Some(durability) = &mut self.durability {
                        dropped.iter().for_each(|one| durability.done(one.seq));
                    }
                    self.counters.backlog.store(session.backlog(), Relaxed);
                    let _ = reply.send(dropped);
                }
                Asked::Withhold(forbidden, reply) => {
                    let mut is = forbidden.judge();
                    let mut out = session.withhold(&mut is);
                    out.extend(take_out(&mut self.deliveries, &mut is));
                    out.extend(self.inbox.take_out(&mut is));
                    if let Some(durability) = &mut self.durability {
                        let numbered = out.iter().filter(|one| one.seq > 0);
                        numbered.for_each(|one| durability.done(one.seq));
                    }
                    self.counters.backlog.store(session.backlog(), Relaxed);
                    let count = out.len();
                    out.retain(|one| one.share.is_some());
                    if !out.is_empty() {
                        self.shared.hub.send(Command::HandOn(out));
                    }
                    let _ = reply.send(count);
                }
            }
        }
        self.flush_durable();
    }
}
