//! Adam: one pass over parameter, gradient and moments, which plain operations walk a dozen times.
#![allow(clippy::inline_always)] // see `Work::run`

use burn::backend::tensor::FloatTensor;
use burn::backend::{BackendTensor, DispatchTensor, DispatchTensorKind, Flex};
use burn::tensor::{DType, Tensor};

use super::{Work, in_parallel, widest};

/// Elements that one task works on: many, because the loop waits for memory.
const TASK: usize = 1 << 14;

/// The numbers of one step.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AdamStep {
    pub(crate) beta_1: f32,
    pub(crate) beta_2: f32,
    /// `√(1 − β₂ᵗ)/(1 − β₁ᵗ)`.
    pub(crate) correction: f32,
    /// `ε √(1 − β₂ᵗ)`.
    pub(crate) epsilon: f32,
    pub(crate) learning_rate: f32,
    pub(crate) penalty: Option<f32>,
}

/// Whether these tensors are what [`adam`] was made for: f32 without autodiff on Burn's CPU backend.
pub(crate) fn serves_adam<const D: usize>(tensors: [&Tensor<D>; 4]) -> bool {
    tensors.into_iter().all(|tensor| {
        let kind = tensor.clone().into_dispatch().kind;
        tensor.dtype() == DType::F32 && matches!(kind, DispatchTensorKind::Flex(BackendTensor::Float(_)))
    })
}

/// `[parameter, moment 1, moment 2]` after a step, of tensors that it [serves](serves_adam) in the order `[parameter,
/// gradient, moment 1, moment 2]`, all of one shape; each in its old memory, unless another tensor looks at it.
pub(crate) fn adam<const D: usize>(step: AdamStep, tensors: [Tensor<D>; 4]) -> [Tensor<D>; 3] {
    let mut tensors = tensors.map(Tensor::into_dispatch);
    for tensor in &mut tensors {
        let tensor = memory(tensor);
        // The assignment lets go of the other handle to the same memory.
        *tensor = tensor.to_contiguous();
    }
    let [x, gradient, moment_1, moment_2] = &mut tensors;
    let gradient = memory(gradient).storage::<f32>();
    let [parameters, moments_1, moments_2] = [x, moment_1, moment_2].map(|x| memory(x).storage_mut::<f32>());
    let moments = moments_1.chunks_mut(TASK).zip(moments_2.chunks_mut(TASK));
    let tasks = parameters.chunks_mut(TASK).zip(gradient.chunks(TASK)).zip(moments).map(
        |((parameters, gradient), (moments_1, moments_2))| Pass { step, parameters, gradient, moments_1, moments_2 },
    );
    in_parallel(tasks, widest);
    let [x, _, moment_1, moment_2] = tensors;
    [x, moment_1, moment_2].map(Tensor::from_dispatch)
}

fn memory(tensor: &mut DispatchTensor) -> &mut FloatTensor<Flex> {
    match &mut tensor.kind {
        DispatchTensorKind::Flex(BackendTensor::Float(tensor)) => tensor,
        _ => unreachable!("the caller asked `serves_adam`"),
    }
}

struct Pass<'a> {
    step: AdamStep,
    parameters: &'a mut [f32],
    gradient: &'a [f32],
    moments_1: &'a mut [f32],
    moments_2: &'a mut [f32],
}

impl Work for Pass<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        match self.step.penalty {
            None => self.with(|_, slope| slope),
            Some(penalty) => self.with(|x, slope| x * penalty + slope),
        }
    }
}

impl Pass<'_> {
    /// Operation for operation what Burn's tensors do, and so to the same bits: no fused multiplication and addition.
    #[inline(always)]
    fn with(self, decayed: impl Fn(f32, f32) -> f32) {
        let Self { step, parameters, gradient, moments_1, moments_2 } = self;
        let AdamStep { beta_1, beta_2, correction, epsilon, learning_rate, .. } = step;
        let moments = moments_1.iter_mut().zip(moments_2);
        for ((x, &slope), (m, v)) in parameters.iter_mut().zip(gradient).zip(moments) {
            let slope = decayed(*x, slope);
            *m = *m * beta_1 + slope * (1.0 - beta_1);
            *v = *v * beta_2 + slope * slope * (1.0 - beta_2);
            *x -= *m * correction / (v.sqrt() + epsilon) * learning_rate;
        }
    }
}
