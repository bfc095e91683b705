//! The folder of a report's figures, which may hold files of others as well.

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use anyhow::{Context, Result};

use crate::run::write_atomically;

/// The names of what a report wrote, one a line: what a later report may remove.
const LIST: &str = ".report";

/// Writes these files to `folder`, and removes what an earlier call wrote there and this one does not.
///
/// The list is never shorter than what was written, so that a call that is killed leaves nothing behind for good.
///
/// # Errors
/// If the folder cannot be read and written.
pub(super) fn write(folder: &Path, files: &[(String, &[u8])]) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("cannot create directory {}", folder.display()))?;
    let list = folder.join(LIST);
    let record = |names: &BTreeSet<String>| {
        let lines: String = names.iter().flat_map(|name| [name, "\n"]).collect();
        write_atomically(&list, lines.as_bytes())
    };
    let old = listed(&list)?;
    let new: BTreeSet<String> = files.iter().map(|(name, _)| name.clone()).collect();
    record(&old.union(&new).cloned().collect())?;
    for (name, bytes) in files {
        write_atomically(&folder.join(name), bytes)?;
    }
    for stale in old.difference(&new) {
        let path = folder.join(stale);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(error).with_context(|| format!("cannot remove {}", path.display()));
            }
            _ => {}
        }
    }
    record(&new)
}

/// The names on the list. What is no name of a file in the folder itself was not written by [`write`].
fn listed(list: &Path) -> Result<BTreeSet<String>> {
    let text = match fs::read_to_string(list) {
        Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
        read => read.with_context(|| format!("cannot read {}", list.display()))?,
    };
    let is_name = |line: &&str| Path::new(line).file_name().is_some_and(|name| name == *line);
    Ok(text.lines().filter(is_name).map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name != LIST).collect::<BTreeSet<_>>().into_iter().collect()
    }

    #[test]
    fn what_an_earlier_report_wrote_is_removed_and_nothing_else() {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("figures");
        let written = |files: &[&str]| {
            let files: Vec<(String, &[u8])> = files.iter().map(|name| ((*name).into(), name.as_bytes())).collect();
            write(&folder, &files).unwrap();
            names(&folder)
        };
        assert_eq!(written(&["a.svg", "b.png"]), ["a.svg", "b.png"]);
        for path in [folder.join("mine.svg"), parent.path().join("precious"), folder.join("c.svg")] {
            fs::write(path, "precious").unwrap();
        }
        assert_eq!(written(&["b.png"]), ["b.png", "c.svg", "mine.svg"]);
        // Removed by hand meanwhile, as is well.
        fs::remove_file(folder.join("b.png")).unwrap();
        // A list that leads elsewhere is followed nowhere.
        fs::write(folder.join(LIST), "b.png\n../precious\n..\n.\n\n").unwrap();
        assert_eq!(written(&["a.svg"]), ["a.svg", "c.svg", "mine.svg"]);
        assert_eq!(fs::read_to_string(parent.path().join("precious")).unwrap(), "precious");
        assert_eq!(fs::read_to_string(folder.join(LIST)).unwrap(), "a.svg\n");
    }

    #[test]
    fn a_report_that_was_killed_is_cleared_up_by_the_next() {
        let parent = tempfile::tempdir().unwrap();
        // The second file's name is taken by a directory, so that the call ends between the two.
        fs::create_dir(parent.path().join("b.svg")).unwrap();
        let failed = write(parent.path(), &[("a.svg".into(), b"a"), ("b.svg".into(), b"b")]);
        assert!(failed.is_err());
        fs::remove_dir(parent.path().join("b.svg")).unwrap();
        write(parent.path(), &[("c.svg".into(), b"c")]).unwrap();
        assert_eq!(names(parent.path()), ["c.svg"]);
    }
}
