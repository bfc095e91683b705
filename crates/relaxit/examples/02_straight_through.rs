//! Hard bits forward, relaxed gradient backward: learn which bits an objective wants.
//!
//! `cargo run -p relaxit --example 02_straight_through`

#![allow(clippy::print_stdout)] // an example talks to its reader

use relaxit::prelude::*;

pub(crate) fn main() -> relaxit::Result<()> {
    let device = Device::flex().autodiff();
    let wanted = Tensor::<2>::from_floats([[1.0, 0.0, 1.0, 1.0, 0.0]], &device);
    let mut noise = Noise::seeded(0);
    let mut logits = Tensor::<2>::zeros([1, 5], &device).require_grad();

    for step in 0..=200 {
        let bits = RelaxedBernoulli::from_logits(logits.clone().repeat_dim(0, 64), 0.5)?;
        let b = bits.rsample_straight_through(&mut noise); // 0 or 1, but differentiable
        let loss = (b - wanted.clone()).square().sum_dim(1).mean(); // wrong bits of five
        if step % 50 == 0 {
            println!("step {step:3}  wrong bits {:.3}", loss.clone().into_scalar::<f32>());
        }
        let gradient = logits.grad(&loss.backward()).expect("the loss depends on the logits");
        logits = Tensor::from_inner(logits.inner() - gradient * 2.0).require_grad();
    }
    Ok(())
}
