//! The desktop shell of MQTT Workbench.
//!
//! Duty: one window, one `App`, commands as one-line adapters, and the pump that carries frames to the page.
//! Not here: anything the workbench does (`mqttwb_app`) or shows (`ui/`). A tray icon is left out on purpose: on Linux it
//! needs a system library that the rest of the program does not.
//! Invariant: the page can call what `commands` lists and nothing else; no capability grants it any of Tauri's own API.

#![cfg_attr(all(windows, not(debug_assertions)), windows_subsystem = "windows")]

mod commands;
mod notifications;
mod painting;
mod pump;
mod workbench;

use std::path::PathBuf;

use clap::Parser;
use tauri::{Manager, RunEvent, WindowEvent, webview::PageLoadEvent};

use pump::Pump;
use workbench::Workbench;

/// What a load needed goes back to the system within seconds after it; glibc keeps most of it (docs/benchmarks.md).
#[cfg(not(target_env = "msvc"))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// A glass MQTT broker: a broker, test clients, device certificates, and every packet visible.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// The data folder, instead of the platform's own.
    #[arg(long, env = "MQTTWB_DATA", value_name = "DIR")]
    data: Option<PathBuf>,
}

fn main() {
    let arguments = Arguments::parse();
    let window = tauri::Builder::default()
        .plugin(tauri_plugin_notification::init())
        .manage(Pump::default())
        .manage(Workbench::open(arguments.data))
        .invoke_handler(commands::handler())
        .setup(|app| {
            painting::suit(app);
            Ok(())
        })
        .on_page_load(|webview, load| {
            // A page that is loaded anew has forgotten its streams.
            if matches!(load.event(), PageLoadEvent::Started) {
                webview.state::<Pump>().close_all_of(webview.label());
            }
        })
        .on_window_event(|window, event| {
            if matches!(event, WindowEvent::Destroyed) {
                window.state::<Pump>().close_all_of(window.label());
            }
        })
        .build(tauri::generate_context!());
    let window = match window {
        Ok(window) => window,
        Err(error) => {
            eprintln!("The window could not be opened: {error}");
            std::process::exit(1);
        }
    };
    notifications::begin(window.handle().clone());
    exit_on_signal(window.handle().clone());
    window.run(|handle, event| {
        if let RunEvent::Exit = event {
            tauri::async_runtime::block_on(handle.state::<Workbench>().close());
        }
    });
}

/// A session that ends sends SIGTERM: leave by the same door as the window's close button does.
#[cfg(unix)]
fn exit_on_signal(handle: tauri::AppHandle) {
    use tokio::signal::unix::{SignalKind, signal};
    tauri::async_runtime::spawn(async move {
        let (Ok(mut interrupt), Ok(mut terminate)) = (
            signal(SignalKind::interrupt()),
            signal(SignalKind::terminate()),
        ) else {
            return;
        };
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        handle.exit(0);
    });
}

#[cfg(not(unix))]
fn exit_on_signal(_: tauri::AppHandle) {}
