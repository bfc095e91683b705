//! The binomial distribution.

use burn::tensor::{DType, Device, Shape, Tensor, activation};

use super::plackett_luce::broadcast;
use super::{Density, Distribution, Enumerable, KlDivergence, Mode, Moments, host, replicate};
use crate::error::{Error, Result, broadcast_shape, check_values};
use crate::math::{at_least_f32, constant, ln_gamma, logit, on_device, softplus};
use crate::noise::{Base, Noise};
use crate::support::{Support, finite, restrict};

/// The binomial distribution over 0, 1, …, n: how many of n independent trials succeed.
///
/// ```text
/// log p(k) = ln C(n, k) + k ln σ(φ) + (n − k) ln σ(−φ),   n = total_count,   φ = logits
/// ```
///
/// # Shapes
/// `logits`, samples and log-probabilities: `[batch…]`; events are scalars; `total_count`: a number for all, or a tensor
/// that broadcasts with the logits.
///
/// # Gradient
/// `log_prob` is differentiable in the logits; samples carry none.
///
/// # Numerics
/// `log_prob` is finite for every finite logit; its absolute error in f32 is 1e-6 · max(1, n ln n). Samples are exact:
/// inversion in f64 with 52 random bits, on the host, in about `17 √(n p (1 − p))` steps each.
///
/// # Examples
/// ```
/// use relaxit::distribution::Binomial;
/// use relaxit::prelude::*;
/// let device = Device::flex();
/// let law = Binomial::from_probs(2, Tensor::<1>::from_floats([0.25], &device))?;
/// let one: f32 = law.log_prob(Tensor::ones([1], &device)).into_scalar();
/// assert!((one - 0.375_f32.ln()).abs() < 1e-5);
/// # Ok::<(), relaxit::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Binomial<const D: usize> {
    /// Broadcasts against the logits.
    total_count: Tensor<D>,
    largest: usize,
    logits: Tensor<D>,
}

const NAME: &str = "Binomial";

/// The numbers of trials of a [`Binomial`].
#[derive(Clone, Debug)]
#[allow(clippy::large_enum_variant)] // it lives for the time of a call
pub enum TotalCount<const D: usize> {
    /// The same for every element.
    Scalar(usize),
    /// One for each element, after broadcasting with the logits.
    Tensor(Tensor<D>),
}

impl<const D: usize> From<usize> for TotalCount<D> {
    fn from(total_count: usize) -> Self {
        Self::Scalar(total_count)
    }
}

impl<const D: usize> From<Tensor<D>> for TotalCount<D> {
    fn from(total_count: Tensor<D>) -> Self {
        Self::Tensor(total_count)
    }
}

impl<const D: usize> Binomial<D> {
    /// The largest number of trials: beyond it, f32 cannot hold every count.
    pub const LARGEST_TOTAL_COUNT: usize = 1 << 24;

    /// From numbers of trials and the log-odds of success. Every finite logit is legal; [`Distribution::validate`]
    /// refuses the others.
    ///
    /// # Errors
    /// [`Error::Parameter`], or [`Error::Values`] in a tensor, if a number of trials is not whole or above 2²⁴;
    /// [`Error::Shape`] if their shape does not broadcast with that of the logits. Reads a tensor of them.
    ///
    /// # Examples
    /// ```
    /// use relaxit::distribution::Binomial;
    /// use relaxit::prelude::*;
    /// let device = Device::flex();
    /// let counts = Tensor::<1>::from_floats([1.0, 10.0], &device);
    /// let law = Binomial::from_logits(counts, Tensor::zeros([2], &device))?;
    /// let mean: Vec<f32> = law.mean().try_into_vec_as().unwrap();
    /// assert_eq!(mean, [0.5, 5.0]);
    /// # Ok::<(), relaxit::Error>(())
    /// ```
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // a whole number of at most 2²⁴
    pub fn from_logits(total_count: impl Into<TotalCount<D>>, logits: Tensor<D>) -> Result<Self> {
        let logits = at_least_f32(logits);
        match total_count.into() {
            TotalCount::Scalar(largest) if largest > Self::LARGEST_TOTAL_COUNT => Err(Error::Parameter {
                subject: NAME,
                parameter: "total_count",
                requirement: "at most 2²⁴",
                got: largest as f64,
            }),
            TotalCount::Scalar(largest) => {
                let options = (&logits.device(), logits.dtype());
                Ok(Self { total_count: Tensor::full([1; D], largest as f64, options), largest, logits })
            }
            TotalCount::Tensor(total_count) => {
                let shape = broadcast_shape(NAME, ("total_count", total_count.dims()), ("logits", logits.dims()))?;
                let total_count = on_device(at_least_f32(total_count.inner()).cast(logits.dtype()), &logits.device());
                check_total_count(&total_count)?;
                let largest = host::values(&total_count).into_iter().fold(0.0, f64::max) as usize;
                // As a `Shape`, because an array may not have a 0, and the batch may be empty.
                Ok(Self { total_count, largest, logits: logits.expand(Shape::from(shape)) })
            }
        }
    }

    /// From numbers of trials and probabilities of success.
    ///
    /// 0 and 1 are accepted and held at the nearest numbers strictly between (see [`logit`]).
    ///
    /// # Errors
    /// As [`from_logits`](Self::from_logits), and [`Error::Values`] if a probability lies outside [0, 1]; reads the
    /// device.
    pub fn from_probs(total_count: impl Into<TotalCount<D>>, probs: Tensor<D>) -> Result<Self> {
        check_values(NAME, "probs", "between 0 and 1", &probs, |p| (0.0..=1.0).contains(&p))?;
        Self::from_logits(total_count, logit(at_least_f32(probs)))
    }

    /// The numbers of trials, in a shape that broadcasts against that of the logits.
    #[must_use]
    pub const fn total_count(&self) -> &Tensor<D> {
        &self.total_count
    }

    /// The log-odds of success.
    #[must_use]
    pub const fn logits(&self) -> &Tensor<D> {
        &self.logits
    }

    /// The probability of success: `σ(logits)`.
    #[must_use]
    pub fn probs(&self) -> Tensor<D> {
        activation::sigmoid(self.logits.clone())
    }

    fn trials(&self) -> Tensor<D> {
        self.total_count.clone()
    }

    /// Whether both laws have the same numbers of trials: reads the device unless there is one number for all.
    fn has_trials_of(&self, q: &Self) -> bool {
        let differ = |law: &Self| law.total_count.dims().iter().any(|&size| size != 1);
        if !differ(self) && !differ(q) {
            return self.largest == q.largest;
        }
        let gap = self.total_count.clone().inner() - q.total_count.clone().inner().cast(self.dtype());
        host::values(&gap).into_iter().all(|gap| gap == 0.0)
    }
}

fn check_total_count<const D: usize>(total_count: &Tensor<D>) -> Result<()> {
    let largest = Binomial::<D>::LARGEST_TOTAL_COUNT as f64;
    let accept = |n: f64| (0.0..=largest).contains(&n) && n.fract() == 0.0;
    check_values(NAME, "total_count", "whole and between 0 and 2²⁴", total_count, accept)
}

impl<const D: usize> Distribution<D> for Binomial<D> {
    const EVENT_DIMS: usize = 0;

    /// Up to the largest of the numbers of trials; counts above an element's own have the log-probability −∞.
    fn support(&self) -> Support {
        Support::NaturalsUpTo(self.largest)
    }

    fn shape(&self) -> [usize; D] {
        self.logits.dims()
    }

    fn device(&self) -> Device {
        self.logits.device()
    }

    fn dtype(&self) -> DType {
        self.logits.dtype()
    }

    fn sample(&self, noise: &mut Noise) -> Tensor<D> {
        // Odds beyond e^±600 are certainties, and would overflow.
        const CERTAIN: f64 = 600.0;
        let total_count: Tensor<D> = self.total_count.clone().expand(Shape::from(self.shape()));
        let (total_count, logits) = (host::values(&total_count), host::values(&self.logits));
        let u = host::noise_like(&self.logits, Base::Uniform, noise);
        host::map([&total_count, &logits, &u], &self.logits, |[n, logit, u]| {
            let odds = logit.clamp(-CERTAIN, CERTAIN).exp();
            let mode = ((n + 1.0) / (1.0 + odds.recip())).floor().min(n);
            host::outwards(u, mode, n, |k| (n - k) / (k + 1.0) * odds)
        })
    }

    fn validate(&self) -> Result<()> {
        check_total_count(&self.total_count)?;
        check_values(NAME, "logits", "finite", &self.logits, f64::is_finite)
    }
}

replicate!(Binomial { total_count, logits } largest);

impl<const D: usize> Density<D> for Binomial<D> {
    fn log_prob(&self, value: Tensor<D>) -> Tensor<D> {
        let (logits, value) = broadcast(self.logits.clone(), value);
        let successes = finite(value.clone()).clamp(0.0, self.largest as f64);
        let failures = (self.trials() - successes.clone()).clamp_min(0.0);
        let orders =
            ln_gamma(self.trials() + 1.0) - ln_gamma(successes.clone() + 1.0) - ln_gamma(failures.clone() + 1.0);
        let surprise = successes * softplus(-logits.clone()) + failures * softplus(logits);
        let beyond = (value.clone() - self.trials()).greater_elem(0.0);
        restrict(orders - surprise, self.support(), value).mask_fill(beyond, f64::NEG_INFINITY)
    }
}

impl<const D: usize> Moments<D> for Binomial<D> {
    fn mean(&self) -> Tensor<D> {
        self.probs() * self.trials()
    }

    fn variance(&self) -> Tensor<D> {
        // σ(φ) σ(−φ), which keeps the small factor that 1 − p would round away.
        self.mean() * activation::sigmoid(-self.logits.clone())
    }
}

impl<const D: usize> Mode<D> for Binomial<D> {
    /// `⌊(n + 1) p⌋`, at most n.
    fn mode(&self) -> Tensor<D> {
        let mode = (activation::sigmoid(constant(&self.logits)) * (self.trials() + 1.0)).floor();
        // Taken from n, a number below 0 is held at it.
        self.trials() - (self.trials() - mode).clamp_min(0.0)
    }
}

impl<const D: usize> Enumerable<D> for Binomial<D> {
    /// Every count up to the largest of the numbers of trials.
    fn outcomes(&self) -> impl Iterator<Item = Tensor<D>> + '_ {
        (0..=self.largest).map(|k| Tensor::full(self.shape(), k as f64, (&self.device(), self.dtype())))
    }
}

impl<const D: usize> KlDivergence<Self, D> for Binomial<D> {
    /// `KL = n [p (ln σ(φ) − ln σ(ψ)) + (1 − p) (ln σ(−φ) − ln σ(−ψ))]`, ψ = the logits of `q`, if the numbers of trials are
    /// equal; otherwise a sum over the outcomes, ∞ where `q` has fewer trials.
    fn kl_divergence(&self, q: &Self) -> Tensor<D> {
        if self.has_trials_of(q) {
            let (phi, psi) = (self.logits.clone(), q.logits.clone());
            let success = softplus(-psi.clone()) - softplus(-phi.clone());
            let failure = softplus(psi) - softplus(phi.clone());
            return (self.probs() * success + activation::sigmoid(-phi) * failure) * self.trials();
        }
        let sum = self.outcomes().map(|k| {
            let (log_p, log_q) = broadcast(self.log_prob(k.clone()), q.log_prob(k));
            let impossible = log_p.clone().equal_elem(f64::NEG_INFINITY);
            (log_p.clone().exp() * (log_p - log_q)).mask_fill(impossible, 0.0)
        });
        sum.reduce(|a, b| a + b).unwrap_or_else(|| self.logits.zeros_like())
    }
}
