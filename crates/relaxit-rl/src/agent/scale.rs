//! The scale of returns, from what was seen before.

use serde::{Deserialize, Serialize};

/// Moving averages of returns and of their squares.
///
/// A batch is divided by the scale of the batches before it, so that its own noise does not enter: a gradient times a
/// number that does not depend on it keeps its direction in expectation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct ReturnScale {
    mean: f64,
    square: f64,
    weight: f64,
}

/// The weight of a new batch.
const RATE: f64 = 0.05;

impl ReturnScale {
    /// The standard deviation of returns so far; 1 before any were seen or if all were 0.
    ///
    /// A tenth of their root mean square is the least, so that returns that hardly differ are not blown up.
    pub(super) fn get(&self) -> f64 {
        let (mean, square) = (self.mean / self.weight, self.square / self.weight);
        let variance = (square - mean * mean).max(0.01 * square);
        if variance > 0.0 { variance.sqrt() } else { 1.0 }
    }

    /// Takes in a batch of returns.
    pub(super) fn update(&mut self, returns: impl Iterator<Item = f64>) {
        let (mut count, mut sum, mut squares) = (0.0, 0.0, 0.0);
        for value in returns {
            count += 1.0;
            sum += value;
            squares += value * value;
        }
        if count > 0.0 {
            self.mean += RATE * (sum / count - self.mean);
            self.square += RATE * (squares / count - self.square);
            self.weight += RATE * (1.0 - self.weight);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::float_cmp)] // what is exact

    use super::*;

    #[test]
    fn the_scale_is_that_of_the_batches_before() {
        let mut scale = ReturnScale::default();
        assert_eq!(scale.get(), 1.0);
        for _ in 0..3 {
            scale.update([10.0, 14.0].into_iter());
            assert!((scale.get() - 2.0).abs() < 1e-9, "{}", scale.get());
        }
        let mut constant = ReturnScale::default();
        constant.update([5.0, 5.0].into_iter());
        assert!((constant.get() - 0.5).abs() < 1e-9);
    }
}
