//! The Gumbel–Sinkhorn relaxation of random matchings.

use burn::tensor::{DType, Device, Tensor};

use crate::distribution::{Distribution, Reparameterized, replicate};
use crate::error::{Error, Result, check_values};
use crate::math::{at_least_f32, log_sum_exp, on_device};
use crate::noise::{Base, Noise};
use crate::support::Support;
use crate::temperature::Temperature;

/// The Gumbel–Sinkhorn relaxation of a random matching: doubly stochastic matrices from a matrix of logits.
///
/// ```text
/// P = Sinkhorn((Φ + G)/τ),   Gᵢⱼ ~ Gumbel(0, 1),   Φ = logits
/// ```
///
/// where the operator alternately normalises columns and rows of the exponential, in log space. As τ → 0 and with
/// enough iterations, `P` tends to the permutation matrix of the matching with the largest sum of `Φ + G`. Neither that
/// law nor the relaxed one has a tractable density, and this type offers none.
///
/// # Shapes
/// `logits` and samples: `[batch…, K, K]`; a temperature tensor: `[batch…, 1, 1]`, each dimension as given or 1.
///
/// # Gradient
/// Samples: exact for the number of iterations made, through logits and temperature.
///
/// # Numerics
/// Rows are normalised last and sum to 1 exactly; columns do as far as the iterations converged, which takes more of
/// them as the temperature falls: 20 are enough at temperature 1, hundreds may be needed at 0.1. Finite at temperatures
/// from 1e-6 to 1e6 and logits of ±1e4.
///
/// # Examples
/// ```
/// use relaxit::prelude::*;
/// let device = Device::flex();
/// let relaxed = GumbelSinkhorn::from_logits(Tensor::<3>::zeros([16, 4, 4], &device), 1.0, 50)?;
/// let p = relaxed.rsample(&mut Noise::seeded(0));
/// assert!(p.sum_dim(1).all_close(Tensor::ones([16, 1, 4], &device), Some(1e-3), Some(1e-3)));
/// # Ok::<(), relaxit::Error>(())
/// ```
///
/// # References
/// [`crate::reference::GUMBEL_SINKHORN`].
#[derive(Clone, Debug)]
pub struct GumbelSinkhorn<const D: usize> {
    logits: Tensor<D>,
    temperature: Temperature<D>,
    iterations: usize,
}

const NAME: &str = "GumbelSinkhorn";

impl<const D: usize> GumbelSinkhorn<D> {
    /// From a square matrix of logits, a temperature and the number of normalisations of columns and rows.
    ///
    /// # Errors
    /// [`Error::Shape`] if the matrices are not square or empty, or a temperature tensor does not broadcast to
    /// `[batch…, 1, 1]`; [`Error::Parameter`] if the temperature lies outside [1e-6, 1e6] or `iterations` is 0.
    pub fn from_logits(logits: Tensor<D>, temperature: impl Into<Temperature<D>>, iterations: usize) -> Result<Self> {
        let dims = logits.dims();
        if D < 2 || dims[D - 1] == 0 || dims[D - 1] != dims[D - 2] {
            let requirement = "the form [batch…, items, items]".into();
            return Err(Error::Shape { subject: NAME, parameter: "logits", requirement, got: dims.to_vec() });
        }
        if iterations == 0 {
            return Err(Error::Parameter {
                subject: NAME,
                parameter: "iterations",
                requirement: "at least 1",
                got: 0.0,
            });
        }
        let logits = at_least_f32(logits);
        let temperature = temperature.into().checked(NAME, dims, 2, logits.dtype())?;
        Ok(Self { logits, temperature, iterations })
    }

    /// The parameters as given: a log-weight for each pair.
    #[must_use]
    pub const fn logits(&self) -> &Tensor<D> {
        &self.logits
    }

    /// The temperature.
    #[must_use]
    pub const fn temperature(&self) -> &Temperature<D> {
        &self.temperature
    }

    /// How often columns and rows are normalised.
    #[must_use]
    pub const fn iterations(&self) -> usize {
        self.iterations
    }

    /// The relaxed permutation matrix of perturbed logits.
    #[must_use]
    pub fn squash(&self, z: Tensor<D>) -> Tensor<D> {
        let mut scores = self.temperature.divide(z);
        for _ in 0..self.iterations {
            scores = scores.clone() - log_sum_exp(scores, D - 2);
            scores = scores.clone() - log_sum_exp(scores, D - 1);
        }
        scores.exp()
    }
}

impl<const D: usize> Distribution<D> for GumbelSinkhorn<D> {
    const EVENT_DIMS: usize = 2;

    /// Every row lies on the simplex; the columns do in the limit of many iterations.
    fn support(&self) -> Support {
        Support::Simplex
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
        let (logits, temperature) = (self.logits.clone().inner(), self.temperature.inner());
        let inner = Self { logits, temperature, iterations: self.iterations };
        on_device(inner.rsample(noise), &self.device())
    }

    fn validate(&self) -> Result<()> {
        check_values(NAME, "logits", "finite", &self.logits, f64::is_finite)?;
        self.temperature.validate(NAME)
    }
}

replicate!(GumbelSinkhorn { logits, temperature } iterations);

impl<const D: usize> Reparameterized<D> for GumbelSinkhorn<D> {
    const BASE: Base = Base::Gumbel;

    fn transport(&self, noise: Tensor<D>) -> Tensor<D> {
        self.squash(self.logits.clone() + noise)
    }
}
