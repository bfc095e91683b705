//! An objective without a gradient: a simulator in plain Rust, which sees choices and returns a number.
//!
//! `cargo run -p relaxit --example 05_black_box`

#![allow(clippy::print_stdout)] // an example talks to its reader

use burn::tensor::TensorData;
use relaxit::estimator::Rloo;
use relaxit::prelude::*;

const WEIGHTS: [f64; 8] = [3.0, 7.0, 5.0, 9.0, 2.0, 8.0, 4.0, 6.0];
const VALUES: [f64; 8] = [4.0, 9.0, 8.0, 11.0, 2.0, 12.0, 3.0, 9.0];

/// What a knapsack brings home: what fits in, one after the other, less the trouble with what does not.
fn simulate(packed: &[f64]) -> f64 {
    let (mut room, mut value) = (20.0, 0.0);
    for item in (0..packed.len()).filter(|&item| packed[item] > 0.5) {
        let fits = WEIGHTS[item] <= room;
        room -= if fits { WEIGHTS[item] } else { 0.0 };
        value += if fits { VALUES[item] } else { -2.0 };
    }
    value
}

pub(crate) fn main() -> relaxit::Result<()> {
    let device = Device::flex().autodiff();
    // From the device to the host, row by row, and back: nothing that autodiff could follow.
    let worth = |b: Tensor<2>| {
        let [rows, items] = b.dims();
        let packed: Vec<f64> = b.clone().try_into_vec_as().expect("bits can be read");
        let values: Vec<f64> = packed.chunks(items).map(simulate).collect();
        Tensor::<2>::from_data(TensorData::new(values, [rows, 1]), (&b.device(), b.dtype()))
    };
    let mut estimator = Rloo::new(4)?;
    let mut noise = Noise::seeded(0);
    let mut logits = Tensor::<2>::zeros([1, 8], &device).require_grad();
    for step in 0..=400 {
        let law = RelaxedBernoulli::from_logits(logits.clone().repeat_dim(0, 256), 0.5)?;
        let estimate = estimator.estimate(&law, &worth, &mut noise);
        if step % 100 == 0 {
            println!("step {step:3}  mean worth {:6.3}", estimate.value.clone().mean().into_scalar::<f32>());
        }
        let gradient = logits.grad(&estimate.surrogate.backward()).expect("the estimate is of the logits");
        logits = Tensor::from_inner(logits.inner() + gradient * 0.05).require_grad(); // uphill
    }

    let learned: f64 = worth(RelaxedBernoulli::from_logits(logits, 0.5)?.hard().mean().round()).into_scalar();
    let every = Independent::<_, 1>(Bernoulli::from_logits(Tensor::<2>::zeros([1, 8], &device)));
    let best = every.outcomes().map(|b| worth(b).into_scalar::<f64>()).fold(0.0, f64::max);
    println!("learned {learned}, best {best}");
    assert!(learned > 0.9 * best);
    Ok(())
}
