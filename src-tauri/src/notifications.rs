//! Alerts as notifications of the system, for those whose rule asks for it.
//!
//! Where the system has no service for them nothing is shown: the alert stands in the window all the same. The page can't
//! show any: no capability grants it.

use mqttwb_app::{App, api::Alert};
use tauri::{AppHandle, Manager, async_runtime};
use tauri_plugin_notification::NotificationExt;
use tokio::sync::broadcast::error::RecvError;

use crate::workbench::Workbench;

/// Tells of alerts from now on, as long as the workbench is open.
pub fn begin(handle: AppHandle) {
    let Ok(mut alerts) = handle
        .state::<Workbench>()
        .app()
        .map(|app| app.alerts_listen())
    else {
        return; // the page says why there is no workbench
    };
    async_runtime::spawn(async move {
        loop {
            match alerts.recv().await {
                Ok(alert) if alert.notify => show(&handle, &alert),
                // Who is slow misses some; they stand in the window.
                Ok(_) | Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return,
            }
        }
    });
}

fn show(handle: &AppHandle, alert: &Alert) {
    let (title, body) = App::alert_text(alert);
    let notification = handle.notification().builder().title(title).body(body);
    if let Err(error) = notification.show() {
        eprintln!("The system shows no notification: {error}");
    }
}
