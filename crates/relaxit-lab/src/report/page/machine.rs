//! The machine that writes a report.

use std::fs;

/// Cores, processor, operating system, as far as it tells.
#[must_use]
pub(super) fn describe() -> String {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let cores = if cores == 1 { "1 core".into() } else { format!("{cores} cores") };
    let field = |path: &str, name: &str, separator: char| {
        let text = fs::read_to_string(path).ok()?;
        let line = text.lines().find(|line| line.split(separator).next().is_some_and(|key| key.trim() == name))?;
        let value = line.split_once(separator)?.1.trim().trim_matches('"').to_owned();
        (!value.is_empty()).then_some(value)
    };
    let processor = field("/proc/cpuinfo", "model name", ':').unwrap_or_else(|| std::env::consts::ARCH.into());
    let system = field("/etc/os-release", "PRETTY_NAME", '=').unwrap_or_else(|| std::env::consts::OS.into());
    format!("{cores}, {processor}, {system}")
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_machine_has_cores_a_processor_and_a_system() {
        let machine = super::describe();
        assert!(machine.contains(" core") && machine.split(", ").count() >= 3 && !machine.contains('"'), "{machine}");
    }
}
