//! The decoupled straight-through Gumbel-Softmax: what its two temperatures do to samples and to gradients.

use burn::tensor::{DType, Device, Tensor, TensorData};
use clap::ValueEnum;
use rayon::prelude::*;
use relaxit::Result;
use relaxit::distribution::{Moments, Reparameterized};
use relaxit::noise::{Base, Noise};
use relaxit::relaxation::{
    DecoupledBackward, DecoupledStraightThroughGumbelSoftmax, Relaxation, RelaxedOneHotCategorical,
};
use serde::{Deserialize, Serialize};

use crate::laws::values;
use crate::run::VERSION;

/// Whose Jacobian the estimator takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Form {
    /// That of the relaxed sample, at the noise that made the choice
    #[default]
    Perturbed,
    /// That of the probabilities, without noise
    Probabilities,
}

/// A choice, an objective `f(b) = ‖b − target‖²`, and the temperatures that are tried.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TwoTemperaturesConfig {
    /// Which command the run is of.
    pub command: String,
    /// The version that wrote it.
    pub version: String,
    /// The logits of the choice.
    pub logits: Vec<f64>,
    /// Where the objective is least.
    pub target: Vec<f64>,
    /// Whose Jacobian is taken.
    pub form: Form,
    /// The lowest temperature.
    pub lowest: f64,
    /// The highest.
    pub highest: f64,
    /// How many there are, in equal ratios: the side of the heat maps.
    pub points: usize,
    /// Gradients at each pair of temperatures, and samples at each temperature.
    pub draws: usize,
    /// The seed of their noise.
    pub seed: u64,
}

impl Default for TwoTemperaturesConfig {
    fn default() -> Self {
        Self {
            command: "figure".into(),
            version: VERSION.into(),
            logits: vec![1.0, 0.2, -0.4, -0.8],
            target: vec![0.2, 0.9, 0.0, 0.6],
            form: Form::default(),
            lowest: 0.2,
            highest: 5.0,
            points: 21,
            draws: 8192,
            seed: 0,
        }
    }
}

/// All that was computed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Temperatures {
    /// Of what.
    #[serde(flatten)]
    pub config: TwoTemperaturesConfig,
    /// One for each temperature.
    pub sharpness: Vec<Sharpness>,
    /// One for each pair, in the order of forward temperatures, then of backward ones.
    pub gradients: Vec<Gradients>,
}

/// How near samples at one temperature are to a corner: their largest entry, 1 in a corner and `1/K` in the middle.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sharpness {
    /// The temperature.
    pub temperature: f64,
    /// The largest of the probabilities `softmax(logits/τ)`, by which choices are made at a forward temperature.
    pub probabilities: f64,
    /// The mean of the largest entry of `softmax((logits + g)/τ)`, whose Jacobian is taken at a backward temperature.
    pub relaxed: f64,
    /// Its 2.5th percentile over draws.
    pub relaxed_low: f64,
    /// Its 97.5th percentile over draws.
    pub relaxed_high: f64,
}

/// Gradients at one pair of temperatures, beside the exact one of the choice at its forward temperature.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Gradients {
    /// The temperature of the choice.
    pub forward: f64,
    /// The temperature of the Jacobian.
    pub backward: f64,
    /// The norm of the exact gradient.
    pub exact: f64,
    /// The norm of the bias over that of the exact gradient.
    pub bias: f64,
    /// The root of the summed variances of one gradient, over the norm of the exact gradient.
    pub noise: f64,
    /// The cosine of the angle between the mean gradient and the exact one.
    pub cosine: f64,
}

impl TwoTemperaturesConfig {
    /// The temperatures, from the lowest to the highest.
    #[must_use]
    pub fn temperatures(&self) -> Vec<f64> {
        let ratio = (self.highest / self.lowest).ln() / (self.points - 1) as f64;
        (0..self.points).map(|index| self.lowest * (index as f64 * ratio).exp()).collect()
    }

    fn law(&self, logits: Tensor<2>, forward: f64, backward: f64) -> Result<DecoupledStraightThroughGumbelSoftmax<2>> {
        let form = match self.form {
            Form::Perturbed => DecoupledBackward::Perturbed,
            Form::Probabilities => DecoupledBackward::Probabilities,
        };
        Ok(DecoupledStraightThroughGumbelSoftmax::from_logits(logits, forward, backward)?.with_backward(form))
    }

    fn rows(&self, count: usize) -> Tensor<2> {
        rows(count, &self.logits)
    }

    /// `‖b − target‖²` of each row.
    fn objective(&self, b: &Tensor<2>) -> Tensor<2> {
        (b.clone() - constant(b, &self.target)).square().sum_dim(1)
    }
}

/// Everything at every temperature.
///
/// # Errors
/// If a temperature lies outside [1e-6, 1e6].
pub fn compute(config: &TwoTemperaturesConfig) -> Result<Temperatures> {
    let temperatures = config.temperatures();
    let noise = Noise::seeded(config.seed).fork("two temperatures");
    let sharpness =
        temperatures.iter().map(|&temperature| sharpness(config, temperature, &noise)).collect::<Result<_>>()?;
    let pairs: Vec<(f64, f64)> = temperatures
        .iter()
        .flat_map(|&forward| temperatures.iter().map(move |&backward| (forward, backward)))
        .collect();
    // The same noise at every pair: neighbours differ by their temperatures alone.
    let gumbel: Tensor<2> =
        noise.fork("gradients").draw(Base::Gumbel, [config.draws, config.logits.len()], (&Device::flex(), DType::F64));
    let gradients = pairs
        .par_iter()
        .map(|&(forward, backward)| gradients(config, forward, backward, &gumbel))
        .collect::<Result<_>>()?;
    Ok(Temperatures { config: config.clone(), sharpness, gradients })
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // a share of a length
fn sharpness(config: &TwoTemperaturesConfig, temperature: f64, noise: &Noise) -> Result<Sharpness> {
    let probabilities = values(config.law(config.rows(1), temperature, 1.0)?.mean());
    let relaxed = RelaxedOneHotCategorical::from_logits(config.rows(config.draws), temperature)?;
    let y = relaxed.squash(relaxed.latent().rsample(&mut noise.fork("samples")));
    let mut largest = values(y.max_dim(1));
    largest.sort_by(f64::total_cmp);
    let percentile = |share: f64| largest[(share * (largest.len() - 1) as f64).round() as usize];
    Ok(Sharpness {
        temperature,
        probabilities: probabilities.into_iter().fold(0.0, f64::max),
        relaxed: largest.iter().sum::<f64>() / largest.len() as f64,
        relaxed_low: percentile(0.025),
        relaxed_high: percentile(0.975),
    })
}

fn gradients(config: &TwoTemperaturesConfig, forward: f64, backward: f64, gumbel: &Tensor<2>) -> Result<Gradients> {
    let leaf = config.rows(config.draws).autodiff().require_grad();
    let sample = config.law(leaf.clone(), forward, backward)?.transport(gumbel.clone().autodiff());
    let tape = config.objective(&sample).sum().backward();
    let gradient = leaf.grad(&tape).expect("the surrogate depends on the logits");
    let (variance, mean) = gradient.var_mean(0);
    let (variance, mean, exact) = (values(variance), values(mean), exact(config, forward)?);
    let norm = |x: &[f64]| x.iter().map(|x| x * x).sum::<f64>().sqrt();
    let bias: Vec<f64> = mean.iter().zip(&exact).map(|(mean, exact)| mean - exact).collect();
    let inner: f64 = mean.iter().zip(&exact).map(|(mean, exact)| mean * exact).sum();
    Ok(Gradients {
        forward,
        backward,
        exact: norm(&exact),
        bias: norm(&bias) / norm(&exact),
        noise: variance.iter().sum::<f64>().sqrt() / norm(&exact),
        cosine: inner / (norm(&mean) * norm(&exact)),
    })
}

/// `∇ Σₖ pₖ f(eₖ)`, the gradient of the expectation itself.
fn exact(config: &TwoTemperaturesConfig, forward: f64) -> Result<Vec<f64>> {
    let leaf = config.rows(1).autodiff().require_grad();
    let categories = config.logits.len();
    let corners = Tensor::<2>::eye(categories, &Device::flex()).cast(DType::F64);
    let f = config.objective(&corners).reshape([1, categories]).autodiff();
    let expectation = (config.law(leaf.clone(), forward, 1.0)?.mean() * f).sum();
    Ok(values(leaf.grad(&expectation.backward()).expect("the expectation depends on the logits")))
}

fn rows(count: usize, row: &[f64]) -> Tensor<2> {
    Tensor::from_data(TensorData::new(row.repeat(count), [count, row.len()]), (&Device::flex(), DType::F64))
}

/// The row on the device of `like`.
fn constant(like: &Tensor<2>, row: &[f64]) -> Tensor<2> {
    Tensor::from_data(TensorData::new(row.to_vec(), [1, row.len()]), (&like.device(), DType::F64))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> TwoTemperaturesConfig {
        TwoTemperaturesConfig { points: 3, lowest: 0.25, highest: 4.0, ..TwoTemperaturesConfig::default() }
    }

    /// `∂/∂φⱼ Σ p f = pⱼ (fⱼ − Σ p f)/τ`.
    #[test]
    fn the_exact_gradient_is_the_formulas() {
        let config = config();
        for forward in [0.25, 1.0, 4.0] {
            let weights: Vec<f64> = config.logits.iter().map(|logit| (logit / forward).exp()).collect();
            let sum: f64 = weights.iter().sum();
            let squares: f64 = config.target.iter().map(|t| t * t).sum();
            let f: Vec<f64> = config.target.iter().map(|t| squares + 1.0 - 2.0 * t).collect();
            let mean: f64 = weights.iter().zip(&f).map(|(w, f)| w / sum * f).sum();
            for ((got, w), f) in exact(&config, forward).unwrap().iter().zip(&weights).zip(&f) {
                assert!((got - w / sum * (f - mean) / forward).abs() < 1e-12, "{got}");
            }
        }
    }

    /// Both ways; and a choice at temperature 1 is that of its logits.
    #[test]
    fn temperature_takes_sharpness_away() {
        let found = compute(&config()).unwrap();
        assert_eq!(found.gradients.len(), 9);
        assert!((found.sharpness[1].temperature - 1.0).abs() < 1e-12);
        let weights: Vec<f64> = config().logits.iter().map(|logit| logit.exp()).collect();
        assert!((found.sharpness[1].probabilities - weights[0] / weights.iter().sum::<f64>()).abs() < 1e-12);
        assert!(found.sharpness.is_sorted_by(|a, b| a.relaxed > b.relaxed && a.probabilities > b.probabilities));
        for Sharpness { relaxed, relaxed_low, relaxed_high, .. } in found.sharpness {
            assert!(0.25 < relaxed_low && relaxed_low < relaxed && relaxed < relaxed_high && relaxed_high <= 1.0);
        }
    }

    /// Without noise in the Jacobian everything can be enumerated: `ĝ = J(τ_b)ᵀ 2 (b − t)` over the values of b.
    #[test]
    fn bias_and_noise_are_those_of_enumeration() {
        let config = TwoTemperaturesConfig { form: Form::Probabilities, draws: 200_000, ..config() };
        let softmax = |temperature: f64| -> Vec<f64> {
            let weights: Vec<f64> = config.logits.iter().map(|logit| (logit / temperature).exp()).collect();
            weights.iter().map(|weight| weight / weights.iter().sum::<f64>()).collect()
        };
        let (forward, backward) = (1.0, 0.5);
        let (p, y) = (softmax(forward), softmax(backward));
        let gradient = |chosen: usize| -> Vec<f64> {
            let slope: Vec<f64> = (0..4).map(|k| 2.0 * (f64::from(u8::from(k == chosen)) - config.target[k])).collect();
            let mean: f64 = slope.iter().zip(&y).map(|(slope, y)| slope * y).sum();
            (0..4).map(|k| y[k] * (slope[k] - mean) / backward).collect()
        };
        let moment = |entry: usize, power: i32| -> f64 { (0..4).map(|b| p[b] * gradient(b)[entry].powi(power)).sum() };
        let exact = exact(&config, forward).unwrap();
        let norm = exact.iter().map(|x| x * x).sum::<f64>().sqrt();
        let bias = (0..4).map(|k| (moment(k, 1) - exact[k]).powi(2)).sum::<f64>().sqrt() / norm;
        let variance = (0..4).map(|k| moment(k, 2) - moment(k, 1).powi(2)).sum::<f64>().sqrt() / norm;
        let gumbel = Noise::seeded(1).draw(Base::Gumbel, [config.draws, 4], (&Device::flex(), DType::F64));
        let found = gradients(&config, forward, backward, &gumbel).unwrap();
        let error = found.noise / (config.draws as f64).sqrt();
        assert!((found.bias - bias).abs() < 4.892 * error, "{found:?} {bias}");
        assert!((found.noise / variance - 1.0).abs() < 0.02, "{found:?} {variance}");
    }
}
