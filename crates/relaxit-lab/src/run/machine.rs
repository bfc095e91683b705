//! The machine that a run was made on.

use std::fmt;
use std::fs;

use serde::{Deserialize, Serialize};

/// What a run was made on: `machine` in its `summary.json`. Of a run that went on elsewhere, the last.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Machine {
    /// The processor, by its name where the system tells it.
    pub processor: String,
    /// Its cores, as far as the process may use them.
    pub cores: usize,
    /// The operating system.
    pub system: String,
    /// The threads that computed.
    pub threads: usize,
}

impl Machine {
    /// This machine, used by so many threads.
    #[must_use]
    pub fn here(threads: usize) -> Self {
        let field = |path: &str, name: &str, separator: char| {
            let text = fs::read_to_string(path).ok()?;
            let line = text.lines().find(|line| line.split(separator).next().is_some_and(|key| key.trim() == name))?;
            let value = line.split_once(separator)?.1.trim().trim_matches('"').to_owned();
            (!value.is_empty()).then_some(value)
        };
        Self {
            processor: field("/proc/cpuinfo", "model name", ':').unwrap_or_else(|| std::env::consts::ARCH.into()),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            system: field("/etc/os-release", "PRETTY_NAME", '=').unwrap_or_else(|| std::env::consts::OS.into()),
            threads,
        }
    }
}

/// Without the threads, which are the run's: `2 cores, AMD EPYC 9005, Debian GNU/Linux 12 (bookworm)`.
impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cores = if self.cores == 1 { "core" } else { "cores" };
        write!(f, "{} {cores}, {}, {}", self.cores, self.processor, self.system)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_has_cores_a_processor_and_a_system() {
        let machine = Machine::here(3);
        let Machine { processor, cores, system, threads } = &machine;
        assert!(!processor.is_empty() && *cores > 0 && !system.is_empty() && *threads == 3, "{machine:?}");
        let said = machine.to_string();
        assert!(said.contains(" core") && said.split(", ").count() >= 3 && !said.contains('"'), "{said}");
    }
}
