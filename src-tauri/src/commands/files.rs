//! The system's own dialogs for files.

use mqttwb_app::api::FileQuestion;
use rfd::AsyncFileDialog;
use tauri::WebviewWindow;

/// Asks for a file. `None` where nobody chose one.
#[tauri::command]
pub async fn file_choose(window: WebviewWindow, question: FileQuestion) -> Option<String> {
    let mut dialog = AsyncFileDialog::new()
        .set_title(question.title)
        .set_parent(&window);
    for kind in &question.kinds {
        dialog = dialog.add_filter(&kind.label, &kind.extensions);
    }
    dialog = dialog.add_filter("All files", &["*"]);
    if let Some(name) = question.name {
        dialog = dialog.set_file_name(name);
    }
    let chosen = if question.save {
        dialog.save_file().await
    } else {
        dialog.pick_file().await
    };
    chosen.map(|file| file.path().display().to_string())
}
