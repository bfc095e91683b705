//! Where a law lives: membership, and points inside and outside for tests.

use burn::tensor::{Bool, Device, Tensor};

use crate::math::log_sum_exp;

/// The set of values that a law can take.
///
/// Simplices and intervals include their boundary: a sample strictly inside can round to it in floating point.
///
/// # Examples
/// ```
/// use relaxit::prelude::*;
/// let law = OneHotCategorical::from_logits(Tensor::<1>::zeros([3], &Device::flex()))?;
/// assert_eq!(law.support(), Support::OneHot);
/// # Ok::<(), relaxit::Error>(())
/// ```
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Support {
    /// Every finite real number.
    Real,
    /// The interval [0, 1].
    UnitInterval,
    /// 0 or 1.
    Boolean,
    /// 0, 1, 2, …
    Naturals,
    /// 0, 1, …, n.
    NaturalsUpTo(usize),
    /// Vectors with one 1 and zeros.
    OneHot,
    /// Vectors of non-negative numbers that sum to 1.
    Simplex,
    /// Logarithms of points of the open simplex: finite vectors with `ln Σ eˣ = 0`.
    LogSimplex,
    /// Vectors with so many 1s, and zeros.
    KHot(usize),
    /// Vectors with each of the ranks 1 to so many once, and zeros.
    Ranking(usize),
    /// Vectors of non-negative numbers with this sum.
    ScaledSimplex(usize),
}

/// How far a sum over an event may be from its constraint and still count as rounding.
const ROUNDING: f64 = 1e-3;

impl Support {
    /// Rightmost dimensions that the constraint couples.
    #[must_use]
    pub const fn event_dims(self) -> usize {
        match self {
            Self::Real | Self::UnitInterval | Self::Boolean | Self::Naturals | Self::NaturalsUpTo(_) => 0,
            Self::OneHot
            | Self::Simplex
            | Self::LogSimplex
            | Self::KHot(_)
            | Self::Ranking(_)
            | Self::ScaledSimplex(_) => 1,
        }
    }

    /// Whether each event of `value` lies in the support; event dimensions are kept as 1. NaN never does.
    ///
    /// Sums may be off by 1e-3, which is rounding for events of up to a million entries.
    ///
    /// # Examples
    /// ```
    /// use relaxit::prelude::*;
    /// let x = Tensor::<1>::from_floats([0.0, 0.5, f32::NAN], &Device::flex());
    /// let inside: Vec<f32> = Support::Boolean.contains(x).float().try_into_vec_as().unwrap();
    /// assert_eq!(inside, [1.0, 0.0, 0.0]);
    /// ```
    #[must_use]
    pub fn contains<const D: usize>(self, value: Tensor<D>) -> Tensor<D, Bool> {
        let value = value.inner();
        match self {
            Self::Real => value.is_finite(),
            Self::UnitInterval => in_unit_interval(value),
            Self::Boolean => is_boolean(value),
            Self::Naturals => is_natural(value),
            Self::NaturalsUpTo(last) => value.clone().lower_equal_elem(last as f64).bool_and(is_natural(value)),
            Self::OneHot => {
                let sum = value.clone().sum_dim(D - 1);
                every_entry(is_boolean(value)).bool_and(sum.equal_elem(1.0))
            }
            Self::Simplex => {
                let excess = value.clone().sum_dim(D - 1) - 1.0;
                every_entry(in_unit_interval(value)).bool_and(excess.abs().lower_equal_elem(ROUNDING))
            }
            Self::LogSimplex => {
                let excess = log_sum_exp(value.clone(), D - 1);
                every_entry(value.is_finite()).bool_and(excess.abs().lower_equal_elem(ROUNDING))
            }
            Self::KHot(count) => {
                let sum = value.clone().sum_dim(D - 1);
                every_entry(is_boolean(value)).bool_and(sum.equal_elem(count as f64))
            }
            Self::Ranking(count) => {
                if value.dims().contains(&0) {
                    return value.sum_dim(D - 1).equal_elem(1.0);
                }
                let mut shape = [1; D];
                shape[D - 1] = value.dims()[D - 1];
                let sorted: Vec<f64> = (0..shape[D - 1]).map(|rank| count.saturating_sub(rank) as f64).collect();
                let sorted = Tensor::<1>::from_data(sorted.as_slice(), (&value.device(), value.dtype())).reshape(shape);
                every_entry(value.sort_descending(D - 1).sub(sorted).equal_elem(0.0))
            }
            Self::ScaledSimplex(count) => {
                let excess = value.clone().sum_dim(D - 1) / count as f64 - 1.0;
                every_entry(value.greater_equal_elem(0.0)).bool_and(excess.abs().lower_equal_elem(ROUNDING))
            }
        }
    }

    /// Events inside (`true`) and outside the support, each with `entries` entries along the last dimension.
    ///
    /// # Examples
    /// ```
    /// use relaxit::prelude::*;
    /// for (inside, x) in Support::Simplex.examples(3, &Device::flex()) {
    ///     let claim: f32 = Support::Simplex.contains(x).float().into_scalar();
    ///     assert_eq!(claim == 1.0, inside);
    /// }
    /// ```
    #[must_use]
    #[allow(clippy::cast_possible_truncation)] // ranks in f32
    pub fn examples(self, entries: usize, device: &Device) -> Vec<(bool, Tensor<1>)> {
        let entries = if self.event_dims() == 0 { 1 } else { entries };
        let uniform = 1.0 / entries as f64;
        let full = |value: f64| Tensor::full([entries], value, device);
        let mut first = vec![0.0_f32; entries];
        if let Some(entry) = first.first_mut() {
            *entry = 1.0;
        }
        let first = Tensor::<1>::from_floats(first.as_slice(), device);
        let mut examples = vec![(false, full(f64::NAN)), (false, full(f64::INFINITY))];
        examples.extend(match self {
            Self::Real => vec![(true, full(-3.0)), (true, full(1e30))],
            Self::UnitInterval => vec![(true, full(0.25)), (true, full(1.0)), (false, full(-0.1)), (false, full(1.1))],
            Self::Boolean => vec![(true, full(0.0)), (true, full(1.0)), (false, full(0.5)), (false, full(-1.0))],
            Self::Naturals => vec![(true, full(0.0)), (true, full(7.0)), (false, full(0.5)), (false, full(-1.0))],
            Self::NaturalsUpTo(last) => {
                let last = last as f64;
                vec![(true, full(0.0)), (true, full(last)), (false, full(last + 1.0)), (false, full(-1.0))]
            }
            Self::OneHot => vec![(true, first.clone()), (false, full(0.5)), (false, full(0.0)), (false, first * 2.0)],
            Self::Simplex => {
                vec![(true, first.clone()), (true, full(uniform)), (false, full(2.0)), (false, first * -1.0)]
            }
            Self::LogSimplex => vec![(true, full(uniform.ln())), (false, full(1.0)), (false, full(-100.0))],
            Self::KHot(count) => {
                let hot = leading(entries, count, |_| 1.0, device);
                vec![(true, hot.clone()), (false, full(0.5)), (false, full(0.0)), (false, hot * 2.0)]
            }
            Self::Ranking(count) => {
                let ranks = leading(entries, count, |rank| rank as f32, device);
                vec![(true, ranks.clone()), (false, full(0.5)), (false, full(0.0)), (false, ranks * -1.0)]
            }
            Self::ScaledSimplex(count) => {
                let corner = leading(entries, count, |_| 1.0, device);
                let inside = full(uniform * count as f64);
                vec![(true, corner.clone()), (true, inside), (false, full(0.0)), (false, corner * -1.0)]
            }
        });
        examples
    }
}

/// A number for each of the first `count` entries, from 1 on, and 0 for the others.
fn leading(entries: usize, count: usize, value: impl Fn(usize) -> f32, device: &Device) -> Tensor<1> {
    let values: Vec<f32> = (1..=entries).map(|i| if i <= count { value(i) } else { 0.0 }).collect();
    Tensor::from_floats(values.as_slice(), device)
}

fn in_unit_interval<const D: usize>(value: Tensor<D>) -> Tensor<D, Bool> {
    value.clone().greater_equal_elem(0.0).bool_and(value.lower_equal_elem(1.0))
}

fn is_boolean<const D: usize>(value: Tensor<D>) -> Tensor<D, Bool> {
    value.clone().equal_elem(0.0).bool_or(value.equal_elem(1.0))
}

fn is_natural<const D: usize>(value: Tensor<D>) -> Tensor<D, Bool> {
    let whole = value.clone().floor().equal(value.clone());
    whole.bool_and(value.clone().greater_equal_elem(0.0)).bool_and(value.is_finite())
}

/// Whether all entries along the last dimension hold, kept as 1.
fn every_entry<const D: usize>(holds: Tensor<D, Bool>) -> Tensor<D, Bool> {
    // A sum of indicators rather than `all_dim`, which does not take an empty batch.
    let entries = holds.dims()[D - 1];
    holds.float().sum_dim(D - 1).equal_elem(entries as f32)
}

/// `value` with 0 for what is not finite: formulae are evaluated there, because masking their result with −∞ would leave the
/// NaN of their derivatives.
pub(crate) fn finite<const D: usize>(value: Tensor<D>) -> Tensor<D> {
    let strange = value.clone().inner().is_finite().bool_not();
    value.mask_fill(strange, 0.0)
}

/// `log_prob`, computed of [`finite`] values, with −∞ outside the support, and no gradient there.
pub(crate) fn restrict<const D: usize>(log_prob: Tensor<D>, support: Support, value: Tensor<D>) -> Tensor<D> {
    log_prob.mask_fill(support.contains(value).bool_not(), f64::NEG_INFINITY)
}

#[cfg(test)]
#[allow(clippy::float_cmp)] // of numbers that are exact
mod tests {
    use super::*;

    #[test]
    fn examples_are_where_they_claim_to_be() {
        let device = Device::flex();
        for support in [
            Support::Real,
            Support::UnitInterval,
            Support::Boolean,
            Support::Naturals,
            Support::NaturalsUpTo(3),
            Support::OneHot,
            Support::Simplex,
            Support::LogSimplex,
            Support::KHot(2),
            Support::Ranking(3),
            Support::ScaledSimplex(2),
        ] {
            for (claim, x) in support.examples(4, &device) {
                let contains: f32 = support.contains(x.clone()).float().max().into_scalar();
                assert!((contains == 1.0) == claim, "{support:?} {x}");
            }
        }
    }

    #[test]
    fn an_empty_batch_has_no_members() {
        let x = Tensor::<2>::zeros([0, 3], &Device::flex());
        assert_eq!(Support::OneHot.contains(x).dims(), [0, 1]);
    }
}
