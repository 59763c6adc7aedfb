//! Work that takes a while: how far it is, and the wish to pause or end it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::watch;

use crate::Result;
use crate::api::{ApiError, ErrorCode};

/// A handle on some work, for who does it and for who waits for it.
#[derive(Debug, Clone)]
pub struct Work(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    done: AtomicU64,
    total: AtomicU64,
    wish: watch::Sender<Wish>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wish {
    GoOn,
    Pause,
    End,
}

impl Default for Work {
    fn default() -> Self {
        Self(Arc::new(Inner {
            done: AtomicU64::new(0),
            total: AtomicU64::new(0),
            wish: watch::Sender::new(Wish::GoOn),
        }))
    }
}

impl Work {
    /// Steps that are done, and steps in all; 0 where that is not known.
    pub fn progress(&self) -> (u64, u64) {
        (
            self.0.done.load(Ordering::Relaxed),
            self.0.total.load(Ordering::Relaxed),
        )
    }

    /// Ends it: what it has half made is removed.
    pub fn cancel(&self) {
        self.0.wish.send_replace(Wish::End);
    }

    /// Holds it up, or lets it go on.
    pub fn pause(&self, pause: bool) {
        self.0.wish.send_if_modified(|wish| {
            if *wish == Wish::End {
                return false;
            }
            *wish = if pause { Wish::Pause } else { Wish::GoOn };
            true
        });
    }

    /// Whether it is held up.
    pub fn is_paused(&self) -> bool {
        *self.0.wish.borrow() == Wish::Pause
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        *self.0.wish.borrow() == Wish::End
    }

    pub(crate) fn total(&self, total: u64) {
        self.0.total.store(total, Ordering::Relaxed);
    }

    pub(crate) fn done(&self, done: u64) {
        self.0.done.store(done, Ordering::Relaxed);
    }

    /// An error where it was cancelled, so that whoever works stops.
    pub(crate) fn check(&self) -> Result<()> {
        if self.is_cancelled() {
            return Err(cancelled());
        }
        Ok(())
    }

    /// Waits until it may go on; an error where it was cancelled.
    pub(crate) async fn may_go_on(&self) -> Result<()> {
        let mut wish = self.0.wish.subscribe();
        let wish = wish.wait_for(|wish| *wish != Wish::Pause).await;
        match wish.as_deref() {
            Ok(Wish::GoOn | Wish::Pause) => Ok(()),
            Ok(Wish::End) | Err(_) => Err(cancelled()),
        }
    }

    /// Waits until somebody wants it to pause or to end.
    pub(crate) async fn interrupted(&self) {
        let mut wish = self.0.wish.subscribe();
        // The sender lives as long as this handle.
        let _ = wish.wait_for(|wish| *wish != Wish::GoOn).await;
    }
}

fn cancelled() -> ApiError {
    ApiError::new(ErrorCode::Cancelled, "It was cancelled.")
}
