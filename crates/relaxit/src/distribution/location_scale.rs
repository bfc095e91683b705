//! What the location–scale families share: `x = μ + β ε`.

use burn::tensor::{DType, Device, Shape, Tensor};

use super::Lift;
use crate::error::{Result, broadcast_shape, check_values};
use crate::math::{at_least_f32, constant, on_device};
use crate::noise::{Base, Noise};

/// The upper end is 1e30 as f32 rounds it.
const RANGE: std::ops::RangeInclusive<f64> = 1e-30..=1.000_001e30;

/// The two parameters of `x = loc + scale · ε`, of one shape.
#[derive(Clone, Debug)]
pub(crate) struct LocationScale<const D: usize> {
    pub(crate) loc: Tensor<D>,
    pub(crate) scale: Tensor<D>,
}

impl<const D: usize> LocationScale<D> {
    /// A door: checks shapes, and reads the values.
    pub(crate) fn new(subject: &'static str, loc: Tensor<D>, scale: Tensor<D>) -> Result<Self> {
        let family = Self::unchecked(subject, loc, scale)?;
        family.validate(subject)?;
        Ok(family)
    }

    /// A door with nothing to read: every `log_scale` within ±69 is legal.
    pub(crate) fn from_log_scale(subject: &'static str, loc: Tensor<D>, log_scale: Tensor<D>) -> Result<Self> {
        Self::unchecked(subject, loc, at_least_f32(log_scale).exp())
    }

    /// Brings both parameters to one shape and type.
    fn unchecked(subject: &'static str, loc: Tensor<D>, scale: Tensor<D>) -> Result<Self> {
        let (loc, scale) = (at_least_f32(loc), at_least_f32(scale));
        let shape = broadcast_shape(subject, ("scale", scale.dims()), ("loc", loc.dims()))?;
        let scale = scale.cast(loc.dtype());
        // As a `Shape`, because an array may not have a 0, and the batch may be empty.
        let shape = Shape::from(shape);
        Ok(Self { loc: loc.expand(shape.clone()), scale: scale.expand(shape) })
    }

    pub(crate) fn validate(&self, subject: &'static str) -> Result<()> {
        check_values(subject, "loc", "finite", &self.loc, f64::is_finite)?;
        check_values(subject, "scale", "between 1e-30 and 1e30", &self.scale, |scale| RANGE.contains(&scale))
    }

    pub(crate) fn shape(&self) -> [usize; D] {
        self.loc.dims()
    }

    pub(crate) fn device(&self) -> Device {
        self.loc.device()
    }

    pub(crate) fn dtype(&self) -> DType {
        self.loc.dtype()
    }

    /// `μ + β ε`.
    pub(crate) fn transport(&self, noise: Tensor<D>) -> Tensor<D> {
        self.loc.clone() + self.scale.clone() * noise
    }

    /// A draw that leaves no trace in the autodiff graph.
    pub(crate) fn sample(&self, base: Base, noise: &mut Noise) -> Tensor<D> {
        let inner = Self { loc: self.loc.clone().inner(), scale: self.scale.clone().inner() };
        let noise = noise.draw(base, self.shape(), (&inner.device(), self.dtype()));
        on_device(inner.transport(noise), &self.device())
    }

    /// `(x − μ) / β`.
    pub(crate) fn standardised(&self, x: Tensor<D>) -> Tensor<D> {
        self.over_scale(x - self.loc.clone())
    }

    /// `x / β`.
    pub(crate) fn over_scale(&self, x: Tensor<D>) -> Tensor<D> {
        let quotient = x / constant(&self.scale);
        if !self.scale.is_tracked() {
            return quotient;
        }
        // Through the logarithm: the derivative of a quotient has β², which f32 cannot hold where β is small.
        let log_scale = self.log_scale();
        quotient * (log_scale.clone().detach() - log_scale + 1.0)
    }

    pub(crate) fn log_scale(&self) -> Tensor<D> {
        self.scale.clone().log()
    }
}

impl<const D: usize> Lift<D> for LocationScale<D> {
    type Lifted<const E: usize> = LocationScale<E>;

    fn lift<const E: usize>(&self, draws: usize) -> LocationScale<E> {
        LocationScale { loc: self.loc.lift(draws), scale: self.scale.lift(draws) }
    }
}

/// Constructors and accessors of a law that is a map of location and scale; a check of the two may be added, with what it
/// refuses.
macro_rules! location_scale_parameters {
    ($law:ident, $subject:expr $(, $check:expr, $refused:literal)?) => {
        impl<const D: usize> $law<D> {
            /// From location and scale, which may broadcast against each other.
            ///
            /// # Errors
            #[doc = concat!("[`Error::Shape`](crate::Error::Shape) if the shapes do not broadcast" $(, $refused)?, ";")]
            /// [`Error::Values`](crate::Error::Values) if `loc` is not finite or `scale` lies outside [1e-30, 1e30], where
            /// its reciprocal leaves f32. Reads the device: where that would stall a training step, use
            /// [`from_log_scale`](Self::from_log_scale).
            pub fn new(loc: Tensor<D>, scale: Tensor<D>) -> Result<Self> {
                LocationScale::new($subject, loc, scale)$(.and_then($check))?.map(Self)
            }

            /// From location and the logarithm of the scale: nothing is read. Legal are logarithms within ±69;
            /// [`Distribution::validate`] refuses the others.
            ///
            /// # Errors
            #[doc = concat!("[`Error::Shape`](crate::Error::Shape) if the shapes do not broadcast" $(, $refused)?, ".")]
            pub fn from_log_scale(loc: Tensor<D>, log_scale: Tensor<D>) -> Result<Self> {
                LocationScale::from_log_scale($subject, loc, log_scale)$(.and_then($check))?.map(Self)
            }

            /// The location `μ`.
            #[must_use]
            pub const fn loc(&self) -> &Tensor<D> {
                &self.0.loc
            }

            /// The scale `β`.
            #[must_use]
            pub const fn scale(&self) -> &Tensor<D> {
                &self.0.scale
            }
        }

        $crate::distribution::replicate!($law { 0 });
    };
}
pub(crate) use location_scale_parameters;

/// [`location_scale_parameters`], and the traits that are the same for every location–scale family.
macro_rules! location_scale_family {
    ($law:ident, $subject:literal, $base:expr) => {
        $crate::distribution::location_scale::location_scale_parameters!($law, $subject);

        impl<const D: usize> Reparameterized<D> for $law<D> {
            const BASE: Base = $base;

            fn transport(&self, noise: Tensor<D>) -> Tensor<D> {
                self.0.transport(noise)
            }
        }

        impl<const D: usize> Distribution<D> for $law<D> {
            const EVENT_DIMS: usize = 0;

            fn support(&self) -> Support {
                Support::Real
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
                self.0.sample(Self::BASE, noise)
            }

            fn validate(&self) -> Result<()> {
                self.0.validate($subject)
            }
        }
    };
}
pub(super) use location_scale_family;
