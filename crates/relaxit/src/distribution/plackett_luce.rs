//! The Plackett–Luce distribution over ordered choices.

use burn::tensor::{DType, Device, IndexingUpdateOp, Int, Shape, Tensor};

use super::categorical::{logits_of_probs, with_categories};
use super::{Density, Distribution, Enumerable, Mode, replicate};
use crate::error::{Error, Result, check_values};
#[cfg(feature = "flex")]
use crate::kernel;
use crate::math::{log_sum_exp, on_device};
use crate::noise::{Base, Noise};
use crate::support::{Support, restrict};

/// Stands for the score of an item that is out of the running: far below every practical logit, and finite, so that no
/// derivative is 0 · ∞.
pub(crate) const OUT: f64 = -1e30;

/// The Plackett–Luce distribution: k of K items drawn one after another without replacement, in their order.
///
/// ```text
/// log p(i₁, …, iₖ) = Σⱼ [φ(iⱼ) − ln Σ e^φ(remaining)],   remaining = all items but i₁, …, iⱼ₋₁,   φ = logits
/// ```
///
/// A value holds the rank of each item: 1 for the first drawn, 2 for the second, …, k, and 0 for those not drawn. It is
/// sampled exactly, by the k largest of `φ + Gumbel noise`. With `count` = K it is a law of permutations, with
/// `count` = 1 the categorical law. The law of the same draw without its order is [`GumbelTopK`](super::GumbelTopK).
///
/// # Shapes
/// `logits` and samples: `[batch…, K]`; log-probabilities: `[batch…, 1]`.
///
/// # Gradient
/// `log_prob` is differentiable in the logits; samples carry none. Adding a constant to the logits changes nothing.
///
/// # Numerics
/// The sums over remaining items are built up from the last one, by adding only, so nothing cancels; finite for logits
/// of up to ±1e20.
///
/// # Examples
/// ```
/// use relaxit::prelude::*;
/// let device = Device::flex();
/// let law = PlackettLuce::from_probs(Tensor::<1>::from_floats([0.99, 0.005, 0.005], &device), 2)?;
/// let ranks = Tensor::<1>::from_floats([1.0, 0.0, 2.0], &device); // the first item, then the third
/// let log_prob: f32 = law.log_prob(ranks).into_scalar();
/// assert!((log_prob.exp() - 0.99 * 0.5).abs() < 1e-6);
/// # Ok::<(), relaxit::Error>(())
/// ```
///
/// # References
/// Plackett (1975), *The analysis of permutations*; sampling by perturbation: [`crate::reference::GUMBEL_TOP_K`].
#[derive(Clone, Debug)]
pub struct PlackettLuce<const D: usize> {
    logits: Tensor<D>,
    count: usize,
}

const NAME: &str = "PlackettLuce";

impl<const D: usize> PlackettLuce<D> {
    /// From logarithms of unnormalised probabilities and the number of items drawn.
    ///
    /// # Errors
    /// [`Error::Shape`] if there are no items; [`Error::Parameter`] if `count` is not between 1 and their number.
    pub fn from_logits(logits: Tensor<D>, count: usize) -> Result<Self> {
        let logits = with_categories(NAME, "logits", logits)?;
        checked_count(NAME, count, logits.dims()[D - 1])?;
        Ok(Self { logits, count })
    }

    /// From probabilities of the first draw, which are normalised to sum to 1 along the last dimension.
    ///
    /// Zeros are accepted and held at the smallest positive normal number.
    ///
    /// # Errors
    /// As [`from_logits`](Self::from_logits), and [`Error::Values`] if a value is negative, infinite or NaN, or all of
    /// an event are 0; reads the device.
    pub fn from_probs(probs: Tensor<D>, count: usize) -> Result<Self> {
        Self::from_logits(logits_of_probs(NAME, probs)?, count)
    }

    /// From parameters that were checked already.
    pub(crate) const fn from_parameters(logits: Tensor<D>, count: usize) -> Self {
        Self { logits, count }
    }

    /// The parameters as given: unnormalised log-probabilities of the first draw.
    #[must_use]
    pub const fn logits(&self) -> &Tensor<D> {
        &self.logits
    }

    /// How many items are drawn.
    #[must_use]
    pub const fn count(&self) -> usize {
        self.count
    }
}

impl<const D: usize> Distribution<D> for PlackettLuce<D> {
    const EVENT_DIMS: usize = 1;

    fn support(&self) -> Support {
        Support::Ranking(self.count)
    }

    fn shape(&self) -> [usize; D] {
        self.logits.dims()
    }

    fn device(&self) -> Device {
        self.logits.device()
    }

    fn dtype(&self) -> DType {
        self.logits.dtype()
    }

    /// In one fused pass where there is a kernel for these logits, with the same noise.
    fn sample(&self, noise: &mut Noise) -> Tensor<D> {
        let logits = self.logits.clone().inner();
        #[cfg(feature = "flex")]
        if let Some(top) = kernel::gumbel_top_k(&logits, self.count, kernel::Mark::Rank, noise) {
            return on_device(top, &self.device());
        }
        let gumbel = noise.draw(Base::Gumbel, self.shape(), (&logits.device(), self.dtype()));
        on_device(ranks_of_top(gumbel + logits, self.count), &self.device())
    }

    fn validate(&self) -> Result<()> {
        check_values(NAME, "logits", "finite", &self.logits, f64::is_finite)
    }
}

replicate!(PlackettLuce { logits } count);

impl<const D: usize> Density<D> for PlackettLuce<D> {
    fn log_prob(&self, value: Tensor<D>) -> Tensor<D> {
        let (logits, value) = broadcast(self.logits.clone(), value.detach());
        if value.dims().contains(&0) {
            return logits.sum_dim(D - 1);
        }
        let items = self.shape()[D - 1];
        let drawn = value.clone().not_equal_elem(0.0);
        // Undrawn items go to the end of the order.
        let order = value.clone().mask_fill(drawn.clone().bool_not(), items as f64 + 1.0).argsort(D - 1);
        let logits = centred(logits);
        let chosen = logits.clone().gather(D - 1, order.narrow(D - 1, 0, self.count));
        let scores = if self.count == items {
            chosen.clone()
        } else {
            Tensor::cat(vec![chosen.clone(), log_sum_exp(logits.mask_fill(drawn, OUT), D - 1)], D - 1)
        };
        let remaining = suffix_log_sum_exp(scores).narrow(D - 1, 0, self.count);
        restrict((chosen - remaining).sum_dim(D - 1), self.support(), value)
    }
}

impl<const D: usize> Mode<D> for PlackettLuce<D> {
    /// The largest logits in descending order.
    fn mode(&self) -> Tensor<D> {
        on_device(ranks_of_top(self.logits.clone(), self.count), &self.device())
    }
}

impl<const D: usize> Enumerable<D> for PlackettLuce<D> {
    /// `K!/(K − k)!` orders.
    fn outcomes(&self) -> impl Iterator<Item = Tensor<D>> + '_ {
        let items = self.shape()[D - 1];
        let orders: usize = (items - self.count + 1..=items).product();
        (0..orders).map(move |mut code| {
            let (mut left, mut ranks): (Vec<usize>, _) = ((0..items).collect(), vec![0.0; items]);
            for rank in 1..=self.count {
                let pick = code % left.len();
                code /= left.len();
                ranks[left.remove(pick)] = rank as f64;
            }
            repeated(&ranks, self.shape(), &self.device(), self.dtype())
        })
    }

    fn num_outcomes(&self) -> f64 {
        let items = self.shape()[D - 1];
        (items - self.count + 1..=items).map(|left| left as f64).product()
    }
}

/// Refuses a number of items drawn that is 0 or above the number of items.
pub(crate) fn checked_count(subject: &'static str, count: usize, items: usize) -> Result<()> {
    if (1..=items).contains(&count) {
        return Ok(());
    }
    Err(Error::Parameter {
        subject,
        parameter: "count",
        requirement: "between 1 and the number of items",
        got: count as f64,
    })
}

/// Both at the shape to which they broadcast.
pub(crate) fn broadcast<const D: usize>(a: Tensor<D>, b: Tensor<D>) -> (Tensor<D>, Tensor<D>) {
    let (wide, other) = (a.dims(), b.dims());
    let shape: [usize; D] = std::array::from_fn(|dim| if wide[dim] == 1 { other[dim] } else { wide[dim] });
    // As a `Shape`, because an array may not have a 0, and the batch may be empty.
    (a.expand(Shape::from(shape)), b.expand(Shape::from(shape)))
}

/// The same up to a constant for each event, with maximum 0: what is far from 0 has few digits left behind the point.
pub(crate) fn centred<const D: usize>(logits: Tensor<D>) -> Tensor<D> {
    let max = logits.clone().detach().max_dim(D - 1);
    logits - max
}

/// The rank, from 1, of each of the `count` largest scores, and 0 for the others. Without gradient, on the inner device.
pub(crate) fn ranks_of_top<const D: usize>(scores: Tensor<D>, count: usize) -> Tensor<D> {
    #[allow(clippy::cast_possible_wrap)] // a dimension is below 2⁶³
    mark_top(scores, count, |device| Tensor::<1, Int>::arange(1..count as i64 + 1, device).float())
}

/// One for each of the `count` largest scores, and 0 for the others. Without gradient, on the inner device.
pub(crate) fn k_hot_of_top<const D: usize>(scores: Tensor<D>, count: usize) -> Tensor<D> {
    mark_top(scores, count, |device| Tensor::ones([count], device))
}

fn mark_top<const D: usize>(scores: Tensor<D>, count: usize, marks: impl Fn(&Device) -> Tensor<1>) -> Tensor<D> {
    let scores = scores.inner();
    let zeros = scores.zeros_like();
    if scores.dims().contains(&0) {
        return zeros;
    }
    let (_, order) = scores.topk_with_indices(count, D - 1);
    let mut shape = [1; D];
    shape[D - 1] = count;
    let marks = marks(&zeros.device()).cast(zeros.dtype()).reshape(shape).expand(order.dims());
    zeros.scatter(D - 1, order, marks, IndexingUpdateOp::Add)
}

/// One event, repeated over the batch.
pub(crate) fn repeated<const D: usize>(event: &[f64], shape: [usize; D], device: &Device, dtype: DType) -> Tensor<D> {
    let mut row = [1; D];
    row[D - 1] = event.len();
    // As a `Shape`, because an array may not have a 0, and the batch may be empty.
    Tensor::<1>::from_data(event, (device, dtype)).reshape(row).expand(Shape::from(shape))
}

/// `ln Σ eˣ` over each entry and those after it, in log₂ n passes.
fn suffix_log_sum_exp<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    let entries = x.dims()[D - 1];
    let (mut sums, mut reach) = (x, 1);
    while reach < entries {
        let covered = entries - reach;
        let here = sums.clone().narrow(D - 1, 0, covered);
        let later = sums.clone().narrow(D - 1, reach, covered);
        sums = Tensor::cat(vec![log_add_exp(here, later), sums.narrow(D - 1, covered, reach)], D - 1);
        reach *= 2;
    }
    sums
}

/// `ln(eᵃ + eᵇ)` of finite numbers.
pub(crate) fn log_add_exp<const D: usize>(a: Tensor<D>, b: Tensor<D>) -> Tensor<D> {
    let max = a.clone().max_pair(b.clone()).detach();
    ((a - max.clone()).exp() + (b - max.clone()).exp()).log() + max
}
