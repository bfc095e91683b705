//! The two bounds that judge a model.

use burn::tensor::Tensor;
use relaxit::noise::Noise;

use super::code::{Code, sum_over_code};
use super::model::Vae;
use super::stack::Stack;

/// The single-sample evidence lower bound of each image, `[images, 1]`, in two terms: `log p(x | b)` and
/// `KL(q(b | x) ‖ p(b))`, `b ~ q`; the second in closed form, or as a number with that expectation. Of several layers,
/// the top one's is in closed form.
///
/// ```text
/// ELBO = E_q[log p(x | b)] − KL(q(b | x) ‖ p(b)) ≤ log p(x)
/// ```
///
/// Give it a model off the autodiff device, since nothing here is differentiated.
///
/// # Errors
/// If the temperature is out of range.
///
/// # References
/// Kingma & Welling (2014), [`relaxit::reference::AUTO_ENCODING_VARIATIONAL_BAYES`].
pub fn elbo(
    model: &Vae,
    x: &Tensor<2>,
    code: &dyn Code,
    temperature: f64,
    noise: &mut Noise,
) -> relaxit::Result<[Tensor<2>; 2]> {
    let stack = Stack { model, x };
    let codes = stack.codes(code, temperature, noise)?;
    let top = codes.len() - 1;
    let (posterior, prior) = (stack.posterior(&codes[..top]), stack.prior(top, None));
    let divergence = sum_over_code(code.divergence(posterior, prior, temperature, noise)?);
    // Zeros, but for layers below the top.
    let divergence = divergence + stack.log_ratio(&codes, top, code, temperature)?;
    let images = x.dims()[0];
    Ok([stack.explained(code.decoded(codes[0].clone())).reshape([images, 1]), divergence])
}

/// The importance-weighted bound of each image with `samples` samples, `[images, 1]`.
///
/// ```text
/// L_S = E[log 1/S Σₛ p(x, bₛ)/q(bₛ | x)] ≤ log p(x),   bₛ ~ q,   growing with S
/// ```
///
/// The sum is streamed: memory does not depend on `samples`.
///
/// # Errors
/// If the temperature is out of range.
///
/// # Panics
/// If `samples` is 0.
///
/// # References
/// Burda et al. (2016), [`relaxit::reference::IMPORTANCE_WEIGHTED_AUTOENCODERS`].
pub fn iwae(
    model: &Vae,
    x: &Tensor<2>,
    code: &dyn Code,
    temperature: f64,
    samples: usize,
    noise: &mut Noise,
) -> relaxit::Result<Tensor<2>> {
    assert!(samples > 0, "iwae: `samples` must be at least 1");
    let (stack, images) = (Stack { model, x }, x.dims()[0]);
    let mut mean = StreamingLogMeanExp::default();
    for _ in 0..samples {
        let codes = stack.codes(code, temperature, noise)?;
        let log_ratio = stack.log_ratio(&codes, codes.len(), code, temperature)?;
        mean.add(stack.explained(code.decoded(codes[0].clone())).reshape([images, 1]) - log_ratio);
    }
    Ok(mean.value().expect("at least one sample was added"))
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

#[cfg(test)]
mod tests;
