//! Numbers and counts as a reader expects them.

use crate::rl::statistics::Interval;

/// `x` with so many decimals.
pub(super) fn number(x: f64, decimals: usize) -> String {
    format!("{x:.decimals$}")
}

/// `value [low, high]`.
pub(super) fn with_interval(interval: &Interval, decimals: usize) -> String {
    let Interval { value, low, high } = interval;
    format!("{value:.decimals$} [{low:.decimals$}, {high:.decimals$}]")
}

/// The same with three digits each, for numbers of any size.
pub(super) fn with_interval_of_any_size(interval: &Interval) -> String {
    let Interval { value, low, high } = interval;
    format!("{} [{}, {}]", any_size(*value), any_size(*low), any_size(*high))
}

/// Three digits or so.
pub(super) fn any_size(x: f64) -> String {
    let size = x.abs();
    if x == 0.0 {
        "0".into()
    } else if (100.0..1e6).contains(&size) {
        format!("{x:.0}")
    } else if (1e-2..100.0).contains(&size) {
        format!("{x:.3}")
    } else {
        format!("{x:.2e}")
    }
}

/// `1 seed`, `2 seeds`.
#[must_use]
pub fn count(n: usize, noun: &str) -> String {
    if n == 1 { format!("1 {noun}") } else { format!("{n} {noun}s") }
}

/// How many seeds, by number.
pub(super) fn seeds(seeds: &[u64]) -> String {
    count(seeds.len(), "seed")
}

/// `0-4, 7`.
pub(super) fn ranges(sorted: &[u64]) -> String {
    let runs = sorted.chunk_by(|a, b| a.checked_add(1) == Some(*b));
    let said = runs.filter_map(|run| match run {
        [] => None,
        [one] => Some(one.to_string()),
        [first, .., last] => Some(format!("{first}-{last}")),
    });
    said.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_the_digits_that_mean_something() {
        assert_eq!(
            [any_size(0.0), any_size(-1234.5), any_size(1.0), any_size(1e-3)],
            ["0", "-1234", "1.000", "1.00e-3"]
        );
        assert_eq!(with_interval(&Interval { value: -1.0, low: -2.5, high: 0.0 }, 1), "-1.0 [-2.5, 0.0]");
        assert_eq!([count(1, "seed"), seeds(&[3, 4])], ["1 seed", "2 seeds"]);
        assert_eq!(ranges(&[0, 1, 2, 5, 7, 8]), "0-2, 5, 7-8");
        assert_eq!(ranges(&[u64::MAX]), u64::MAX.to_string());
    }
}
