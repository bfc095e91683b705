//! The generalised Gumbel-Softmax: any law with finitely many real values made continuous.

use burn::tensor::{DType, Device, Tensor};

use super::{ConditionalRelaxation, Relaxation, RelaxedOneHotCategorical, Tangent, Tempered, straight_through};
use crate::distribution::{
    Density, Distribution, ExpConcrete, OneHotCategorical, Reparameterized, Truncated, replicate,
};
use crate::error::{Error, Result, check_values};
use crate::noise::{Base, Noise};
use crate::support::Support;
use crate::temperature::Temperature;

/// The generalised Gumbel-Softmax: a law over the real atoms c₁, …, cₙ made continuous.
///
/// ```text
/// w ~ GumbelSoftmax(φ, τ),   value = Σₖ wₖ cₖ,   φ = logits
/// ```
///
/// As a law, this type is that of the *weights* w, with their density; the value is a projection of them whose density
/// is not known in closed form, so there is no `log_prob` of values. The hard law is that of the one-hot choice of an
/// atom. Logits over atoms come from any law of counts, through [`Truncated`].
///
/// # Shapes
/// `logits` and weights: `[batch…, n]`; `atoms`: `[n]`; values and log-densities: `[batch…, 1]`; a temperature tensor:
/// `[batch…, 1]`, each dimension as given or 1.
///
/// # Gradient
/// Samples: exact, through logits, temperature and atoms. As a gradient of the discrete objective `E[f(value)]` it is
/// biased, less as τ → 0, where its variance grows.
///
/// # Examples
/// ```
/// use relaxit::distribution::{Poisson, Truncated};
/// use relaxit::prelude::*;
/// use relaxit::relaxation::GeneralizedGumbelSoftmax;
/// let law = Poisson::new(Tensor::<2>::full([4, 1], 3.0, &Device::flex()))?;
/// let relaxed = GeneralizedGumbelSoftmax::from_truncated(&Truncated::new(law, 12)?, 0.5)?;
/// let count = relaxed.rsample_value_straight_through(&mut Noise::seeded(0));
/// assert!((count.clone() - count.round()).abs().max().into_scalar::<f32>() < 1e-5);
/// # Ok::<(), relaxit::Error>(())
/// ```
///
/// # References
/// [`crate::reference::GENERALIZED_GUMBEL_SOFTMAX`].
#[doc(alias = "GenGS")]
#[derive(Clone, Debug)]
pub struct GeneralizedGumbelSoftmax<const D: usize> {
    weights: RelaxedOneHotCategorical<D>,
    /// Along the last dimension.
    atoms: Tensor<D>,
}

const NAME: &str = "GeneralizedGumbelSoftmax";

impl<const D: usize> GeneralizedGumbelSoftmax<D> {
    /// From unnormalised log-probabilities, the atoms they belong to, on the same device, and a temperature.
    ///
    /// # Errors
    /// [`Error::Shape`] if there are no atoms, not as many as logits, or a temperature tensor does not broadcast to
    /// `[batch…, 1]`; [`Error::Values`] if an atom is not finite; [`Error::Parameter`] if the temperature lies outside
    /// [1e-6, 1e6]. Reads the atoms.
    pub fn from_logits(logits: Tensor<D>, atoms: Tensor<1>, temperature: impl Into<Temperature<D>>) -> Result<Self> {
        let count = atoms.dims()[0];
        if count == 0 || count != logits.dims()[D - 1] {
            return Err(Error::Shape {
                subject: NAME,
                parameter: "atoms",
                requirement: format!("one atom, at least, for each of the {} logits", logits.dims()[D - 1]),
                got: vec![count],
            });
        }
        check_values(NAME, "atoms", "finite", &atoms, f64::is_finite)?;
        let weights = RelaxedOneHotCategorical::from_logits(logits, temperature)?;
        let mut shape = [1; D];
        shape[D - 1] = count;
        Ok(Self { atoms: atoms.cast(weights.dtype()).reshape(shape), weights })
    }

    /// A truncated law of counts made continuous.
    ///
    /// # Errors
    /// [`Error::Shape`] if a temperature tensor does not broadcast to `[batch…, 1]`; [`Error::Parameter`] if the
    /// temperature lies outside [1e-6, 1e6].
    pub fn from_truncated<L: Density<D>>(
        truncated: &Truncated<L>,
        temperature: impl Into<Temperature<D>>,
    ) -> Result<Self> {
        let weights = RelaxedOneHotCategorical::from_logits(truncated.logits(), temperature)?;
        Ok(Self { weights, atoms: truncated.atoms() })
    }

    /// The atoms, along the last dimension.
    #[must_use]
    pub const fn atoms(&self) -> &Tensor<D> {
        &self.atoms
    }

    /// The temperature.
    #[must_use]
    pub const fn temperature(&self) -> &Temperature<D> {
        self.weights.temperature()
    }

    /// The value `Σₖ wₖ cₖ` of weights, relaxed or one-hot: `[batch…, 1]`.
    ///
    /// # Panics
    /// If the shape of `weights` does not broadcast with that of the atoms.
    #[must_use]
    pub fn value(&self, weights: Tensor<D>) -> Tensor<D> {
        (weights * self.atoms.clone()).sum_dim(D - 1)
    }

    /// One relaxed value for each element of the batch, differentiable; between the smallest and the largest atom.
    pub fn rsample_value(&self, noise: &mut Noise) -> Tensor<D> {
        self.value(self.rsample(noise))
    }

    /// One atom for each element of the batch, with the gradient of the relaxed value that it comes from.
    pub fn rsample_value_straight_through(&self, noise: &mut Noise) -> Tensor<D> {
        let z = self.latent().rsample(noise);
        let (hard, soft) = (self.value(self.threshold(z.clone())), self.value(self.squash(z)));
        straight_through(hard, soft)
    }

    /// One atom for each element of the batch, drawn from the law that is relaxed. It carries no gradient.
    pub fn sample_value(&self, noise: &mut Noise) -> Tensor<D> {
        self.value(self.hard().sample(noise)).detach()
    }
}

impl<const D: usize> Reparameterized<D> for GeneralizedGumbelSoftmax<D> {
    const BASE: Base = RelaxedOneHotCategorical::<D>::BASE;

    fn transport(&self, noise: Tensor<D>) -> Tensor<D> {
        self.weights.transport(noise)
    }
}

impl<const D: usize> Distribution<D> for GeneralizedGumbelSoftmax<D> {
    const EVENT_DIMS: usize = 1;

    fn support(&self) -> Support {
        self.weights.support()
    }

    fn shape(&self) -> [usize; D] {
        self.weights.shape()
    }

    fn device(&self) -> Device {
        self.weights.device()
    }

    fn dtype(&self) -> DType {
        self.weights.dtype()
    }

    fn sample(&self, noise: &mut Noise) -> Tensor<D> {
        self.weights.sample(noise)
    }

    fn validate(&self) -> Result<()> {
        check_values(NAME, "atoms", "finite", &self.atoms, f64::is_finite)?;
        self.weights.validate()
    }
}

replicate!(GeneralizedGumbelSoftmax { weights, atoms });

impl<const D: usize> Density<D> for GeneralizedGumbelSoftmax<D> {
    /// The density of the weights.
    fn log_prob(&self, value: Tensor<D>) -> Tensor<D> {
        self.weights.log_prob(value)
    }
}

impl<const D: usize> Relaxation<D> for GeneralizedGumbelSoftmax<D> {
    type Latent = ExpConcrete<D>;
    type Hard = OneHotCategorical<D>;

    fn logits(&self) -> &Tensor<D> {
        self.weights.logits()
    }

    fn with_logits(&self, logits: Tensor<D>) -> Self {
        Self { weights: self.weights.with_logits(logits), atoms: self.atoms.clone() }
    }

    fn latent(&self) -> ExpConcrete<D> {
        self.weights.latent()
    }

    fn hard(&self) -> OneHotCategorical<D> {
        self.weights.hard()
    }

    fn threshold(&self, z: Tensor<D>) -> Tensor<D> {
        self.weights.threshold(z)
    }

    fn squash(&self, z: Tensor<D>) -> Tensor<D> {
        self.weights.squash(z)
    }
}

impl<const D: usize> ConditionalRelaxation<D> for GeneralizedGumbelSoftmax<D> {
    fn latent_given(&self, b: Tensor<D>, noise: Tensor<D>) -> Tensor<D> {
        self.weights.latent_given(b, noise)
    }

    fn noise_given(&self, b: Tensor<D>, noise: Tensor<D>) -> Tensor<D> {
        self.weights.noise_given(b, noise)
    }

    fn tangents(
        &self,
        noise: Tensor<D>,
        b: Tensor<D>,
        fresh: Tensor<D>,
        direction: Tensor<D>,
    ) -> Option<[Tangent<D>; 2]> {
        self.weights.tangents(noise, b, fresh, direction)
    }

    fn detach(&self) -> Self {
        Self { weights: self.weights.detach(), atoms: self.atoms.clone().detach() }
    }
}

impl<const D: usize> Tempered<D> for GeneralizedGumbelSoftmax<D> {
    fn temperature(&self) -> &Temperature<D> {
        self.temperature()
    }

    fn with_temperature(&self, temperature: impl Into<Temperature<D>>) -> Result<Self> {
        let weights = self.weights.with_temperature(temperature)?;
        Ok(Self { weights, atoms: self.atoms.clone() })
    }

    fn towards_mean(&self, z: Tensor<D>) -> Tensor<D> {
        self.weights.towards_mean(z)
    }
}
