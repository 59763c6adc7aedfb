//! How the page gets onto the screen.
//!
//! Duty: paint only what has changed where no graphics card can put the page together.
//! Not here: what is painted.
//!
//! WebKitGTK composes the whole window anew for each change, which a graphics card does for nothing. Where there is none, as in
//! most virtual machines and remote desktops, the processor does it: 25 ms for a single letter in a window of 1440 × 900. Without
//! composing, WebKitGTK paints the rectangle around that letter.

#[cfg(target_os = "linux")]
mod linux {
    use std::{fs, path::Path};

    use tauri::{App, Manager as _};
    use webkit2gtk::{HardwareAccelerationPolicy, SettingsExt as _, WebViewExt as _};

    /// Where the kernel shows the graphics cards that programs may draw with.
    const CARDS: &str = "/dev/dri";

    pub fn suit(app: &App) {
        if can_render(Path::new(CARDS)) {
            return;
        }
        for window in app.webview_windows().values() {
            let done = window.with_webview(|webview| {
                if let Some(settings) = webview.inner().settings() {
                    settings.set_hardware_acceleration_policy(HardwareAccelerationPolicy::Never);
                }
            });
            if let Err(error) = done {
                eprintln!("The page is painted as if there were a graphics card: {error}");
            }
        }
    }

    /// Whether one of the cards draws, rather than showing pictures alone.
    fn can_render(cards: &Path) -> bool {
        let entries = fs::read_dir(cards).into_iter().flatten().flatten();
        entries
            .into_iter()
            .any(|entry| entry.file_name().to_string_lossy().starts_with("renderD"))
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn a_card_that_only_shows_pictures_is_none_to_draw_with() {
            let folder = std::env::temp_dir().join(format!("mqttwb-cards-{}", std::process::id()));
            fs::create_dir_all(&folder).expect("a folder");
            assert!(!can_render(&folder.join("none")));
            fs::write(folder.join("card0"), "").expect("a file");
            assert!(!can_render(&folder));
            fs::write(folder.join("renderD128"), "").expect("a file");
            assert!(can_render(&folder));
            fs::remove_dir_all(&folder).expect("the folder goes");
        }
    }
}

#[cfg(target_os = "linux")]
pub use linux::suit;

/// Everywhere else the web engine decides that by itself.
#[cfg(not(target_os = "linux"))]
pub fn suit(_app: &tauri::App) {}
