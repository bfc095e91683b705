//! Kernels on Burn's CPU backend: off the autodiff tape and on it again, the tensor's memory, and the threads.

use std::fmt::Debug;

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::NoCheckpointing;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::ops::FloatTensorOps;
use burn::backend::tensor::FloatTensor;
use burn::backend::{BackendTensor, DispatchTensor, DispatchTensorKind, Flex, FlexDevice};
use burn::tensor::{DType, Shape, Tensor, TensorData};

/// Elements that one task works on: a few of these fit into the first-level cache of one core.
pub(super) const TASK: usize = 1 << 12;

/// A tensor of the CPU backend.
pub(super) type Array = FloatTensor<Flex>;

/// A function of `N` tensors with its gradient.
pub(super) trait Fused<const N: usize>: Clone + Debug + Send + 'static {
    /// What the backward step needs.
    type Saved: Clone + Debug + Send + 'static;

    /// The value.
    fn forward(&self, inputs: [Array; N]) -> (Array, Self::Saved);

    /// The gradients in the inputs, at least those that are `wanted`, from that in the value.
    fn backward(self, saved: Self::Saved, gradient: Array, wanted: [bool; N]) -> [Option<Array>; N];
}

/// Whether `tensors` are what [`apply`] was made for: f32, on Burn's CPU backend, all with a tape or all without.
#[allow(clippy::match_wildcard_for_single_variants)] // as many as the build has backends
pub(super) fn serves<const D: usize>(tensors: &[&Tensor<D>]) -> bool {
    let taped = |tensor: &Tensor<D>| match tensor.clone().into_dispatch().kind {
        DispatchTensorKind::Flex(_) => Some(false),
        DispatchTensorKind::Autodiff(inner) => matches!(*inner, DispatchTensorKind::Flex(_)).then_some(true),
        #[allow(unreachable_patterns)] // the only two backends of the default build
        _ => None,
    };
    tensors.iter().all(|tensor| tensor.dtype() == DType::F32)
        && (tensors.iter().all(|tensor| taped(tensor) == Some(false))
            || tensors.iter().all(|tensor| taped(tensor) == Some(true)))
}

/// What is behind an f32 tensor on Burn's CPU backend without a tape.
pub(super) fn untaped<const D: usize>(tensor: &Tensor<D>) -> Option<Array> {
    match tensor.clone().into_dispatch().kind {
        DispatchTensorKind::Flex(array) if tensor.dtype() == DType::F32 => Some(array.float()),
        _ => None,
    }
}

/// `function` of tensors that it [`serves`], with its gradient.
pub(super) fn apply<F: Fused<N>, const N: usize, const D: usize>(function: F, inputs: [Tensor<D>; N]) -> Tensor<D> {
    const { assert!(N > 0, "the first input says which tape there is") }
    let inputs = inputs.map(Tensor::into_dispatch);
    let autodiff = inputs[0].autodiff;
    let kind = if matches!(inputs[0].kind, DispatchTensorKind::Autodiff(_)) {
        let mut parts = inputs.map(|input| {
            let DispatchTensorKind::Autodiff(inner) = input.kind else { unreachable!("the caller asked `serves`") };
            let (array, node) = flex(*inner).autodiff().into_parts();
            (Some(array), node)
        });
        // Given away, so that a function may write into the memory of an array that nobody else looks at.
        let arrays = parts.each_mut().map(|(array, _)| array.take().expect("just put there"));
        let (value, saved) = function.forward(arrays);
        // Bound by computation: never done again to save memory, so that the strategy does not matter.
        let nodes = parts.map(|(_, node)| node);
        let prepared = Step(function.clone()).prepare::<NoCheckpointing>(nodes).compute_bound();
        let value = match prepared.stateful() {
            OpsKind::Tracked(step) => step.finish((function, saved), value),
            OpsKind::UnTracked(step) => step.finish(value),
        };
        DispatchTensorKind::Autodiff(Box::new(DispatchTensorKind::Flex(BackendTensor::Autodiff(value))))
    } else {
        let (value, _) = function.forward(inputs.map(|input| flex(input.kind).float()));
        DispatchTensorKind::Flex(BackendTensor::Float(value))
    };
    Tensor::from_dispatch(DispatchTensor { kind, autodiff })
}

fn flex(kind: DispatchTensorKind) -> BackendTensor<Flex> {
    let DispatchTensorKind::Flex(tensor) = kind else { unreachable!("the caller asked `serves`") };
    tensor
}

/// The backward step of a function.
#[derive(Debug)]
struct Step<F>(F);

impl<F: Fused<N>, const N: usize> Backward<Flex, N> for Step<F> {
    type State = (F, F::Saved);

    fn backward(self, ops: Ops<Self::State, N>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let (function, saved) = ops.state;
        let gradient = gradients.consume::<Flex>(&ops.node);
        let wanted = ops.parents.each_ref().map(Option::is_some);
        for (parent, gradient) in ops.parents.into_iter().zip(function.backward(saved, gradient, wanted)) {
            if let Some(parent) = parent {
                gradients.register::<Flex>(parent.id, gradient.expect("a gradient that was wanted"));
            }
        }
    }
}

/// The elements of an array made contiguous.
pub(super) fn elements(x: &Array) -> &[f32] {
    x.as_slice().expect("an f32 tensor made contiguous")
}

/// `x` to be written to, in order: in its own memory, unless another tensor looks at it, because fresh pages cost more
/// than the numbers.
pub(super) fn writable(x: Array) -> Array {
    let in_order = x.to_contiguous();
    drop(x);
    in_order
}

/// An array of these elements.
pub(super) fn array(elements: Vec<f32>, shape: &Shape) -> Array {
    Flex::float_from_data(TensorData::new(elements, shape.clone()), &FlexDevice)
}

/// The elements of one task: whole rows, one at least.
pub(super) fn task(row_len: usize) -> usize {
    let row_len = row_len.max(1);
    row_len * (TASK / row_len).max(1)
}
