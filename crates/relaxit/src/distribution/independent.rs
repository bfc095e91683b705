//! Batch dimensions read as one event.

use burn::tensor::{DType, Device, Shape, Tensor, TensorData};

use super::{Density, Distribution, Entropy, Enumerable, KlDivergence, Mode, Moments, Reparameterized, Replicate};
use crate::error::Result;
use crate::noise::{Base, Noise};
use crate::support::Support;

/// The rightmost `K` batch dimensions of `P` read as one event, as in `torch.distributions.Independent`.
///
/// ```text
/// log p(x) = Σᵢ log pᵢ(xᵢ),   and so the entropy and the KL divergence
/// ```
///
/// # Shapes
/// As for `P`, with `K` more event dimensions; log-densities keep all of them as 1.
///
/// # Panics
/// It does not compile to use an `Independent` with more event dimensions than its law has dimensions.
///
/// # Examples
/// ```
/// use relaxit::prelude::*;
/// let bits = Independent::<_, 1>(Bernoulli::from_logits(Tensor::<2>::zeros([7, 20], &Device::flex())));
/// let b = bits.sample(&mut Noise::seeded(0));
/// let log_prob = bits.log_prob(b);
/// assert_eq!(log_prob.dims(), [7, 1]);
/// assert!((log_prob.max().into_scalar::<f32>() - 20.0 * 0.5_f32.ln()).abs() < 1e-4);
/// ```
#[derive(Clone, Debug)]
pub struct Independent<P, const K: usize>(pub P);

impl<P, const K: usize> Independent<P, K> {
    /// Sums the K dimensions left of the law's own event, keeping them as 1.
    fn sum<const D: usize>(x: Tensor<D>) -> Tensor<D>
    where
        P: Distribution<D>,
    {
        const { assert!(P::EVENT_DIMS + K <= D, "Independent has more event dimensions than its law has dimensions") }
        (D - P::EVENT_DIMS - K..D - P::EVENT_DIMS).fold(x, Tensor::sum_dim)
    }

    /// The sizes of the K dimensions, with all others as 1.
    fn entries_shape<const D: usize>(&self) -> [usize; D]
    where
        P: Distribution<D>,
    {
        let (shape, event) = (self.0.shape(), D - P::EVENT_DIMS - K..D - P::EVENT_DIMS);
        std::array::from_fn(|dim| if event.contains(&dim) { shape[dim] } else { 1 })
    }
}

impl<P: Distribution<D>, const K: usize, const D: usize> Distribution<D> for Independent<P, K> {
    const EVENT_DIMS: usize = P::EVENT_DIMS + K;

    fn support(&self) -> Support {
        self.0.support()
    }

    fn shape(&self) -> [usize; D] {
        self.0.shape()
    }

    fn device(&self) -> Device {
        self.0.device()
    }

    fn dtype(&self) -> DType {
        self.0.dtype()
    }

    fn sample(&self, noise: &mut Noise) -> Tensor<D> {
        self.0.sample(noise)
    }

    fn validate(&self) -> Result<()> {
        self.0.validate()
    }
}

impl<P: Replicate<D>, const K: usize, const D: usize> Replicate<D> for Independent<P, K> {
    type Lifted<const E: usize> = Independent<P::Lifted<E>, K>;

    fn replicate<const E: usize>(&self, draws: usize) -> Self::Lifted<E> {
        Independent(self.0.replicate(draws))
    }
}

impl<P: Density<D>, const K: usize, const D: usize> Density<D> for Independent<P, K> {
    fn log_prob(&self, value: Tensor<D>) -> Tensor<D> {
        Self::sum(self.0.log_prob(value))
    }
}

impl<P: Reparameterized<D>, const K: usize, const D: usize> Reparameterized<D> for Independent<P, K> {
    const BASE: Base = P::BASE;

    fn noise_shape(&self) -> [usize; D] {
        self.0.noise_shape()
    }

    fn transport(&self, noise: Tensor<D>) -> Tensor<D> {
        self.0.transport(noise)
    }
}

impl<P: Moments<D>, const K: usize, const D: usize> Moments<D> for Independent<P, K> {
    fn mean(&self) -> Tensor<D> {
        self.0.mean()
    }

    fn variance(&self) -> Tensor<D> {
        self.0.variance()
    }
}

impl<P: Mode<D>, const K: usize, const D: usize> Mode<D> for Independent<P, K> {
    fn mode(&self) -> Tensor<D> {
        self.0.mode()
    }
}

impl<P: Entropy<D>, const K: usize, const D: usize> Entropy<D> for Independent<P, K> {
    fn entropy(&self) -> Tensor<D> {
        Self::sum(self.0.entropy())
    }
}

impl<P: Enumerable<D>, const K: usize, const D: usize> Enumerable<D> for Independent<P, K> {
    /// The product of the entries' outcomes: `mⁿ` for `n` entries of `m` outcomes each, the last entry changing fastest.
    fn outcomes(&self) -> impl Iterator<Item = Tensor<D>> + '_ {
        let (shape, entries_shape) = (self.shape(), self.entries_shape());
        let entries: usize = entries_shape.iter().product();
        // One entry may have a great many outcomes, which need not all be there at once.
        let alone = (entries == 1).then(|| self.0.outcomes()).into_iter().flatten();

        let choices: Vec<Tensor<D>> = if entries == 1 { Vec::new() } else { self.0.outcomes().collect() };
        let mut digits = (entries != 1).then(|| vec![0; entries]);
        alone.chain(std::iter::from_fn(move || {
            let current = digits.take()?;
            digits = successor(current.clone(), choices.len());
            let zero = Tensor::zeros(shape, (&self.device(), self.dtype()));
            Some(choices.iter().enumerate().fold(zero, |outcome, (choice, value)| {
                let chosen: Vec<bool> = current.iter().map(|&digit| digit == choice).collect();
                let mask =
                    Tensor::<D, burn::tensor::Bool>::from_data(TensorData::new(chosen, entries_shape), &self.device());
                // As a `Shape`, because an array may not have a 0, and the batch may be empty.
                outcome.mask_where(mask.expand(Shape::from(shape)), value.clone())
            }))
        }))
    }

    fn num_outcomes(&self) -> f64 {
        let entries: usize = self.entries_shape().iter().product();
        self.0.num_outcomes().powf(entries as f64)
    }
}

/// The next number in base `base`, or none after the last.
fn successor(mut digits: Vec<usize>, base: usize) -> Option<Vec<usize>> {
    for digit in digits.iter_mut().rev() {
        *digit += 1;
        if *digit < base {
            return Some(digits);
        }
        *digit = 0;
    }
    None
}

impl<P, Q, const K: usize, const D: usize> KlDivergence<Independent<Q, K>, D> for Independent<P, K>
where
    P: KlDivergence<Q, D>,
    Q: Distribution<D>,
{
    fn kl_divergence(&self, q: &Independent<Q, K>) -> Tensor<D> {
        Self::sum(self.0.kl_divergence(&q.0))
    }
}
