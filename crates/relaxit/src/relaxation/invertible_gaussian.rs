//! The invertible Gaussian relaxation of a choice.

use std::f64::consts::{FRAC_1_SQRT_2, TAU};

use burn::tensor::{DType, Device, Shape, Tensor, TensorData, activation};

use crate::distribution::{
    Density, Distribution, Independent, KlDivergence, Normal, OneHotCategorical, Reparameterized, replicate,
};
use crate::error::{Error, Result};
use crate::math::{GAUSS_LEGENDRE_NODES, above_zero, gauss_legendre, on_device, one_hot_argmax};
use crate::noise::{Base, Noise};
use crate::support::{Support, finite, restrict};
use crate::temperature::Temperature;

/// The invertible Gaussian relaxation: a choice among K from K − 1 normal variables.
///
/// ```text
/// y = μ + σ ε,   g = softmax++(y/τ):   gₖ = e^{yₖ/τ}/(Σⱼ e^{yⱼ/τ} + δ) for k < K,   g_K = δ/(Σⱼ e^{yⱼ/τ} + δ)
/// log p(g) = Σₖ log N(yₖ; μₖ, σₖ) + (K − 1) ln τ − Σₖ ln gₖ,   yₖ = τ (ln gₖ − ln g_K + ln δ)
/// ```
///
/// The sums over normal variables have K − 1 terms, that over `ln g` all K. The map is invertible, so that, unlike that
/// of the Gumbel-Softmax, divergences have a closed form: those of the normal variables, whose law is
/// [`latent`](Self::latent).
///
/// # Shapes
/// `loc` (μ), `scale` (σ), latents and noise: `[batch…, K − 1]`; samples: `[batch…, K]`; log-densities: `[batch…, 1]`; a
/// temperature tensor: `[batch…, 1]`, each dimension as given or 1.
///
/// # Gradient
/// Samples: exact, through all parameters. As a gradient of the objective of a hard choice it is biased.
///
/// # Numerics
/// The density is with respect to the first K − 1 entries of a sample. Entries underflow to 0 in f32 where their logarithm
/// is below −103; the density of such a sample is that of its nearest neighbour strictly inside, and finite, but its
/// gradient in the sample, `∝ 1/gₖ`, may overflow. The latent's density has no such limit.
///
/// # Examples
/// ```
/// use relaxit::prelude::*;
/// use relaxit::relaxation::InvertibleGaussian;
/// let loc = Tensor::<2>::zeros([128, 9], &Device::flex());
/// let law = InvertibleGaussian::new(loc.clone(), loc.ones_like(), 0.5)?;
/// let g = law.rsample(&mut Noise::seeded(0));
/// assert_eq!((g.dims(), law.log_prob(g).dims()), ([128, 10], [128, 1]));
/// # Ok::<(), relaxit::Error>(())
/// ```
///
/// # References
/// [`crate::reference::INVERTIBLE_GAUSSIAN`], section 3.1.
#[doc(alias = "IGR")]
#[derive(Clone, Debug)]
pub struct InvertibleGaussian<const D: usize> {
    latent: Independent<Normal<D>, 1>,
    temperature: Temperature<D>,
    delta: f64,
}

const NAME: &str = "InvertibleGaussian";

impl<const D: usize> InvertibleGaussian<D> {
    /// From location and scale of the K − 1 normal variables, which may broadcast against each other, and a
    /// temperature; δ is 1.
    ///
    /// # Errors
    /// [`Error::Shape`] if the shapes do not broadcast, or there is no entry (K < 2); [`Error::Values`] if `loc` is not
    /// finite or `scale` lies outside [1e-30, 1e30]; [`Error::Parameter`] if the temperature lies outside [1e-6, 1e6].
    /// Reads the device: where that would stall a training step, use [`from_log_scale`](Self::from_log_scale).
    pub fn new(loc: Tensor<D>, scale: Tensor<D>, temperature: impl Into<Temperature<D>>) -> Result<Self> {
        Self::relaxing(Normal::new(loc, scale).map_err(own)?, temperature)
    }

    /// From location and the logarithm of the scale; reads nothing.
    ///
    /// # Errors
    /// As [`new`](Self::new), without [`Error::Values`].
    pub fn from_log_scale(
        loc: Tensor<D>,
        log_scale: Tensor<D>,
        temperature: impl Into<Temperature<D>>,
    ) -> Result<Self> {
        Self::relaxing(Normal::from_log_scale(loc, log_scale).map_err(own)?, temperature)
    }

    fn relaxing(normal: Normal<D>, temperature: impl Into<Temperature<D>>) -> Result<Self> {
        let shape = normal.shape();
        if shape[D - 1] == 0 {
            return Err(Error::Shape {
                subject: NAME,
                parameter: "loc",
                requirement: "at least one entry in its last dimension".into(),
                got: shape.to_vec(),
            });
        }
        let temperature = temperature.into().checked(NAME, shape, 1, normal.dtype())?;
        Ok(Self { latent: Independent(normal), temperature, delta: 1.0 })
    }

    /// The same law with another δ, the weight of the last category beside `e^{y/τ}`.
    ///
    /// # Errors
    /// [`Error::Parameter`] if `delta` lies outside [1e-6, 1e6].
    pub fn with_delta(self, delta: f64) -> Result<Self> {
        if (1e-6..=1e6).contains(&delta) {
            Ok(Self { delta, ..self })
        } else {
            let requirement = "between 1e-6 and 1e6";
            Err(Error::Parameter { subject: NAME, parameter: "delta", requirement, got: delta })
        }
    }

    /// The locations μ of the normal variables.
    #[must_use]
    pub const fn loc(&self) -> &Tensor<D> {
        self.latent.0.loc()
    }

    /// The scales σ of the normal variables.
    #[must_use]
    pub const fn scale(&self) -> &Tensor<D> {
        self.latent.0.scale()
    }

    /// The temperature.
    #[must_use]
    pub const fn temperature(&self) -> &Temperature<D> {
        &self.temperature
    }

    /// The weight δ of the last category.
    #[must_use]
    pub const fn delta(&self) -> f64 {
        self.delta
    }

    /// The law of the normal variables `y`, as one event: scores and divergences are better taken on it.
    #[must_use]
    pub fn latent(&self) -> Independent<Normal<D>, 1> {
        self.latent.clone()
    }

    /// `softmax++(y/τ)`, the sample of a latent.
    ///
    /// # Panics
    /// If `y` does not have the shape of `loc`.
    #[must_use]
    #[track_caller]
    pub fn squash(&self, y: Tensor<D>) -> Tensor<D> {
        assert_eq!(y.dims(), self.latent.shape(), "{NAME}: latents must have the shape of `loc`");
        let last = Tensor::full(self.column(), self.delta.ln(), (&y.device(), y.dtype()));
        // A softmax with one fixed score: it cannot overflow, and the last entry is no difference from 1.
        activation::softmax(Tensor::cat(vec![self.temperature.divide(y), last], D - 1), D - 1)
    }

    /// The latent of a sample, `τ (ln gₖ − ln g_K + ln δ)`: the inverse of [`squash`](Self::squash).
    ///
    /// Entries of 0 are held at the smallest positive normal number.
    ///
    /// # Panics
    /// If `g` does not have the law's shape.
    #[must_use]
    #[track_caller]
    pub fn unsquash(&self, g: Tensor<D>) -> Tensor<D> {
        assert_eq!(g.dims(), self.shape(), "{NAME}: samples must have the law's shape");
        self.latent_of_log(above_zero(g).log())
    }

    fn latent_of_log(&self, z: Tensor<D>) -> Tensor<D> {
        let last = self.shape()[D - 1] - 1;
        let ratios = z.clone().slice_dim(D - 1, 0..last) - z.slice_dim(D - 1, last..=last);
        self.temperature.multiply(ratios + self.delta.ln())
    }

    /// The hard choice of a sample: its largest entry, as a one-hot vector. It carries no gradient.
    #[must_use]
    pub fn threshold(&self, g: Tensor<D>) -> Tensor<D> {
        on_device(one_hot_argmax(g.inner()), &self.device())
    }

    /// The law of the hard choice: that of [`category_probs`](Self::category_probs).
    #[must_use]
    pub fn hard(&self) -> OneHotCategorical<D> {
        OneHotCategorical::from_parameters(above_zero(self.category_probs()).log())
    }

    /// `P(argmax g = k)` by quadrature, `[batch…, K]`; differentiable in all parameters.
    ///
    /// ```text
    /// P(K) = Πⱼ Φ((c − μⱼ)/σⱼ),   P(k) = ∫ from c of N(y; μₖ, σₖ) Πⱼ≠ₖ Φ((y − μⱼ)/σⱼ) dy,   c = τ ln δ
    /// ```
    ///
    /// By 32 Gauss–Legendre rules of 16 nodes, side by side where the distribution function of the largest `y` rises. The
    /// absolute error is below 1e-10 in f64 (3e-6 in f32) if no scale in an event is more than 10 times another, and
    /// below 1e-6 (1e-5) at 100 times. Takes memory for 512 K numbers for each element of the batch.
    #[must_use]
    pub fn category_probs(&self) -> Tensor<D> {
        let (shape, latents) = (self.shape(), self.shape()[D - 1] - 1);
        let rows: usize = shape[..D - 1].iter().product();
        if rows == 0 {
            return Tensor::zeros(Shape::from(shape), (&self.device(), self.dtype()));
        }
        let threshold = Tensor::full(self.column(), self.delta.ln(), (&self.device(), self.dtype()));
        let threshold = self.temperature.multiply(threshold).reshape([rows, 1, 1]);
        let by_row = |x: &Tensor<D>| x.clone().reshape([rows, 1, latents]);
        let (loc, scale) = (by_row(self.loc()), by_row(self.scale()));
        // Relative to the largest location nothing is lost where all are huge.
        let origin = loc.clone().detach().max_dim(2);
        let (loc, threshold) = (loc - origin.clone(), threshold - origin);

        // Below `lower` some Φ is next to nothing, above `upper` every density is.
        let (mean, reach) = (loc.clone().detach(), scale.clone().detach() * REACH);
        let upper = (mean.clone() + reach.clone()).max_dim(2);
        let lower = (mean - reach).max_dim(2).max_pair(threshold.clone().detach());
        let upper = upper.max_pair(lower.clone());
        let log_cdfs = |s: Tensor<3>| above_zero(((s * FRAC_1_SQRT_2).erf() + 1.0) * 0.5).log();
        let panels =
            panels(lower, upper, |y| log_cdfs((y - loc.clone().detach()) / scale.clone().detach()).sum_dim(2).exp());
        let width = panels.clone().slice_dim(1, 1..=PANELS) - panels.clone().slice_dim(1, 0..PANELS);
        let (nodes, weights) = rule(&self.device(), self.dtype());
        let all = [rows, PANELS * GAUSS_LEGENDRE_NODES, 1];
        let y = (panels.slice_dim(1, 0..PANELS) + width.clone() * nodes).reshape(all);
        let weights = (width * weights).reshape(all);
        // The nodes move with the threshold, where the integral begins, and with nothing else.
        let y = y + (threshold.clone() - threshold.clone().detach());

        let s = (y - loc.clone()) / scale.clone();
        let below = log_cdfs(s.clone());
        let others = below.clone().sum_dim(2) - below;
        let density = (others - s.square() * 0.5 - scale.clone().log() - 0.5 * TAU.ln()).exp();
        let chosen = (density * weights).sum_dim(1);
        let last = log_cdfs((threshold - loc) / scale).sum_dim(2).exp();
        Tensor::cat(vec![chosen, last], 2).reshape(shape)
    }

    /// `KL(self ‖ q)` in nats: that of the normal variables, which is that of the samples because both laws squash them
    /// in the same way.
    ///
    /// ```text
    /// KL = Σₖ KL(N(μₖ, σₖ) ‖ N(μ′ₖ, σ′ₖ))
    /// ```
    ///
    /// # Errors
    /// [`Error::Parameter`] or [`Error::Values`] if `q` has another temperature or δ: then there is no closed form, and
    /// the sum would be wrong. Reads the device if a temperature is a tensor.
    ///
    /// # Panics
    /// If the shapes of the two laws do not broadcast.
    pub fn kl_divergence(&self, q: &Self) -> Result<Tensor<D>> {
        const SAME: &str = "that of the other law";
        if self.delta.to_bits() != q.delta.to_bits() {
            return Err(Error::Parameter { subject: NAME, parameter: "delta", requirement: SAME, got: q.delta });
        }
        self.temperature.check_same(NAME, &q.temperature)?;
        Ok(self.latent.kl_divergence(&q.latent))
    }

    /// The shape of one number for each event.
    fn column(&self) -> [usize; D] {
        let mut shape = self.shape();
        shape[D - 1] = 1;
        shape
    }
}

impl<const D: usize> Reparameterized<D> for InvertibleGaussian<D> {
    const BASE: Base = Base::Normal;

    fn noise_shape(&self) -> [usize; D] {
        self.latent.shape()
    }

    fn transport(&self, noise: Tensor<D>) -> Tensor<D> {
        self.squash(self.latent.transport(noise))
    }
}

impl<const D: usize> Distribution<D> for InvertibleGaussian<D> {
    const EVENT_DIMS: usize = 1;

    fn support(&self) -> Support {
        Support::Simplex
    }

    fn shape(&self) -> [usize; D] {
        let mut shape = self.latent.shape();
        shape[D - 1] += 1;
        shape
    }

    fn device(&self) -> Device {
        self.latent.device()
    }

    fn dtype(&self) -> DType {
        self.latent.dtype()
    }

    fn sample(&self, noise: &mut Noise) -> Tensor<D> {
        let inner = Self { latent: self.latent.clone(), temperature: self.temperature.inner(), delta: self.delta };
        on_device(inner.squash(self.latent.sample(noise).inner()), &self.device())
    }

    fn validate(&self) -> Result<()> {
        self.latent.validate().map_err(own)?;
        self.temperature.validate(NAME)
    }
}

replicate!(InvertibleGaussian { latent, temperature } delta);

impl<const D: usize> Density<D> for InvertibleGaussian<D> {
    fn log_prob(&self, value: Tensor<D>) -> Tensor<D> {
        let z = above_zero(finite(value.clone())).log();
        let log_jacobian = z.clone().sum_dim(D - 1);
        let latents = (self.shape()[D - 1] - 1) as f64;
        let log_prob = self.latent.log_prob(self.latent_of_log(z)) - log_jacobian;
        restrict(self.temperature.add_log(log_prob, latents), Support::Simplex, value)
    }
}

/// The same error, of this law.
fn own(error: Error) -> Error {
    match error {
        Error::Parameter { parameter, requirement, got, .. } => {
            Error::Parameter { subject: NAME, parameter, requirement, got }
        }
        Error::Shape { parameter, requirement, got, .. } => Error::Shape { subject: NAME, parameter, requirement, got },
        Error::Values { parameter, requirement, example, count, .. } => {
            Error::Values { subject: NAME, parameter, requirement, example, count }
        }
        Error::Syntax { requirement, got, .. } => Error::Syntax { subject: NAME, requirement, got },
    }
}

/// Standard deviations beyond which a normal variable does not matter: 1e-19 of it.
const REACH: f64 = 9.0;

/// Gauss–Legendre rules side by side.
const PANELS: usize = 32;

/// Nodes and weights on [0, 1], `[1, 1, nodes]`.
fn rule(device: &Device, dtype: DType) -> (Tensor<3>, Tensor<3>) {
    let (nodes, weights): (Vec<f64>, Vec<f64>) = gauss_legendre(1).unzip();
    let tensor = |x: Vec<f64>| {
        let shape = [1, 1, x.len()];
        Tensor::from_data(TensorData::new(x, shape), (device, dtype))
    };
    (tensor(nodes), tensor(weights))
}

/// Where the panels of a quadrature meet, `[rows, panels + 1, 1]`: at both ends, and where the increasing function `cdf`
/// has log-odds from −20 to 20 at equal distances, found by bisection.
fn panels(lower: Tensor<3>, upper: Tensor<3>, cdf: impl Fn(Tensor<3>) -> Tensor<3>) -> Tensor<3> {
    const STEPS: usize = 40;
    let inner = PANELS - 1;
    let levels: Vec<f64> = (0..inner)
        .map(|i| 40.0 * i as f64 / (inner - 1) as f64 - 20.0)
        .map(|log_odds| 1.0 / (1.0 + (-log_odds).exp()))
        .collect();
    let levels = Tensor::<3>::from_data(TensorData::new(levels, [1, inner, 1]), (&lower.device(), lower.dtype()));
    let (mut left, mut right) = (lower.clone().repeat_dim(1, inner), upper.clone().repeat_dim(1, inner));
    for _ in 0..STEPS {
        let middle = (left.clone() + right.clone()) * 0.5;
        let before = cdf(middle.clone()).lower(levels.clone().expand(middle.dims()));
        left = left.mask_where(before.clone(), middle.clone());
        right = middle.mask_where(before, right);
    }
    Tensor::cat(vec![lower, left, upper], 1)
}
