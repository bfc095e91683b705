//! The Bernoulli law: log-probabilities of bits, and their expectation summed over an event.
#![allow(clippy::inline_always)] // see `Work::run`

use burn::tensor::{Shape, Tensor};

use super::elementary::{exp, ln_1p, log_sigmoid, sigmoid, sum};
use super::flex::{Array, Fused, TASK, apply, array, elements, serves, task, writable};
use super::{Work, in_parallel, widest};

/// `ln σ((2b − 1) φ)` of bits, −∞ of other values, with the gradients in both; `None` where there is no kernel for these
/// tensors.
pub(crate) fn bernoulli_log_prob<const D: usize>(logits: &Tensor<D>, value: &Tensor<D>) -> Option<Tensor<D>> {
    (logits.dims() == value.dims() && serves(&[logits, value])).then(|| apply(LogProb, [logits.clone(), value.clone()]))
}

/// `Σ [m ln σ(φ) + (1 − m) ln σ(−φ)]` over the last dimension, with the gradients in both; `None` where there is no kernel
/// for these tensors.
pub(crate) fn bernoulli_expected_log_prob<const D: usize>(logits: &Tensor<D>, mean: &Tensor<D>) -> Option<Tensor<D>> {
    (logits.dims() == mean.dims() && logits.dims()[D - 1] > 0 && serves(&[logits, mean]))
        .then(|| apply(ExpectedLogProb, [logits.clone(), mean.clone()]))
}

#[derive(Clone, Copy, Debug)]
struct LogProb;

impl Fused<2> for LogProb {
    type Saved = [Array; 2];

    fn forward(&self, inputs: [Array; 2]) -> (Array, [Array; 2]) {
        let saved = inputs.map(|input| input.to_contiguous());
        let [logits, bits] = saved.each_ref().map(elements);
        let mut out = vec![0.0; logits.len()];
        let chunks = logits.chunks(TASK).zip(bits.chunks(TASK)).zip(out.chunks_mut(TASK));
        in_parallel(chunks.map(|((logits, bits), out)| LogProbs { logits, bits, out }), widest);
        (array(out, saved[0].layout().shape()), saved)
    }

    fn backward(self, [logits, bits]: [Array; 2], gradient: Array, wanted: [bool; 2]) -> [Option<Array>; 2] {
        let mut gradient = writable(gradient);
        let (logits, bits) = (elements(&logits), elements(&bits));
        let mut in_bits = vec![0.0; if wanted[1] { logits.len() } else { 0 }];
        let mut bit_chunks = in_bits.chunks_mut(TASK);
        let chunks = logits.chunks(TASK).zip(bits.chunks(TASK)).zip(gradient.storage_mut().chunks_mut(TASK));
        let tasks =
            chunks.map(|((logits, bits), gradient)| Scores { logits, bits, gradient, in_bits: bit_chunks.next() });
        in_parallel(tasks, widest);
        let in_bits = wanted[1].then(|| array(in_bits, gradient.layout().shape()));
        [Some(gradient), in_bits]
    }
}

struct LogProbs<'a> {
    logits: &'a [f32],
    bits: &'a [f32],
    out: &'a mut [f32],
}

impl Work for LogProbs<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for ((out, &logit), &bit) in self.out.iter_mut().zip(self.logits).zip(self.bits) {
            let log_prob = log_sigmoid(sign(bit) * logit);
            *out = if is_bit(bit) { log_prob } else { f32::NEG_INFINITY };
        }
    }
}

struct Scores<'a> {
    logits: &'a [f32],
    bits: &'a [f32],
    /// In the log-probability, and then in the logits.
    gradient: &'a mut [f32],
    in_bits: Option<&'a mut [f32]>,
}

impl Work for Scores<'_> {
    type Output = ();

    /// With s = 2b − 1: the score `s σ(−s φ)` = `b − σ(φ)`, and `2 φ σ(−s φ)` in the bit.
    #[inline(always)]
    fn run(self) {
        let Self { logits, bits, gradient, in_bits } = self;
        if let Some(in_bits) = in_bits {
            for (((slope, &g), &logit), &bit) in in_bits.iter_mut().zip(gradient.iter()).zip(logits).zip(bits) {
                let along = g * (2.0 * logit) * sigmoid(-sign(bit) * logit);
                *slope = if is_bit(bit) { along } else { 0.0 };
            }
        }
        for ((slope, &logit), &bit) in gradient.iter_mut().zip(logits).zip(bits) {
            let along = *slope * sign(bit) * sigmoid(-sign(bit) * logit);
            *slope = if is_bit(bit) { along } else { 0.0 };
        }
    }
}

/// `2b − 1` of a bit.
#[inline(always)]
fn sign(bit: f32) -> f32 {
    if bit > 0.5 { 1.0 } else { -1.0 }
}

#[inline(always)]
#[allow(clippy::float_cmp)] // a bit is exactly 0 or 1
fn is_bit(value: f32) -> bool {
    value == 0.0 || value == 1.0
}

#[derive(Clone, Copy, Debug)]
struct ExpectedLogProb;

impl Fused<2> for ExpectedLogProb {
    type Saved = [Array; 2];

    fn forward(&self, inputs: [Array; 2]) -> (Array, [Array; 2]) {
        let saved = inputs.map(|input| input.to_contiguous());
        let [logits, means] = saved.each_ref().map(elements);
        let (row_len, mut shape) = row_len(&saved[0]);
        let mut out = vec![0.0; logits.len() / row_len];
        let task = task(row_len);
        let chunks = logits.chunks(task).zip(means.chunks(task)).zip(out.chunks_mut(task / row_len));
        in_parallel(chunks.map(|((logits, means), out)| Sums { row_len, logits, means, out }), widest);
        let last = shape.num_dims() - 1;
        shape[last] = 1;
        (array(out, &shape), saved)
    }

    fn backward(self, [logits, means]: [Array; 2], gradient: Array, wanted: [bool; 2]) -> [Option<Array>; 2] {
        let (row_len, shape) = row_len(&logits);
        let gradient = gradient.to_contiguous();
        let (logits, means, gradient) = (elements(&logits), elements(&means), elements(&gradient));
        let task = task(row_len);
        let [mut in_logits, mut in_means] = wanted.map(|wanted| vec![0.0; if wanted { logits.len() } else { 0 }]);
        let [mut logit_chunks, mut mean_chunks] = [&mut in_logits, &mut in_means].map(|out| out.chunks_mut(task));
        let chunks = logits.chunks(task).zip(means.chunks(task)).zip(gradient.chunks(task / row_len));
        let tasks = chunks.map(|((logits, means), gradient)| Slopes {
            row_len,
            logits,
            means,
            gradient,
            in_logits: logit_chunks.next(),
            in_means: mean_chunks.next(),
        });
        in_parallel(tasks, widest);
        let [in_logits_wanted, in_means_wanted] = wanted;
        [in_logits_wanted.then(|| array(in_logits, &shape)), in_means_wanted.then(|| array(in_means, &shape))]
    }
}

struct Sums<'a> {
    row_len: usize,
    logits: &'a [f32],
    means: &'a [f32],
    out: &'a mut [f32],
}

impl Work for Sums<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let mut terms = vec![0.0; self.logits.len()];
        for ((term, &logit), &mean) in terms.iter_mut().zip(self.logits).zip(self.means) {
            // m φ − max(φ, 0), without the cancellation.
            let weight = if logit > 0.0 { mean - 1.0 } else { mean };
            *term = weight * logit - ln_1p(exp(-logit.abs()));
        }
        for (out, terms) in self.out.iter_mut().zip(terms.chunks_exact(self.row_len)) {
            *out = sum(terms);
        }
    }
}

struct Slopes<'a> {
    row_len: usize,
    logits: &'a [f32],
    means: &'a [f32],
    /// In the sums.
    gradient: &'a [f32],
    in_logits: Option<&'a mut [f32]>,
    in_means: Option<&'a mut [f32]>,
}

impl Work for Slopes<'_> {
    type Output = ();

    /// `m σ(−φ) − (1 − m) σ(φ)` = `m − σ(φ)` in a logit, `φ` in a mean.
    #[inline(always)]
    fn run(self) {
        let Self { row_len, logits, means, gradient, in_logits, in_means } = self;
        if let Some(in_logits) = in_logits {
            let rows = logits.chunks_exact(row_len).zip(means.chunks_exact(row_len));
            for ((out, (logits, means)), &g) in in_logits.chunks_exact_mut(row_len).zip(rows).zip(gradient) {
                for ((slope, &logit), &mean) in out.iter_mut().zip(logits).zip(means) {
                    let decay = exp(-logit.abs());
                    let larger = 1.0 / (1.0 + decay);
                    let smaller = decay * larger;
                    let (one, zero) = if logit > 0.0 { (larger, smaller) } else { (smaller, larger) };
                    *slope = g * (mean * zero - (1.0 - mean) * one);
                }
            }
        }
        if let Some(in_means) = in_means {
            let rows = in_means.chunks_exact_mut(row_len).zip(logits.chunks_exact(row_len));
            for ((out, logits), &g) in rows.zip(gradient) {
                for (slope, &logit) in out.iter_mut().zip(logits) {
                    *slope = g * logit;
                }
            }
        }
    }
}

/// The elements of a row, and the shape.
fn row_len(x: &Array) -> (usize, Shape) {
    let shape = x.layout().shape().clone();
    (shape[shape.num_dims() - 1], shape)
}

#[cfg(test)]
mod tests {
    use burn::tensor::{DType, Device};

    use super::*;
    use crate::kernel::instruction_set::{SETS, on_set};

    /// The instruction set changes the speed alone.
    #[test]
    fn every_instruction_set_gives_the_same_bits() {
        const ROW: usize = 61;
        let logits: Vec<f32> = (0..1220u16).map(|i| f32::from(i * 31 % 97) / 8.0 - 6.0).collect();
        let means: Vec<f32> = (0..1220u16).map(|i| f32::from(i * 7 % 5) / 4.0).collect();
        let mut first = None;
        for set in 0..SETS {
            let [mut log_probs, mut in_logits, mut in_means] = [(); 3].map(|()| vec![0.0; logits.len()]);
            let (mut sums, mut gradient) = (vec![0.0; logits.len() / ROW], logits.clone());
            let (logits, bits, means) = (logits.as_slice(), means.as_slice(), means.as_slice());
            if on_set(set, LogProbs { logits, bits, out: &mut log_probs }) {
                on_set(set, Scores { logits, bits, gradient: &mut gradient, in_bits: None });
                on_set(set, Sums { row_len: ROW, logits, means, out: &mut sums });
                let [in_logits_of, in_means_of] = [&mut in_logits, &mut in_means].map(|x| Some(x.as_mut_slice()));
                let slopes = Slopes {
                    row_len: ROW,
                    logits,
                    means,
                    gradient: &sums,
                    in_logits: in_logits_of,
                    in_means: in_means_of,
                };
                on_set(set, slopes);
                let results = [log_probs, gradient, sums, in_logits, in_means];
                assert!(first.get_or_insert_with(|| results.clone()) == &results, "set {set}");
            }
        }
    }

    #[test]
    fn what_is_served_is_served() {
        for device in [Device::flex(), Device::flex().autodiff()] {
            let zeros = Tensor::<2>::zeros([2, 3], (&device, DType::F32));
            assert!(bernoulli_log_prob(&zeros, &zeros).is_some());
            assert!(bernoulli_expected_log_prob(&zeros, &zeros).is_some());
            assert!(bernoulli_log_prob(&zeros, &zeros.clone().narrow(0, 0, 1)).is_none());
        }
    }
}
