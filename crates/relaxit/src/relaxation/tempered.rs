//! Relaxations that can be had at another temperature.

use burn::tensor::Tensor;

use super::ConditionalRelaxation;
use crate::error::Result;
use crate::temperature::Temperature;

/// A relaxation that can be had at another temperature, so that a control variate may learn its own.
///
/// The discrete law is the same at every temperature.
///
/// # Examples
/// ```
/// use relaxit::{prelude::*, relaxation::Tempered};
/// let logits = Tensor::<2>::from_floats([[2.0, 0.0, -1.0]], &Device::flex());
/// let hot = RelaxedOneHotCategorical::from_logits(logits, 0.5)?.with_temperature(1e5)?;
/// let z = hot.latent().rsample(&mut Noise::seeded(0));
/// assert!((hot.squash(z.clone()) - 1.0 / 3.0).abs().max().into_scalar::<f32>() < 1e-3);
/// assert!(hot.squash(hot.towards_mean(z)).all_close(hot.hard().mean(), None, Some(1e-3)));
/// # Ok::<(), relaxit::Error>(())
/// ```
pub trait Tempered<const D: usize>: ConditionalRelaxation<D> {
    /// The temperature.
    fn temperature(&self) -> &Temperature<D>;

    /// The same relaxation at another temperature.
    ///
    /// # Errors
    /// [`Error::Parameter`](crate::Error::Parameter) if it lies outside [1e-6, 1e6];
    /// [`Error::Shape`](crate::Error::Shape) if a temperature tensor does not broadcast to the logits.
    fn with_temperature(&self, temperature: impl Into<Temperature<D>>) -> Result<Self>;

    /// A latent moved so that its relaxed sample tends to the *mean* of the hard one at high temperatures, where that of
    /// the latent itself forgets the logits: `z + φ λ/(λ + 1)`, differentiable in all three.
    ///
    /// Of use to control variates alone: the moved latent is not cut where the hard value is.
    ///
    /// # References
    /// [`crate::reference::REBAR`], "Rethinking the relaxation and a connection to `MuProp`".
    fn towards_mean(&self, z: Tensor<D>) -> Tensor<D> {
        z + self.temperature().share(self.logits().clone())
    }
}
