//! A set of files that is there whole or not at all: what checkpoints are made of.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use md5::{Digest, Md5};

use super::atomic::{sync_directory, sync_parent, write_durably};
use super::{RunDirectory, hexadecimal};

/// Files by name, and how far the run was.
#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot {
    /// How far: the newest snapshot of a run has the largest number.
    pub number: usize,
    /// The files.
    pub files: BTreeMap<String, Vec<u8>>,
}

const FOLDER: &str = "checkpoint";
const DIGESTS: &str = "digests.json";

impl Snapshot {
    /// Writes this snapshot beside the older ones, then removes those.
    ///
    /// # Errors
    /// If it cannot be written; older snapshots are kept then.
    pub fn write(&self, run: &RunDirectory, prefix: &str) -> Result<()> {
        let digests: BTreeMap<&str, String> =
            self.files.iter().map(|(name, bytes)| (name.as_str(), digest(bytes))).collect();
        let digests = serde_json::to_string_pretty(&digests).context("the digests have no JSON form")?;
        let files = self.files.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice()));
        let files: Vec<_> = files.chain([(DIGESTS, digests.as_bytes())]).collect();
        write_newest(run, prefix, self.number, &files)
    }

    /// Reads the newest snapshot of `run`, or `None` if it has none yet.
    ///
    /// # Errors
    /// If it is incomplete or altered.
    pub fn newest(run: &RunDirectory, prefix: &str) -> Result<Option<Self>> {
        let Some((number, path)) = newest(run, prefix) else {
            return Ok(None);
        };
        let digests: BTreeMap<String, String> = serde_json::from_slice(&read(&path, DIGESTS)?)
            .with_context(|| format!("checkpoint {} has a {DIGESTS} that cannot be read", path.display()))?;
        let mut files = BTreeMap::new();
        for (name, expected) in digests {
            files.insert(name.clone(), read_unaltered(&path, &name, &expected)?);
        }
        Ok(Some(Self { number, files }))
    }
}

/// Writes `files` to the directory of `number`, then removes those of other numbers.
///
/// The directory is complete before it gets its name, so at every moment the newest named one is whole.
pub(super) fn write_newest(run: &RunDirectory, prefix: &str, number: usize, files: &[(&str, &[u8])]) -> Result<()> {
    let folder = run.file(FOLDER);
    let target = folder.join(format!("{prefix}-{number:06}"));
    let temporary = folder.join("tmp");
    let write = || -> std::io::Result<()> {
        if temporary.exists() {
            fs::remove_dir_all(&temporary)?;
        }
        fs::create_dir_all(&temporary)?;
        for (name, bytes) in files {
            write_durably(&temporary.join(name), bytes)?;
        }
        sync_directory(&temporary);
        // Only a run that was rewound by hand can have this number already.
        if target.exists() {
            fs::remove_dir_all(&target)?;
        }
        fs::rename(&temporary, &target)?;
        sync_parent(&target);
        Ok(())
    };
    write().with_context(|| format!("cannot write checkpoint {}", target.display()))?;
    for (other, path) in named(&folder, prefix) {
        if other != number {
            // One that stays behind is removed next time.
            let _ = fs::remove_dir_all(path);
        }
    }
    Ok(())
}

/// The directory with the largest number, and that number.
pub(super) fn newest(run: &RunDirectory, prefix: &str) -> Option<(usize, PathBuf)> {
    named(&run.file(FOLDER), prefix).into_iter().max()
}

pub(super) fn read(directory: &Path, name: &str) -> Result<Vec<u8>> {
    let file = directory.join(name);
    fs::read(&file).with_context(|| format!("cannot read checkpoint file {}", file.display()))
}

/// Reads a file that must have the digest `expected`.
pub(super) fn read_unaltered(directory: &Path, name: &str, expected: &str) -> Result<Vec<u8>> {
    let bytes = read(directory, name)?;
    let found = digest(&bytes);
    ensure!(
        found == expected,
        "checkpoint file {} was altered: its MD5 must be {expected}, got {found}",
        directory.join(name).display()
    );
    Ok(bytes)
}

/// The directories in `folder` with their numbers.
fn named(folder: &Path, prefix: &str) -> Vec<(usize, PathBuf)> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let number =
        |entry: &fs::DirEntry| entry.file_name().to_str()?.strip_prefix(prefix)?.strip_prefix('-')?.parse().ok();
    entries.filter_map(Result::ok).filter_map(|entry| Some((number(&entry)?, entry.path()))).collect()
}

pub(super) fn digest(bytes: &[u8]) -> String {
    hexadecimal(&Md5::digest(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_snapshot_is_read_and_an_altered_one_refused() {
        let parent = tempfile::tempdir().unwrap();
        let run = RunDirectory::claim(parent.path(), false).unwrap();
        assert_eq!(Snapshot::newest(&run, "phase").unwrap(), None);
        for number in [3, 12] {
            let files = BTreeMap::from([("weights".to_owned(), vec![u8::try_from(number).unwrap(); 4])]);
            Snapshot { number, files }.write(&run, "phase").unwrap();
        }
        let newest = Snapshot::newest(&run, "phase").unwrap().unwrap();
        assert_eq!((newest.number, newest.files["weights"][0]), (12, 12));
        let file = run.file("checkpoint/phase-000012/weights");
        fs::write(&file, [1, 2, 3]).unwrap();
        let error = format!("{:#}", Snapshot::newest(&run, "phase").unwrap_err());
        assert!(error.contains("altered") && error.contains("weights"), "{error}");
    }
}
