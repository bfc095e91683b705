//! The score-function estimator, with its baselines.

use burn::tensor::Tensor;

use super::{Bias, Estimate, Estimator};
use crate::control::assert_parameters;
use crate::distribution::{Density, Distribution};
use crate::error::{Error, Result};
use crate::noise::Noise;
use crate::objective::Objective;
use crate::reference::{REINFORCE, Reference};
use crate::relaxation::Relaxation;

/// The score-function estimator (REINFORCE) with a baseline.
///
/// ```text
/// ĝ = (f(b) − B) ∇ log p(b),   b ~ p
/// ```
///
/// # Gradient
/// Unbiased for any baseline `B` independent of `b`; needs no gradient of `f`.
///
/// # Examples
/// ```
/// use relaxit::{estimator::ScoreFunction, prelude::*};
/// let device = Device::flex().autodiff();
/// let at = RelaxedBernoulli::from_logits(Tensor::<2>::zeros([8, 3], &device).require_grad(), 0.5)?;
/// let estimate = ScoreFunction::new().estimate(&at, &|b: Tensor<2>| b.sum_dim(1), &mut Noise::seeded(0));
/// assert_eq!(estimate.value.dims(), [8, 1]);
/// # Ok::<(), relaxit::Error>(())
/// ```
///
/// # References
/// [`crate::reference::REINFORCE`].
#[doc(alias = "Reinforce")]
#[derive(Clone, Debug, Default)]
pub struct ScoreFunction<B = NoBaseline> {
    baseline: B,
}

impl ScoreFunction {
    /// Without a baseline.
    #[must_use]
    pub const fn new() -> Self {
        Self { baseline: NoBaseline }
    }
}

impl<B> ScoreFunction<B> {
    /// With a baseline.
    pub const fn with_baseline(baseline: B) -> Self {
        Self { baseline }
    }
}

/// Something subtracted from the value that does not depend on the sample it is subtracted for.
///
/// # Examples
/// ```
/// use relaxit::{estimator::{Baseline, ScoreFunction}, prelude::*};
///
/// /// The mean of the batch's other rows.
/// struct OtherRows;
///
/// impl Baseline<2> for OtherRows {
///     fn advantage(&mut self, value: Tensor<2>, _: &Tensor<2>) -> Tensor<2> {
///         let rows = value.dims()[0] as f64;
///         (value.clone() - value.mean_dim(0)) * (rows / (rows - 1.0))
///     }
/// }
///
/// let at = RelaxedBernoulli::from_logits(Tensor::<2>::zeros([8, 3], &Device::flex().autodiff()).require_grad(), 0.5)?;
/// let mut estimator = ScoreFunction::with_baseline(OtherRows);
/// let constant = |b: Tensor<2>| b.sum_dim(1) * 0.0 + 1e3;
/// let estimate = estimator.estimate(&at, &constant, &mut Noise::seeded(0));
/// let gradient = at.logits().grad(&estimate.surrogate.backward()).unwrap();
/// assert_eq!(gradient.abs().max().into_scalar::<f32>(), 0.0); // without a baseline, 1e3 times the score
/// # Ok::<(), relaxit::Error>(())
/// ```
pub trait Baseline<const D: usize> {
    /// The value less the baseline; then the baseline may learn from the value.
    ///
    /// `value` and the `logits` that its sample was drawn at carry no gradient. The advantage of a baseline that is trained
    /// carries that of its parameters; they descend its square.
    fn advantage(&mut self, value: Tensor<D>, logits: &Tensor<D>) -> Tensor<D>;

    /// What the estimator may claim with it: no bias, unless the advantage is more than a difference.
    fn bias(&self) -> Bias {
        Bias::Unbiased
    }

    /// Where the estimator with it was published.
    fn references(&self) -> &'static [Reference] {
        &[REINFORCE]
    }

    /// What a [`Tuner`](crate::control::Tuner) trains; see [`Estimator::parameters`].
    fn parameters(&self) -> Vec<Tensor<1>> {
        Vec::new()
    }

    /// Replaces them, in the same order.
    ///
    /// # Panics
    /// If the number or the lengths differ.
    #[track_caller]
    fn set_parameters(&mut self, parameters: Vec<Tensor<1>>) {
        assert_parameters(&[], &parameters);
    }
}

/// No baseline: the advantage is the value.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoBaseline;

impl<const D: usize> Baseline<D> for NoBaseline {
    fn advantage(&mut self, value: Tensor<D>, _: &Tensor<D>) -> Tensor<D> {
        value
    }
}

/// A known number.
#[derive(Clone, Copy, Debug)]
pub struct ConstantBaseline(pub f64);

impl<const D: usize> Baseline<D> for ConstantBaseline {
    fn advantage(&mut self, value: Tensor<D>, _: &Tensor<D>) -> Tensor<D> {
        value - self.0
    }
}

/// An exponential moving average of the values of *earlier* estimates.
///
/// ```text
/// B ← d B + (1 − d) mean f(b),   corrected for its start at 0
/// ```
///
/// The first estimate has no baseline. Reads one number from the device at each estimate.
///
/// # Examples
/// ```
/// use relaxit::estimator::{Baseline, MovingAverage};
/// use relaxit::prelude::*;
/// let (mut baseline, logits) = (MovingAverage::new(0.9)?, Tensor::<2>::zeros([4, 1], &Device::flex()));
/// for expected in [5.0, 0.0] {
///     let advantage = baseline.advantage(logits.full_like(5.0), &logits);
///     assert!((advantage - expected).abs().max().into_scalar::<f32>() < 1e-5);
/// }
/// # Ok::<(), relaxit::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct MovingAverage {
    decay: f64,
    average: f64,
    weight: f64,
}

impl MovingAverage {
    /// With a decay in [0, 1).
    ///
    /// # Errors
    /// [`Error::Parameter`] for another decay.
    pub fn new(decay: f64) -> Result<Self> {
        if (0.0..1.0).contains(&decay) {
            return Ok(Self::decaying(decay));
        }
        Err(Error::Parameter {
            subject: "MovingAverage",
            parameter: "decay",
            requirement: "at least 0 and below 1",
            got: decay,
        })
    }
}

impl MovingAverage {
    /// With a decay that was checked already.
    pub(super) const fn decaying(decay: f64) -> Self {
        Self { decay, average: 0.0, weight: 0.0 }
    }

    /// The average so far; 0 before the first number.
    pub(super) fn get(&self) -> f64 {
        if self.weight > 0.0 { self.average / self.weight } else { 0.0 }
    }

    /// The average with one number more, unless that is not finite.
    pub(super) fn update(&mut self, number: f64) {
        if number.is_finite() {
            self.average = self.decay * self.average + (1.0 - self.decay) * number;
            self.weight = self.decay * self.weight + (1.0 - self.decay);
        }
    }
}

impl<const D: usize> Baseline<D> for MovingAverage {
    fn advantage(&mut self, value: Tensor<D>, _: &Tensor<D>) -> Tensor<D> {
        let baseline = self.get();
        self.update(value.clone().inner().mean().into_scalar());
        value - baseline
    }
}

impl<R, B, const D: usize> Estimator<R, D> for ScoreFunction<B>
where
    R: Relaxation<D>,
    R::Hard: Density<D>,
    B: Baseline<D>,
{
    fn name(&self) -> &'static str {
        "reinforce"
    }

    /// That of the baseline.
    fn bias(&self) -> Bias {
        self.baseline.bias()
    }

    fn references(&self) -> &'static [Reference] {
        self.baseline.references()
    }

    fn estimate(&mut self, at: &R, f: &dyn Objective<D>, noise: &mut Noise) -> Estimate<D> {
        let law = at.hard();
        let b = law.sample(noise);
        let value = f.evaluate(b.clone());
        let rows = value.shape().num_elements().max(1) as f64;
        let advantage = self.baseline.advantage(value.clone().detach(), &at.logits().clone().detach());
        let tuning = advantage.is_tracked().then(|| advantage.clone().square().mean());
        let surrogate = (advantage.detach() * law.log_prob(b)).sum() * rows.recip() + value.clone().mean();
        Estimate { value: value.detach(), surrogate, tuning }
    }

    /// Those of the baseline.
    fn parameters(&self) -> Vec<Tensor<1>> {
        self.baseline.parameters()
    }

    fn set_parameters(&mut self, parameters: Vec<Tensor<1>>) {
        self.baseline.set_parameters(parameters);
    }
}
