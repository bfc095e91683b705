//! Laws of random variables: a small core trait, and one trait for each thing only some of them can do.
//!
//! **Rank rule.** A law has parameters of rank `D` and shape `batch ++ event`; its samples have the same shape, and
//! `log_prob`, `entropy` and `kl_divergence` keep the event dimensions as 1, so that they broadcast against samples.

mod bernoulli;
mod binomial;
mod categorical;
mod dirichlet;
mod exp_concrete;
mod gamma_quantile;
mod geometric;
mod gumbel;
mod gumbel_top_k;
mod host;
mod independent;
mod k_subset;
mod laplace_bridge;
pub(crate) mod location_scale;
mod logistic;
mod logistic_normal;
mod logistic_normal_softmax;
mod negative_binomial;
mod normal;
mod plackett_luce;
mod poisson;
mod replicate;
mod truncated;

use burn::tensor::{DType, Device, Tensor};

pub use self::bernoulli::Bernoulli;
pub use self::binomial::{Binomial, TotalCount};
pub use self::categorical::OneHotCategorical;
pub use self::dirichlet::Dirichlet;
pub use self::exp_concrete::ExpConcrete;
pub use self::geometric::Geometric;
pub use self::gumbel::Gumbel;
pub use self::gumbel_top_k::GumbelTopK;
pub use self::independent::Independent;
pub use self::k_subset::KSubset;
pub use self::logistic::Logistic;
pub use self::logistic_normal::LogisticNormal;
pub use self::logistic_normal_softmax::LogisticNormalSoftmax;
pub use self::negative_binomial::NegativeBinomial;
pub use self::normal::Normal;
pub use self::plackett_luce::PlackettLuce;
pub use self::poisson::Poisson;
pub use self::replicate::Replicate;
pub use self::truncated::Truncated;

pub(crate) use self::plackett_luce::{OUT, k_hot_of_top, log_add_exp};
pub(crate) use self::replicate::{Lift, replicate};

use crate::error::Result;
use crate::noise::{Base, Noise};
use crate::support::Support;

/// What every law can do: say where it lives, and be sampled.
///
/// # Examples
/// ```
/// use relaxit::prelude::*;
/// let law = Bernoulli::from_logits(Tensor::<2>::zeros([128, 10], &Device::flex()));
/// let b = law.sample(&mut Noise::seeded(0));
/// assert_eq!((b.dims(), law.batch_shape()), ([128, 10], vec![128, 10]));
/// ```
pub trait Distribution<const D: usize> {
    /// Rightmost dimensions that form one event (0: scalars, 1: vectors).
    const EVENT_DIMS: usize;

    /// The set of possible values.
    fn support(&self) -> Support;

    /// Batch and event dimensions together.
    fn shape(&self) -> [usize; D];

    /// Where the parameters live, and whether autodiff is on there.
    fn device(&self) -> Device;

    /// The type of samples and densities: F32 or F64. Half-precision parameters were raised to F32 by the constructor.
    fn dtype(&self) -> DType;

    /// One draw for each element. It carries no gradient.
    fn sample(&self, noise: &mut Noise) -> Tensor<D>;

    /// Reads the parameters' values and checks them; the constructors check only what is free to check.
    ///
    /// # Errors
    /// [`Error::Values`](crate::Error::Values) for the first parameter with a value out of its range, NaN included.
    fn validate(&self) -> Result<()>;

    /// The dimensions of independent draws.
    fn batch_shape(&self) -> Vec<usize> {
        self.shape()[..D - Self::EVENT_DIMS].to_vec()
    }

    /// The dimensions of one draw.
    fn event_shape(&self) -> Vec<usize> {
        self.shape()[D - Self::EVENT_DIMS..].to_vec()
    }
}

/// A law with a tractable density (or probability mass).
///
/// # Examples
/// ```
/// use relaxit::prelude::*;
/// let device = Device::flex();
/// let law = Geometric::from_probs(Tensor::<1>::from_floats([0.5], &device))?;
/// let log_prob: Vec<f32> = law.log_prob(Tensor::from_floats([2.0, -1.0], &device)).try_into_vec_as().unwrap();
/// assert!((log_prob[0] - 0.125_f32.ln()).abs() < 1e-6 && log_prob[1] == f32::NEG_INFINITY);
/// # Ok::<(), relaxit::Error>(())
/// ```
pub trait Density<const D: usize>: Distribution<D> {
    /// The logarithm of the density at `value`; event dimensions are kept as 1.
    ///
    /// −∞ outside the support, never NaN. Differentiable in the parameters and, where the law is continuous, in
    /// `value`; no gradient comes from outside the support, NaN and ±∞ included.
    ///
    /// # Panics
    /// If `value` does not broadcast against the law's shape.
    fn log_prob(&self, value: Tensor<D>) -> Tensor<D>;
}

/// A law that is a differentiable image of parameter-free noise: `x = transport(ε)`.
///
/// # Examples
/// ```
/// use relaxit::prelude::*;
/// let device = Device::flex().autodiff();
/// let loc = Tensor::<1>::zeros([1], &device).require_grad();
/// let law = Normal::new(loc.clone(), Tensor::ones([1], &device))?;
/// let x = law.rsample(&mut Noise::seeded(0));
/// let slope: f32 = loc.grad(&x.backward()).unwrap().into_scalar();
/// assert_eq!(slope, 1.0);
/// # Ok::<(), relaxit::Error>(())
/// ```
pub trait Reparameterized<const D: usize>: Distribution<D> {
    /// The law of the noise.
    const BASE: Base;

    /// The shape of the noise that [`transport`](Self::transport) takes.
    fn noise_shape(&self) -> [usize; D] {
        self.shape()
    }

    /// The sample that `noise` becomes: differentiable in the parameters and in the noise.
    ///
    /// # Panics
    /// If `noise` does not have the shape [`noise_shape`](Self::noise_shape).
    fn transport(&self, noise: Tensor<D>) -> Tensor<D>;

    /// One draw for each element, differentiable in the parameters.
    fn rsample(&self, noise: &mut Noise) -> Tensor<D> {
        self.transport(noise.draw(Self::BASE, self.noise_shape(), (&self.device(), self.dtype())))
    }
}

/// A law whose first two moments have closed forms, or are exact to rounding by quadrature where it says so.
///
/// # Examples
/// ```
/// use relaxit::prelude::*;
/// let law = Poisson::new(Tensor::<1>::from_floats([4.0], &Device::flex()))?;
/// assert_eq!((law.mean().into_scalar::<f32>(), law.variance().into_scalar::<f32>()), (4.0, 4.0));
/// # Ok::<(), relaxit::Error>(())
/// ```
pub trait Moments<const D: usize>: Distribution<D> {
    /// The expectation, entry by entry.
    fn mean(&self) -> Tensor<D>;

    /// The variance, entry by entry.
    fn variance(&self) -> Tensor<D>;
}

/// A law whose mode has a closed form.
///
/// # Examples
/// ```
/// use relaxit::prelude::*;
/// let logits = Tensor::<1>::from_floats([0.5, 2.0, -1.0], &Device::flex());
/// let mode: Vec<f32> = OneHotCategorical::from_logits(logits)?.mode().try_into_vec_as().unwrap();
/// assert_eq!(mode, [0.0, 1.0, 0.0]);
/// # Ok::<(), relaxit::Error>(())
/// ```
pub trait Mode<const D: usize>: Distribution<D> {
    /// A value whose probability or density none exceeds: one of them, if there are several. It carries no gradient.
    fn mode(&self) -> Tensor<D>;
}

/// A law whose entropy has a closed form.
///
/// # Examples
/// ```
/// use relaxit::prelude::*;
/// let law = OneHotCategorical::from_logits(Tensor::<2>::zeros([5, 8], &Device::flex()))?;
/// let entropy = law.entropy();
/// assert_eq!(entropy.dims(), [5, 1]);
/// assert!((entropy.mean().into_scalar::<f32>() - 8_f32.ln()).abs() < 1e-6);
/// # Ok::<(), relaxit::Error>(())
/// ```
pub trait Entropy<const D: usize>: Distribution<D> {
    /// `−E[log p(x)]` in nats; event dimensions are kept as 1.
    fn entropy(&self) -> Tensor<D>;
}

/// A continuous law of scalars whose distribution function has a closed form.
///
/// # Examples
/// ```
/// use relaxit::prelude::*;
/// let standard = Tensor::<1>::ones([1], &Device::flex());
/// let law = Logistic::new(standard.zeros_like(), standard)?;
/// let log_cdf: f32 = law.log_cdf(Tensor::from_floats([-200.0], &Device::flex())).into_scalar();
/// assert!((log_cdf + 200.0).abs() < 1e-4); // where the distribution function itself is 0 in single precision
/// # Ok::<(), relaxit::Error>(())
/// ```
pub trait Cdf<const D: usize>: Distribution<D> {
    /// `log P(X ≤ value)`.
    fn log_cdf(&self, value: Tensor<D>) -> Tensor<D>;
}

/// A law with finitely many outcomes.
pub trait Enumerable<const D: usize>: Distribution<D> {
    /// Every possible event, each once, repeated over the batch.
    ///
    /// Computed one at a time, so that a sum over 2¹⁶ outcomes needs the memory of one.
    ///
    /// # Examples
    /// ```
    /// use relaxit::prelude::*;
    /// let law = Independent::<_, 1>(Bernoulli::from_logits(Tensor::<2>::zeros([5, 3], &Device::flex())));
    /// assert_eq!(law.outcomes().count(), 8);
    /// let total = law.outcomes().map(|b| law.log_prob(b).exp()).reduce(|a, b| a + b).unwrap();
    /// assert!(total.all_close(Tensor::ones([5, 1], &Device::flex()), None, None));
    /// ```
    fn outcomes(&self) -> impl Iterator<Item = Tensor<D>> + '_;

    /// How many there are, without the work of computing them; as a float, because `Independent` raises it to a power.
    ///
    /// # Examples
    /// ```
    /// use relaxit::prelude::*;
    /// let law = Independent::<_, 1>(Bernoulli::from_logits(Tensor::<2>::zeros([5, 40], &Device::flex())));
    /// assert_eq!(law.num_outcomes(), 2f64.powi(40));
    /// ```
    fn num_outcomes(&self) -> f64 {
        self.outcomes().count() as f64
    }
}

/// A law `p` whose Kullback–Leibler divergence to laws of type `Q` has a closed form.
///
/// ```text
/// KL(p ‖ q) = E_p[log p(x) − log q(x)]
/// ```
///
/// A pair without one does not compile, which names both laws; ask for [`kl_monte_carlo`](crate::kl::kl_monte_carlo)
/// then, or [`kl_score_function`](crate::kl::kl_score_function) where samples carry no gradient. Pairs with one only if
/// some of their parameters are equal have a method of the same name that returns a `Result`: relaxed bits and choices
/// and [`InvertibleGaussian`](crate::relaxation::InvertibleGaussian) of one temperature, negative binomial laws of one
/// count. Your crate may add pairs for its own laws, on either side.
///
/// # Examples
/// ```
/// use relaxit::prelude::*;
/// let device = Device::flex();
/// let bits = |logit: f32| Independent::<_, 1>(Bernoulli::from_logits(Tensor::<2>::full([4, 3], logit, &device)));
/// assert_eq!(bits(1.0).kl_divergence(&bits(0.0)).dims(), [4, 1]);
/// ```
pub trait KlDivergence<Q, const D: usize>: Distribution<D> {
    /// `KL(self ‖ q)` in nats; event dimensions are kept as 1.
    ///
    /// # Panics
    /// If the shapes of the two laws do not broadcast.
    fn kl_divergence(&self, q: &Q) -> Tensor<D>;
}
