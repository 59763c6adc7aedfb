//! The workbench behind the window.
//!
//! Duty: open it on the right data folder, and keep the reason where that failed, so that the page can show it instead of
//! a window that never comes. Invariant: `app` gives the same answer for the life of the program.

use std::{path::PathBuf, sync::Arc};

use mqttwb_app::{App, Result};

/// The workbench, or why there is none.
pub struct Workbench(Result<Arc<App>>);

impl Workbench {
    /// Opens it on a data folder, or on the platform's own.
    pub fn open(data: Option<PathBuf>) -> Self {
        let opened = data
            .map_or_else(App::default_data_folder, Ok)
            .and_then(|data| tauri::async_runtime::block_on(App::open(data)))
            .map(Arc::new);
        if let Err(error) = &opened {
            eprintln!("{error}");
        }
        Self(opened)
    }

    /// The workbench.
    pub fn app(&self) -> Result<&Arc<App>> {
        self.0.as_ref().map_err(Clone::clone)
    }

    /// Ends test clients and broker in order.
    pub async fn close(&self) {
        if let Ok(app) = &self.0 {
            app.close().await;
        }
    }
}
