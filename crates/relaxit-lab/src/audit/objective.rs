//! The built-in objectives: functions of bits `[rows, variables, 1]` or of choices `[rows, variables, categories]`.

use burn::module::Module;
use burn::tensor::{DType, Device, Tensor, TensorData};
use relaxit::objective::Objective;
use relaxit::prelude::*;
use serde::{Deserialize, Serialize};

use super::problem::Judge;
use crate::vae::config::VaeConfig;
use crate::vae::decoder::Decoder;
use crate::vae::latents::Latents;
use crate::vae::likelihood::log_likelihood;
use crate::vae::perceptron::Widths;

/// A built-in objective, by name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BuiltIn {
    /// The papers' toy: the mean of (x - t)^2 over the variables; a choice among K is x = k/(K - 1)
    #[default]
    Toy,
    /// |A b - c|^2, divided by the number of entries, with A and c from the seed
    Quadratic,
    /// A cubic polynomial of all entries with coefficients from the seed
    Polynomial,
    /// An NK landscape: the mean over variables of a table, from the seed, over it and its next two
    Nk,
    /// log p(image | b) of a small auto-encoder's decoder with weights from the seed, at an image of its own
    Decoder,
}

impl BuiltIn {
    /// The name on the command line and in files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Toy => "toy",
            Self::Quadratic => "quadratic",
            Self::Polynomial => "polynomial",
            Self::Nk => "nk",
            Self::Decoder => "decoder",
        }
    }

    /// The objective for codes of shape `[variables, channels]`; `target` is that of [`Toy`](Self::Toy).
    ///
    /// # Errors
    /// If a landscape's tables would be too large.
    pub fn judge(self, shape: [usize; 2], target: f64, noise: &Noise, device: &Device) -> Result<Judge, String> {
        let noise = noise.fork(self.name());
        let entries = shape[0] * shape[1];
        Ok(match self {
            Self::Toy => Judge::new(toy(target), entries),
            Self::Quadratic => Judge::new(quadratic(entries, &noise), entries),
            Self::Polynomial => Judge::new(polynomial(entries, &noise), 3 * entries),
            Self::Nk => {
                let landscape = Landscape::new(shape, noise)?;
                let width = landscape.table.dims()[1] * landscape.table.dims()[2];
                Judge::new(landscape, width)
            }
            Self::Decoder => decoder(shape, &noise, device),
        })
    }
}

/// One number a variable, in [0, 1] and linear in the code: the bit, or the category's place among the others.
fn level(b: Tensor<3>) -> Tensor<3> {
    match b.dims()[2] {
        1 => b,
        categories => {
            let places = (0..categories).map(|k| k as f64 / (categories - 1) as f64).collect();
            let places: Tensor<3> = like(&b, places, [1, 1, categories]);
            (b * places).sum_dim(2)
        }
    }
}

/// A tensor of `values` with the device and type of `b`.
fn like<const D: usize>(b: &Tensor<3>, values: Vec<f64>, shape: [usize; D]) -> Tensor<D> {
    Tensor::from_data(TensorData::new(values, shape), (&b.device(), b.dtype()))
}

fn flat(b: Tensor<3>) -> Tensor<2> {
    let [rows, variables, channels] = b.dims();
    b.reshape([rows, variables * channels])
}

/// One number a row, in the shape of an objective's value.
fn value(x: Tensor<2>) -> Tensor<3> {
    let rows = x.dims()[0];
    x.reshape([rows, 1, 1])
}

fn normal(count: usize, scale: f64, noise: &mut Noise) -> Vec<f64> {
    let mut out = vec![0.0; count];
    noise.fill_f64(Base::Normal, &mut out);
    out.into_iter().map(|x| x * scale).collect()
}

/// `1/n Σ (xᵢ − t)²`.
pub(crate) fn toy(target: f64) -> impl Fn(Tensor<3>) -> Tensor<3> {
    move |b| (level(b) - target).square().mean_dim(1)
}

/// `1/n ‖A b − c‖²`.
fn quadratic(entries: usize, noise: &Noise) -> impl Fn(Tensor<3>) -> Tensor<3> + use<> {
    let matrix = normal(entries * entries, 1.0, &mut noise.fork("matrix"));
    let offset = normal(entries, 1.0, &mut noise.fork("offset"));
    move |b| {
        let matrix = like(&b, matrix.clone(), [entries, entries]);
        let offset = like(&b, offset.clone(), [1, entries]);
        value((flat(b).matmul(matrix) - offset).square().mean_dim(1))
    }
}

/// `1/n Σₘ Πⱼ (wₘⱼ·b + vₘⱼ)`, a sum of products of three affine forms.
fn polynomial(entries: usize, noise: &Noise) -> impl Fn(Tensor<3>) -> Tensor<3> + use<> {
    let scale = (entries as f64).sqrt().recip();
    let forms: Vec<(Vec<f64>, Vec<f64>)> = ["first", "second", "third"]
        .into_iter()
        .map(|label| {
            let mut noise = noise.fork(label);
            (normal(entries * entries, scale, &mut noise), normal(entries, 1.0, &mut noise))
        })
        .collect();
    move |b| {
        let form = |(weights, offsets): &(Vec<f64>, Vec<f64>)| {
            flat(b.clone()).matmul(like(&b, weights.clone(), [entries, entries]))
                + like(&b, offsets.clone(), [1, entries])
        };
        let product = forms.iter().map(form).reduce(|a, b| a * b);
        value(product.expect("three forms").mean_dim(1))
    }
}

/// An NK landscape, as the polynomial that agrees with its tables on hard codes.
///
/// ```text
/// f(b) = 1/n Σᵢ Tᵢ[bᵢ, bᵢ₊₁, bᵢ₊₂],   entries of T uniform in [0, 1], indices modulo n
/// ```
struct Landscape {
    /// `[1, variables, configurations]`, on the device of nothing in particular.
    table: Tensor<3>,
    /// Variables that one table looks at.
    together: usize,
}

impl Landscape {
    const TOGETHER: usize = 3;
    const LARGEST: usize = 4096;

    fn new([variables, channels]: [usize; 2], mut noise: Noise) -> Result<Self, String> {
        let categories = channels.max(2);
        let together = variables.min(Self::TOGETHER);
        let configurations = |categories: usize| (0..together).map(|_| categories).product::<usize>();
        if configurations(categories) > Self::LARGEST {
            let most = (2..categories).rfind(|most| configurations(*most) <= Self::LARGEST).unwrap_or(2);
            return Err(format!("--objective nk takes choices among at most {most} categories, got {categories}"));
        }
        let configurations = configurations(categories);
        let table = noise.draw(Base::Uniform, [1, variables, configurations], (&Device::flex(), DType::F64));
        Ok(Self { table, together })
    }
}

impl Objective<3> for Landscape {
    fn evaluate(&self, b: Tensor<3>) -> Tensor<3> {
        // A bit is a choice among two.
        let b = if b.dims()[2] == 1 { Tensor::cat(vec![-b.clone() + 1.0, b], 2) } else { b };
        let [rows, variables, categories] = b.dims();
        let mut weights = b.clone();
        let mut shifted = b.clone();
        for _ in 1..self.together {
            let configurations = weights.dims()[2];
            let first = shifted.clone().slice_dim(1, 0..1);
            shifted = Tensor::cat(vec![shifted.slice_dim(1, 1..variables), first], 1);
            let left = weights.reshape([rows, variables, configurations, 1]);
            let right = shifted.clone().reshape([rows, variables, 1, categories]);
            weights = (left * right).reshape([rows, variables, configurations * categories]);
        }
        let table = self.table.to_data().convert_dtype(b.dtype());
        (weights * Tensor::from_data(table, (&b.device(), b.dtype()))).sum_dim(2).mean_dim(1)
    }
}

/// Units of the small decoder.
const HIDDEN: usize = 32;

/// The log-likelihood of one image that the decoder itself might have drawn.
fn decoder([variables, channels]: [usize; 2], noise: &Noise, device: &Device) -> Judge {
    let device = device.clone().autodiff();
    let latents = Latents { variables, categories: (channels > 1).then_some(channels) };
    let config = VaeConfig { latents, hidden: Widths(vec![HIDDEN]), ..VaeConfig::default() };
    let decoder = Decoder::new(&config, channels, &noise.fork("decoder"), &device).no_grad();
    let logits = Tensor::zeros([1, variables, channels], &device);
    let code = match channels {
        1 => Bernoulli::from_logits(logits).sample(&mut noise.fork("code")),
        _ => OneHotCategorical::from_logits(logits).expect("there are categories").sample(&mut noise.fork("code")),
    };
    let image = Bernoulli::from_logits(decoder.forward(code)).sample(&mut noise.fork("image"));
    likelihood(move |code| decoder.forward(code), image)
}

/// The log-likelihood of `image`, `[1, pixels]`, given a code: single precision whatever the code's.
pub(super) fn likelihood(decode: impl Fn(Tensor<3>) -> Tensor<2> + 'static, image: Tensor<2>) -> Judge {
    let width = image.dims()[1];
    let f = move |b: Tensor<3>| {
        let dtype = b.dtype();
        value(log_likelihood(decode(b.cast(DType::F32)), image.clone()).cast(dtype))
    };
    Judge::new(f, width).in_single_precision()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn evaluate(objective: &dyn Objective<3>, rows: &[&[f64]], shape: [usize; 2]) -> Vec<f64> {
        let b = TensorData::new(rows.concat(), [rows.len(), shape[0], shape[1]]);
        let value = objective.evaluate(Tensor::from_data(b, (&Device::flex(), DType::F64)));
        assert_eq!(value.dims(), [rows.len(), 1, 1]);
        value.try_into_vec_as().unwrap()
    }

    #[test]
    fn the_toy_is_that_of_the_papers() {
        let close = |a: Vec<f64>, b: &[f64]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-15);
        assert!(close(evaluate(&toy(0.45), &[&[1.0], &[0.0]], [1, 1]), &[0.3025, 0.2025]));
        // Two choices among three, at their last and middle places.
        let value = evaluate(&toy(0.45), &[&[0.0, 0.0, 1.0, 0.0, 1.0, 0.0]], [2, 3]);
        assert!(close(value, &[f64::midpoint(0.3025, 0.0025)]));
    }

    /// At every hard code the polynomial is the table's entry.
    #[test]
    fn a_landscape_looks_up_its_tables() {
        for (variables, channels) in [(4, 1), (3, 3), (2, 1), (1, 3)] {
            let landscape = Landscape::new([variables, channels], Noise::seeded(2)).unwrap();
            let table: Vec<f64> = landscape.table.clone().try_into_vec_as().unwrap();
            let categories: usize = channels.max(2);
            let configurations = table.len() / variables;
            for code in 0..categories.pow(u32::try_from(variables).unwrap()) {
                let digits: Vec<usize> =
                    (0..variables).map(|i| code / categories.pow(u32::try_from(i).unwrap()) % categories).collect();
                let row: Vec<f64> = match channels {
                    1 => digits.iter().map(|&digit| digit as f64).collect(),
                    _ => digits.iter().flat_map(|d| (0..channels).map(move |k| f64::from(u8::from(k == *d)))).collect(),
                };
                let index = |i: usize| {
                    (0..landscape.together).fold(0, |index, j| index * categories + digits[(i + j) % variables])
                };
                let expected = (0..variables).map(|i| table[i * configurations + index(i)]).sum::<f64>();
                let got = evaluate(&landscape, &[&row], [variables, channels])[0];
                assert!((got - expected / variables as f64).abs() < 1e-12, "{variables} {channels} {code}");
            }
        }
        let error = BuiltIn::Nk.judge([3, 17], 0.0, &Noise::seeded(0), &Device::flex()).unwrap_err();
        assert!(error.contains("at most 16 categories, got 17"), "{error}");
    }

    /// Third differences of a cubic along a line are constant, and not 0; those of a quadratic are 0.
    #[test]
    fn polynomials_have_their_degree() {
        let line: Vec<Vec<f64>> = (0..5).map(|x| vec![f64::from(x), 0.5 * f64::from(x), -f64::from(x)]).collect();
        let line: Vec<&[f64]> = line.iter().map(Vec::as_slice).collect();
        let noise = Noise::seeded(0);
        let third = |objective: &dyn Objective<3>| {
            let f = evaluate(objective, &line, [3, 1]);
            [0, 1].map(|i| f[i + 3] - 3.0 * f[i + 2] + 3.0 * f[i + 1] - f[i])
        };
        let [a, b] = third(&polynomial(3, &noise));
        assert!(a.abs() > 1e-3 && (a - b).abs() < 1e-9, "{a} {b}");
        assert!(third(&quadratic(3, &noise)).iter().all(|third| third.abs() < 1e-9));
    }
}
