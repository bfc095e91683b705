//! Gradient estimators: `∇ E_{b ~ p}[f(b)]` for truly discrete `b`.
//!
//! | estimator | of | bias | needs of `f` | evaluations |
//! |---|---|---|---|---|
//! | [`Exact`] | few outcomes | none, and no variance | values | one for each outcome |
//! | [`ScoreFunction`], with a [`Baseline`] | any hard law with a density | none | values | 1 |
//! | [`Rloo`] | the same | none | values | n |
//! | [`Vimco`] | the same | none, of a [bound](Target::Bound) | values | n |
//! | [`Arm`] | bits | none | values | 2 |
//! | [`DisArm`] | bits, choices | none | values | 2 |
//! | [`Arms`] | bits | none | values | n |
//! | [`SumAndSample`], [`UnorderedSet`] | choices | none | values | some for each choice |
//! | [`MuProp`] | hard laws with a mean | none | slope at the mean | 2 |
//! | [`DoubleControlVariate`] | hard laws with a mean | none | slopes at hard samples | 2n |
//! | [`Rodeo`] | enumerable variables | none | slopes at hard samples | 2n |
//! | [`Rebar`] | [`Tempered`](crate::relaxation::Tempered) relaxations | none | slopes at relaxed samples | 1, and those of its control variate |
//! | [`Relax`] | [`ConditionalRelaxation`](crate::relaxation::ConditionalRelaxation)s | none | what its control variate needs | as above |
//! | [`StraightThrough`], [`StraightThroughPathwise`] | any relaxation | some | slopes at hard samples | 1 |
//! | [`SampleGradient`] | choices, by samples with a gradient of their own | some | slopes at hard samples | 1 |
//! | [`Pathwise`] | any relaxation | some | slopes at relaxed samples | 1 |
//!
//! [`Layered`] takes one for each of several stochastic layers; [`Lax`] is for continuous laws; [`ExactBound`] is what
//! bounds of several samples are compared with.

mod antithetic;
mod arms;
mod coupled;
mod double_control_variate;
mod exact;
mod exact_bound;
mod lax;
mod layers;
mod learned_baseline;
mod learned_temperature;
mod leave_one_out;
mod local;
mod mu_prop;
mod pathwise;
mod rebar;
mod relax;
mod rodeo;
mod sample_gradient;
mod samples;
mod score_function;
mod stein;
mod sum_and_sample;
mod unordered_set;
mod vimco;

use burn::tensor::Tensor;

pub use self::antithetic::{Arm, DisArm};
pub use self::arms::{Arms, Copula};
pub use self::double_control_variate::DoubleControlVariate;
pub use self::exact::Exact;
pub use self::exact_bound::ExactBound;
pub use self::lax::Lax;
pub use self::layers::{Layered, Layers};
pub use self::learned_baseline::LearnedBaseline;
pub use self::learned_temperature::LearnedTemperature;
pub use self::leave_one_out::Rloo;
pub use self::mu_prop::MuProp;
pub use self::pathwise::{Pathwise, StraightThrough, StraightThroughPathwise};
pub use self::rebar::Rebar;
pub use self::relax::Relax;
pub use self::rodeo::Rodeo;
pub use self::sample_gradient::SampleGradient;
pub use self::score_function::{Baseline, ConstantBaseline, MovingAverage, NoBaseline, ScoreFunction};
pub use self::sum_and_sample::SumAndSample;
pub use self::unordered_set::UnorderedSet;
pub use self::vimco::Vimco;

use crate::control::assert_parameters;
use crate::noise::Noise;
use crate::objective::Objective;
use crate::reference::Reference;
use crate::relaxation::Relaxation;

/// What an estimator claims of its expectation; the test laws hold it to the claim both ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Bias {
    /// The expectation is the exact gradient, for every objective.
    Unbiased,
    /// For some objective it is not.
    Biased,
}

/// What the expectation of an estimate is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    /// `∇ E[f(b)]`, as [`Exact`] computes it.
    Expectation,
    /// The gradient of a bound of several samples, `∇ E[ln 1/n Σᵢ exp f(bᵢ)]`, as [`ExactBound`] computes it. It is that
    /// of an expectation for one sample alone.
    Bound {
        /// The number `n` of samples.
        samples: usize,
    },
}

/// One estimate, as a term to differentiate.
///
/// `surrogate` plugs into any encoder: its gradient with respect to whatever the logits depend on is the estimate.
/// Parameters inside the objective get theirs once, from `f(b)`. [`Estimator`] has an example.
#[must_use]
#[derive(Clone, Debug)]
pub struct Estimate<const D: usize> {
    /// `f(b)` of each row, or its mean over the row's samples, or their bound, as is the [`Target`]; without gradient: for
    /// reports.
    pub value: Tensor<D>,
    /// `∇ surrogate` is the estimate, averaged over rows. Its own value means nothing.
    pub surrogate: Tensor<1>,
    /// What the estimator's own parameters should descend, such as the variance for those of a control variate: its
    /// gradient with respect to them estimates the gradient of that. Step only those with it, by a
    /// [`Tuner`](crate::control::Tuner).
    pub tuning: Option<Tensor<1>>,
}

/// An estimator of `∇ E[f(b)]`, `b ~ at.hard()`, with respect to `at.logits()`.
///
/// # Examples
/// ```
/// use relaxit::{estimator::DisArm, prelude::*};
/// let device = Device::flex().autodiff();
/// let logits = Tensor::<2>::zeros([64, 3], &device).require_grad();
/// let at = RelaxedBernoulli::from_logits(logits.clone(), 0.5)?;
/// let wrong_bits = |b: Tensor<2>| (b - 1.0).square().sum_dim(1);
/// let estimate = DisArm.estimate(&at, &wrong_bits, &mut Noise::seeded(0));
/// let gradient = logits.grad(&estimate.surrogate.backward()).unwrap();
/// assert!(gradient.sum().into_scalar::<f32>() < 0.0);
/// # Ok::<(), relaxit::Error>(())
/// ```
pub trait Estimator<R: Relaxation<D>, const D: usize> {
    /// The name on command lines and in reports.
    fn name(&self) -> &'static str;

    /// What it claims.
    fn bias(&self) -> Bias;

    /// What it estimates: the gradient of the expectation, unless it says otherwise.
    fn target(&self) -> Target {
        Target::Expectation
    }

    /// Where it was published.
    fn references(&self) -> &'static [Reference];

    /// One estimate, from fresh noise.
    fn estimate(&mut self, at: &R, f: &dyn Objective<D>, noise: &mut Noise) -> Estimate<D>;

    /// The estimator's own parameters, which [`Estimate::tuning`] trains: leaves of the autodiff graph, flattened, in a
    /// fixed order and one precision. None by default.
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

/// The gradient of `output` at `leaf`, back on the autodiff device; zero where `output` does not depend on it.
fn gradient<const D: usize>(leaf: &Tensor<D>, output: &Tensor<1>) -> Tensor<D> {
    let device = leaf.device();
    let gradient = output.is_tracked().then(|| leaf.grad(&output.backward())).flatten();
    gradient.map_or_else(|| leaf.zeros_like().detach(), |gradient| crate::math::on_device(gradient, &device))
}

/// The surrogate of a known gradient for each row: `Σ logits · stop(g) / rows`, plus the mean value for the parameters
/// inside the objective.
fn surrogate<const D: usize>(logits: &Tensor<D>, gradient: Tensor<D>, value: Tensor<D>) -> Tensor<1> {
    let rows = value.shape().num_elements().max(1) as f64;
    (logits.clone() * gradient.detach()).sum() * rows.recip() + value.sum() * rows.recip()
}

/// Sums the dimensions that `shape` has as 1.
fn sum_to<const D: usize>(x: Tensor<D>, shape: [usize; D]) -> Tensor<D> {
    (0..D).filter(|&dim| shape[dim] == 1).fold(x, Tensor::sum_dim)
}
