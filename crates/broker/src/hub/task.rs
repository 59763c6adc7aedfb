//! The hub's task: records of the router in, deliveries out, and the clock.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use bytes::BytesMut;
use mqttwb_model::Timestamp;
use parking_lot::Mutex;

use super::{Command, Hub};
use crate::message::{self, Record};
use crate::router::{RouterReceiver, RouterSender};

/// Commands under way, by ticket: only the ticket crosses the router, which keeps the order.
#[derive(Debug)]
struct Tickets {
    next: AtomicU64,
    /// `None` once the hub has ended: nobody would redeem them, and who asked would wait for ever.
    commands: Mutex<Option<HashMap<u64, Command>>>,
}

/// Asks the hub; cheap to clone.
#[derive(Clone)]
pub(crate) struct HubHandle {
    router: RouterSender,
    tickets: Arc<Tickets>,
}

impl HubHandle {
    pub(crate) fn new(router: RouterSender) -> Self {
        Self {
            router,
            tickets: Arc::new(Tickets {
                next: AtomicU64::new(0),
                commands: Mutex::new(Some(HashMap::new())),
            }),
        }
    }

    /// The way for messages.
    pub(crate) fn router(&self) -> &RouterSender {
        &self.router
    }

    fn redeem(&self, ticket: u64) -> Option<Command> {
        self.tickets.commands.lock().as_mut()?.remove(&ticket)
    }

    /// Puts a command in line, behind every message that was sent before. Once the hub has ended the command is
    /// dropped, and with it the sender of its reply.
    pub(crate) fn send(&self, command: Command) {
        let ticket = self.tickets.next.fetch_add(1, Relaxed);
        match self.tickets.commands.lock().as_mut() {
            Some(commands) => commands.insert(ticket, command),
            None => return,
        };
        let mut batch = BytesMut::new();
        message::append_command(&mut batch, ticket);
        self.router.send_now(batch.freeze());
    }
}

/// However the hub ends, who waits for an answer hears of it.
struct Closing(Arc<Tickets>);

impl Drop for Closing {
    fn drop(&mut self) {
        let unanswered = self.0.commands.lock().take();
        drop(unanswered);
    }
}

/// After so long without a message the router's log is made to forget the last ones.
const QUIET: Duration = Duration::from_secs(5);
/// Batches that are routed before the inboxes are filled and the clock is looked at.
const BATCHES_A_ROUND: usize = 32;

/// Runs until [`Command::Stop`].
pub(crate) async fn run(mut hub: Hub, handle: HubHandle, mut router: RouterReceiver) {
    let _closing = Closing(handle.tickets.clone());
    let journal = hub.journal();
    hub.flush(); // what restoring has changed
    let mut messages = Vec::new();
    loop {
        let due = hub
            .deadline()
            .map(|at| at.since(Timestamp::now()))
            .unwrap_or(Duration::from_secs(3600));
        let due = if router.remembers() {
            due.min(QUIET)
        } else {
            due
        };
        let first = tokio::select! {
            batch = router.receive() => match batch {
                Some(batch) => batch,
                None => return tracing::error!("the router has ended"),
            },
            () = tokio::time::sleep(due) => {
                if router.remembers() {
                    router.forget();
                }
                hub.tick(Timestamp::now());
                hub.flush();
                continue;
            }
        };
        let now = Timestamp::now();
        let mut batch = Some(first);
        for round in 0..BATCHES_A_ROUND {
            let Some(records) = batch.map(message::records) else {
                break;
            };
            for record in records {
                if let Record::Message(message) = record {
                    messages.push(message);
                    continue;
                }
                hub.messages(&mut messages, now); // those before it
                match record {
                    Record::Message(_) => {}
                    Record::Sync(sync) => hub.sync(sync),
                    Record::Forget { session, packet_id } => {
                        hub.forget_received(session, packet_id);
                    }
                    Record::Command(ticket) => match handle.redeem(ticket) {
                        Some(Command::Stop) => return hub.flush(),
                        Some(command) => hub.command(command, now),
                        None => tracing::error!(ticket, "a command without a ticket"),
                    },
                }
            }
            hub.messages(&mut messages, now);
            batch = None;
            if round + 1 < BATCHES_A_ROUND {
                batch = router.try_receive();
            }
        }
        if hub.deadline().is_some_and(|at| at <= now) {
            hub.tick(now);
        }
        hub.flush();
        // A disk is slower than a network: publishers wait for it here.
        if let Some(journal) = &journal {
            journal.room().await;
        }
        tokio::task::yield_now().await;
    }
}
