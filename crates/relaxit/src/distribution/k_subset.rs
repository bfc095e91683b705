//! The conditional Bernoulli distribution over k-subsets.

use burn::tensor::{DType, Device, Int, Tensor, TensorData};

use super::categorical::with_categories;
use super::gumbel_top_k::{binomial_coefficient, k_hot_vectors};
use super::plackett_luce::{OUT, checked_count, k_hot_of_top, repeated};
use super::{Density, Distribution, Entropy, Enumerable, KlDivergence, Mode, Moments, replicate};
use crate::error::{Result, check_values};
use crate::math::{log_sum_exp, logit, on_device, one_hot_argmax};
use crate::noise::{Base, Noise};
use crate::support::{Support, restrict};

/// The conditional Bernoulli distribution: K independent bits, given that exactly k of them are 1.
///
/// ```text
/// log P(S) = Σᵢ∈S φᵢ − ln eₖ(exp φ),   eₖ = Σ over all k-subsets T of Πᵢ∈T exp φᵢ,   φ = logits
/// ```
///
/// The law of highest entropy among those of k-subsets with given marginals. It is not the law of k draws without
/// replacement, which is [`GumbelTopK`](super::GumbelTopK).
///
/// # Shapes
/// `logits` and samples: `[batch…, K]`; log-probabilities, entropies, divergences: `[batch…, 1]`.
///
/// # Gradient
/// `log_prob`, marginals ([`mean`](Moments::mean)), entropy and divergence are differentiable in the logits; samples
/// carry none, and [`rsample_straight_through`](Self::rsample_straight_through) gives them that of the marginals.
/// Adding a constant to the logits changes nothing.
///
/// # Numerics
/// Everything is measured from the likeliest set: the weights of departures from it are multiplied up, as polynomials
/// over ever larger halves of the items, in log space. Sums of positive terms, so nothing overflows or cancels, in
/// `log₂ K` steps of at most `K k` additions for each event. Finite for logits of up to ±1e20.
///
/// # Examples
/// ```
/// use relaxit::prelude::*;
/// let device = Device::flex();
/// let law = KSubset::from_logits(Tensor::<2>::zeros([5, 8], &device), 2)?;
/// let b = law.sample(&mut Noise::seeded(0));
/// let log_prob: f32 = law.log_prob(b).mean().into_scalar();
/// assert!((log_prob + 28_f32.ln()).abs() < 1e-5); // 28 pairs among 8
/// # Ok::<(), relaxit::Error>(())
/// ```
///
/// # References
/// [`crate::reference::SIMPLE`]; Chen, Dempster & Liu (1994), *Weighted finite population sampling to maximize
/// entropy*.
#[doc(alias = "ConditionalBernoulli")]
#[doc(alias = "SIMPLE")]
#[derive(Clone, Debug)]
pub struct KSubset<const D: usize> {
    logits: Tensor<D>,
    count: usize,
}

const NAME: &str = "KSubset";

impl<const D: usize> KSubset<D> {
    /// From the log-odds of the bits, up to a constant, and the number of ones.
    ///
    /// # Errors
    /// [`Error::Shape`](crate::Error::Shape) if there are no items; [`Error::Parameter`](crate::Error::Parameter) if
    /// `count` is not between 1 and their number.
    pub fn from_logits(logits: Tensor<D>, count: usize) -> Result<Self> {
        let logits = with_categories(NAME, "logits", logits)?;
        checked_count(NAME, count, logits.dims()[D - 1])?;
        Ok(Self { logits, count })
    }

    /// From the probabilities of the bits before it is known how many are 1.
    ///
    /// 0 and 1 are accepted and held at the nearest numbers strictly between (see [`logit`]).
    ///
    /// # Errors
    /// As [`from_logits`](Self::from_logits), and [`Error::Values`](crate::Error::Values) if a value lies outside
    /// [0, 1]; reads the device.
    pub fn from_probs(probs: Tensor<D>, count: usize) -> Result<Self> {
        let probs = with_categories(NAME, "probs", probs)?;
        check_values(NAME, "probs", "between 0 and 1", &probs, |p| (0.0..=1.0).contains(&p))?;
        Self::from_logits(logit(probs), count)
    }

    /// The parameters as given: log-odds up to a constant.
    #[must_use]
    pub const fn logits(&self) -> &Tensor<D> {
        &self.logits
    }

    /// How many ones there are.
    #[must_use]
    pub const fn count(&self) -> usize {
        self.count
    }

    /// A sample whose gradient is that of the marginals: the SIMPLE estimator.
    ///
    /// Biased as a gradient of `E[f(b)]`, unless `f` is linear.
    ///
    /// # Examples
    /// ```
    /// use relaxit::prelude::*;
    /// let device = Device::flex().autodiff();
    /// let logits = Tensor::<1>::from_floats([0.0, 1.0, 2.0], &device).require_grad();
    /// let b = KSubset::from_logits(logits.clone(), 2)?.rsample_straight_through(&mut Noise::seeded(0));
    /// assert_eq!(b.clone().sum().into_scalar::<f32>(), 2.0);
    /// assert!(logits.grad(&b.slice_dim(0, 0).sum().backward()).unwrap().max().into_scalar::<f32>() > 0.1);
    /// # Ok::<(), relaxit::Error>(())
    /// ```
    pub fn rsample_straight_through(&self, noise: &mut Noise) -> Tensor<D> {
        let (hard, soft) = (self.sample(noise), self.mean());
        hard.detach() + (soft.clone() - soft.detach())
    }

    /// The likeliest set and what departs from it.
    fn departures(&self) -> Departures {
        let shape = self.shape();
        let rows = self.logits.clone().reshape([shape[..D - 1].iter().product(), shape[D - 1]]);
        Departures::new(rows, self.count)
    }

    /// One number for each event, as `[batch…, 1]`.
    fn kept(&self, x: Tensor<2>) -> Tensor<D> {
        let mut shape = self.shape();
        shape[D - 1] = 1;
        x.reshape(shape)
    }

    /// With no event there is nothing to compute, and backends differ in what they make of empty tensors.
    fn is_empty(&self) -> bool {
        self.shape().contains(&0)
    }
}

impl<const D: usize> Distribution<D> for KSubset<D> {
    const EVENT_DIMS: usize = 1;

    fn support(&self) -> Support {
        Support::KHot(self.count)
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

    /// Exact: the ones are dealt out to halves, quarters, … of the items.
    fn sample(&self, noise: &mut Noise) -> Tensor<D> {
        let inner = Self { logits: self.logits.clone().inner(), count: self.count };
        let hard = if self.is_empty() {
            inner.logits
        } else {
            let departures = inner.departures();
            departures.tree().sample(noise).reshape(self.shape())
        };
        on_device(hard, &self.device())
    }

    fn validate(&self) -> Result<()> {
        check_values(NAME, "logits", "finite", &self.logits, f64::is_finite)
    }
}

replicate!(KSubset { logits } count);

impl<const D: usize> Density<D> for KSubset<D> {
    fn log_prob(&self, value: Tensor<D>) -> Tensor<D> {
        if self.is_empty() || value.dims().contains(&0) {
            return (self.logits.clone() + value).sum_dim(D - 1);
        }
        let value = value.detach();
        let departures = self.departures();
        let log_total = self.kept(departures.tree().log_total());
        let differs = value.clone().not_equal(departures.likeliest.reshape(self.shape()));
        let differs = differs.float().cast(self.dtype());
        let log_weight = (departures.weights.reshape(self.shape()) * differs).sum_dim(D - 1);
        restrict(log_weight - log_total, self.support(), value)
    }
}

impl<const D: usize> Moments<D> for KSubset<D> {
    /// The marginals `P(bᵢ = 1) = exp(φᵢ) eₖ₋₁(without i) / eₖ`.
    fn mean(&self) -> Tensor<D> {
        if self.is_empty() {
            return self.logits.clone();
        }
        let departures = self.departures();
        departures.marginals(&departures.tree()).reshape(self.shape())
    }

    fn variance(&self) -> Tensor<D> {
        if self.is_empty() {
            return self.logits.clone();
        }
        let departures = self.departures();
        let (p, _) = departures.tree().departing(&departures.likeliest);
        (p.clone() * (-p + 1.0).clamp_min(0.0)).reshape(self.shape())
    }
}

impl<const D: usize> Mode<D> for KSubset<D> {
    /// The largest logits.
    fn mode(&self) -> Tensor<D> {
        on_device(k_hot_of_top(self.logits.clone(), self.count), &self.device())
    }
}

impl<const D: usize> Entropy<D> for KSubset<D> {
    /// `H = ln eₖ − Σᵢ μᵢ φᵢ`, μ = the marginals.
    fn entropy(&self) -> Tensor<D> {
        if self.is_empty() {
            return self.logits.clone().sum_dim(D - 1);
        }
        let departures = self.departures();
        let (p, log_total) = departures.tree().departing(&departures.likeliest);
        self.kept(log_total - (p * departures.weights).sum_dim(1))
    }
}

impl<const D: usize> Enumerable<D> for KSubset<D> {
    /// `K!/(k! (K − k)!)` sets.
    fn outcomes(&self) -> impl Iterator<Item = Tensor<D>> + '_ {
        k_hot_vectors(self.shape()[D - 1], self.count)
            .map(|event| repeated(&event, self.shape(), &self.device(), self.dtype()))
    }

    fn num_outcomes(&self) -> f64 {
        binomial_coefficient(self.shape()[D - 1], self.count)
    }
}

impl<const D: usize> KlDivergence<Self, D> for KSubset<D> {
    /// `KL = Σᵢ μᵢ (φᵢ − ψᵢ) − ln eₖ(exp φ) + ln eₖ(exp ψ)`, μ = the marginals of p, ψ = the logits of `q`; ∞ if the two
    /// counts differ.
    ///
    /// # Panics
    /// If the shapes differ.
    #[track_caller]
    fn kl_divergence(&self, q: &Self) -> Tensor<D> {
        assert_eq!(self.shape(), q.shape(), "{NAME}: the two laws of a divergence must have one shape");
        if self.is_empty() {
            return self.logits.clone().sum_dim(D - 1);
        }
        let (p, q_departures) = (self.departures(), q.departures());
        let (departing, log_total) = p.tree().departing(&p.likeliest);
        if self.count != q.count {
            return self.kept(log_total).full_like(f64::INFINITY);
        }
        let q_log_total = q_departures.tree().log_total();
        // The probability under p that an item departs from the likeliest set of q.
        let differ = (p.likeliest.clone() - q_departures.likeliest.clone()).abs();
        let q_departing = (-differ.clone() * 2.0 + 1.0) * departing.clone() + differ;
        let kl = (departing * p.weights - q_departing * q_departures.weights).sum_dim(1) - log_total + q_log_total;
        self.kept(kl)
    }
}

/// The likeliest set, and what it costs to depart from it, for each event a row.
///
/// Measured from the middle between the k-th and the next logit, the members have log-odds φ ≥ 0, the others φ ≤ 0: a
/// set has the weight `exp −Σ |φ|` over the items at which it differs. Measured so, all log-weights are negative, and
/// where logits are far apart nothing is a small difference of large numbers.
struct Departures {
    /// One for the members of the likeliest set. No gradient.
    likeliest: Tensor<2>,
    /// `−|φ|`.
    weights: Tensor<2>,
    count: usize,
}

impl Departures {
    fn new(logits: Tensor<2>, count: usize) -> Self {
        let fixed = logits.clone().detach();
        let likeliest = on_device(k_hot_of_top(logits.clone().inner(), count), &logits.device());
        let is_member = likeliest.clone().equal_elem(1.0);
        let last_in = fixed.clone().mask_fill(is_member.clone().bool_not(), -OUT).min_dim(1);
        let middle = if count == logits.dims()[1] {
            last_in
        } else {
            (last_in + fixed.mask_fill(is_member, OUT).max_dim(1)) * 0.5
        };
        let weights = (logits - middle) * (-likeliest.clone() * 2.0 + 1.0);
        Self { likeliest, weights, count }
    }

    fn tree(&self) -> Tree {
        let flipped = self.weights.clone() * self.likeliest.clone();
        let chosen = self.weights.clone() - flipped.clone();
        Tree::new(flipped, chosen, self.count)
    }

    fn marginals(&self, tree: &Tree) -> Tensor<2> {
        let (departing, _) = tree.departing(&self.likeliest);
        departing * (-self.likeliest.clone() * 2.0 + 1.0) + self.likeliest.clone()
    }
}

/// The polynomials `Πᵢ (exp aᵢ + x exp bᵢ)` over ever larger blocks of items, as logarithms of coefficients up to `xᵏ`.
///
/// `levels[l]` is `[rows, blocks, degree + 1]` with blocks of `2ˡ` items; items that fill up to a power of two are never
/// chosen. Of the last level, one block, only the coefficient of `xᵏ` is needed and kept.
struct Tree {
    levels: Vec<Tensor<3>>,
    items: usize,
    count: usize,
}

impl Tree {
    /// From the log-weights of each item's absence and presence.
    fn new(absent: Tensor<2>, present: Tensor<2>, count: usize) -> Self {
        let [rows, items] = absent.dims();
        let padded = items.next_power_of_two();
        let filled = |x: Tensor<2>, value: f64| {
            let filler = Tensor::full([rows, padded - items], value, (&x.device(), x.dtype()));
            let filled = if padded == items { x } else { Tensor::cat(vec![x, filler], 1) };
            filled.reshape([rows, padded, 1])
        };
        let mut levels = vec![Tensor::cat(vec![filled(absent, 0.0), filled(present, OUT)], 2)];
        let mut blocks = padded;
        while blocks > 1 {
            blocks /= 2;
            let children = &levels[levels.len() - 1];
            let degree = children.dims()[2] - 1;
            let pairs = children.clone().reshape([rows, blocks, 2 * (degree + 1)]);
            let (left, right) = (pairs.clone().narrow(2, 0, degree + 1), pairs.narrow(2, degree + 1, degree + 1));
            // c(m) = ln Σⱼ exp(a(j) + b(m − j)).
            let lowest = if blocks == 1 { count } else { 0 };
            let height = (2 * degree).min(count) + 1 - lowest;
            let shifted = shift(right, height, degree + 1, |m, j| (lowest + m).checked_sub(j));
            let left = left.reshape([rows, blocks, 1, degree + 1]);
            levels.push(log_sum_exp(left + shifted, 3).reshape([rows, blocks, height]));
        }
        Self { levels, items, count }
    }

    /// `ln eₖ`, `[rows, 1]`.
    fn log_total(&self) -> Tensor<2> {
        let root = &self.levels[self.levels.len() - 1];
        let [rows, _, width] = root.dims();
        // A single item is root and leaf, and has both coefficients.
        root.clone().narrow(2, width - 1, 1).reshape([rows, 1])
    }

    /// The probability of each item to be absent where `likeliest` is 1 and present where it is 0, `[rows, items]`, and
    /// `ln eₖ`: the derivative of `ln eₖ`, downwards through the tree.
    fn departing(&self, likeliest: &Tensor<2>) -> (Tensor<2>, Tensor<2>) {
        let root = &self.levels[self.levels.len() - 1];
        let rows = root.dims()[0];
        // outside(c) = ln of the weight of the items outside a block, k − c of which are chosen.
        let only: Vec<f64> = (0..=self.count).map(|c| if c == self.count { 0.0 } else { OUT }).collect();
        let only = TensorData::new(only, [1, 1, self.count + 1]);
        let mut outside = Tensor::<3>::from_data(only, (&root.device(), root.dtype())).repeat_dim(0, rows);
        for children in self.levels.iter().rev().skip(1) {
            let [_, blocks, width] = children.dims();
            let siblings = children.clone().reshape([rows, blocks / 2, 2, width]).flip([2]);
            if blocks == 2 {
                // All that is outside of a half is the other.
                let other = shift(siblings.reshape([rows, 2, width]), width, 1, |c, _| self.count.checked_sub(c));
                outside = other.reshape([rows, 2, width]);
                continue;
            }
            // outside(c) = ln Σⱼ exp(outside of the parent(c + j) + sibling(j)).
            let shifted = shift(outside, width, width, |c, j| Some(c + j));
            let shifted = shifted.reshape([rows, blocks / 2, 1, width * width]).repeat_dim(2, 2);
            let siblings = siblings.reshape([rows, blocks, 1, width]);
            let terms = shifted.reshape([rows, blocks, width, width]) + siblings;
            outside = log_sum_exp(terms, 3).reshape([rows, blocks, width]);
        }
        let log_weights = outside + self.levels[0].clone();
        let part = |coefficient| {
            let part = log_weights.clone().narrow(2, coefficient, 1).narrow(1, 0, self.items);
            part.reshape([rows, self.items])
        };
        let departing = part(1) * (-likeliest.clone() + 1.0) + part(0) * likeliest.clone();
        let log_total = self.log_total();
        // Rounding must not make a probability of more than 1.
        ((departing - log_total.clone()).clamp_max(0.0).exp(), log_total)
    }

    /// How many ones go to each block, from the root down to single items.
    #[allow(clippy::cast_possible_wrap)] // a dimension is below 2⁶³
    fn sample(&self, noise: &mut Noise) -> Tensor<2> {
        let root = &self.levels[self.levels.len() - 1];
        let (rows, device, dtype) = (root.dims()[0], root.device(), root.dtype());
        let mut counts = Tensor::<3, Int>::full([rows, 1, 1], self.count as i64, &device);
        for children in self.levels.iter().rev().skip(1) {
            let [_, blocks, width] = children.dims();
            let pairs = children.clone().reshape([rows, blocks / 2, 2 * width]);
            let (left, right) = (pairs.clone().narrow(2, 0, width), pairs.narrow(2, width, width));
            let to_left = Tensor::<1, Int>::arange(0..width as i64, &device).reshape([1, 1, width]);
            // The number that goes right, or the index of an entry that is never taken.
            let to_right = counts.clone() - to_left;
            let impossible = to_right.clone().lower_elem(0).bool_or(to_right.clone().greater_elem(width as i64 - 1));
            let to_right = to_right.mask_fill(impossible, width as i64);
            let score = left + with_entry_out(right).gather(2, to_right);
            let gumbel = noise.draw(Base::Gumbel, score.dims(), (&device, dtype));
            let hot = one_hot_argmax(score + gumbel);
            let index = Tensor::<1, Int>::arange(0..width as i64, &device).float().cast(dtype).reshape([1, 1, width]);
            let to_left = (hot * index).sum_dim(2).round().int();
            let to_right = counts - to_left.clone();
            counts = Tensor::cat(vec![to_left, to_right], 2).reshape([rows, blocks, 1]);
        }
        let padded = counts.dims()[1];
        counts.reshape([rows, padded]).narrow(1, 0, self.items).float().cast(dtype)
    }
}

/// `x` with one more entry at the end, which stands for every coefficient that does not exist.
fn with_entry_out(x: Tensor<3>) -> Tensor<3> {
    let [rows, blocks, _] = x.dims();
    let out = Tensor::full([rows, blocks, 1], OUT, (&x.device(), x.dtype()));
    Tensor::cat(vec![x, out], 2)
}

/// The table `x(index(i, j))` over the last dimension, `[rows, blocks, height, width]`.
#[allow(clippy::cast_possible_wrap)] // a dimension is below 2⁶³
fn shift(x: Tensor<3>, height: usize, width: usize, index: impl Fn(usize, usize) -> Option<usize>) -> Tensor<4> {
    let [rows, blocks, entries] = x.dims();
    let at = |i, j| index(i, j).filter(|&at| at < entries).unwrap_or(entries) as i64;
    let indices: Vec<i64> = (0..height).flat_map(|i| (0..width).map(move |j| (i, j))).map(|(i, j)| at(i, j)).collect();
    let indices = Tensor::<1, Int>::from_data(indices.as_slice(), &x.device());
    with_entry_out(x).select(2, indices).reshape([rows, blocks, height, width])
}
