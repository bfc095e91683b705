//! What the laws on [0, 1] with atoms at both ends share: stretch, clamp, and a density of three parts.

use burn::tensor::{Shape, Tensor, TensorData, activation};

use crate::error::{Error, Result};
use crate::math::{GAUSS_LEGENDRE_NODES, constant, gauss_legendre};
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

/// Mean and variance of a gate, one for each row, from what lies between its ends.
///
/// ```text
/// E[z] = P(1) + ∫ z(x) p(x) dx,   Var[z] = m² P(0) + (1 − m)² P(1) + ∫ (z(x) − m)² p(x) dx
/// ```
///
/// where z(x) rises from 0 to 1 over `ends`, `[rows, 1]`, x is noise of the density p and `reach` holds all of it. The
/// gradient is the pathwise one, ∫ ∂z/∂θ p(x) dx: what the ends contribute cancels.
pub(super) struct GateMoments {
    z: Tensor<2>,
    mass: Tensor<2>,
    zero: Tensor<2>,
    one: Tensor<2>,
}

impl GateMoments {
    /// Panels in which noise and gate are smooth: the noise changes over distances of 1, on a `reach` of less than 90.
    const PANELS: u32 = 30;

    /// `atoms`: P(0) and P(1), `[rows, 1]`.
    pub(super) fn new(
        ends: [Tensor<2>; 2],
        reach: [f64; 2],
        log_density: impl Fn(Tensor<2>) -> Tensor<2>,
        atoms: [Tensor<2>; 2],
        z: impl Fn(Tensor<2>) -> Tensor<2>,
    ) -> Self {
        let [low, high] = ends.map(|end| constant(&end).clamp(reach[0], reach[1]));
        let width = high - low.clone();
        let (nodes, weights): (Vec<f64>, Vec<f64>) = gauss_legendre(Self::PANELS).unzip();
        let row = |x: Vec<f64>| {
            let data = TensorData::new(x, [1, Self::PANELS as usize * GAUSS_LEGENDRE_NODES]);
            Tensor::<2>::from_data(data, (&width.device(), width.dtype()))
        };
        let x = low + width.clone() * row(nodes);
        let mass = log_density(x.clone()).exp() * row(weights) * width;
        let [zero, one] = atoms.map(|atom| constant(&atom));
        Self { z: z(x), mass, zero, one }
    }

    /// Those of gates made of logistic noise.
    pub(super) fn of_logistic_noise(
        ends: [Tensor<2>; 2],
        atoms: [Tensor<2>; 2],
        z: impl Fn(Tensor<2>) -> Tensor<2>,
    ) -> Self {
        let log_density = |x: Tensor<2>| activation::log_sigmoid(x.clone()) + activation::log_sigmoid(-x);
        Self::new(ends, [-42.0, 42.0], log_density, atoms, z)
    }

    pub(super) fn mean(&self) -> Tensor<2> {
        self.one.clone() + (self.z.clone() * self.mass.clone()).sum_dim(1)
    }

    pub(super) fn variance(&self) -> Tensor<2> {
        // At the mean the variance does not change with it.
        let mean = constant(&self.mean());
        let between = ((self.z.clone() - mean.clone()).square() * self.mass.clone()).sum_dim(1);
        between + mean.clone().square() * self.zero.clone() + (-mean + 1.0).square() * self.one.clone()
    }
}
