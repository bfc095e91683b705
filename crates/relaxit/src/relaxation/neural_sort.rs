//! The `NeuralSort` relaxation of random permutations.

use burn::tensor::{DType, Device, Shape, Tensor, activation};

use super::permutation::{checked_scores, matrix_shape, order_log_prob, sorting_matrix, sorting_relaxation};
use super::straight_through;
use crate::distribution::{Distribution, Reparameterized};
use crate::error::{Result, check_values};
use crate::math::on_device;
use crate::noise::{Base, Noise};
use crate::support::Support;
use crate::temperature::Temperature;

/// The `NeuralSort` relaxation of a random permutation: unimodal rows from sums of pairwise distances.
///
/// ```text
/// P = softmax([(K + 1 − 2r) zᵢ − Σⱼ |zᵢ − zⱼ|] / τ)   along each row r = 1, …, K,
/// z = φ + g,   g ~ Gumbel(0, 1),   φ = logits
/// ```
///
/// Sorting is descending: row r of the matrix belongs to position r, column i to item i. The hard permutation of `z`
/// follows Plackett and Luce's law, whose probability is [`hard_log_prob`](Self::hard_log_prob); as τ → 0, `P` tends to
/// its matrix. The relaxed matrix has no tractable density, and this type offers none.
///
/// # Shapes
/// `logits`: `[batch…, 1, K]`; samples: `[batch…, K, K]`; a temperature tensor: `[batch…, 1, 1]`, each dimension as
/// given or 1.
///
/// # Gradient
/// Samples: exact, through logits and temperature. As a gradient of the discrete objective it is biased.
///
/// # Numerics
/// Rows sum to 1; columns need not. In every row the largest entry is the sorted item, at every temperature, as far as
/// rounding of sums of size K maxᵢⱼ |zᵢ − zⱼ| allows. Finite at temperatures from 1e-6 to 1e6 and logits of ±1e4;
/// memory and time grow with K².
///
/// # Examples
/// ```
/// use relaxit::prelude::*;
/// let device = Device::flex();
/// let relaxed = NeuralSort::from_logits(Tensor::<3>::zeros([128, 1, 5], &device), 0.1)?;
/// let p = relaxed.rsample(&mut Noise::seeded(0));
/// assert!(p.sum_dim(2).all_close(Tensor::ones([128, 5, 1], &device), None, None));
/// # Ok::<(), relaxit::Error>(())
/// ```
///
/// # References
/// [`crate::reference::NEURAL_SORT`]; the hard law: [`crate::reference::GUMBEL_TOP_K`].
#[derive(Clone, Debug)]
pub struct NeuralSort<const D: usize> {
    logits: Tensor<D>,
    temperature: Temperature<D>,
}

sorting_relaxation!(NeuralSort, "NeuralSort");

impl<const D: usize> NeuralSort<D> {
    /// The relaxed permutation matrix of a latent, `[batch…, K, K]`.
    #[must_use]
    pub fn squash(&self, z: Tensor<D>) -> Tensor<D> {
        if z.dims().contains(&0) {
            // As a `Shape`, because an array may not have a 0.
            return z.expand(Shape::from(self.shape()));
        }
        let items = self.shape()[D - 1];
        // Rows add up to the same if all scores move together; near 0 they keep their digits.
        let z = z.clone() - z.mean_dim(D - 1);
        let distances = (z.clone().swap_dims(D - 2, D - 1) - z.clone()).abs().sum_dim(D - 2);
        let mut column = [1; D];
        column[D - 2] = items;
        let factors: Vec<f64> = (1..=items).map(|row| items as f64 + 1.0 - 2.0 * row as f64).collect();
        let factors = Tensor::<1>::from_data(factors.as_slice(), (&self.device(), self.dtype())).reshape(column);
        activation::softmax(self.temperature.divide(factors * z - distances), D - 1)
    }
}
