//! Embeds the configuration, the icons and, on Windows, the program's resources.

fn main() {
    tauri_build::build();
}
