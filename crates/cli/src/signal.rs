//! The wish to end.

use mqttwb_app::Result;
use mqttwb_app::api::{ApiError, ErrorCode};

/// SIGINT and SIGTERM, caught from the moment that this is made.
#[derive(Debug)]
pub struct Ending {
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
}

impl Ending {
    /// Begins to catch the signals.
    pub fn catch() -> Result<Self> {
        #[cfg(unix)]
        {
            use tokio::signal::unix::{SignalKind, signal};
            let failed = |error: std::io::Error| {
                ApiError::new(
                    ErrorCode::Internal,
                    format!("Signals can't be caught: {error}."),
                )
            };
            Ok(Self {
                terminate: signal(SignalKind::terminate()).map_err(failed)?,
                interrupt: signal(SignalKind::interrupt()).map_err(failed)?,
            })
        }
        #[cfg(not(unix))]
        Ok(Self {})
    }

    /// Waits for one.
    pub async fn wanted(&mut self) {
        #[cfg(unix)]
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
        #[cfg(not(unix))]
        if tokio::signal::ctrl_c().await.is_err() {
            // Without signals the process ends with its console.
            std::future::pending::<()>().await;
        }
    }
}

/// SIGHUP, caught from the moment that this is made; systems without it have no such wish.
#[derive(Debug)]
pub struct Reloading {
    #[cfg(unix)]
    hangup: tokio::signal::unix::Signal,
}

impl Reloading {
    /// Begins to catch the signal.
    pub fn catch() -> Result<Self> {
        #[cfg(unix)]
        {
            use tokio::signal::unix::{SignalKind, signal};
            let hangup = signal(SignalKind::hangup()).map_err(|error| {
                ApiError::new(
                    ErrorCode::Internal,
                    format!("Signals can't be caught: {error}."),
                )
            })?;
            Ok(Self { hangup })
        }
        #[cfg(not(unix))]
        Ok(Self {})
    }

    /// Waits for one.
    pub async fn wanted(&mut self) {
        #[cfg(unix)]
        if self.hangup.recv().await.is_some() {
            return;
        }
        std::future::pending::<()>().await;
    }
}
