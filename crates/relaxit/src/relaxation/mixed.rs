//! What the laws on [0, 1] with atoms at both ends share: stretch, clamp, and a density of three parts.

use burn::tensor::{Shape, Tensor};

use crate::error::{Error, Result};
use crate::support::{Support, restrict};

/// The interval `[γ, ζ]` onto which a law on (0, 1) is stretched before it is clamped: `γ < 0 < 1 < ζ`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Stretch {
    pub(super) gamma: f64,
    pub(super) zeta: f64,
}

impl Stretch {
    /// That of Louizos et al. (2018).
    pub(super) const PUBLISHED: Self = Self { gamma: -0.1, zeta: 1.1 };

    /// Nearer to 0 and 1 than 1e-4, f32 could not tell the atoms from their neighbours; NaN is out of every range.
    pub(super) fn new(subject: &'static str, gamma: f64, zeta: f64) -> Result<Self> {
        if !(-1e3..=-1e-4).contains(&gamma) {
            let requirement = "between -1e3 and -1e-4";
            return Err(Error::Parameter { subject, parameter: "gamma", requirement, got: gamma });
        }
        if !(1.0001..=1001.0).contains(&zeta) {
            let requirement = "between 1.0001 and 1001";
            return Err(Error::Parameter { subject, parameter: "zeta", requirement, got: zeta });
        }
        Ok(Self { gamma, zeta })
    }

    /// `ζ − γ`.
    pub(super) fn width(self) -> f64 {
        self.zeta - self.gamma
    }

    /// `clamp(s (ζ − γ) + γ, 0, 1)`.
    pub(super) fn apply<const D: usize>(self, s: Tensor<D>) -> Tensor<D> {
        (s * self.width() + self.gamma).clamp(0.0, 1.0)
    }
}

/// A log-density with respect to Lebesgue measure on (0, 1) plus a unit mass at 0 and at 1: `interior` holds it between
/// (finite at the ends too), `zero` and `one` are the log-probabilities of the ends.
pub(super) fn with_atoms<const D: usize>(
    value: Tensor<D>,
    interior: Tensor<D>,
    zero: Tensor<D>,
    one: Tensor<D>,
) -> Tensor<D> {
    // As a `Shape`, because an array may not have a 0, and the batch may be empty.
    let shape = Shape::from(interior.dims());
    let [value, zero, one] = [value, zero, one].map(|x| x.expand(shape.clone()));
    let (at_zero, at_one) = (value.clone().equal_elem(0.0), value.clone().equal_elem(1.0));
    restrict(interior.mask_where(at_zero, zero).mask_where(at_one, one), Support::UnitInterval, value)
}
