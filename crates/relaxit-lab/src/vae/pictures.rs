//! What the model drew.

use burn::tensor::{Tensor, activation};
use relaxit::noise::Noise;
use relaxit::prelude::*;

use super::bound::{Evaluation, posterior};
use super::latent::CodeLaw;
use crate::mnist::PIXELS;
use crate::report::picture::Picture;

/// Columns of both pictures.
const COLUMNS: usize = 10;

/// Test digits, four of each class, each above its reconstruction through one hard code.
///
/// The pixels shown are the decoder's probabilities.
///
/// # Panics
/// If the device fails.
#[must_use]
pub fn reconstructions<R: CodeLaw>(evaluation: &Evaluation<'_>) -> Picture {
    let indices = first_of_each_class(evaluation, 4);
    let noise = evaluation.noise.fork("test set");
    let x = evaluation.protocol.batch(evaluation.digits, &indices, &noise, evaluation.device);
    let code = posterior::<R>(evaluation.model, x.clone()).sample(&mut evaluation.noise.fork("reconstructions"));
    let (originals, copies) = (tiles(x), tiles(activation::sigmoid(evaluation.model.decoder.forward(code))));
    let rows = originals.chunks(COLUMNS).zip(copies.chunks(COLUMNS));
    Picture::grid(&rows.flat_map(|(above, below)| [above, below]).flatten().cloned().collect::<Vec<_>>(), COLUMNS)
}

/// A hundred digits from codes drawn from the prior.
///
/// The pixels shown are the decoder's probabilities.
///
/// # Panics
/// If the device fails.
#[must_use]
pub fn samples<R: CodeLaw>(evaluation: &Evaluation<'_>) -> Picture {
    let mut noise: Noise = evaluation.noise.fork("samples");
    let code = evaluation.prior.sample::<R>(COLUMNS * COLUMNS, &mut noise, evaluation.device);
    Picture::grid(&tiles(activation::sigmoid(evaluation.model.decoder.forward(code))), COLUMNS)
}

/// Columns are classes; a class with fewer than `count` digits leaves its place to the next.
fn first_of_each_class(evaluation: &Evaluation<'_>, count: usize) -> Vec<usize> {
    let digits = evaluation.digits;
    let mut by_class: [Vec<usize>; COLUMNS] = Default::default();
    for index in 0..digits.len() {
        by_class[usize::from(digits.label(index)) % COLUMNS].push(index);
    }
    (0..count).flat_map(|row| by_class.iter().filter_map(move |class| class.get(row).copied())).collect()
}

fn tiles(pixels: Tensor<2>) -> Vec<Vec<f32>> {
    let values: Vec<f32> = pixels.try_into_vec_as().expect("a picture's numbers can be read");
    values.chunks(PIXELS).map(<[f32]>::to_vec).collect()
}
