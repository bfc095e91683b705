//! Many gradients of one estimator, and their moments.

use std::time::Instant;

use relaxit::control::Tuner;
use relaxit::estimator::Estimator;
use relaxit::noise::Noise;
use relaxit::objective::{Counted, Objective};
use relaxit::schedule::Anneal;

use super::problem::Problem;
use crate::estimators::{Entry, Registered};

/// Means and sums of squares of vectors that come one at a time (Welford).
#[derive(Clone, Debug)]
pub struct Moments {
    count: f64,
    mean: Vec<f64>,
    squares: Vec<f64>,
}

impl Moments {
    /// Of vectors of `entries` numbers.
    #[must_use]
    pub fn new(entries: usize) -> Self {
        Self { count: 0.0, mean: vec![0.0; entries], squares: vec![0.0; entries] }
    }

    /// Takes in vectors that stand one after the other.
    pub fn add(&mut self, rows: &[f64]) {
        for row in rows.chunks_exact(self.mean.len()) {
            self.count += 1.0;
            for ((x, mean), squares) in row.iter().zip(&mut self.mean).zip(&mut self.squares) {
                let before = x - *mean;
                *mean += before / self.count;
                *squares += before * (x - *mean);
            }
        }
    }

    /// The means.
    #[must_use]
    pub fn mean(&self) -> &[f64] {
        &self.mean
    }

    /// The variances, with `n − 1`; 0 of a single vector.
    #[must_use]
    pub fn variance(&self) -> Vec<f64> {
        self.squares.iter().map(|squares| squares / (self.count - 1.0).max(1.0)).collect()
    }

    /// The standard errors of the means.
    #[must_use]
    pub fn standard_error(&self) -> Vec<f64> {
        self.variance().iter().map(|variance| (variance / self.count).sqrt()).collect()
    }
}

/// Gradients that were drawn together.
#[derive(Clone, Debug)]
pub struct Batch {
    /// One after the other.
    pub gradients: Vec<f64>,
    /// The mean of the objective's absolute value.
    pub size: f64,
    /// Seconds that it took.
    pub seconds: f64,
}

/// `rows` gradients of `estimator`.
///
/// # Panics
/// If the device fails.
pub fn draw<R: Registered<3>>(
    problem: &Problem,
    estimator: &mut dyn Estimator<R, 3>,
    objective: &dyn Objective<3>,
    rows: usize,
    noise: &mut Noise,
) -> Batch {
    let logits = problem.rows(rows).require_grad();
    let started = Instant::now();
    let estimate = estimator.estimate(&problem.law::<R>(logits.clone()), objective, noise);
    let gradient = logits.grad(&estimate.surrogate.backward());
    // The surrogate averages over the rows. Reading the numbers waits for the device.
    let gradient = gradient.map(|gradient| (gradient * rows as f64).into_data());
    let seconds = started.elapsed().as_secs_f64();
    let gradients = gradient.map(|gradient| gradient.iter::<f64>().collect());
    Batch {
        // Without a gradient the surrogate does not depend on the logits.
        gradients: gradients.unwrap_or_else(|| vec![0.0; rows * problem.logits.len()]),
        size: estimate.value.inner().abs().mean().into_scalar(),
        seconds,
    }
}

/// Rows of one step of tuning.
const TUNING_ROWS: usize = 32;
/// Adam's step size in tuning.
const TUNING_RATE: f64 = 0.01;

/// Lets an estimator that learns see `steps` batches of 32 rows, on a noise stream of its own.
///
/// # Panics
/// If the device fails.
pub fn tune<R: Registered<3>>(
    problem: &Problem,
    entry: &Entry<R, 3>,
    estimator: &mut dyn Estimator<R, 3>,
    steps: usize,
    noise: &Noise,
) {
    if !entry.learns() {
        return;
    }
    let mut noise = noise.fork("tuning").fork(entry.name());
    let mut tuner = Tuner::new(Anneal::Constant(TUNING_RATE)).expect("the rate is positive");
    // Without a gradient of the logits there is no tape that nobody runs back.
    let at = problem.law::<R>(problem.rows(TUNING_ROWS));
    for _ in 0..steps {
        if let Some(tuning) = estimator.estimate(&at, problem.objective(), &mut noise).tuning {
            tuner.step(estimator, tuning);
        }
    }
}

/// What one estimator did.
#[derive(Clone, Debug)]
pub struct Measurement {
    /// Of its gradients.
    pub moments: Moments,
    /// How many gradients.
    pub draws: usize,
    /// The mean of the objective's absolute value.
    pub size: f64,
    /// Evaluations of the objective for each gradient.
    pub evaluations: f64,
    /// Seconds for each gradient.
    pub seconds: f64,
}

/// Draws `draws` gradients of `estimator`, which is `entry`'s; one is enough of an exact one.
///
/// # Panics
/// If the device fails.
#[must_use]
pub fn measure<R: Registered<3>>(
    problem: &Problem,
    entry: &Entry<R, 3>,
    estimator: &mut dyn Estimator<R, 3>,
    draws: usize,
    noise: &Noise,
) -> Measurement {
    let mut noise = noise.fork(entry.name());
    let draws = if entry.is_exact() { 1 } else { draws };
    let counted = Counted::new(problem.objective());
    let mut moments = Moments::new(problem.logits.len());
    let (mut left, mut seconds, mut size) = (draws, 0.0, 0.0);
    while left > 0 {
        let rows = left.min(problem.chunk());
        let batch = draw::<R>(problem, estimator, &counted, rows, &mut noise);
        moments.add(&batch.gradients);
        seconds += batch.seconds;
        size += batch.size * rows as f64;
        left -= rows;
    }
    let each = (draws as f64).recip();
    let evaluations = counted.evaluations() as f64 * each;
    Measurement { moments, draws, size: size * each, evaluations, seconds: seconds * each }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_those_of_the_textbook() {
        let mut moments = Moments::new(2);
        moments.add(&[1e8 + 1.0, 5.0, 1e8 + 2.0, 5.0]);
        moments.add(&[1e8 + 6.0, 5.0]);
        assert_eq!(moments.mean(), [1e8 + 3.0, 5.0]);
        assert_eq!(moments.variance(), [7.0, 0.0]);
        assert_eq!(moments.standard_error(), [(7.0_f64 / 3.0).sqrt(), 0.0]);
    }
}
