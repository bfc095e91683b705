//! What training maximises, and the two bounds that judge the discrete model.

use burn::tensor::{Device, Tensor};
use relaxit::noise::Noise;
use relaxit::prelude::*;

use super::latent::{CodeLaw, sum_over_code};
use super::likelihood::log_likelihood;
use super::model::Vae;
use super::prior::UniformPrior;
use crate::mnist::{Digits, Protocol};

/// One training step's objective.
#[derive(Debug)]
pub struct TrainingObjective {
    /// Its gradient is the (estimated) gradient of the negative objective; its own value need not mean anything.
    pub loss: Tensor<1>,
    /// The objective itself, averaged over the images.
    pub value: f64,
}

/// The training objective: `E[log p(x | y)] − KL(q(b | x) ‖ p(b))`, averaged over the images.
///
/// `y` is the code that the estimator draws. The divergence is that of the discrete laws, in closed form; beside a relaxed
/// `y` the sum is not a bound on `log p(x)`, which is why models are judged by [`elbo`] and [`iwae`].
///
/// # Errors
/// If the temperature is out of range.
///
/// # Panics
/// If the device fails.
pub fn training_objective<R: CodeLaw>(
    model: &Vae,
    x: &Tensor<2>,
    estimator: &mut dyn Estimator<R, 3>,
    temperature: f64,
    prior: UniformPrior,
    noise: &mut Noise,
) -> relaxit::Result<TrainingObjective> {
    let (device, images) = (x.device(), x.dims()[0]);
    let law = R::from_logits(model.encoder.forward(x.clone()), temperature)?;
    let divergence = sum_over_code(law.hard().kl_divergence(&prior.law::<R>(1, &device))).mean();
    let explained = |code| log_likelihood(model.decoder.forward(code), x.clone()).reshape([images, 1, 1]);
    let estimate = estimator.estimate(&law, &explained, noise);
    let value = estimate.value.mean() - divergence.clone().detach();
    Ok(TrainingObjective { loss: divergence - estimate.surrogate, value: value.into_scalar() })
}

/// The single-sample evidence lower bound of each image, `[images, 1]`, in two terms: `log p(x | b)` and
/// `KL(q(b | x) ‖ p(b))`, `b ~ q`.
///
/// ```text
/// ELBO = E_q[log p(x | b)] − KL(q(b | x) ‖ p(b)) ≤ log p(x)
/// ```
///
/// Give it a model off the autodiff device, since nothing here is differentiated.
///
/// # References
/// Kingma & Welling (2014), [`relaxit::reference::AUTO_ENCODING_VARIATIONAL_BAYES`].
#[must_use]
pub fn elbo<R: CodeLaw>(model: &Vae, x: Tensor<2>, prior: UniformPrior, noise: &mut Noise) -> [Tensor<2>; 2] {
    let posterior = posterior::<R>(model, x.clone());
    let divergence = posterior.kl_divergence(&prior.law::<R>(1, &x.device()));
    let b = posterior.sample(noise);
    [log_likelihood(model.decoder.forward(b), x), sum_over_code(divergence)]
}

/// The importance-weighted bound of each image with `samples` samples, `[images, 1]`.
///
/// ```text
/// L_S = E[log 1/S Σₛ p(x, bₛ)/q(bₛ | x)] ≤ log p(x),   bₛ ~ q,   growing with S
/// ```
///
/// The sum is streamed: memory does not depend on `samples`.
///
/// # Panics
/// If `samples` is 0.
///
/// # References
/// Burda et al. (2016), [`relaxit::reference::IMPORTANCE_WEIGHTED_AUTOENCODERS`].
#[must_use]
pub fn iwae<R: CodeLaw>(
    model: &Vae,
    x: &Tensor<2>,
    prior: UniformPrior,
    samples: usize,
    noise: &mut Noise,
) -> Tensor<2> {
    assert!(samples > 0, "iwae: `samples` must be at least 1");
    let posterior = posterior::<R>(model, x.clone());
    let prior = prior.law::<R>(1, &x.device());
    let mut mean = StreamingLogMeanExp::default();
    for _ in 0..samples {
        let b = posterior.sample(noise);
        let log_ratio = sum_over_code(prior.log_prob(b.clone()) - posterior.log_prob(b.clone()));
        mean.add(log_likelihood(model.decoder.forward(b), x.clone()) + log_ratio);
    }
    mean.value().expect("at least one sample was added")
}

/// The discrete law of an image's code, `q(b | x)`.
pub(super) fn posterior<R: CodeLaw>(model: &Vae, x: Tensor<2>) -> R::Hard {
    R::from_logits(model.encoder.forward(x), 1.0).expect("a temperature of 1 is in range").hard()
}

/// `log 1/n Σ eʷ` of numbers that come one at a time.
#[derive(Debug, Default)]
struct StreamingLogMeanExp {
    /// The largest number so far, and the sum of exponentials relative to it.
    state: Option<(Tensor<2>, Tensor<2>)>,
    count: usize,
}

impl StreamingLogMeanExp {
    fn add(&mut self, w: Tensor<2>) {
        self.count += 1;
        self.state = Some(match self.state.take() {
            None => (w.clone(), w.ones_like()),
            Some((max, sum)) => {
                let new_max = max.clone().max_pair(w.clone());
                let sum = sum * (max - new_max.clone()).exp() + (w - new_max.clone()).exp();
                (new_max, sum)
            }
        });
    }

    fn value(self) -> Option<Tensor<2>> {
        let count = self.count as f64;
        self.state.map(|(max, sum)| max + (sum / count).log())
    }
}

/// Averages over a data set, with the standard error over its images.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Average {
    /// The mean over the images.
    pub mean: f64,
    /// The standard deviation of that mean.
    pub standard_error: f64,
}

impl Average {
    fn of(values: &[f64]) -> Self {
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        Self { mean, standard_error: (squares / (n * (n - 1.0).max(1.0))).sqrt() }
    }
}

/// Images that are evaluated at once.
const BATCH: usize = 500;

/// The model as it stands, the data it is judged on, and where: what both evaluations need.
#[derive(Debug)]
pub struct Evaluation<'a> {
    /// The model, off the autodiff device.
    pub model: &'a Vae,
    /// The test set.
    pub digits: &'a Digits,
    /// What the digits mean.
    pub protocol: Protocol,
    /// The prior of the model.
    pub prior: UniformPrior,
    /// The seed's root stream; evaluations fork it.
    pub noise: &'a Noise,
    /// Where to compute, without autodiff.
    pub device: &'a Device,
}

impl Evaluation<'_> {
    /// The single-sample ELBO of the test set, with its two terms: `(ELBO, log-likelihood, KL)`.
    #[must_use]
    pub fn elbo<R: CodeLaw>(&self) -> (Average, Average, Average) {
        let mut noise = self.noise.fork("test elbo");
        let (mut likelihoods, mut divergences) = (Vec::new(), Vec::new());
        for x in self.batches() {
            let [likelihood, divergence] = elbo::<R>(self.model, x, self.prior, &mut noise);
            likelihoods.extend(values(likelihood));
            divergences.extend(values(divergence));
        }
        let bounds: Vec<f64> = likelihoods.iter().zip(&divergences).map(|(a, b)| a - b).collect();
        (Average::of(&bounds), Average::of(&likelihoods), Average::of(&divergences))
    }

    /// The importance-weighted bound of the test set; `each_batch` hears of every batch done.
    #[must_use]
    pub fn iwae<R: CodeLaw>(&self, samples: usize, each_batch: impl Fn()) -> Average {
        let mut noise = self.noise.fork("test iwae");
        let mut bounds = Vec::new();
        for x in self.batches() {
            bounds.extend(values(iwae::<R>(self.model, &x, self.prior, samples, &mut noise)));
            each_batch();
        }
        Average::of(&bounds)
    }

    /// How many batches [`iwae`](Self::iwae) computes.
    #[must_use]
    pub fn batch_count(&self) -> usize {
        self.digits.len().div_ceil(BATCH)
    }

    fn batches(&self) -> impl Iterator<Item = Tensor<2>> + '_ {
        let binarisation = self.noise.fork("test set");
        let indices: Vec<usize> = (0..self.digits.len()).collect();
        (0..self.batch_count()).map(move |batch| {
            let range = batch * BATCH..((batch + 1) * BATCH).min(indices.len());
            self.protocol.batch(self.digits, &indices[range], &binarisation, self.device)
        })
    }
}

fn values(x: Tensor<2>) -> Vec<f64> {
    x.try_into_vec_as().expect("an evaluation's numbers can be read")
}

#[cfg(test)]
#[allow(clippy::cast_possible_truncation)] // of a few variables and of logarithms
mod tests {
    use super::*;
    use crate::mnist::PIXELS;
    use burn::module::Module;
    use relaxit::math::log_sum_exp;

    /// Images that stand for draws: one image, many times.
    const ROWS: usize = 1000;

    /// A small model with a posterior far from uniform, one image in [`ROWS`] copies, and the exact `log p(x)` and ELBO.
    fn problem<R: CodeLaw>(shape: [usize; 2]) -> (Vae, Tensor<2>, f64, f64) {
        let device = Device::flex();
        let noise = Noise::seeded(5);
        let model = Vae::new(8, shape, &noise, &device.clone().autodiff()).valid();
        let x: Tensor<2> = noise.fork("image").draw(Base::Uniform, [1, PIXELS], &device) * 6.0;
        let (posterior, prior) = (posterior::<R>(&model, x.clone()), UniformPrior::new(shape).law::<R>(1, &device));
        // All codes: the product over variables of one variable's outcomes.
        let [variables, channels] = shape;
        let single: Vec<Tensor<3>> = prior.outcomes().map(|b| b.slice_dim(1, 0..1)).collect();
        let (mut joint, mut elbo) = (Vec::new(), 0.0);
        for code in 0..single.len().pow(variables as u32) {
            let entries = (0..variables as u32).map(|i| single[code / single.len().pow(i) % single.len()].clone());
            let b = Tensor::cat(entries.collect(), 1).reshape([1, variables, channels]);
            let log_q: f64 = sum_over_code(posterior.log_prob(b.clone())).into_scalar();
            let log_p: f64 = (sum_over_code(prior.log_prob(b.clone()))
                + log_likelihood(model.decoder.forward(b), x.clone()))
            .into_scalar();
            elbo += log_q.exp() * (log_p - log_q);
            joint.push(log_p as f32);
        }
        let log_p: f64 = log_sum_exp(Tensor::<1>::from_floats(joint.as_slice(), &device), 0).into_scalar();
        (model, x.repeat(&[ROWS, 1]), log_p, elbo)
    }

    fn bounds_agree_with_enumeration<R: CodeLaw>(shape: [usize; 2]) {
        let (model, x, log_p, exact_elbo) = problem::<R>(shape);
        let prior = UniformPrior::new(shape);
        let mut noise = Noise::seeded(1);
        // In f32 a sum over 784 pixels is exact to about 1e-4.
        let close = |average: Average, exact: f64| (average.mean - exact).abs() < 4.892 * average.standard_error + 2e-3;
        let [likelihood, divergence] = elbo::<R>(&model, x.clone(), prior, &mut noise);
        let single = Average::of(&values(likelihood - divergence));
        assert!(close(single, exact_elbo), "{single:?} {exact_elbo}");
        let one = Average::of(&values(iwae::<R>(&model, &x, prior, 1, &mut noise)));
        assert!(close(one, exact_elbo), "{one:?} {exact_elbo}");
        let many = Average::of(&values(iwae::<R>(&model, &x, prior, 200, &mut noise)));
        assert!(many.mean > exact_elbo + 10.0 * single.standard_error && many.mean < log_p + 2e-3, "{many:?} {log_p}");
        assert!(log_p - many.mean < 0.1 * (log_p - exact_elbo), "{many:?} {log_p} {exact_elbo}");
    }

    #[test]
    fn bounds_of_bits_agree_with_enumeration() {
        bounds_agree_with_enumeration::<RelaxedBernoulli<3>>([4, 1]);
    }

    #[test]
    fn bounds_of_choices_agree_with_enumeration() {
        bounds_agree_with_enumeration::<RelaxedOneHotCategorical<3>>([3, 3]);
    }

    #[test]
    fn a_streamed_log_mean_exp_survives_any_order_and_size() {
        let device = Device::flex();
        for order in [[-1e4, 0.0, -1e4_f32, 3.0], [3.0, -1e4, 0.0, -1e4]] {
            let mut mean = StreamingLogMeanExp::default();
            for w in order {
                mean.add(Tensor::full([1, 1], w, &device));
            }
            let got: f64 = mean.value().unwrap().into_scalar();
            assert!((got - ((3_f64.exp() + 1.0) / 4.0).ln()).abs() < 1e-6);
        }
    }
}
