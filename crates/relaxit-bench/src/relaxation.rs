//! Relaxed samples, forward and backward: logits → sample → sum → gradient.

use anyhow::Result;
use burn::tensor::{Device, Tensor};
use relaxit::prelude::*;

use super::Work;

/// `[batch, variables, categories]`.
pub(crate) fn gumbel_softmax(shape: [usize; 3]) -> Result<Work> {
    let logits = leaf(shape);
    let law = RelaxedOneHotCategorical::from_logits(logits.clone(), 0.5)?;
    Ok(repeated(logits, move |noise| law.rsample(noise)))
}

/// The same, hardened, with the gradient of the relaxed ones.
pub(crate) fn straight_through_gumbel_softmax(shape: [usize; 3]) -> Result<Work> {
    let logits = leaf(shape);
    let law = RelaxedOneHotCategorical::from_logits(logits.clone(), 0.5)?;
    Ok(repeated(logits, move |noise| law.rsample_straight_through(noise)))
}

/// `[batch, variables]`.
pub(crate) fn binary_concrete(shape: [usize; 2]) -> Result<Work> {
    let logits = leaf(shape);
    let law = RelaxedBernoulli::from_logits(logits.clone(), 0.5)?;
    Ok(repeated(logits, move |noise| law.rsample(noise)))
}

fn leaf<const D: usize>(shape: [usize; D]) -> Tensor<D> {
    Noise::seeded(0).draw(Base::Normal, shape, &Device::flex().autodiff()).require_grad()
}

fn repeated<const D: usize>(logits: Tensor<D>, sample: impl Fn(&mut Noise) -> Tensor<D> + 'static) -> Work {
    let mut noise = Noise::seeded(1);
    Box::new(move |repetitions| {
        for _ in 0..repetitions {
            let sample = sample(&mut noise);
            let gradients = sample.clone().sum().backward();
            // The sample lives as long as for a loss that needs it to find its gradient.
            std::hint::black_box((sample, logits.grad(&gradients)));
        }
        Ok(repetitions)
    })
}
