//! What an audit says of an estimator: one record for each logit, and one in all.

use relaxit::estimator::{Bias, Estimator};
use serde::{Deserialize, Serialize};

use super::measure::Measurement;
use super::problem::Problem;
use super::reference::Reference;

/// One line of an audit.
///
/// The aggregate (`logit` is null) has norms over the logits for `exact`, `mean`, `bias` and the standard errors, the
/// largest `|z|`, and sums for `variance` and `mse`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// The estimator's name.
    pub estimator: String,
    /// Whether it claims to have no bias.
    pub claims_unbiased: bool,
    /// The gradient to compare with.
    pub exact: f64,
    /// The mean of the gradients.
    pub mean: f64,
    /// `mean − exact`.
    pub bias: f64,
    /// That of `mean` and of `exact` together.
    pub bias_standard_error: f64,
    /// `bias` in standard errors; `None` where the rarer value of the variable is too rare to tell.
    pub z: Option<f64>,
    /// The variance of one gradient.
    pub variance: f64,
    /// The mean squared error of one gradient.
    pub mse: f64,
    /// Evaluations of the objective for one gradient.
    pub evaluations: f64,
    /// Seconds for one gradient of all logits.
    pub seconds_per_gradient: f64,
    /// Which logit, counted from 0, variable by variable; of a policy, which parameter; `None` for the aggregate.
    pub logit: Option<usize>,
    /// The standard error of `exact`: 0 if it was enumerated.
    pub exact_standard_error: f64,
    /// How many gradients were drawn.
    pub draws: usize,
    /// The estimator's papers.
    pub papers: Vec<String>,
}

/// Draws that must be expected to see a variable's rarest value before its standard error means anything.
const SEEN: f64 = 30.0;

/// The records of `estimator`: the aggregate first, then the logits.
#[must_use]
pub fn records<R: relaxit::relaxation::Relaxation<3>>(
    problem: &Problem,
    name: &str,
    estimator: &dyn Estimator<R, 3>,
    reference: &Reference,
    measurement: &Measurement,
) -> Vec<Record> {
    let Measurement { moments, draws, size, evaluations, seconds } = measurement;
    let draws_of_a_value = |p: f64| p * *draws as f64;
    let probabilities = problem.probabilities();
    let [_, channels] = problem.shape();
    let (variance, error) = (moments.variance(), moments.standard_error());
    let logits: Vec<Record> = (0..problem.logits.len())
        .map(|logit| {
            let (exact, exact_error) = (reference.gradient[logit], reference.standard_error[logit]);
            let (mean, variance) = (moments.mean()[logit], variance[logit]);
            let bias = mean - exact;
            let bias_standard_error = error[logit].hypot(exact_error);
            let rounding = problem.rounding() * (exact.abs() + mean.abs() + variance.sqrt() + size);
            let rarest = probabilities[logit / channels].iter().copied().fold(1.0, f64::min);
            // One draw of an exact gradient sees every value.
            let is_seen = variance == 0.0 && *draws == 1 || draws_of_a_value(rarest) >= SEEN;
            let z = bias / bias_standard_error.max(rounding).max(f64::MIN_POSITIVE);
            Record {
                estimator: name.into(),
                claims_unbiased: estimator.bias() == Bias::Unbiased,
                exact,
                mean,
                bias,
                bias_standard_error,
                z: is_seen.then_some(z),
                variance,
                mse: variance + bias * bias,
                evaluations: *evaluations,
                seconds_per_gradient: *seconds,
                logit: Some(logit),
                exact_standard_error: exact_error,
                draws: *draws,
                papers: estimator.references().iter().map(ToString::to_string).collect(),
            }
        })
        .collect();
    std::iter::once(aggregate(&logits)).chain(logits).collect()
}

/// What the records of all logits say together. There must be one at least.
pub(crate) fn aggregate(logits: &[Record]) -> Record {
    let norm = |field: fn(&Record) -> f64| logits.iter().map(|record| field(record).powi(2)).sum::<f64>().sqrt();
    let sum = |field: fn(&Record) -> f64| logits.iter().map(field).sum();
    Record {
        exact: norm(|record| record.exact),
        mean: norm(|record| record.mean),
        bias: norm(|record| record.bias),
        bias_standard_error: norm(|record| record.bias_standard_error),
        z: logits.iter().filter_map(|record| record.z.map(f64::abs)).reduce(larger),
        variance: sum(|record| record.variance),
        mse: sum(|record| record.mse),
        exact_standard_error: norm(|record| record.exact_standard_error),
        logit: None,
        ..logits[0].clone()
    }
}

/// The larger, or NaN if there is one.
fn larger(a: f64, b: f64) -> f64 {
    if a >= b || a.is_nan() { a } else { b }
}
