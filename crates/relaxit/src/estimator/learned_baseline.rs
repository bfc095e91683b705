//! A baseline that learns what to expect of each row: NVIL's.

use burn::tensor::{Device, Tensor};

use super::{Baseline, Bias, MovingAverage};
use crate::control::assert_parameters;
use crate::error::{Error, Result};
use crate::noise::{Base, Noise};
use crate::reference::{NVIL, REINFORCE, Reference};

/// The baseline of neural variational inference and learning: a network of the logits, and a moving average.
///
/// ```text
/// B = c + w₂·tanh(W₁ tanh(φ/2) + b₁) + b₂,   c = the moving average of earlier values
/// ```
///
/// The paper's network sees the input; here it sees the row's logits φ, which are a function of the input, through
/// `tanh(φ/2)`, which for a bit is `2θ − 1`. It starts as `c` alone. A [`Tuner`](crate::control::Tuner) trains it to
/// lessen the squared advantage. That is not the variance of the gradient, for which the best baseline of a bit with one
/// of its values rare is rather what the rare value is worth; it is what serves where the rows differ.
///
/// # Gradient
/// [`ScoreFunction`](super::ScoreFunction) has no bias with it: it does not know the sample. **Normalised**, the
/// estimate is divided by a moving average of the advantage's root mean square where that is above 1. The average is
/// of *earlier* estimates (the paper's includes the current one), so that the expectation keeps its direction; its
/// length is another, and the estimator then claims a bias.
///
/// # Numerics
/// Finite at every finite logit. A value that is not finite is not averaged. Reads one number from the device at each
/// estimate, two if normalised. The averages are not among the parameters: a training that resumes without them takes
/// some estimates to find them again.
///
/// # Panics
/// If the logits of a row are not as many as the network's inputs.
///
/// # Examples
/// ```
/// use relaxit::{control::Tuner, estimator::{LearnedBaseline, ScoreFunction}, prelude::*, schedule::Anneal};
/// let (device, mut noise) = (Device::flex().autodiff(), Noise::seeded(0));
/// let mut estimator = ScoreFunction::with_baseline(LearnedBaseline::new(1, 8, &mut noise, &device)?);
/// let mut tuner = Tuner::new(Anneal::Constant(0.03))?;
/// let logits = Tensor::<2>::from_floats([[3.0], [-3.0]], &device).repeat_dim(0, 32);
/// let at = RelaxedBernoulli::from_logits(logits.require_grad(), 0.5)?;
/// let mut squared = |estimator: &mut dyn Estimator<RelaxedBernoulli<2>, 2>| {
///     let tuning = estimator.estimate(&at, &|b: Tensor<2>| b * 10.0, &mut noise).tuning.unwrap();
///     tuner.step(estimator, tuning.clone());
///     tuning.into_scalar::<f32>()
/// };
/// let first = (0..5).map(|_| squared(&mut estimator)).last().unwrap();
/// let last = (0..200).map(|_| squared(&mut estimator)).last().unwrap();
/// assert!(last < 0.5 * first); // rows whose bit is mostly 1 are worth more than the average
/// # Ok::<(), relaxit::Error>(())
/// ```
///
/// # References
/// [`crate::reference::NVIL`], section 2.3.
#[doc(alias = "NVIL")]
#[derive(Clone, Debug)]
pub struct LearnedBaseline {
    inputs: usize,
    /// `W₁` by columns, `b₁`, `w₂`, `b₂`.
    parameters: [Tensor<1>; 4],
    average: MovingAverage,
    square: Option<MovingAverage>,
}

/// The paper's.
const DECAY: f64 = 0.8;

impl LearnedBaseline {
    /// For rows of `inputs` logits, with `hidden` units whose weights are drawn from `noise`, with autodiff.
    ///
    /// # Errors
    /// [`Error::Parameter`] for no inputs or no hidden units.
    pub fn new(inputs: usize, hidden: usize, noise: &mut Noise, device: &Device) -> Result<Self> {
        for (parameter, count) in [("inputs", inputs), ("hidden", hidden)] {
            if count == 0 {
                return Err(Error::Parameter {
                    subject: "LearnedBaseline",
                    parameter,
                    requirement: "at least 1",
                    got: 0.0,
                });
            }
        }
        let device = &device.clone().autodiff();
        let weights = noise.draw(Base::Normal, [inputs * hidden], device) * (inputs as f64).sqrt().recip();
        let zeros = |len| Tensor::<1>::zeros([len], (device, weights.dtype()));
        let parameters = [weights.clone(), zeros(hidden), zeros(hidden), zeros(1)].map(Tensor::require_grad);
        Ok(Self { inputs, parameters, average: MovingAverage::decaying(DECAY), square: None })
    }

    /// The same with the advantage divided by a moving average of its root mean square where that is above 1.
    #[must_use]
    pub fn normalised(self) -> Self {
        Self { square: Some(MovingAverage::decaying(DECAY)), ..self }
    }

    /// What the network adds to the average: `[rows, 1]`.
    #[track_caller]
    fn network<const D: usize>(&self, logits: &Tensor<D>, rows: usize) -> Tensor<2> {
        let [weights, bias, output, offset] = self.parameters.clone();
        let (inputs, hidden) = (self.inputs, bias.dims()[0]);
        assert_eq!(
            logits.shape().num_elements(),
            rows * inputs,
            "LearnedBaseline: {rows} rows must have {inputs} logits each"
        );
        let input = (logits.clone().cast(weights.dtype()) * 0.5).tanh().reshape([rows, inputs]);
        let hidden = (input.matmul(weights.reshape([inputs, hidden])) + bias.unsqueeze()).tanh();
        hidden.matmul(output.unsqueeze_dim(1)) + offset.unsqueeze()
    }
}

impl<const D: usize> Baseline<D> for LearnedBaseline {
    #[track_caller]
    fn advantage(&mut self, value: Tensor<D>, logits: &Tensor<D>) -> Tensor<D> {
        let (shape, rows) = (value.dims(), value.shape().num_elements());
        if rows == 0 {
            return value;
        }
        let centred = value.clone() - self.average.get();
        let advantage = centred - self.network(logits, rows).cast(value.dtype()).reshape(shape);
        self.average.update(value.inner().mean().into_scalar());
        match &mut self.square {
            None => advantage,
            Some(square) => {
                let scale = square.get().sqrt().max(1.0).recip();
                square.update(advantage.clone().inner().square().mean().into_scalar());
                advantage * scale
            }
        }
    }

    /// A bias in length if normalised.
    fn bias(&self) -> Bias {
        if self.square.is_some() { Bias::Biased } else { Bias::Unbiased }
    }

    fn references(&self) -> &'static [Reference] {
        &[REINFORCE, NVIL]
    }

    /// `W₁`, `b₁`, `w₂`, `b₂`.
    fn parameters(&self) -> Vec<Tensor<1>> {
        self.parameters.to_vec()
    }

    #[track_caller]
    fn set_parameters(&mut self, parameters: Vec<Tensor<1>>) {
        assert_parameters(&self.parameters, &parameters);
        self.parameters = parameters.try_into().expect("as many as before");
    }
}
