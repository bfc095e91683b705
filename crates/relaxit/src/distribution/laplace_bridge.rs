//! The Laplace bridge between Dirichlet laws and softmaxes of normal variables.

use burn::tensor::Tensor;

use super::location_scale::LocationScale;
use super::{Dirichlet, Distribution, LogisticNormalSoftmax};
use crate::error::{Error, Result};
use crate::math::{log_sum_exp, softplus};

impl<const D: usize> Dirichlet<D> {
    /// The softmax of normal variables nearest to this law by Laplace's approximation in the basis of logits.
    ///
    /// ```text
    /// μₖ = ln αₖ − mean ln α,   βₖ² = (1 − 2/K)/αₖ + Σₗ (1/αₗ)/K²
    /// ```
    ///
    /// `βₖ²` is a variance, and the scale of the result its root. Mean and variance of each centred logit
    /// `ln yₖ − mean ln y` under this law are `μₖ` and `βₖ²` up to terms of relative order 1/α. Covariances between
    /// logits are left out, so that log-ratios vary too little (by a factor of `1 − 1/K` in variance for equal α), however large α
    /// is: the two laws never meet. [`LogisticNormalSoftmax::laplace_bridge`] is the exact inverse.
    ///
    /// # Gradient
    /// Differentiable in the concentration.
    ///
    /// # Errors
    /// [`Error::Shape`] with one category only.
    ///
    /// # Examples
    /// ```
    /// use relaxit::distribution::Dirichlet;
    /// use relaxit::prelude::*;
    /// let law = Dirichlet::new(Tensor::<1>::from_floats([1.0, 2.0, 4.0], &Device::flex()))?;
    /// let back = law.laplace_bridge()?.laplace_bridge()?;
    /// assert!(back.concentration().clone().all_close(law.concentration().clone(), None, None));
    /// # Ok::<(), relaxit::Error>(())
    /// ```
    ///
    /// # References
    /// [`crate::reference::LAPLACE_BRIDGE`].
    pub fn laplace_bridge(&self) -> Result<LogisticNormalSoftmax<D>> {
        let categories = number_of_categories("Dirichlet", "concentration", self.shape())?;
        let log = self.concentration().clone().log();
        let inverse = self.concentration().clone().recip();
        let shared = inverse.clone().sum_dim(D - 1) * categories.powi(-2);
        let variance = inverse * (1.0 - 2.0 / categories) + shared;
        let loc = log.clone() - log.mean_dim(D - 1);
        Ok(LogisticNormalSoftmax(LocationScale { loc, scale: variance.sqrt() }))
    }
}

impl<const D: usize> LogisticNormalSoftmax<D> {
    /// The Dirichlet law nearest to this one by Laplace's approximation in the basis of logits.
    ///
    /// ```text
    /// αₖ = [1 − 2/K + e^μₖ Σₗ e^−μₗ / K²] / βₖ²
    /// ```
    ///
    /// The exact inverse of [`Dirichlet::laplace_bridge`]; other laws than its results lose what a Dirichlet law cannot
    /// say.
    ///
    /// # Gradient
    /// Differentiable in location and scale.
    ///
    /// # Errors
    /// [`Error::Shape`] with one category only.
    ///
    /// # Examples
    /// ```
    /// use relaxit::distribution::LogisticNormalSoftmax;
    /// use relaxit::prelude::*;
    /// let zeros = Tensor::<1>::zeros([4], &Device::flex());
    /// let law = LogisticNormalSoftmax::from_log_scale(zeros.clone(), zeros)?.laplace_bridge()?;
    /// assert!((law.concentration().clone().max().into_scalar::<f32>() - 0.75).abs() < 1e-6);
    /// # Ok::<(), relaxit::Error>(())
    /// ```
    ///
    /// # References
    /// [`crate::reference::LAPLACE_BRIDGE`].
    pub fn laplace_bridge(&self) -> Result<Dirichlet<D>> {
        let categories = number_of_categories("LogisticNormalSoftmax", "loc", self.shape())?;
        let loc = self.loc().clone();
        // In logarithms: the exponentials of far locations overflow, the concentration need not.
        let tilt = loc.clone() + log_sum_exp(-loc, D - 1) - 2.0 * categories.ln();
        let log_bracket = log_add(1.0 - 2.0 / categories, tilt);
        Dirichlet::from_log_concentration(log_bracket - self.scale().clone().log() * 2.0)
    }
}

/// `ln(c + eˣ)` for c ≥ 0.
fn log_add<const D: usize>(c: f64, x: Tensor<D>) -> Tensor<D> {
    if c > 0.0 { softplus(x - c.ln()) + c.ln() } else { x }
}

fn number_of_categories<const D: usize>(
    subject: &'static str,
    parameter: &'static str,
    shape: [usize; D],
) -> Result<f64> {
    if shape[D - 1] < 2 {
        let requirement = "at least two categories for the Laplace bridge".into();
        return Err(Error::Shape { subject, parameter, requirement, got: shape.to_vec() });
    }
    Ok(shape[D - 1] as f64)
}
