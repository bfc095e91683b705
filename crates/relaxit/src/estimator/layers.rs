//! Several layers of discrete variables, each given those below it.

use std::fmt;

use burn::tensor::Tensor;

use super::{Bias, Estimate, Estimator, gradient};
use crate::control::assert_parameters;
use crate::distribution::Reparameterized;
use crate::math::on_device;
use crate::noise::Noise;
use crate::objective::Objective;
use crate::relaxation::{Relaxation, straight_through};

/// A model with several layers of discrete variables, `b₁ ~ p(b₁)`, `b₂ ~ p(b₂ | b₁)`, …, and what they are judged by.
///
/// Control variates and pathwise gradients ask for both functions at relaxed samples too. [`Layered`] has an example.
pub trait Layers<R: Relaxation<D>, const D: usize> {
    /// The law of the layer above the samples `below`: of the first layer if there are none.
    fn layer(&self, below: &[Tensor<D>]) -> R;

    /// The value of each row, given one sample of every layer: `[rows, 1…]`.
    fn evaluate(&self, samples: &[Tensor<D>]) -> Tensor<D>;
}

/// An estimator for each layer of a model, from the lowest up: together they estimate
///
/// ```text
/// ∇ E[f(b₁, …, b_L)],   b₁ ~ p(b₁),   b₂ ~ p(b₂ | b₁),   …
/// ```
///
/// with respect to everything that the layers' logits and the objective are computed from. A layer's estimator sees hard
/// samples of the layers below it, and an objective that samples the layers above it from noise that stays the same
/// throughout the estimate: hard samples where it asks for the value of a hard one, relaxed ones (at the model's own
/// temperature) where it asks for that of a relaxed one. So REBAR and RELAX have a control variate for each layer, whose
/// upper layers are soft.
///
/// # Shapes
/// Every layer has rank `D`; their sizes may differ.
///
/// # Gradient
/// Given the layers below and the noise of those above, the objective is a function of one layer's sample, and so every
/// estimator without bias stays so here: score function with any baseline, leave-one-out, the antithetic ones, `MuProp`,
/// double control variates, REBAR, RELAX, enumeration of one layer. Biased ones stay biased; straight-through ones see the
/// layers above through straight-through samples. Multi-sample bounds ([`Vimco`](super::Vimco)) are none of these: their
/// samples would share the noise of the layers above.
///
/// Parameters inside the objective, and those that make a layer's logits, get their gradient once. `tuning` is that of
/// all layers: what it lessens is the variance of the gradients of the layers' logits. Each layer costs what its
/// estimator costs alone.
///
/// The model is differentiated within: a tensor that it captures and that was *computed* from parameters must not be
/// needed again, but for the logits of the first layer. Compute such tensors inside [`Layers::layer`], or detach them.
///
/// # Examples
/// ```
/// use relaxit::estimator::{Layered, Layers, Rloo};
/// use relaxit::prelude::*;
///
/// /// Two layers of three bits, the second made from the first.
/// struct Pair {
///     logits: Tensor<2>,
///     weights: Tensor<2>,
/// }
///
/// impl Layers<RelaxedBernoulli<2>, 2> for Pair {
///     fn layer(&self, below: &[Tensor<2>]) -> RelaxedBernoulli<2> {
///         let logits = below.last().map_or(self.logits.clone(), |b| b.clone().matmul(self.weights.clone()));
///         RelaxedBernoulli::from_logits(logits, 0.5).unwrap()
///     }
///     fn evaluate(&self, samples: &[Tensor<2>]) -> Tensor<2> {
///         (samples[1].clone() - 1.0).square().sum_dim(1) // wrong bits of the second layer
///     }
/// }
///
/// let device = Device::flex().autodiff();
/// let weights = Tensor::<2>::ones([3, 3], &device).require_grad();
/// let pair = Pair { logits: Tensor::<2>::zeros([64, 3], &device).require_grad(), weights };
/// let mut layered = Layered::new(vec![Box::new(Rloo::new(2)?), Box::new(Rloo::new(2)?)]);
/// let estimate = layered.estimate(&pair, &mut Noise::seeded(0));
/// let gradients = estimate.surrogate.backward();
/// assert!(pair.weights.grad(&gradients).unwrap().sum().into_scalar::<f32>() < 0.0);
/// assert!(pair.logits.grad(&gradients).unwrap().sum().into_scalar::<f32>() < 0.0);
/// # Ok::<(), relaxit::Error>(())
/// ```
///
/// # References
/// [`crate::reference::REBAR`], the section on multilayer stochastic networks.
pub struct Layered<R, const D: usize> {
    estimators: Vec<Box<dyn Estimator<R, D>>>,
}

impl<R: Relaxation<D>, const D: usize> Layered<R, D> {
    /// With an estimator for each layer, the lowest layer's first.
    ///
    /// # Panics
    /// Without any.
    #[must_use]
    #[track_caller]
    pub fn new(estimators: Vec<Box<dyn Estimator<R, D>>>) -> Self {
        assert!(!estimators.is_empty(), "Layered: a model has at least one layer");
        Self { estimators }
    }

    /// The estimators, the lowest layer's first.
    #[must_use]
    pub fn estimators(&self) -> &[Box<dyn Estimator<R, D>>] {
        &self.estimators
    }

    /// Unbiased if every layer's estimator is.
    #[must_use]
    pub fn bias(&self) -> Bias {
        let unbiased = self.estimators.iter().all(|estimator| estimator.bias() == Bias::Unbiased);
        if unbiased { Bias::Unbiased } else { Bias::Biased }
    }

    /// One estimate, from fresh noise. Its `value` is the objective at hard samples of all layers.
    #[allow(clippy::missing_panics_doc)] // the constructor asked for a layer
    pub fn estimate(&mut self, model: &dyn Layers<R, D>, noise: &mut Noise) -> Estimate<D> {
        let (top, lower) = self.estimators.split_last_mut().expect("the constructor asked for a layer");
        // A sample of every layer but the top, for the layers above it, and noise for every layer, for those below it.
        let draw =
            |law: &R, noise: &mut Noise| noise.draw::<D>(R::BASE, law.noise_shape(), (&law.device(), law.dtype()));
        let mut laws = vec![model.layer(&[])];
        let mut draws = vec![draw(&laws[0], noise)];
        let mut samples = Vec::new();
        for index in 0..lower.len() {
            let law = laws[index].with_logits(untracked(laws[index].logits()));
            samples.push(law.threshold(law.latent().transport(draws[index].clone())));
            laws.push(model.layer(&samples));
            draws.push(draw(&laws[index + 1], noise));
        }
        let objective = |index: usize| Above { model, below: &samples[..index], draws: &draws[index + 1..] };

        let (mut surrogates, mut tunings) = (Vec::new(), Vec::new());
        for (index, estimator) in lower.iter_mut().enumerate() {
            // The gradient of this layer's logits alone: whatever else the surrogate knows is counted elsewhere.
            let leaf = untracked(laws[index].logits()).require_grad();
            let estimate = estimator.estimate(&laws[index].with_logits(leaf.clone()), &objective(index), noise);
            let g = gradient(&leaf, &estimate.surrogate);
            surrogates.push((laws[index].logits().clone() * g).sum());
            tunings.extend(estimate.tuning);
        }
        // Of the top layer the value counts too: it brings the gradient of the parameters inside the objective.
        let Estimate { value, surrogate, tuning } = top.estimate(&laws[lower.len()], &objective(lower.len()), noise);
        let surrogate = surrogates.into_iter().fold(surrogate, |sum, term| sum + term);
        Estimate { value, surrogate, tuning: tunings.into_iter().chain(tuning).reduce(|sum, term| sum + term) }
    }

    /// The parameters of all layers' estimators, the lowest layer's first; for
    /// [`Tuner::descend`](crate::control::Tuner::descend).
    #[must_use]
    pub fn parameters(&self) -> Vec<Tensor<1>> {
        self.estimators.iter().flat_map(|estimator| estimator.parameters()).collect()
    }

    /// Replaces them, in the same order.
    ///
    /// # Panics
    /// If the number or the lengths differ.
    #[track_caller]
    pub fn set_parameters(&mut self, parameters: Vec<Tensor<1>>) {
        assert_parameters(&self.parameters(), &parameters);
        let mut rest = parameters.into_iter();
        for estimator in &mut self.estimators {
            let count = estimator.parameters().len();
            estimator.set_parameters(rest.by_ref().take(count).collect());
        }
    }
}

/// The same numbers, of which the graph knows nothing.
fn untracked<const D: usize>(x: &Tensor<D>) -> Tensor<D> {
    on_device(x.clone().inner(), &x.device())
}

/// The objective of one layer: those below are given, those above drawn from given noise.
struct Above<'a, R, const D: usize> {
    model: &'a dyn Layers<R, D>,
    below: &'a [Tensor<D>],
    draws: &'a [Tensor<D>],
}

impl<R: Relaxation<D>, const D: usize> Above<'_, R, D> {
    fn value(&self, sample: Tensor<D>, above: impl Fn(&R, Tensor<D>) -> Tensor<D>) -> Tensor<D> {
        let mut samples = [self.below, &[sample]].concat();
        for draw in self.draws {
            let law = self.model.layer(&samples);
            samples.push(above(&law, law.latent().transport(draw.clone())));
        }
        self.model.evaluate(&samples)
    }
}

impl<R: Relaxation<D>, const D: usize> Objective<D> for Above<'_, R, D> {
    fn evaluate(&self, b: Tensor<D>) -> Tensor<D> {
        self.value(b, |law, z| straight_through(law.threshold(z.clone()), law.squash(z)))
    }

    fn evaluate_relaxed(&self, y: Tensor<D>) -> Tensor<D> {
        self.value(y, R::squash)
    }
}

impl<R, const D: usize> fmt::Debug for Layered<R, D>
where
    R: Relaxation<D>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.estimators.iter().map(|estimator| estimator.name()).collect();
        f.debug_struct("Layered").field("estimators", &names).finish()
    }
}
