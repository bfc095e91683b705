//! Relaxed bits that are correlated through a gaussian copula.

use burn::tensor::{DType, Device, Tensor, TensorData, activation};

use super::RelaxedBernoulli;
use crate::distribution::{Bernoulli, Density, Distribution, Moments, Reparameterized, replicate};
use crate::error::{Error, Result};
use crate::math::{inside_unit_interval, logit_ndtr, ndtri_of_logit, on_device};
use crate::noise::{Base, Noise};
use crate::relaxation::Relaxation;
use crate::support::{Support, restrict};
use crate::temperature::Temperature;

/// The correlated relaxed Bernoulli: K relaxed bits coupled by a gaussian copula, for selecting features that go
/// together.
///
/// ```text
/// v ~ Normal(0, R),   m = σ((φ + logit Φ(v))/τ),   R a correlation matrix,   φ = logits
/// log p(m) = ½ (|v|² − |L⁻¹ v|²) − Σᵢ ln Lᵢᵢ + Σᵢ log pᵢ(mᵢ),   vᵢ = Φ⁻¹(σ(τ logit mᵢ − φᵢ)),   R = L Lᵀ
/// ```
///
/// Each entry alone has the law `pᵢ` of a [`RelaxedBernoulli`], whatever R; with R = 1 they are independent. Its bits
/// `m > ½` have probabilities that are integrals of the normal law over orthants, without closed form, so it is no
/// [`Relaxation`]; the marginals are [`marginals`](Self::marginals).
///
/// # Shapes
/// `logits` and samples: `[batch…, K]`; the correlation matrix: `[K, K]`, one for the whole batch; log-densities:
/// `[batch…, 1]`; a temperature tensor broadcasts against the logits, one for each entry if so wished.
///
/// # Gradient
/// Samples: exact, through logits and temperature. None flows to the correlation matrix, which is factorised on the host
/// in f64.
///
/// # Numerics
/// `Φ` and its inverse are taken in log-odds and keep both tails. Saturated samples: as for [`RelaxedBernoulli`]. The
/// density of entries far out in the tails, |v| ≫ 1, is a difference of squares: its error is |v|² units of resolution.
///
/// # Examples
/// ```
/// use relaxit::prelude::*;
/// use relaxit::relaxation::CorrelatedRelaxedBernoulli;
/// let device = Device::flex();
/// let correlation = Tensor::<2>::from_floats([[1.0, 0.99], [0.99, 1.0]], &device);
/// let gates = CorrelatedRelaxedBernoulli::from_logits(Tensor::<2>::zeros([500, 2], &device), &correlation, 1.0)?;
/// let m = gates.rsample(&mut Noise::seeded(0));
/// let apart = (m.clone().slice_dim(1, 0) - m.slice_dim(1, 1)).abs().mean().into_scalar::<f32>();
/// assert!(apart < 0.05);
/// # Ok::<(), relaxit::Error>(())
/// ```
///
/// # References
/// [`crate::reference::CORRELATED_GATES`], section 3.
#[derive(Clone, Debug)]
pub struct CorrelatedRelaxedBernoulli<const D: usize> {
    marginals: RelaxedBernoulli<D>,
    /// The lower Cholesky factor of R, and its inverse; on the inner device.
    factor: Tensor<2>,
    inverse: Tensor<2>,
    /// `Σᵢ ln Lᵢᵢ = ½ ln |R|`.
    half_log_determinant: f64,
}

const NAME: &str = "CorrelatedRelaxedBernoulli";

impl<const D: usize> CorrelatedRelaxedBernoulli<D> {
    /// From log-odds, a correlation matrix and a temperature.
    ///
    /// # Errors
    /// [`Error::Shape`] if `correlation` is not K × K or a temperature tensor does not broadcast to the logits;
    /// [`Error::Values`] if `correlation` is not symmetric with a unit diagonal (to 1e-6) and positive definite;
    /// [`Error::Parameter`] if the temperature lies outside [1e-6, 1e6]. Reads the matrix.
    pub fn from_logits(
        logits: Tensor<D>,
        correlation: &Tensor<2>,
        temperature: impl Into<Temperature<D>>,
    ) -> Result<Self> {
        const { assert!(D > 0, "a correlated law needs a dimension to run over its entries") }
        let marginals = RelaxedBernoulli::named(NAME, logits, temperature)?;
        let size = marginals.shape()[D - 1];
        if correlation.dims() != [size, size] {
            return Err(Error::Shape {
                subject: NAME,
                parameter: "correlation",
                requirement: format!("shape {:?}, for {size} logits", [size, size]),
                got: correlation.dims().to_vec(),
            });
        }
        let matrix: Vec<f64> = correlation.clone().inner().try_into_vec_as().unwrap_or_default();
        check_correlation(&matrix, size)?;
        let factor = cholesky(&matrix, size)?;
        let inverse = inverse(&factor, size);
        let half_log_determinant = (0..size).map(|i| factor[i * size + i].ln()).sum();
        let options = (&marginals.device().without_autodiff(), marginals.dtype());
        let tensor = |values| Tensor::from_data(TensorData::new(values, [size, size]), options);
        Ok(Self { factor: tensor(factor), inverse: tensor(inverse), marginals, half_log_determinant })
    }

    /// From probabilities of 1, a correlation matrix and a temperature; 0 and 1 are held as in
    /// [`Bernoulli::from_probs`].
    ///
    /// # Errors
    /// As [`from_logits`](Self::from_logits), and [`Error::Values`] if a probability lies outside [0, 1].
    pub fn from_probs(
        probs: Tensor<D>,
        correlation: &Tensor<2>,
        temperature: impl Into<Temperature<D>>,
    ) -> Result<Self> {
        Self::from_logits(Bernoulli::from_probs(probs)?.logits().clone(), correlation, temperature)
    }

    /// The laws of the entries, each by itself.
    #[must_use]
    pub const fn marginals(&self) -> &RelaxedBernoulli<D> {
        &self.marginals
    }

    /// The log-odds.
    #[must_use]
    pub fn logits(&self) -> &Tensor<D> {
        self.marginals.logits()
    }

    /// The temperature.
    #[must_use]
    pub const fn temperature(&self) -> &Temperature<D> {
        self.marginals.temperature()
    }

    /// The correlation matrix `R = L Lᵀ`.
    #[must_use]
    pub fn correlation(&self) -> Tensor<2> {
        self.factor.clone().matmul(self.factor.clone().transpose())
    }
}

impl<const D: usize> Reparameterized<D> for CorrelatedRelaxedBernoulli<D> {
    const BASE: Base = Base::Normal;

    fn transport(&self, noise: Tensor<D>) -> Tensor<D> {
        let logistic = logit_ndtr(apply(&self.factor, noise));
        activation::sigmoid(self.temperature().divide(self.logits().clone() + logistic))
    }
}

impl<const D: usize> Distribution<D> for CorrelatedRelaxedBernoulli<D> {
    const EVENT_DIMS: usize = 1;

    /// Each entry lies in the interval.
    fn support(&self) -> Support {
        Support::UnitInterval
    }

    fn shape(&self) -> [usize; D] {
        self.marginals.shape()
    }

    fn device(&self) -> Device {
        self.marginals.device()
    }

    fn dtype(&self) -> DType {
        self.marginals.dtype()
    }

    fn sample(&self, noise: &mut Noise) -> Tensor<D> {
        let inner = Self { marginals: self.marginals.inner(), ..self.clone() };
        on_device(inner.rsample(noise), &self.device())
    }

    fn validate(&self) -> Result<()> {
        self.marginals.validate_as(NAME)
    }
}

replicate!(CorrelatedRelaxedBernoulli { marginals } factor, inverse, half_log_determinant);

impl<const D: usize> Density<D> for CorrelatedRelaxedBernoulli<D> {
    fn log_prob(&self, value: Tensor<D>) -> Tensor<D> {
        // One entry outside must not spoil the others through the copula: NaN spreads, −∞ does not.
        let outside = Support::UnitInterval.contains(value.clone()).bool_not();
        let m = inside_unit_interval(value.clone().mask_fill(outside, 0.5));
        let (log_m, log_not_m) = (m.clone().log(), (-m).log1p());
        let logit = log_m.clone() - log_not_m.clone();
        let v = ndtri_of_logit(self.temperature().multiply(logit.clone()) - self.logits().clone());
        let w = apply(&self.inverse, v.clone());
        // (v − w)(v + w) rather than v² − w²: entries that hardly correlate cancel before they are squared.
        let copula = (v.clone() - w.clone()) * (v + w) * 0.5;
        let marginal = self.marginals.latent().log_prob(logit) - log_m - log_not_m;
        let entries = restrict(copula + marginal, Support::UnitInterval, value);
        entries.sum_dim(D - 1) - self.half_log_determinant
    }
}

impl<const D: usize> Moments<D> for CorrelatedRelaxedBernoulli<D> {
    /// Entry by entry, whatever the correlations.
    fn mean(&self) -> Tensor<D> {
        self.marginals.mean()
    }

    fn variance(&self) -> Tensor<D> {
        self.marginals.variance()
    }
}

/// `matrix · x` for each event of x.
fn apply<const D: usize>(matrix: &Tensor<2>, x: Tensor<D>) -> Tensor<D> {
    let shape = x.dims();
    let size = shape[D - 1];
    if shape.contains(&0) {
        return x;
    }
    let rows = shape.iter().product::<usize>() / size;
    let matrix = on_device(matrix.clone(), &x.device());
    x.reshape([rows, size]).matmul(matrix.transpose()).reshape(shape)
}

/// How far a correlation matrix given in f32 may be from symmetric, and its diagonal from 1.
const ROUNDING: f64 = 1e-6;

fn refused(requirement: &'static str, example: f64, count: usize) -> Error {
    Error::Values { subject: NAME, parameter: "correlation", requirement, example, count }
}

/// Symmetric, with a unit diagonal; NaN is neither.
fn check_correlation(matrix: &[f64], size: usize) -> Result<()> {
    let entries = || (0..size).flat_map(|i| (0..size).map(move |j| (i, j)));
    let offending = |accept: &dyn Fn(usize, usize) -> bool| -> Vec<f64> {
        entries().filter(|&(i, j)| !accept(i, j)).map(|(i, j)| matrix[i * size + j]).collect()
    };
    let diagonal = offending(&|i, j| i != j || (matrix[i * size + j] - 1.0).abs() <= ROUNDING);
    if let Some(&example) = diagonal.first() {
        return Err(refused("1 on the diagonal", example, diagonal.len()));
    }
    let asymmetric = offending(&|i, j| (matrix[i * size + j] - matrix[j * size + i]).abs() <= ROUNDING);
    if let Some(&example) = asymmetric.first() {
        return Err(refused("equal to its mirror image across the diagonal", example, asymmetric.len()));
    }
    Ok(())
}

/// The lower factor of a symmetric matrix, row by row; the diagonal is taken to be exactly 1.
fn cholesky(matrix: &[f64], size: usize) -> Result<Vec<f64>> {
    /// A pivot is the share of an entry's variance that the entries before it leave open: below this the matrix is
    /// singular, to rounding.
    const SMALLEST_PIVOT: f64 = 1e-7;
    let mut factor = vec![0.0; size * size];
    for i in 0..size {
        for j in 0..=i {
            let (row, column) = (&factor[i * size..i * size + j], &factor[j * size..j * size + j]);
            let explained: f64 = row.iter().zip(column).map(|(a, b)| a * b).sum();
            factor[i * size + j] = if i == j {
                let pivot = 1.0 - explained;
                if pivot.is_nan() || pivot < SMALLEST_PIVOT {
                    return Err(refused("such that the matrix is positive definite (pivots above 1e-7)", pivot, 1));
                }
                pivot.sqrt()
            } else {
                let entry = f64::midpoint(matrix[i * size + j], matrix[j * size + i]);
                (entry - explained) / factor[j * size + j]
            };
        }
    }
    Ok(factor)
}

/// The inverse of a lower triangular matrix, by forward substitution.
fn inverse(factor: &[f64], size: usize) -> Vec<f64> {
    let mut inverse = vec![0.0; size * size];
    for column in 0..size {
        for i in column..size {
            let known: f64 = (column..i).map(|k| factor[i * size + k] * inverse[k * size + column]).sum();
            let unit = if i == column { 1.0 } else { 0.0 };
            inverse[i * size + column] = (unit - known) / factor[i * size + i];
        }
    }
    inverse
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn factor_and_inverse() {
        let matrix = [1.0, 0.5, -0.3, 0.5, 1.0, 0.2, -0.3, 0.2, 1.0];
        let factor = cholesky(&matrix, 3).expect("positive definite");
        let inverse = inverse(&factor, 3);
        let product = |a: &dyn Fn(usize, usize) -> f64, b: &dyn Fn(usize, usize) -> f64, i: usize, j: usize| {
            (0..3).map(|k| a(i, k) * b(k, j)).sum::<f64>()
        };
        for (i, j) in (0..3).flat_map(|i| (0..3).map(move |j| (i, j))) {
            let again = product(&|i, k| factor[i * 3 + k], &|k, j| factor[j * 3 + k], i, j);
            assert!((again - matrix[i * 3 + j]).abs() < 1e-15);
            let unit = product(&|i, k| factor[i * 3 + k], &|k, j| inverse[k * 3 + j], i, j);
            assert!((unit - f64::from(u8::from(i == j))).abs() < 1e-15);
        }
    }
}
