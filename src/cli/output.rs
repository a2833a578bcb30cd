//! Writing results: to stdout without panicking when the reader goes away, and to files that
//! appear whole or not at all.

use std::io::Write;
use std::path::Path;

use anyhow::Context;

use crate::report::text;

/// Writes text to stdout; a closed pipe comes back as an error that ends with success.
pub fn print(text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    if !text.ends_with('\n') {
        out.write_all(b"\n")?;
    }
    out.flush()?;
    Ok(())
}

/// Writes a JSON document, with nothing in it that a terminal would obey.
pub fn json(value: &serde_json::Value) -> anyhow::Result<()> {
    print(&json_text(value)?)
}

/// A JSON document as text, safe as in [`json`].
pub fn json_text(value: &serde_json::Value) -> anyhow::Result<String> {
    Ok(text::json(&serde_json::to_string_pretty(value)?).into_owned())
}

/// Writes a file under a temporary name and renames it.
pub fn write_file(path: &Path, content: &[u8]) -> anyhow::Result<()> {
    let temporary = path.with_file_name(format!(
        ".{}.{}",
        path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default(),
        std::process::id()
    ));
    let written =
        std::fs::write(&temporary, content).and_then(|()| std::fs::rename(&temporary, path));
    if written.is_err() {
        let _ = std::fs::remove_file(&temporary);
    }
    written.with_context(|| format!("{}: cannot be written", path.display()))
}

/// Makes an output folder.
pub fn make_dir(path: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(path).with_context(|| format!("{}: cannot be made", path.display()))
}
