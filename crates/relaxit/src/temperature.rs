//! The temperature of a relaxation: one number, or one for each element.

use burn::tensor::{DType, Tensor};

use crate::error::{Error, Result, check_values};

/// How far a relaxation is from its discrete law: towards 0 it hardens, towards ∞ it flattens.
///
/// One number for every element, or a tensor that broadcasts against the logits (and may carry a gradient, for
/// relaxations that learn their temperature).
///
/// # Errors
/// Numbers outside [1e-6, 1e6] are refused where a relaxation is built: further out, logits divided by the temperature
/// leave the range of f32. A tensor's values are checked by `validate`, not on every construction, because reading
/// them would stall a GPU.
///
/// # Examples
/// ```
/// use relaxit::prelude::*;
/// let device = Device::flex();
/// let logits = Tensor::<2>::zeros([4, 2], &device);
/// let each = Tensor::<2>::from_floats([[0.1, 1.0]], &device);
/// assert!(RelaxedBernoulli::from_logits(logits.clone(), each).is_ok());
/// assert!(RelaxedBernoulli::from_logits(logits, f64::NAN).is_err());
/// ```
#[derive(Clone, Debug)]
#[allow(clippy::large_enum_variant)] // one in each relaxation, and a box would show in the interface
pub enum Temperature<const D: usize> {
    /// The same for every element.
    Scalar(f64),
    /// One for each element, after broadcasting against the logits.
    Tensor(Tensor<D>),
}

impl<const D: usize> From<f64> for Temperature<D> {
    fn from(temperature: f64) -> Self {
        Self::Scalar(temperature)
    }
}

impl<const D: usize> From<Tensor<D>> for Temperature<D> {
    fn from(temperature: Tensor<D>) -> Self {
        Self::Tensor(temperature)
    }
}

const REQUIREMENT: &str = "between 1e-6 and 1e6";

impl<const D: usize> Temperature<D> {
    pub(crate) const RANGE: std::ops::RangeInclusive<f64> = 1e-6..=1e6;

    /// What the host knows without reading a tensor: the scalar's range, or that the shape broadcasts to `shape`
    /// (with 1 in the last `event_dims` dimensions, where one temperature serves the whole event).
    pub(crate) fn checked(
        self,
        subject: &'static str,
        shape: [usize; D],
        event_dims: usize,
        dtype: DType,
    ) -> Result<Self> {
        match self {
            Self::Scalar(value) if Self::RANGE.contains(&value) => Ok(self),
            Self::Scalar(value) => {
                Err(Error::Parameter { subject, parameter: "temperature", requirement: REQUIREMENT, got: value })
            }
            Self::Tensor(tensor) => {
                let mut widest = shape;
                widest[D - event_dims..].fill(1);
                let dims = tensor.dims();
                if dims.iter().zip(widest).all(|(&got, wide)| got == 1 || got == wide) {
                    Ok(Self::Tensor(tensor.cast(dtype)))
                } else {
                    Err(Error::Shape {
                        subject,
                        parameter: "temperature",
                        requirement: format!("a shape that broadcasts to {widest:?}"),
                        got: dims.to_vec(),
                    })
                }
            }
        }
    }

    /// Reads the values of a tensor and checks their range.
    pub(crate) fn validate(&self, subject: &'static str) -> Result<()> {
        match self {
            Self::Scalar(_) => Ok(()),
            Self::Tensor(tensor) => {
                check_values(subject, "temperature", REQUIREMENT, tensor, |value| Self::RANGE.contains(&value))
            }
        }
    }

    /// Refuses another temperature than this one. Reads the device if one of them is a tensor.
    pub(crate) fn check_same(&self, subject: &'static str, other: &Self) -> Result<()> {
        const SAME: &str = "that of the other law";
        let (these, those) = match (self, other) {
            (Self::Scalar(this), Self::Scalar(that)) if this.to_bits() == that.to_bits() => return Ok(()),
            (Self::Scalar(_), &Self::Scalar(got)) => {
                return Err(Error::Parameter { subject, parameter: "temperature", requirement: SAME, got });
            }
            (Self::Tensor(this), Self::Tensor(that)) => (this.clone().inner(), that.clone().inner()),
            (Self::Tensor(this), &Self::Scalar(that)) => (this.clone().inner(), this.clone().inner().full_like(that)),
            (&Self::Scalar(this), Self::Tensor(that)) => (that.clone().inner().full_like(this), that.clone().inner()),
        };
        let those = those.cast(these.dtype());
        let differs = (these.clone() - those.clone()).not_equal_elem(0.0);
        // Both at the shape to which they broadcast.
        let theirs: Vec<f64> = (these * 0.0 + those).try_into_vec_as().unwrap_or_default();
        let differs: Vec<bool> = differs.try_into_vec_as().unwrap_or_default();
        let mut others = theirs.into_iter().zip(differs).filter_map(|(theirs, differs)| differs.then_some(theirs));
        match others.next() {
            None => Ok(()),
            Some(example) => {
                let count = 1 + others.count();
                Err(Error::Values { subject, parameter: "temperature", requirement: SAME, example, count })
            }
        }
    }

    /// `x / τ`.
    pub(crate) fn divide(&self, x: Tensor<D>) -> Tensor<D> {
        match self {
            // Not `x / value`, whose gradient Burn computes with the scalar rounded to f32, even for f64 tensors.
            Self::Scalar(value) => x * value.recip(),
            Self::Tensor(tensor) => x / tensor.clone(),
        }
    }

    /// `τ x`.
    pub(crate) fn multiply(&self, x: Tensor<D>) -> Tensor<D> {
        match self {
            Self::Scalar(value) => x * *value,
            Self::Tensor(tensor) => x * tensor.clone(),
        }
    }

    /// `x τ/(τ + 1)`.
    pub(crate) fn share(&self, x: Tensor<D>) -> Tensor<D> {
        match self {
            Self::Scalar(value) => x * (value / (value + 1.0)),
            Self::Tensor(tensor) => x * (tensor.clone() / (tensor.clone() + 1.0)),
        }
    }

    /// `x + n ln τ`.
    pub(crate) fn add_log(&self, x: Tensor<D>, n: f64) -> Tensor<D> {
        match self {
            Self::Scalar(value) => x + n * value.ln(),
            Self::Tensor(tensor) => x + tensor.clone().log() * n,
        }
    }

    /// The same temperature on the same device, as a constant.
    pub(crate) fn detach(&self) -> Self {
        match self {
            Self::Scalar(value) => Self::Scalar(*value),
            Self::Tensor(tensor) => Self::Tensor(tensor.clone().detach()),
        }
    }

    /// The same temperature on the inner device, without gradient.
    pub(crate) fn inner(&self) -> Self {
        match self {
            Self::Scalar(value) => Self::Scalar(*value),
            Self::Tensor(tensor) => Self::Tensor(tensor.clone().inner()),
        }
    }
}
