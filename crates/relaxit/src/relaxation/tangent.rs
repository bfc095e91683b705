//! How latents move with the logits.

use burn::tensor::Tensor;

/// How a latent and its relaxed sample move when the logits move along a direction, with the noise held fixed.
///
/// Burn differentiates once. A derivative that is to be differentiated again, as the variance of a gradient asks, is
/// pushed forward beside the value by plain operations, which Burn then differentiates.
///
/// # Examples
/// ```
/// use relaxit::prelude::*;
/// let device = Device::flex();
/// let at = RelaxedBernoulli::from_logits(Tensor::<1>::zeros([1], &device), 0.5)?;
/// let one = Tensor::<1>::ones([1], &device);
/// let [along, along_given] = at.tangents(one.clone(), one.clone(), one.clone(), one).unwrap();
/// assert!((along.latent.into_scalar::<f32>() - 2.0).abs() < 1e-6); // 1/τ
/// assert!(along_given.latent.into_scalar::<f32>() < 1.0); // less than θ/τ, for it cannot leave its side
/// # Ok::<(), relaxit::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Tangent<const D: usize> {
    /// The derivative of the latent `z`.
    pub latent: Tensor<D>,
    /// The derivative of `squash(z)`.
    pub relaxed: Tensor<D>,
}
