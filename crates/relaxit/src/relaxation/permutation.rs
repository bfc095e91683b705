//! What relaxations of permutations share: scores of items, hard permutation matrices, and their probability.
//!
//! Matrices are `[batch…, K, K]`, a row for each position and a column for each item; scores are `[batch…, 1, K]`.

use burn::tensor::{Bool, Int, Tensor};

use crate::distribution::{Density, PlackettLuce};
use crate::error::{Error, Result};
use crate::math::{at_least_f32, on_device};

/// Refuses scores that are not one row of at least one item for each event.
pub(crate) fn checked_scores<const D: usize>(subject: &'static str, scores: Tensor<D>) -> Result<Tensor<D>> {
    let dims = scores.dims();
    if D >= 2 && dims[D - 2] == 1 && dims[D - 1] > 0 {
        return Ok(at_least_f32(scores));
    }
    Err(Error::Shape {
        subject,
        parameter: "logits",
        requirement: "the form [batch…, 1, items]".into(),
        got: dims.to_vec(),
    })
}

/// `[batch…, K, K]` of scores `[batch…, 1, K]`.
pub(crate) fn matrix_shape<const D: usize>(scores: &Tensor<D>) -> [usize; D] {
    let mut shape = scores.dims();
    shape[D - 2] = shape[D - 1];
    shape
}

/// The matrix whose row r marks the r-th largest score. No gradient.
#[allow(clippy::cast_possible_wrap)] // a dimension is below 2⁶³
pub(crate) fn sorting_matrix<const D: usize>(scores: &Tensor<D>) -> Tensor<D> {
    let (device, dtype, shape) = (scores.device(), scores.dtype(), matrix_shape(scores));
    let scores = scores.clone().inner();
    if shape.contains(&0) {
        return on_device(Tensor::zeros(shape, (&scores.device(), dtype)), &device);
    }
    let order = scores.argsort_descending(D - 1).swap_dims(D - 2, D - 1);
    let mut row = [1; D];
    row[D - 1] = shape[D - 1];
    let items = Tensor::<1, Int>::arange(0..shape[D - 1] as i64, &order.device()).reshape(row);
    let hot: Tensor<D, Bool> = order.equal(items);
    on_device(hot.float().cast(dtype), &device)
}

/// `log P(matrix)` under Plackett and Luce's law of orders, `[batch…, 1, 1]`; −∞ for what is no permutation matrix.
pub(crate) fn order_log_prob<const D: usize>(scores: &Tensor<D>, matrix: Tensor<D>) -> Tensor<D> {
    let shape = matrix_shape(scores);
    assert_eq!(matrix.dims(), shape, "the matrix must have the shape {shape:?}");
    let matrix = matrix.detach();
    let mut column = [1; D];
    column[D - 2] = shape[D - 2];
    let ranks: Vec<f64> = (1..=shape[D - 2]).map(|rank| rank as f64).collect();
    let ranks = Tensor::<1>::from_data(ranks.as_slice(), (&matrix.device(), matrix.dtype())).reshape(column);
    let ranks = (matrix.clone() * ranks).sum_dim(D - 2);
    let log_prob = PlackettLuce::from_parameters(scores.clone(), shape[D - 1]).log_prob(ranks);
    // Ranks may come out right of entries that are not 0 or 1.
    let strays = matrix.clone().equal_elem(0.0).bool_or(matrix.equal_elem(1.0)).bool_not().float();
    let strays = strays.sum_dim(D - 1).sum_dim(D - 2);
    log_prob.mask_fill(strays.not_equal_elem(0.0), f64::NEG_INFINITY)
}

/// Constructors, accessors and traits of the relaxations of sorting: `squash` and the name differ.
macro_rules! sorting_relaxation {
    ($relaxation:ident, $name:literal) => {
        impl<const D: usize> $relaxation<D> {
            /// From the items' logits and a temperature.
            ///
            /// # Errors
            /// [`Error::Shape`](crate::Error::Shape) if the logits are not of the form `[batch…, 1, K]`, K ≥ 1, or a
            /// temperature tensor does not broadcast to `[batch…, 1, 1]`;
            /// [`Error::Parameter`](crate::Error::Parameter) if the temperature lies outside [1e-6, 1e6].
            pub fn from_logits(logits: Tensor<D>, temperature: impl Into<Temperature<D>>) -> Result<Self> {
                let logits = checked_scores($name, logits)?;
                let temperature = temperature.into().checked($name, logits.dims(), 2, logits.dtype())?;
                Ok(Self { logits, temperature })
            }

            /// The parameters as given: log-weights of the items, `[batch…, 1, K]`.
            #[must_use]
            pub const fn logits(&self) -> &Tensor<D> {
                &self.logits
            }

            /// The temperature.
            #[must_use]
            pub const fn temperature(&self) -> &Temperature<D> {
                &self.temperature
            }

            /// The perturbed logits `z = φ + g` of one draw, `[batch…, 1, K]`, differentiable in the logits.
            pub fn latent_rsample(&self, noise: &mut Noise) -> Tensor<D> {
                self.logits.clone() + noise.draw(Base::Gumbel, self.noise_shape(), (&self.device(), self.dtype()))
            }

            /// The permutation matrix that sorts a latent in descending order. It carries no gradient.
            #[must_use]
            pub fn threshold(&self, z: &Tensor<D>) -> Tensor<D> {
                sorting_matrix(z)
            }

            /// A hard permutation matrix whose gradient is that of the relaxed one it comes from.
            pub fn rsample_straight_through(&self, noise: &mut Noise) -> Tensor<D> {
                let z = self.latent_rsample(noise);
                straight_through(self.threshold(&z), self.squash(z))
            }

            /// The log-probability of a *hard* permutation matrix, by Plackett and Luce: the law of `threshold(z)`,
            /// exactly, at every temperature; `[batch…, 1, 1]`, and −∞ for what is no permutation matrix. Differentiable
            /// in the logits.
            ///
            /// # Panics
            /// If the matrix does not have the shape `[batch…, K, K]`.
            #[track_caller]
            pub fn hard_log_prob(&self, matrix: Tensor<D>) -> Tensor<D> {
                order_log_prob(&self.logits, matrix)
            }
        }

        impl<const D: usize> Distribution<D> for $relaxation<D> {
            const EVENT_DIMS: usize = 2;

            /// Every row lies on the simplex.
            fn support(&self) -> Support {
                Support::Simplex
            }

            fn shape(&self) -> [usize; D] {
                matrix_shape(&self.logits)
            }

            fn device(&self) -> Device {
                self.logits.device()
            }

            fn dtype(&self) -> DType {
                self.logits.dtype()
            }

            fn sample(&self, noise: &mut Noise) -> Tensor<D> {
                let inner = Self { logits: self.logits.clone().inner(), temperature: self.temperature.inner() };
                on_device(inner.rsample(noise), &self.device())
            }

            fn validate(&self) -> Result<()> {
                check_values($name, "logits", "finite", &self.logits, f64::is_finite)?;
                self.temperature.validate($name)
            }
        }

        impl<const D: usize> Reparameterized<D> for $relaxation<D> {
            const BASE: Base = Base::Gumbel;

            /// `[batch…, 1, K]`.
            fn noise_shape(&self) -> [usize; D] {
                self.logits.dims()
            }

            fn transport(&self, noise: Tensor<D>) -> Tensor<D> {
                self.squash(self.logits.clone() + noise)
            }
        }

        $crate::distribution::replicate!($relaxation { logits, temperature });
    };
}

pub(crate) use sorting_relaxation;
