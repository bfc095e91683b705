//! The peak of a process's memory, as Linux counts it.

use std::fs;

use anyhow::{Context, Result, ensure};

use super::{dimensions, work};

/// How much the work called `name` adds to memory at its peak, its input included, over the size of its input.
pub(crate) fn peak_over_input(name: &str) -> Result<f64> {
    let (kind, shape) = name.split_once('@').context("work with a shape")?;
    let elements: usize = match kind {
        "binary-concrete" => dimensions::<2>(shape)?.iter().product(),
        _ => dimensions::<3>(shape)?.iter().product(),
    };
    // What the process needs anyhow: threads, and tables made at first use.
    work(&format!("{kind}@{}", shape.split('x').map(|_| "2").collect::<Vec<_>>().join("x")))?(1)?;
    let before = resident("VmRSS:")?;
    let mut work = work(name)?;
    fs::write("/proc/self/clear_refs", "5").context("the peak cannot be reset")?;
    work(1)?;
    let added = resident("VmHWM:")?.saturating_sub(before);
    ensure!(elements > 0, "`{shape}` has no elements");
    Ok(added as f64 / (4 * elements) as f64)
}

/// A line of the process's status, in bytes.
fn resident(line: &str) -> Result<usize> {
    let status = fs::read_to_string("/proc/self/status").context("memory is measured on Linux alone")?;
    let found =
        status.lines().find_map(|text| text.strip_prefix(line)?.trim().strip_suffix(" kB")?.trim().parse().ok());
    found.map(|kilobytes: usize| kilobytes * 1024).with_context(|| format!("the status has no {line}"))
}
