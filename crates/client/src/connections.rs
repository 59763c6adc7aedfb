//! One connection after the other, for one `connect`.
//!
//! Duty: try, hand what stands to a [`Task`], wait and try again where that is wanted and can help; carry what a session
//! was left with from one connection to the next.
//! Not here: how a connection is made (`attempt.rs`), what goes on in one (`task.rs`).
//! Invariant: who asked for the connection is answered once, when the first attempt has succeeded or failed.

use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::sleep;

use crate::attempt::Ground;
use crate::task::{Command, End, Task};
use crate::{ConnectionError, Version};

/// Requests that wait for the task; who asks for more waits too.
const COMMANDS: usize = 32;

/// Whose session it is: one broker's, of one client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Identity {
    broker: String,
    client_id: String,
    version: Version,
}

/// A connection that is being made or stands.
pub(crate) struct Running {
    pub(crate) commands: mpsc::Sender<Command>,
    pub(crate) stop: Option<oneshot::Sender<()>>,
    pub(crate) ended: watch::Receiver<bool>,
}

/// Begins to connect. `accepted` is answered once it is known how that went.
pub(crate) fn start(
    ground: Ground,
    accepted: oneshot::Sender<Result<(), ConnectionError>>,
) -> Running {
    let (commands, received) = mpsc::channel(COMMANDS);
    let (stop, stopped) = oneshot::channel();
    let (ended, has_ended) = watch::channel(false);
    tokio::spawn(async move {
        let shared = ground.shared.clone();
        let will = ground.options.will.is_some();
        let mut accepted = Some(accepted);
        let end = connections(ground, received, stopped, &mut accepted).await;
        let outcome = match &end {
            End::Failed(error) => error.clone(),
            End::Disconnected | End::Dropped => ConnectionError::GivenUp,
        };
        shared.ended(end, will);
        if let Some(accepted) = accepted {
            // Who asked may have gone.
            let _ = accepted.send(Err(outcome));
        }
        ended.send_replace(true);
    });
    Running {
        commands,
        stop: Some(stop),
        ended: has_ended,
    }
}

/// One connection after the other, until one ends for good.
async fn connections(
    mut ground: Ground,
    mut commands: mpsc::Receiver<Command>,
    mut stop: oneshot::Receiver<()>,
    accepted: &mut Option<oneshot::Sender<Result<(), ConnectionError>>>,
) -> End {
    let shared = ground.shared.clone();
    let identity = Identity {
        broker: ground.endpoint.url(),
        client_id: ground.options.client_id.clone(),
        version: ground.options.version,
    };
    let mut attempt = 0;
    loop {
        shared.connecting(&ground.options, &ground.endpoint);
        let connected = tokio::select! {
            biased;
            _ = &mut stop => return End::Dropped,
            connected = ground.connect() => connected,
        };
        let error = match connected {
            Ok(connected) => {
                let negotiated = connected.negotiated.clone();
                shared.accepted(&negotiated, &identity.client_id);
                let past = shared.past(&identity);
                match Task::new(&ground, &mut commands, &mut stop, connected, past) {
                    Ok(task) => {
                        attempt = 0;
                        if let Some(accepted) = accepted.take() {
                            // Who asked may have gone.
                            let _ = accepted.send(Ok(()));
                        }
                        let (end, past) = task.run().await;
                        shared.remember(&identity, past);
                        // Who asked for them is told of the lost connection by the dropped reply.
                        while commands.try_recv().is_ok() {}
                        // Subscriptions that a person has made or ended since then are what is wanted again.
                        ground.options.subscriptions = shared.wishes();
                        match end {
                            End::Failed(error) => error,
                            end => return end,
                        }
                    }
                    Err(error) => error,
                }
            }
            Err(error) => error,
        };
        let Some(reconnect) = ground.options.reconnect.filter(|_| error.may_pass()) else {
            return End::Failed(error);
        };
        if let Some(accepted) = accepted.take() {
            let _ = accepted.send(Err(error.clone()));
        }
        let wait = reconnect.wait(attempt);
        attempt += 1;
        shared.waits(error, attempt, wait);
        tokio::select! {
            biased;
            _ = &mut stop => return End::Dropped,
            () = sleep(wait) => {}
        }
    }
}
