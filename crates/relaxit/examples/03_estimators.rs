//! The papers' toy problem: the gradient of `E[(b − 0.45)²]`, one bit of probability ½, by every kind of estimator.
//!
//! `cargo run -p relaxit --example 03_estimators`

#![allow(clippy::print_stdout)] // an example talks to its reader

use relaxit::control::RelaxedObjective;
use relaxit::estimator::{Arm, DisArm, Exact, MuProp, Pathwise, Relax, Rloo, ScoreFunction, StraightThrough};
use relaxit::objective::Counted;
use relaxit::prelude::*;

const ROWS: usize = 100_000; // every row is an independent draw

pub(crate) fn main() -> relaxit::Result<()> {
    let device = Device::flex().autodiff();
    let objective = |b: Tensor<2>| (b - 0.45).square();
    let mut estimators: Vec<Box<dyn Estimator<RelaxedBernoulli<2>, 2>>> = vec![
        Box::new(Exact::<1>),
        Box::new(ScoreFunction::new()),
        Box::new(Rloo::new(2)?),
        Box::new(Arm),
        Box::new(DisArm),
        Box::new(MuProp),
        Box::new(Relax::new(RelaxedObjective::new(Tensor::ones([1], &device)))),
        Box::new(Pathwise),
        Box::new(StraightThrough),
    ];
    println!("{:18} {:10} {:>9} {:>11} {:>12}", "estimator", "claims", "mean", "variance", "evaluations");
    for estimator in &mut estimators {
        let logits = Tensor::<2>::zeros([ROWS, 1], &device).require_grad();
        let at = RelaxedBernoulli::from_logits(logits.clone(), 0.5)?;
        let counted = Counted::new(&objective);
        let estimate = estimator.estimate(&at, &counted, &mut Noise::seeded(0));
        let gradient = logits.grad(&estimate.surrogate.backward()).expect("it depends on the logits") * ROWS as f64;
        let (variance, mean) = gradient.var_mean(0);
        println!(
            "{:18} {:10} {:>9.5} {:>11.3e} {:>12}",
            estimator.name(),
            format!("{:?}", estimator.bias()),
            mean.into_scalar::<f32>(),
            variance.into_scalar::<f32>(),
            counted.evaluations() / ROWS as u64
        );
    }
    Ok(())
}
