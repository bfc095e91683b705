//! Relaxations: a discrete law, a continuous latent law, and the two maps between them.
//!
//! ```text
//!            ε ──transport──▶ z ──squash──▶ relaxed sample
//!                             │
//!                             └─threshold─▶ hard sample b
//! ```

mod correlated_relaxed_bernoulli;
mod decoupled_straight_through;
mod gapped_straight_through;
mod gaussian_relaxed_bernoulli;
mod generalized_gumbel_softmax;
mod gumbel_rao;
mod gumbel_sinkhorn;
mod hard_concrete;
mod hard_kumaraswamy;
mod implicit_mle;
mod invertible_gaussian;
mod mixed;
mod neural_sort;
mod one_hot_choice;
mod permutation;
mod rebar_relaxation;
mod rein_max;
mod relaxed_bernoulli;
mod relaxed_one_hot;
mod relaxed_top_k;
mod soft_sort;
mod sparse;
mod stochastic_times_smooth;
mod straight_through_bernoulli;
mod tangent;
mod tempered;

use burn::tensor::Tensor;

pub use self::correlated_relaxed_bernoulli::CorrelatedRelaxedBernoulli;
pub use self::decoupled_straight_through::{DecoupledBackward, DecoupledStraightThroughGumbelSoftmax};
pub use self::gapped_straight_through::{Gap, GappedStraightThrough};
pub use self::gaussian_relaxed_bernoulli::GaussianRelaxedBernoulli;
pub use self::generalized_gumbel_softmax::GeneralizedGumbelSoftmax;
pub use self::gumbel_rao::GumbelRao;
pub use self::gumbel_sinkhorn::GumbelSinkhorn;
pub use self::hard_concrete::HardConcrete;
pub use self::hard_kumaraswamy::HardKumaraswamy;
pub use self::implicit_mle::{ImplicitMle, ImplicitMleDraw};
pub use self::invertible_gaussian::InvertibleGaussian;
pub use self::neural_sort::NeuralSort;
pub use self::rebar_relaxation::RebarRelaxation;
pub use self::rein_max::ReinMax;
pub use self::relaxed_bernoulli::RelaxedBernoulli;
pub use self::relaxed_one_hot::RelaxedOneHotCategorical;
pub use self::relaxed_top_k::RelaxedTopK;
pub use self::soft_sort::SoftSort;
pub use self::sparse::{entmax15, sparsemax};
pub use self::stochastic_times_smooth::StochasticTimesSmooth;
pub use self::straight_through_bernoulli::StraightThroughBernoulli;
pub use self::tangent::Tangent;
pub use self::tempered::Tempered;

use crate::distribution::{Distribution, Reparameterized};
use crate::noise::Noise;

/// A continuous law that stands in for a discrete one: `b = H(z)`, `z = g(ε; logits)`, relaxed sample `= squash(z)`.
///
/// The law itself is that of the relaxed sample; its [`rsample`](Reparameterized::rsample) is `squash` of a latent
/// draw. Scores and divergences are better taken on [`latent`](Self::latent), which does not saturate.
///
/// # Examples
/// ```
/// use relaxit::prelude::*;
/// let relaxed = RelaxedBernoulli::from_logits(Tensor::<1>::zeros([4], &Device::flex()), 0.5)?;
/// let z = relaxed.latent().rsample(&mut Noise::seeded(0));
/// let (hard, soft) = (relaxed.threshold(z.clone()), relaxed.squash(z));
/// assert!((hard - soft).abs().max().into_scalar::<f32>() < 0.5);
/// # Ok::<(), relaxit::Error>(())
/// ```
pub trait Relaxation<const D: usize>: Reparameterized<D> + Sized {
    /// The law of `z`.
    type Latent: Reparameterized<D>;

    /// The law of `b = threshold(z)`.
    type Hard: Distribution<D>;

    /// The parameters that a gradient estimator differentiates.
    fn logits(&self) -> &Tensor<D>;

    /// The same relaxation at other logits.
    ///
    /// # Panics
    /// If the shape differs from that of [`logits`](Self::logits).
    #[must_use]
    fn with_logits(&self, logits: Tensor<D>) -> Self;

    /// The law of the latent `z`.
    fn latent(&self) -> Self::Latent;

    /// The discrete law that is relaxed: exactly the law of `threshold(z)`.
    fn hard(&self) -> Self::Hard;

    /// The hard value `b = H(z)` of a *latent*. It carries no gradient.
    fn threshold(&self, z: Tensor<D>) -> Tensor<D>;

    /// The relaxed sample of a latent.
    fn squash(&self, z: Tensor<D>) -> Tensor<D>;

    /// A hard sample whose gradient is that of the relaxed sample it comes from.
    ///
    /// # Examples
    /// ```
    /// use relaxit::prelude::*;
    /// let device = Device::flex().autodiff();
    /// let logits = Tensor::<1>::zeros([4], &device).require_grad();
    /// let b = RelaxedBernoulli::from_logits(logits.clone(), 0.5)?.rsample_straight_through(&mut Noise::seeded(0));
    /// let values: Vec<f32> = b.to_data().into_vec().unwrap();
    /// assert!(values.iter().all(|&b| b == 0.0 || b == 1.0));
    /// assert!(logits.grad(&b.sum().backward()).unwrap().min().into_scalar::<f32>() > 0.0);
    /// # Ok::<(), relaxit::Error>(())
    /// ```
    fn rsample_straight_through(&self, noise: &mut Noise) -> Tensor<D> {
        harden_draw(self, noise)
    }
}

/// [`Relaxation::rsample_straight_through`] in plain tensor operations.
fn harden_draw<R: Relaxation<D>, const D: usize>(relaxation: &R, noise: &mut Noise) -> Tensor<D> {
    let z = relaxation.latent().rsample(noise);
    straight_through(relaxation.threshold(z.clone()), relaxation.squash(z))
}

/// A relaxation whose latent can be drawn given its hard value, as REBAR, RELAX and Gumbel–Rao need.
///
/// # References
/// [`crate::reference::REBAR`], appendix C; [`crate::reference::RELAX`], appendix B.
///
/// # Examples
/// ```
/// use relaxit::prelude::*;
/// let device = Device::flex();
/// let mut noise = Noise::seeded(0);
/// let relaxed = RelaxedBernoulli::from_logits(Tensor::<1>::zeros([100], &device), 0.5)?;
/// let b = relaxed.hard().sample(&mut noise);
/// let z_tilde = relaxed.latent_given(b.clone(), noise.draw(Base::Logistic, [100], &device));
/// assert_eq!(relaxed.threshold(z_tilde).to_data(), b.to_data());
/// # Ok::<(), relaxit::Error>(())
/// ```
pub trait ConditionalRelaxation<const D: usize>: Relaxation<D> {
    /// `z̃ ~ p(z | b)`, differentiable in the logits, from fresh noise of the law
    /// [`BASE`](Reparameterized::BASE) and the shape [`noise_shape`](Reparameterized::noise_shape).
    ///
    /// Always `threshold(latent_given(b, ε)) == b`; over `b ~ hard()`, `z̃` has the law of the latent.
    ///
    /// # Panics
    /// If the shapes differ from the relaxation's.
    fn latent_given(&self, b: Tensor<D>, noise: Tensor<D>) -> Tensor<D>;

    /// The noise at which [`latent_given`](Self::latent_given) gives the latent that `noise` itself gives, where
    /// `b = threshold(z)` of that latent. It carries no gradient.
    ///
    /// Given `b`, it has the law of fresh noise: so common random numbers serve both latents of a control variate, which
    /// then agree in value and differ in gradient alone.
    fn noise_given(&self, b: Tensor<D>, noise: Tensor<D>) -> Tensor<D>;

    /// How the latent of `noise` and the one of `fresh` given `b` move when the logits move along `direction`:
    /// differentiable in a temperature tensor. `None`, by default, if the relaxation does not say; control variates are
    /// then differentiated by differences.
    fn tangents(
        &self,
        noise: Tensor<D>,
        b: Tensor<D>,
        fresh: Tensor<D>,
        direction: Tensor<D>,
    ) -> Option<[Tangent<D>; 2]> {
        let _ = (noise, b, fresh, direction);
        None
    }

    /// The same relaxation with all parameters cut from what they were computed from, so that an estimator may
    /// differentiate it without consuming the graph behind them.
    ///
    /// By default the logits alone: a relaxation with other parameters that may record a gradient must cut them too.
    #[must_use]
    fn detach(&self) -> Self {
        self.with_logits(self.logits().clone().detach())
    }
}

/// Forward `hard`, backward `soft`.
///
/// ```text
/// hard + (soft − stop_gradient(soft))
/// ```
///
/// The value is `hard` to the last bit wherever `soft` is finite.
///
/// # Gradient
/// That of `soft`: biased as a gradient of `E[f(hard)]` unless `f` is linear and `soft` is the mean of `hard`.
///
/// # Panics
/// If the shapes differ.
///
/// # Examples
/// ```
/// use relaxit::prelude::*;
/// let device = Device::flex().autodiff();
/// let soft = Tensor::<1>::from_floats([0.3], &device).require_grad();
/// let y = straight_through(Tensor::ones([1], &device), soft.clone());
/// assert_eq!(y.clone().into_scalar::<f32>(), 1.0);
/// assert_eq!(soft.grad(&y.backward()).unwrap().into_scalar::<f32>(), 1.0);
/// ```
///
/// # References
/// [`crate::reference::STRAIGHT_THROUGH`].
#[track_caller]
pub fn straight_through<const D: usize>(hard: Tensor<D>, soft: Tensor<D>) -> Tensor<D> {
    assert_eq!(hard.dims(), soft.dims(), "straight_through: `hard` and `soft` must have one shape");
    hard.detach() + (soft.clone() - soft.detach())
}
