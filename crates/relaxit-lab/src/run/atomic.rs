//! Files that are there whole or not at all.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result};

/// Writes `bytes` to `path` so that a reader, or a process killed at any moment, sees the old content or the new.
///
/// # Errors
/// If the directory cannot be written, as when it is read-only or the disk full; the old content is kept then.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<()> {
    let temporary = path.with_added_extension("tmp");
    write_durably(&temporary, bytes)
        .and_then(|()| fs::rename(&temporary, path))
        .inspect_err(|_| {
            let _ = fs::remove_file(&temporary);
        })
        .with_context(|| format!("cannot write {}", path.display()))?;
    sync_parent(path);
    Ok(())
}

/// Writes a file and waits until it is on the disk.
pub(super) fn write_durably(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Makes a rename to `path` durable.
pub(super) fn sync_parent(path: &Path) {
    if let Some(parent) = path.parent() {
        sync_directory(parent);
    }
}

/// Makes the names in a directory durable. Not every file system can, and a rename that is lost leaves the old state, so
/// a failure is no error.
pub(super) fn sync_directory(path: &Path) {
    if let Ok(directory) = File::open(path) {
        let _ = directory.sync_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_write_keeps_the_old_content() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        write_atomically(&path, b"old").unwrap();
        // The temporary's name is taken by a directory, so the write fails before anything is replaced.
        fs::create_dir(path.with_added_extension("tmp")).unwrap();
        let error = format!("{:#}", write_atomically(&path, b"new").unwrap_err());
        assert!(error.contains("cannot write"), "{error}");
        assert_eq!(fs::read(&path).unwrap(), b"old");
    }
}
