//! Environments at rest.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// The whole state of an environment, random numbers included, as words of 64 bits: exact in every file format.
///
/// # Examples
/// ```
/// use relaxit_rl::Snapshot;
/// let mut snapshot = Snapshot::default();
/// snapshot.push(3);
/// snapshot.push_f64(0.1);
/// let mut reader = snapshot.reader("Example");
/// assert_eq!((reader.pop()?, reader.pop_f64()?), (3, 0.1));
/// assert!(reader.pop().is_err());
/// # Ok::<(), relaxit_rl::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Snapshot(Vec<u64>);

impl Snapshot {
    /// Appends a word.
    pub fn push(&mut self, word: u64) {
        self.0.push(word);
    }

    /// Appends the bits of a number.
    pub fn push_f64(&mut self, value: f64) {
        self.push(value.to_bits());
    }

    /// Reads the snapshot from its beginning, on behalf of `subject`.
    #[must_use]
    pub fn reader(&self, subject: &'static str) -> SnapshotReader<'_> {
        SnapshotReader { subject, words: self.0.iter() }
    }
}

/// Reads a [`Snapshot`] in the order in which it was written.
#[derive(Clone, Debug)]
pub struct SnapshotReader<'a> {
    subject: &'static str,
    words: std::slice::Iter<'a, u64>,
}

impl SnapshotReader<'_> {
    /// The next word.
    ///
    /// # Errors
    /// At the snapshot's end.
    pub fn pop(&mut self) -> Result<u64> {
        self.words.next().copied().ok_or_else(|| self.refuse("more words"))
    }

    /// The number with the next word's bits.
    ///
    /// # Errors
    /// At the snapshot's end.
    pub fn pop_f64(&mut self) -> Result<f64> {
        self.pop().map(f64::from_bits)
    }

    /// The next word as an index below `bound`.
    ///
    /// # Errors
    /// At the snapshot's end, or if the word is `bound` or above.
    pub fn pop_index(&mut self, bound: usize) -> Result<usize> {
        let index = usize::try_from(self.pop()?).ok().filter(|&index| index < bound);
        index.ok_or_else(|| self.refuse("an index within its range"))
    }

    /// The next word as yes (1) or no (0).
    ///
    /// # Errors
    /// At the snapshot's end, or if the word is neither.
    pub fn pop_bool(&mut self) -> Result<bool> {
        Ok(self.pop_index(2)? == 1)
    }

    /// Makes sure that nothing is left.
    ///
    /// # Errors
    /// If there is.
    pub fn finish(&self) -> Result<()> {
        if self.words.as_slice().is_empty() { Ok(()) } else { Err(self.refuse("fewer words")) }
    }

    /// The error that says what the snapshot should have held.
    #[must_use]
    pub fn refuse(&self, requirement: &'static str) -> Error {
        Error::Snapshot { subject: self.subject, requirement }
    }
}
