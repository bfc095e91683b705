//! Laws of counts cut to finitely many atoms.

use burn::tensor::{DType, Device, Shape, Tensor, TensorData};

use super::{Density, Distribution, Entropy, Enumerable, KlDivergence, Mode, Moments, Replicate};
use crate::error::{Error, Result};
use crate::math::{inside_unit_interval, log_sum_exp, on_device};
use crate::noise::Noise;
use crate::support::{Support, restrict};

/// A law of counts cut to the atoms 0, 1, …, n − 1, of which the last takes the remaining mass.
///
/// ```text
/// X = min(K, n − 1),   P(X = k) = P(K = k) for k < n − 1,   P(X = n − 1) = 1 − Σ_{k < n−1} P(K = k)
/// ```
///
/// Dropping the tail and renormalising instead would shift every probability: Poisson(3) cut to 90 % of its mass would
/// have the mean 2.4. (Statisticians call that truncation, and this censoring.) The logits over the atoms are what
/// [`GeneralizedGumbelSoftmax`](crate::relaxation::GeneralizedGumbelSoftmax) relaxes.
///
/// # Shapes
/// The law: `[batch…, 1]`, as are samples and log-probabilities; [`logits`](Self::logits): `[batch…, n]`.
///
/// # Gradient
/// Logits and `log_prob` are differentiable in the parameters of the law; samples carry none.
///
/// # Numerics
/// The last probability is found by subtraction, so its absolute error is that of the sum of the others, about 1e-6 in
/// f32 and 1e-15 in f64, and it is held at half an ulp of 1 (6e-8 and 1e-16) or above; no gradient flows where that happens. Where the law itself ends at n − 1, it is the law's own.
///
/// # Examples
/// ```
/// use relaxit::distribution::{Poisson, Truncated};
/// use relaxit::prelude::*;
/// let law = Poisson::new(Tensor::<1>::from_floats([3.0], &Device::flex()))?;
/// let truncated = Truncated::new(law, 12)?;
/// let mean: f32 = truncated.mean().into_scalar();
/// assert!((mean - 3.0).abs() < 1e-3);
/// # Ok::<(), relaxit::Error>(())
/// ```
///
/// # References
/// [`crate::reference::GENERALIZED_GUMBEL_SOFTMAX`].
#[derive(Clone, Debug)]
pub struct Truncated<L> {
    law: L,
    num_atoms: usize,
}

const NAME: &str = "Truncated";

impl<L> Truncated<L> {
    /// Cuts `law` to the atoms 0, 1, …, `num_atoms` − 1.
    ///
    /// # Errors
    /// [`Error::Parameter`] if `num_atoms` is 0, or larger than the support of the law; [`Error::Shape`] if the last
    /// dimension of the law is not 1; [`Error::Syntax`] if it is no law of counts.
    pub fn new<const D: usize>(law: L, num_atoms: usize) -> Result<Self>
    where
        L: Density<D>,
    {
        const { assert!(L::EVENT_DIMS == 0, "Truncated needs a law of scalars") }
        let refused = |requirement| {
            Err(Error::Parameter { subject: NAME, parameter: "num_atoms", requirement, got: num_atoms as f64 })
        };
        let (shape, support) = (law.shape(), law.support());
        match last_count(support) {
            None => {
                let requirement = "a law of counts";
                return Err(Error::Syntax { subject: NAME, requirement, got: format!("one over {support:?}") });
            }
            Some(last) if num_atoms > last.saturating_add(1) => {
                return refused("at most the number of outcomes of the law");
            }
            Some(_) if num_atoms == 0 => return refused("at least 1"),
            Some(_) => {}
        }
        if shape[D - 1] != 1 {
            let requirement = "a last dimension of 1, along which its atoms will lie".into();
            return Err(Error::Shape { subject: NAME, parameter: "law", requirement, got: shape.to_vec() });
        }
        Ok(Self { law, num_atoms })
    }

    /// The law that was cut.
    #[must_use]
    pub const fn law(&self) -> &L {
        &self.law
    }

    /// The number of atoms, n.
    #[must_use]
    pub const fn num_atoms(&self) -> usize {
        self.num_atoms
    }

    /// The atoms 0, 1, …, n − 1, along the last dimension.
    #[must_use]
    pub fn atoms<const D: usize>(&self) -> Tensor<D>
    where
        L: Density<D>,
    {
        self.counts(0..self.num_atoms)
    }

    /// The logarithms of the probabilities of the atoms: `[batch…, n]`.
    #[must_use]
    pub fn logits<const D: usize>(&self) -> Tensor<D>
    where
        L: Density<D>,
    {
        match self.head() {
            Some(head) => {
                let tail = self.log_tail(Some(head.clone()));
                Tensor::cat(vec![head, tail], D - 1)
            }
            None => self.log_tail(None),
        }
    }

    fn counts<const D: usize>(&self, counts: std::ops::Range<usize>) -> Tensor<D>
    where
        L: Density<D>,
    {
        let mut shape = [1; D];
        shape[D - 1] = counts.len();
        let counts: Vec<f64> = counts.map(|count| count as f64).collect();
        let device = self.law.device();
        let options = (&device.clone().without_autodiff(), self.law.dtype());
        on_device(Tensor::from_data(TensorData::new(counts, shape), options), &device)
    }

    /// The log-probabilities of all atoms but the last, if there are others.
    fn head<const D: usize>(&self) -> Option<Tensor<D>>
    where
        L: Density<D>,
    {
        let others = self.num_atoms - 1;
        let mut shape = self.law.shape();
        shape[D - 1] = others;
        // As a `Shape`, because an array may not have a 0, and the batch may be empty.
        (others > 0).then(|| self.law.log_prob(self.counts(0..others).expand(Shape::from(shape))))
    }

    /// The log-probability of the last atom: `[batch…, 1]`.
    fn log_tail<const D: usize>(&self, head: Option<Tensor<D>>) -> Tensor<D>
    where
        L: Density<D>,
    {
        let last = self.num_atoms - 1;
        let like = |value: f64| Tensor::full(self.law.shape(), value, (&self.law.device(), self.law.dtype()));
        match head {
            None => like(0.0),
            Some(_) if last_count(self.law.support()) == Some(last) => self.law.log_prob(like(last as f64)),
            Some(head) => (-inside_unit_interval(log_sum_exp(head, D - 1).exp())).log1p(),
        }
    }
}

/// The largest count of a support, `usize::MAX` if there is none; `None` if it is not one of counts.
const fn last_count(support: Support) -> Option<usize> {
    match support {
        Support::Boolean => Some(1),
        Support::Naturals => Some(usize::MAX),
        Support::NaturalsUpTo(last) => Some(last),
        _ => None,
    }
}

impl<L: Distribution<D>, const D: usize> Distribution<D> for Truncated<L> {
    const EVENT_DIMS: usize = 0;

    fn support(&self) -> Support {
        Support::NaturalsUpTo(self.num_atoms - 1)
    }

    fn shape(&self) -> [usize; D] {
        self.law.shape()
    }

    fn device(&self) -> Device {
        self.law.device()
    }

    fn dtype(&self) -> DType {
        self.law.dtype()
    }

    fn sample(&self, noise: &mut Noise) -> Tensor<D> {
        self.law.sample(noise).clamp_max((self.num_atoms - 1) as f64)
    }

    fn validate(&self) -> Result<()> {
        self.law.validate()
    }
}

impl<L: Replicate<D>, const D: usize> Replicate<D> for Truncated<L> {
    type Lifted<const E: usize> = Truncated<L::Lifted<E>>;

    fn replicate<const E: usize>(&self, draws: usize) -> Self::Lifted<E> {
        Truncated { law: self.law.replicate(draws), num_atoms: self.num_atoms }
    }
}

impl<L: Density<D>, const D: usize> Density<D> for Truncated<L> {
    fn log_prob(&self, value: Tensor<D>) -> Tensor<D> {
        let below = self.law.log_prob(value.clone());
        let shape = Shape::from(below.dims());
        let last = value.clone().equal_elem((self.num_atoms - 1) as f64).expand(shape.clone());
        let log_prob = below.mask_where(last, self.log_tail(self.head()).expand(shape.clone()));
        restrict(log_prob, self.support(), value.expand(shape))
    }
}

impl<L: Density<D>, const D: usize> Moments<D> for Truncated<L> {
    fn mean(&self) -> Tensor<D> {
        (self.logits().exp() * self.atoms()).sum_dim(D - 1)
    }

    fn variance(&self) -> Tensor<D> {
        (self.logits().exp() * (self.atoms() - self.mean()).square()).sum_dim(D - 1)
    }
}

impl<L: Density<D>, const D: usize> Mode<D> for Truncated<L> {
    /// The likeliest atom; the smallest of equals.
    fn mode(&self) -> Tensor<D> {
        self.logits().detach().argmax(D - 1).float().cast(self.dtype())
    }
}

impl<L: Density<D>, const D: usize> Entropy<D> for Truncated<L> {
    /// `H = −Σₖ pₖ ln pₖ`.
    fn entropy(&self) -> Tensor<D> {
        let logits = self.logits();
        -(logits.clone().exp() * logits).sum_dim(D - 1)
    }
}

/// To any law of counts, cut or not, by the sum over the atoms.
impl<L: Density<D>, Q: Density<D>, const D: usize> KlDivergence<Q, D> for Truncated<L> {
    /// `KL = Σₖ pₖ (ln pₖ − ln qₖ)`, ∞ if q cannot give an atom that p can.
    fn kl_divergence(&self, q: &Q) -> Tensor<D> {
        const { assert!(Q::EVENT_DIMS == 0, "Truncated diverges from laws of scalars") }
        let log_p = self.logits();
        let mut shape = q.shape();
        shape[D - 1] = self.num_atoms;
        // As a `Shape`, because an array may not have a 0, and the batch may be empty.
        let log_q = q.log_prob(self.atoms().expand(Shape::from(shape)));
        let impossible = log_p.clone().equal_elem(f64::NEG_INFINITY);
        let excluded = log_q.clone().equal_elem(f64::NEG_INFINITY);
        let terms = log_p.clone().exp() * (log_p - log_q);
        // 0 · ∞ is 0 where p gives nothing, ∞ where a probability that only underflows meets one of 0.
        terms.mask_fill(excluded, f64::INFINITY).mask_fill(impossible, 0.0).sum_dim(D - 1)
    }
}

impl<L: Density<D>, const D: usize> Enumerable<D> for Truncated<L> {
    fn outcomes(&self) -> impl Iterator<Item = Tensor<D>> + '_ {
        (0..self.num_atoms).map(|k| Tensor::full(self.shape(), k as f64, (&self.device(), self.dtype())))
    }
}
