//! What the model drew.

use burn::tensor::{Tensor, activation};

use super::evaluation::Evaluation;
use super::stack::Stack;
use crate::mnist::PIXELS;
use crate::report::picture::Picture;

/// Columns of both pictures.
const COLUMNS: usize = 10;

/// Test digits, four of each class, each above its reconstruction through one code of the model that is judged.
///
/// The pixels shown are the decoder's probabilities.
///
/// # Errors
/// If the temperature is out of range.
///
/// # Panics
/// If the device fails.
pub fn reconstructions(evaluation: &Evaluation<'_>) -> relaxit::Result<Picture> {
    let indices = first_of_each_class(evaluation, 4);
    let noise = evaluation.noise.fork("test set");
    let x = evaluation.protocol.batch(evaluation.digits, &indices, &noise, evaluation.device);
    let mut noise = evaluation.noise.fork("reconstructions");
    let Evaluation { model, code, temperature, .. } = evaluation;
    let codes = Stack { model, x: &x }.codes(*code, *temperature, &mut noise)?;
    let copies = tiles(drawn(evaluation, codes[0].clone()));
    let originals = tiles(x);
    let rows = originals.chunks(COLUMNS).zip(copies.chunks(COLUMNS));
    Ok(Picture::grid(&rows.flat_map(|(above, below)| [above, below]).flatten().cloned().collect::<Vec<_>>(), COLUMNS))
}

/// A hundred digits from codes drawn from the prior.
///
/// The pixels shown are the decoder's probabilities.
///
/// # Errors
/// If the temperature is out of range.
///
/// # Panics
/// If the device fails.
pub fn samples(evaluation: &Evaluation<'_>) -> relaxit::Result<Picture> {
    let Evaluation { model, code, temperature, device, .. } = evaluation;
    let mut noise = evaluation.noise.fork("samples");
    let top = model.prior.parameters(COLUMNS * COLUMNS, device);
    let top = code.sample(top, *temperature, &mut noise)?;
    let first = model
        .upper
        .iter()
        .rev()
        .try_fold(top, |above, layer| code.sample(layer.below(above), *temperature, &mut noise))?;
    Ok(Picture::grid(&tiles(drawn(evaluation, first)), COLUMNS))
}

/// The pixels of codes of the first layer.
fn drawn(evaluation: &Evaluation<'_>, code: Tensor<3>) -> Tensor<2> {
    activation::sigmoid(evaluation.model.decoder.forward(evaluation.code.decoded(code)))
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
