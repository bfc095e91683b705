//! A choice among ten that a gradient passes through.
//!
//! `cargo run -p relaxit --example 01_relaxed_sample`

#![allow(clippy::print_stdout)] // an example talks to its reader

use relaxit::prelude::*;

pub(crate) fn main() -> relaxit::Result<()> {
    let device = Device::flex().autodiff();
    let mut noise = Noise::seeded(0);
    let logits = Tensor::<2>::zeros([128, 10], &device).require_grad();
    let relaxed = RelaxedOneHotCategorical::from_logits(logits.clone(), 0.5)?; // temperature checked here
    let z = relaxed.rsample(&mut noise); // [128, 10], differentiable
    let hard = straight_through(relaxed.threshold(z.clone()), z); // one-hot forward, relaxed backward

    // A toy loss: the squared distance between the chosen index and 3.
    let index = Tensor::<1>::from_floats([0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0], &device).unsqueeze();
    let loss = ((hard * index).sum_dim(1) - 3.0).square().mean();
    println!("loss {:.3}", loss.clone().into_scalar::<f32>());

    let gradient = logits.grad(&loss.backward()).expect("the loss depends on the logits");
    let slope: Vec<f32> = gradient.sum_dim(0).try_into_vec_as().expect("readable");
    println!("its gradient, summed over the batch: {slope:.3?}");
    Ok(())
}
