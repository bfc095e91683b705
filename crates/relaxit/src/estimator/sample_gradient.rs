//! Estimators that differentiate the objective at a hard sample with a gradient of its own.

use std::fmt;
use std::num::NonZeroUsize;
use std::rc::Rc;

use burn::tensor::Tensor;

use super::{Bias, Estimate, Estimator};
use crate::noise::Noise;
use crate::objective::Objective;
use crate::reference::{DECOUPLED_STRAIGHT_THROUGH, GAPPED_STRAIGHT_THROUGH, GUMBEL_RAO, REINMAX, Reference};
use crate::relaxation::{
    DecoupledStraightThroughGumbelSoftmax, GappedStraightThrough, GumbelRao, ReinMax, Relaxation,
    RelaxedOneHotCategorical,
};
use crate::temperature::Temperature;

/// The objective differentiated at one sample that brings a gradient: [`ReinMax`], [`GumbelRao`],
/// [`GappedStraightThrough`], [`DecoupledStraightThroughGumbelSoftmax`], or a function of your own.
///
/// ```text
/// ĝ = ∇f(b) ∂b/∂logits,   ∂b/∂logits as the sample defines it
/// ```
///
/// Logits and temperature are those of the relaxation that is estimated at.
///
/// # Gradient
/// Biased, each in its own way; see the samples.
///
/// # Examples
/// ```
/// use relaxit::{estimator::SampleGradient, prelude::*};
/// let device = Device::flex().autodiff();
/// let logits = Tensor::<2>::zeros([64, 3], &device).require_grad();
/// let at = RelaxedOneHotCategorical::from_logits(logits.clone(), 1.0)?;
/// let first = |b: Tensor<2>| b.slice_dim(1, 0);
/// let estimate = SampleGradient::rein_max().estimate(&at, &first, &mut Noise::seeded(0));
/// let gradient = logits.grad(&estimate.surrogate.backward()).unwrap();
/// assert!(gradient.slice_dim(1, 0).sum().into_scalar::<f32>() > 0.0);
/// # Ok::<(), relaxit::Error>(())
/// ```
#[allow(clippy::type_complexity)] // one function in one pointer
pub struct SampleGradient<R, const D: usize> {
    name: &'static str,
    references: &'static [Reference],
    sample: Rc<dyn Fn(&R, &mut Noise) -> Tensor<D>>,
}

impl<R, const D: usize> SampleGradient<R, D> {
    /// A sample of your own.
    pub fn new(
        name: &'static str,
        references: &'static [Reference],
        sample: impl Fn(&R, &mut Noise) -> Tensor<D> + 'static,
    ) -> Self {
        Self { name, references, sample: Rc::new(sample) }
    }
}

/// The parameters of a relaxation passed the same door before.
const ACCEPTED: &str = "logits and temperature that the relaxation accepted";

#[allow(clippy::missing_panics_doc)] // what the relaxation accepted, the samples accept
impl<const D: usize> SampleGradient<RelaxedOneHotCategorical<D>, D> {
    /// With the samples of [`ReinMax`].
    #[must_use]
    pub fn rein_max() -> Self {
        Self::new("reinmax", &[REINMAX], |at: &RelaxedOneHotCategorical<D>, noise| {
            let (logits, temperature) = parameters(at);
            ReinMax::from_logits(logits, temperature).expect(ACCEPTED).rsample(noise)
        })
    }

    /// With the samples of [`GumbelRao`], averaged over `draws` conditional draws.
    #[must_use]
    pub fn gumbel_rao(draws: NonZeroUsize) -> Self {
        Self::new("gumbel-rao", &[GUMBEL_RAO], move |at: &RelaxedOneHotCategorical<D>, noise| {
            let (logits, temperature) = parameters(at);
            GumbelRao::from_logits(logits, temperature, draws.get()).expect(ACCEPTED).rsample(noise)
        })
    }

    /// With the samples of [`GappedStraightThrough`].
    #[must_use]
    pub fn gapped() -> Self {
        Self::new("gapped", &[GAPPED_STRAIGHT_THROUGH], |at: &RelaxedOneHotCategorical<D>, noise| {
            let (logits, temperature) = parameters(at);
            GappedStraightThrough::from_logits(logits, temperature).expect(ACCEPTED).rsample(noise)
        })
    }

    /// With the samples of [`DecoupledStraightThroughGumbelSoftmax`] at forward temperature 1, so that the law is that
    /// of the logits; the relaxation's temperature is the backward one.
    #[must_use]
    pub fn decoupled() -> Self {
        Self::new("decoupled", &[DECOUPLED_STRAIGHT_THROUGH], |at: &RelaxedOneHotCategorical<D>, noise| {
            let (logits, backward) = parameters(at);
            let law = DecoupledStraightThroughGumbelSoftmax::from_logits(logits, 1.0, backward);
            law.expect(ACCEPTED).rsample(noise)
        })
    }
}

fn parameters<const D: usize>(at: &RelaxedOneHotCategorical<D>) -> (Tensor<D>, Temperature<D>) {
    (at.logits().clone(), at.temperature().clone())
}

impl<R: Relaxation<D>, const D: usize> Estimator<R, D> for SampleGradient<R, D> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn bias(&self) -> Bias {
        Bias::Biased
    }

    fn references(&self) -> &'static [Reference] {
        self.references
    }

    fn estimate(&mut self, at: &R, f: &dyn Objective<D>, noise: &mut Noise) -> Estimate<D> {
        let value = f.evaluate((self.sample)(at, noise));
        Estimate { value: value.clone().detach(), surrogate: value.mean(), tuning: None }
    }
}

impl<R, const D: usize> Clone for SampleGradient<R, D> {
    fn clone(&self) -> Self {
        Self { name: self.name, references: self.references, sample: Rc::clone(&self.sample) }
    }
}

impl<R, const D: usize> fmt::Debug for SampleGradient<R, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SampleGradient").field("name", &self.name).finish_non_exhaustive()
    }
}
