//! The leave-one-out estimator with control variates made by a Stein operator.

use burn::tensor::{Device, Shape, Tensor, activation};

use super::samples::{at_least_two, draw, leave_one_out, others, total};
use super::stein::GibbsStein;
use super::{Bias, Estimate, Estimator, sum_to, surrogate};
use crate::control::{assert_parameters, learned};
use crate::distribution::{Density, Distribution, Enumerable};
use crate::error::{Error, Result};
use crate::noise::{Base, Noise};
use crate::objective::Objective;
use crate::reference::{RODEO, Reference};
use crate::relaxation::Relaxation;

/// RODEO: the leave-one-out estimator ([`Rloo`](super::Rloo)) with two control variates that a Stein operator makes of
/// learned surrogates of the objective.
///
/// ```text
/// ĝ = 1/K Σₖ { [f(bₖ) − 1/(K − 1) Σ_{j≠k} (f(bⱼ) + (A hⱼ)(bⱼ))] ∇ log p(bₖ) + (A h̃ₖ ∇ log p)(bₖ) }
/// hₖ(y), h̃ₖ(y) = 1/(K − 1) Σ_{j≠k} H(f(bⱼ), ∇f(bⱼ)·(y − bⱼ))
/// (A h)(b) = 1/n Σᵢ Σₒ p(bᵢ = o) [h(b with bᵢ = o) − h(b)]
/// ```
///
/// `A` is the Gibbs operator, whose `(A h)(b)` has expectation 0 for every `h`; `H` is a network with one hidden layer
/// and two outputs, one for `h` and one for `h̃`. It sees the objective through the other samples alone, so that looking
/// at all neighbours of a sample costs no evaluation.
///
/// # Gradient
/// Unbiased for every `H`; a new estimator's `H` is 0, which is [`Rloo`](super::Rloo). Needs an `f` that is
/// differentiable at hard samples. 2K evaluations: K for values and K for slopes; and `K (K − 1) n m` of the network, for
/// `n` variables of `m` outcomes. `tuning` has the gradient of `E‖ĝ‖²`, averaged over rows, for the network's parameters.
///
/// The objective is differentiated within. Parameters of its own are safe, but a tensor that it captures and that was
/// *computed* from some must not be needed again: Burn's graph is consumed at the first use. Compute such tensors inside
/// the objective, or detach them.
///
/// # Examples
/// ```
/// use relaxit::{control::Tuner, estimator::Rodeo, prelude::*, schedule::Anneal};
/// let device = Device::flex().autodiff();
/// let mut noise = Noise::seeded(0);
/// let at = RelaxedBernoulli::from_logits(Tensor::<2>::zeros([256, 1], &device).require_grad(), 0.5)?;
/// let f = |b: Tensor<2>| (b - 0.1).square();
/// let mut rodeo = Rodeo::new(2, 8, &device, &mut noise)?;
/// let mut tuner = Tuner::new(Anneal::Constant(0.02))?;
/// let mut squares = Vec::new();
/// for _ in 0..60 {
///     let tuning = rodeo.estimate(&at, &f, &mut noise).tuning.unwrap();
///     squares.push(tuning.clone().into_scalar::<f32>()); // E‖ĝ‖²
///     tuner.step(&mut rodeo as &mut dyn Estimator<RelaxedBernoulli<2>, 2>, tuning);
/// }
/// assert!(squares[59] < 0.9 * squares[0]);
/// # Ok::<(), relaxit::Error>(())
/// ```
///
/// # References
/// [`crate::reference::RODEO`].
#[derive(Clone, Debug)]
pub struct Rodeo {
    samples: usize,
    network: Network,
}

impl Rodeo {
    /// With `samples` samples a row, and a surrogate with `hidden` hidden units that starts as 0 and is learned.
    ///
    /// # Errors
    /// [`Error::Parameter`] for fewer than 2 samples, or no hidden unit.
    pub fn new(samples: usize, hidden: usize, device: &Device, noise: &mut Noise) -> Result<Self> {
        let samples = at_least_two("Rodeo", samples)?;
        if hidden == 0 {
            let requirement = "at least 1";
            return Err(Error::Parameter { subject: "Rodeo", parameter: "hidden", requirement, got: 0.0 });
        }
        Ok(Self { samples, network: Network::new(hidden, device, noise) })
    }
}

impl<R, const D: usize> Estimator<R, D> for Rodeo
where
    R: Relaxation<D>,
    R::Hard: Density<D> + Enumerable<D>,
{
    fn name(&self) -> &'static str {
        "rodeo"
    }

    fn bias(&self) -> Bias {
        Bias::Unbiased
    }

    fn references(&self) -> &'static [Reference] {
        &[RODEO]
    }

    fn estimate(&mut self, at: &R, f: &dyn Objective<D>, noise: &mut Noise) -> Estimate<D> {
        let samples = draw(self.samples, at, f, noise);
        let (share, rest) = ((samples.len() as f64).recip(), ((samples.len() - 1) as f64).recip());
        let value = total(samples.iter().map(|sample| sample.value.clone())) * share;
        let row = value.dims();
        let stein = GibbsStein::new(at, row);
        let over_event = |x: Tensor<D>| (D - R::Hard::EVENT_DIMS..D).fold(x, Tensor::sum_dim);

        let (mut baselines, mut corrections) = (Vec::new(), Vec::new());
        for (k, sample) in samples.iter().enumerate() {
            // The surrogates of the other samples, at this one and at its neighbours: A is linear, so their mean may
            // come first.
            let seen_by_others = samples.iter().enumerate().filter(|&(j, _)| j != k).map(|(_, other)| {
                let value = other.value.clone().detach();
                let here = sum_to(other.slope.clone() * (sample.b.clone() - other.b.clone()), row);
                let change = |outcome: &Tensor<D>| {
                    here.clone() + over_event(other.slope.clone() * (outcome.clone() - sample.b.clone()))
                };
                let points = std::iter::once(here.clone()).chain(stein.outcomes().map(change));
                points.map(|point| self.network.values(point, &value).map(|h| h * rest)).collect::<Vec<_>>()
            });
            let sum = |a: Vec<[Tensor<D>; 2]>, b: Vec<[Tensor<D>; 2]>| {
                a.into_iter().zip(b).map(|([a, a_tilde], [b, b_tilde])| [a + b, a_tilde + b_tilde]).collect()
            };
            let (h, h_tilde): (Vec<_>, Vec<_>) =
                seen_by_others.reduce(sum).into_iter().flatten().map(|[h, h_tilde]| (h, h_tilde)).unzip();
            baselines.push(stein.apply(&h[0], &h[1..]));
            corrections.push(stein.apply_to_scores(&h_tilde[0], &h_tilde[1..], &sample.score));
        }

        let values = samples.iter().map(|sample| sample.value.clone().detach()).collect();
        let baselines = samples
            .iter()
            .zip(others(&baselines, |a, b| a + b))
            .map(|(sample, baseline)| sample.score.clone() * baseline * rest);
        let g = leave_one_out(&samples, values) + (total(corrections) - total(baselines)) * share;

        let rows = value.shape().num_elements().max(1) as f64;
        // Parameters that record no gradient are not learned.
        let tuning = g.is_tracked().then(|| g.clone().square().sum() * rows.recip());
        Estimate { surrogate: surrogate(at.logits(), g, value.clone()), value: value.detach(), tuning }
    }

    /// Of the surrogate: the hidden layer's weights for `f` and for the expansion, and its biases; then the weights and
    /// the biases of the two outputs.
    fn parameters(&self) -> Vec<Tensor<1>> {
        self.network.parameters.to_vec()
    }

    #[track_caller]
    fn set_parameters(&mut self, parameters: Vec<Tensor<1>>) {
        assert_parameters(&self.network.parameters, &parameters);
        for (old, new) in self.network.parameters.iter_mut().zip(parameters) {
            *old = new;
        }
    }
}

/// `H`: two inputs, one hidden layer of leaky rectifiers, two outputs.
#[derive(Clone, Debug)]
struct Network {
    parameters: [Tensor<1>; 5],
}

impl Network {
    fn new(hidden: usize, device: &Device, noise: &mut Noise) -> Self {
        let inner = device.clone().without_autodiff();
        // Glorot's bound for a layer from one unit; the outputs start at 0, and with them the control variates.
        let bound = (6.0 / (1.0 + hidden as f64)).sqrt();
        let mut random = || (noise.draw::<1>(Base::Uniform, [hidden], &inner) * 2.0 - 1.0) * bound;
        let zeros = |length| Tensor::zeros([length], &inner);
        let parameters = [random(), random(), zeros(hidden), zeros(2 * hidden), zeros(2)];
        Self { parameters: parameters.map(|values| learned(values, device)) }
    }

    /// Both outputs at expansions `x` and values `f`, which broadcasts to them.
    fn values<const D: usize>(&self, x: Tensor<D>, f: &Tensor<D>) -> [Tensor<D>; 2] {
        let [by_value, by_expansion, bias, output, output_bias] =
            self.parameters.each_ref().map(|parameter| parameter.clone().cast(x.dtype()));
        // As `Shape`s, because an array may not have a 0, and the batch may be empty.
        let (shape, hidden) = (x.shape(), bias.dims()[0]);
        let points = shape.num_elements();
        let column = |x: Tensor<D>| x.reshape::<2, _>(Shape::from([points, 1]));
        let f = column(f.clone().expand(shape.clone()));
        let layer = column(x) * by_expansion.unsqueeze() + f * by_value.unsqueeze() + bias.unsqueeze();
        let outputs = activation::leaky_relu(layer, 0.3).matmul(output.reshape([hidden, 2])) + output_bias.unsqueeze();
        [0, 1].map(|index| outputs.clone().slice_dim(1, index).reshape(shape.clone()))
    }
}
