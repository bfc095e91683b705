//! A network over the relaxed sample.

use burn::tensor::{DType, Shape, Tensor, TensorCreationOptions};

use super::{ControlVariate, Slope, assert_parameters, learned};
use crate::error::{Error, Result};
use crate::noise::{Base, Noise};
use crate::objective::Objective;
use crate::relaxation::{Relaxation, Tangent};

/// RELAX's free-form control variate: a small network over the relaxed sample, which owes the objective nothing.
///
/// ```text
/// c(z) = W₂ tanh(W₁ (2 squash(z) − 1) + b₁) + b₂,   with as many hidden layers as wanted
/// ```
///
/// With an objective that cannot be evaluated between the discrete values it is the control variate to use; with another,
/// [`Sum`](super::Sum) adds it to a [`RelaxedObjective`](super::RelaxedObjective).
///
/// It starts at 0, where RELAX is REINFORCE: the last layer is 0, the others have Burn's usual uniform law, from `noise`.
///
/// # Shapes
/// The latent: any batch, then the shape of one row's variables that it was built for. The value: that shape with 1 for
/// every variable's dimension.
///
/// # Errors
/// [`Error::Parameter`] for no variables or a layer without units.
///
/// # Panics
/// If a latent has other variables.
///
/// # Examples
/// ```
/// use relaxit::{control::{ControlVariate, Network}, prelude::*};
/// let device = Device::flex().autodiff();
/// let network = Network::new(&[2, 3], &[10], &mut Noise::seeded(0), &device)?; // two choices of three
/// let at = RelaxedOneHotCategorical::from_logits(Tensor::<3>::zeros([5, 2, 3], &device), 0.5)?;
/// let c = network.value(&at, at.latent().rsample(&mut Noise::seeded(1)), &|y: Tensor<3>| y);
/// assert_eq!(c.dims(), [5, 1, 1]);
/// assert_eq!(c.abs().max().into_scalar::<f32>(), 0.0);
/// # Ok::<(), relaxit::Error>(())
/// ```
///
/// # References
/// [`crate::reference::RELAX`].
#[derive(Clone, Debug)]
pub struct Network {
    /// The dimensions of one row.
    row: Vec<usize>,
    /// The width of every layer, the input's first, the output's 1 last.
    widths: Vec<usize>,
    /// Layer by layer: weights `[in, out]`, then biases `[out]`.
    weights: Tensor<1>,
}

const NAME: &str = "Network";

impl Network {
    /// For rows of variables of shape `row`, with hidden layers of these widths.
    ///
    /// # Errors
    /// [`Error::Parameter`] for no variables or a layer without units.
    pub fn new(
        row: &[usize],
        hidden: &[usize],
        noise: &mut Noise,
        options: impl Into<TensorCreationOptions>,
    ) -> Result<Self> {
        let at_least_one = |parameter, width| {
            let requirement = "at least 1";
            if width > 0 { Ok(()) } else { Err(Error::Parameter { subject: NAME, parameter, requirement, got: 0.0 }) }
        };
        let variables = row.iter().product();
        at_least_one("row", variables)?;
        hidden.iter().try_for_each(|&width| at_least_one("hidden", width))?;
        let widths = [&[variables], hidden, &[1]].concat();

        let options = options.into();
        let inner = options.clone().with_device(options.device.clone().without_autodiff());
        let last = widths[hidden.len()] + 1;
        let mut weights: Vec<Tensor<1>> = widths[..=hidden.len()]
            .windows(2)
            .map(|layer| {
                let bound = (layer[0] as f64).sqrt().recip();
                let uniform = noise.draw(Base::Uniform, [(layer[0] + 1) * layer[1]], inner.clone());
                uniform * (2.0 * bound) - bound
            })
            .collect();
        weights.push(Tensor::zeros([last], inner));
        Ok(Self { row: row.to_vec(), widths, weights: learned(Tensor::cat(weights, 0), &options.device) })
    }

    /// Weights `[in, out]` and biases `[1, out]` of each layer.
    fn layers(&self, dtype: DType) -> impl Iterator<Item = (Tensor<2>, Tensor<2>)> {
        let (weights, mut start) = (self.weights.clone().cast(dtype), 0);
        self.widths.windows(2).map(move |width| {
            let mut part = |shape: [usize; 2]| {
                let part = weights.clone().slice_dim(0, start..start + shape[0] * shape[1]);
                start += shape[0] * shape[1];
                part.reshape(shape)
            };
            (part([width[0], width[1]]), part([1, width[1]]))
        })
    }

    /// Rows of all of a latent's variables: `[rows, variables]`.
    #[track_caller]
    fn rows<const D: usize>(&self, x: Tensor<D>) -> Tensor<2> {
        let shape = x.dims();
        let batch = shape.iter().rev().skip(self.row.len()).product::<usize>();
        assert!(shape.ends_with(&self.row), "{NAME}: a latent {shape:?} must end in rows of {:?}", self.row);
        // As a `Shape`, because an array may not have a 0, and the batch may be empty.
        x.reshape(Shape::from([batch, self.widths[0]]))
    }

    /// One number a row, back in the shape of the batch.
    fn values<const D: usize>(&self, x: Tensor<2>, mut shape: [usize; D]) -> Tensor<D> {
        shape[D - self.row.len()..].fill(1);
        x.reshape(Shape::from(shape))
    }
}

impl<R: Relaxation<D>, const D: usize> ControlVariate<R, D> for Network {
    #[track_caller]
    fn value(&self, at: &R, z: Tensor<D>, _: &dyn Objective<D>) -> Tensor<D> {
        let (shape, mut x) = (z.dims(), self.rows(at.squash(z) * 2.0 - 1.0));
        for (layer, (matrix, bias)) in self.layers(x.dtype()).enumerate() {
            x = if layer == 0 { x } else { x.tanh() };
            x = x.matmul(matrix) + bias;
        }
        self.values(x, shape)
    }

    fn slope(&self) -> Option<&dyn Slope<R, D>> {
        Some(self)
    }

    fn parameters(&self) -> Vec<Tensor<1>> {
        vec![self.weights.clone()]
    }

    #[track_caller]
    fn set_parameters(&mut self, mut parameters: Vec<Tensor<1>>) {
        assert_parameters(&ControlVariate::<R, D>::parameters(self), &parameters);
        self.weights = parameters.remove(0);
    }
}

impl<R: Relaxation<D>, const D: usize> Slope<R, D> for Network {
    /// By the chain rule.
    #[track_caller]
    fn along(&self, at: &R, z: Tensor<D>, tangent: &Tangent<D>) -> Tensor<D> {
        let (shape, mut x) = (z.dims(), self.rows(at.squash(z) * 2.0 - 1.0));
        let mut moved = self.rows(tangent.relaxed.clone() * 2.0);
        for (layer, (matrix, bias)) in self.layers(x.dtype()).enumerate() {
            if layer > 0 {
                x = x.tanh();
                moved = moved * (-x.clone().square() + 1.0);
            }
            x = x.matmul(matrix.clone()) + bias;
            moved = moved.matmul(matrix);
        }
        self.values(moved, shape)
    }
}
