//! One error type for every door of the crate: constructors, parsers, checked conversions.

use burn::tensor::Tensor;

/// Why a door of this crate refused its input.
///
/// Every message has the same grammar: *subject: `parameter` must be …, got …*.
///
/// # Examples
/// ```
/// use relaxit::prelude::*;
/// let logits = Tensor::<1>::zeros([3], &Device::flex());
/// let error = RelaxedBernoulli::from_logits(logits, 0.0).unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "RelaxedBernoulli: `temperature` must be between 1e-6 and 1e6, got 0"
/// );
/// ```
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Error {
    /// A scalar parameter lies outside its accepted range.
    #[error("{subject}: `{parameter}` must be {requirement}, got {got}")]
    Parameter {
        /// The type or function that refused.
        subject: &'static str,
        /// The parameter's name.
        parameter: &'static str,
        /// What is accepted.
        requirement: &'static str,
        /// What was given.
        got: f64,
    },
    /// A tensor has a shape that does not fit.
    #[error("{subject}: `{parameter}` must have {requirement}, got shape {got:?}")]
    Shape {
        /// The type or function that refused.
        subject: &'static str,
        /// The parameter's name.
        parameter: &'static str,
        /// What is accepted.
        requirement: String,
        /// What was given.
        got: Vec<usize>,
    },
    /// Some values of a tensor lie outside their accepted range.
    #[error("{subject}: every value of `{parameter}` must be {requirement}, got {example} ({count} such)")]
    Values {
        /// The type or function that refused.
        subject: &'static str,
        /// The parameter's name.
        parameter: &'static str,
        /// What is accepted.
        requirement: &'static str,
        /// The first value refused.
        example: f64,
        /// How many values were refused.
        count: usize,
    },
    /// A text could not be read.
    #[error("{subject}: expected {requirement}, got `{got}`")]
    Syntax {
        /// The type or function that refused.
        subject: &'static str,
        /// What is accepted.
        requirement: &'static str,
        /// What was given.
        got: String,
    },
}

/// A result whose error is [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Refuses a tensor with a value that does not satisfy `accept` (NaN satisfies no comparison). Reads the device.
pub(crate) fn check_values<const D: usize>(
    subject: &'static str,
    parameter: &'static str,
    requirement: &'static str,
    tensor: &Tensor<D>,
    accept: impl Fn(f64) -> bool,
) -> Result<()> {
    let values: Vec<f64> = tensor.clone().inner().try_into_vec_as().unwrap_or_default();
    let mut refused = values.into_iter().filter(|&value| !accept(value));
    match refused.next() {
        None => Ok(()),
        Some(example) => Err(Error::Values { subject, parameter, requirement, example, count: 1 + refused.count() }),
    }
}

/// The shape to which two parameters broadcast; refuses the first if there is none.
pub(crate) fn broadcast_shape<const D: usize>(
    subject: &'static str,
    (parameter, shape): (&'static str, [usize; D]),
    (other, others): (&'static str, [usize; D]),
) -> Result<[usize; D]> {
    if shape.iter().zip(others).any(|(&a, b)| a != b && a != 1 && b != 1) {
        let requirement = format!("a shape that broadcasts with {others:?}, the shape of `{other}`");
        return Err(Error::Shape { subject, parameter, requirement, got: shape.to_vec() });
    }
    Ok(std::array::from_fn(|dim| if shape[dim] == 1 { others[dim] } else { shape[dim] }))
}
