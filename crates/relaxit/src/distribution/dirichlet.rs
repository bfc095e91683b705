//! The Dirichlet distribution.

use burn::tensor::{DType, Device, Shape, Tensor, activation};

use super::categorical::with_categories;
use super::{
    Density, Distribution, Entropy, KlDivergence, Mode, Moments, Reparameterized, gamma_quantile, host, replicate,
};
use crate::error::{Result, check_values};
use crate::math::{above_zero, at_least_f32, constant, digamma, ln_gamma, on_device, one_hot_argmax};
use crate::noise::{Base, Noise};
use crate::support::{Support, finite, restrict};

/// The Dirichlet distribution over the simplex: a law of probabilities of K categories.
///
/// ```text
/// y = softmax(x),   e^xₖ ~ Gamma(αₖ, 1),   α = concentration
/// log p(y) = Σₖ (αₖ − 1) ln yₖ + ln Γ(Σ α) − Σₖ ln Γ(αₖ)
/// ```
///
/// The density is with respect to the first K − 1 coordinates; which entry is the last makes no difference.
///
/// # Shapes
/// `concentration` and samples: `[batch…, K]`; log-densities: `[batch…, 1]`.
///
/// # Gradient
/// Samples: exact, through the concentration and the noise. Each gamma variable is the inverse distribution function of
/// its own noise, so its derivative is the implicit one, `−∂P/∂α / p`, here from a series of positive terms or a
/// continued fraction, not from the approximations that other libraries use. Log-densities: through concentration and
/// value.
///
/// # Numerics
/// Gamma variables are found as logarithms, in f64 on the host, so that none underflows before the softmax; each costs
/// about five evaluations of `10 + 10 √α` steps. Concentrations are legal from 1e-6 to 1e6; samples at numbers outside are
/// those of the nearest legal one. Entries of samples underflow to 0 in f32 where `ln y < −103`; the density of such a
/// sample is that of its nearest neighbour strictly inside.
///
/// # Examples
/// ```
/// use relaxit::distribution::Dirichlet;
/// use relaxit::prelude::*;
/// let device = Device::flex();
/// let law = Dirichlet::new(Tensor::<1>::from_floats([1.0, 2.0, 3.0], &device))?;
/// let y = law.rsample(&mut Noise::seeded(0));
/// assert!((y.sum().into_scalar::<f32>() - 1.0).abs() < 1e-6);
/// # Ok::<(), relaxit::Error>(())
/// ```
///
/// # References
/// [`crate::reference::IMPLICIT_REPARAMETERIZATION`].
#[derive(Clone, Debug)]
pub struct Dirichlet<const D: usize> {
    concentration: Tensor<D>,
}

const NAME: &str = "Dirichlet";
/// The lower end is 1e-6 as f32 rounds it.
const RANGE: std::ops::RangeInclusive<f64> = 9.999_999e-7..=1e6;

impl<const D: usize> Dirichlet<D> {
    /// From concentrations.
    ///
    /// # Errors
    /// [`Error::Shape`](crate::Error::Shape) if there are no categories; [`Error::Values`](crate::Error::Values) if a
    /// value lies outside [1e-6, 1e6]; reads the device: where that would stall a training step, use
    /// [`from_log_concentration`](Self::from_log_concentration).
    pub fn new(concentration: Tensor<D>) -> Result<Self> {
        let law = Self { concentration: with_categories(NAME, "concentration", concentration)? };
        law.validate()?;
        Ok(law)
    }

    /// From logarithms of concentrations: nothing is read.
    ///
    /// # Errors
    /// [`Error::Shape`](crate::Error::Shape) if there are no categories.
    pub fn from_log_concentration(log_concentration: Tensor<D>) -> Result<Self> {
        let concentration = at_least_f32(log_concentration).exp();
        Ok(Self { concentration: with_categories(NAME, "log_concentration", concentration)? })
    }

    /// The concentration `α`.
    #[must_use]
    pub const fn concentration(&self) -> &Tensor<D> {
        &self.concentration
    }

    fn total(&self) -> Tensor<D> {
        self.concentration.clone().sum_dim(D - 1)
    }

    /// `Σₖ ln Γ(αₖ) − ln Γ(Σ α)`.
    fn log_normaliser(&self) -> Tensor<D> {
        ln_gamma(self.concentration.clone()).sum_dim(D - 1) - ln_gamma(self.total())
    }

    /// Logarithms of gamma variables.
    fn log_gammas(&self, noise: Tensor<D>) -> Tensor<D> {
        let (concentration, values) = (host::values(&self.concentration), host::values(&noise));
        let quantiles = host::each([&concentration, &values], |[concentration, noise]| {
            gamma_quantile::log_quantile(concentration.clamp(*RANGE.start(), *RANGE.end()), noise)
        });
        let tensor = |part: fn(&gamma_quantile::LogQuantile) -> f64| {
            host::from_values(quantiles.iter().map(part).collect(), &self.concentration)
        };
        // A number that is 0, with the derivative of the sample.
        let linear = |slope, at: Tensor<D>| tensor(slope) * (at.clone() - at.detach());
        let mut x = tensor(|quantile| quantile.value);
        if self.concentration.is_tracked() {
            x = x + linear(|quantile| quantile.by_concentration, self.concentration.clone());
        }
        if noise.is_tracked() {
            x = x + linear(|quantile| quantile.by_noise, noise);
        }
        x
    }
}

impl<const D: usize> Reparameterized<D> for Dirichlet<D> {
    const BASE: Base = Base::Logistic;

    #[track_caller]
    fn transport(&self, noise: Tensor<D>) -> Tensor<D> {
        assert_eq!(noise.dims(), self.shape(), "{NAME}: the noise must have the shape of the concentration");
        activation::softmax(self.log_gammas(noise), D - 1)
    }
}

impl<const D: usize> Distribution<D> for Dirichlet<D> {
    const EVENT_DIMS: usize = 1;

    fn support(&self) -> Support {
        Support::Simplex
    }

    fn shape(&self) -> [usize; D] {
        self.concentration.dims()
    }

    fn device(&self) -> Device {
        self.concentration.device()
    }

    fn dtype(&self) -> DType {
        self.concentration.dtype()
    }

    fn sample(&self, noise: &mut Noise) -> Tensor<D> {
        let inner = Self { concentration: self.concentration.clone().inner() };
        on_device(inner.rsample(noise), &self.device())
    }

    fn validate(&self) -> Result<()> {
        check_values(NAME, "concentration", "between 1e-6 and 1e6", &self.concentration, |a| RANGE.contains(&a))
    }
}

replicate!(Dirichlet { concentration });

impl<const D: usize> Density<D> for Dirichlet<D> {
    fn log_prob(&self, value: Tensor<D>) -> Tensor<D> {
        let log = above_zero(finite(value.clone())).log();
        let log_prob = ((self.concentration.clone() - 1.0) * log).sum_dim(D - 1) - self.log_normaliser();
        restrict(log_prob, Support::Simplex, value)
    }
}

impl<const D: usize> Moments<D> for Dirichlet<D> {
    fn mean(&self) -> Tensor<D> {
        self.concentration.clone() / self.total()
    }

    /// `m (1 − m) / (Σ α + 1)`, m = the mean.
    fn variance(&self) -> Tensor<D> {
        let mean = self.mean();
        mean.clone() * (-mean + 1.0) / (self.total() + 1.0)
    }
}

impl<const D: usize> Mode<D> for Dirichlet<D> {
    /// `(αₖ − 1)₊ / Σ (α − 1)₊`: inside the simplex where all α > 1.
    ///
    /// Entries with α ≤ 1 are 0, on the boundary. If α < 1 the density is infinite all over that side, and this is the point
    /// at which `log_prob`, which holds entries at the smallest positive number, is highest. If no α is above 1 it is the
    /// corner of the largest (at α = 1 throughout the density is flat).
    fn mode(&self) -> Tensor<D> {
        let excess = (constant(&self.concentration) - 1.0).clamp_min(0.0);
        let total = excess.clone().sum_dim(D - 1);
        let corner = total.clone().equal_elem(0.0).expand(Shape::from(self.shape()));
        (excess / total).mask_where(corner, one_hot_argmax(self.concentration.clone()))
    }
}

impl<const D: usize> Entropy<D> for Dirichlet<D> {
    /// `H = Σₖ ln Γ(αₖ) − ln Γ(Σ α) + Σₖ (αₖ − 1) (ψ(Σ α) − ψ(αₖ))`.
    fn entropy(&self) -> Tensor<D> {
        let difference = digamma(self.total()) - digamma(self.concentration.clone());
        self.log_normaliser() + ((self.concentration.clone() - 1.0) * difference).sum_dim(D - 1)
    }
}

impl<const D: usize> KlDivergence<Self, D> for Dirichlet<D> {
    /// `KL = ln B(β) − ln B(α) + Σₖ (αₖ − βₖ) (ψ(αₖ) − ψ(Σ α))`, β = the concentration of `q`, B = the normaliser.
    fn kl_divergence(&self, q: &Self) -> Tensor<D> {
        let expected_log = digamma(self.concentration.clone()) - digamma(self.total());
        let difference = self.concentration.clone() - q.concentration.clone();
        q.log_normaliser() - self.log_normaliser() + (difference * expected_log).sum_dim(D - 1)
    }
}
