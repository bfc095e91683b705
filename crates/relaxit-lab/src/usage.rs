//! Mistakes of the caller that only show after parsing: exit status 2 instead of 1.

use std::fmt;

/// Options that do not fit together.
#[derive(Debug)]
pub struct UsageError(pub String);

impl fmt::Display for UsageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for UsageError {}
