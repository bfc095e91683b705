//! Kernels on Burn's CPU backend: the tensor's memory, the threads, and the step on the autodiff tape.

use std::fmt::Debug;
use std::marker::PhantomData;

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::NoCheckpointing;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind, unary};
use burn::backend::ops::FloatTensorOps;
use burn::backend::tensor::FloatTensor;
use burn::backend::{BackendTensor, DispatchTensor, DispatchTensorKind, Flex};
use burn::tensor::{DType, Tensor, TensorData};
use rayon::prelude::*;

/// Elements that one task works on: a few of these fit into the first-level cache of one core.
const TASK: usize = 1 << 12;

/// A map of rows to rows of the same shape whose gradient needs its result alone.
pub(super) trait RowKernel: Copy + Debug + Send + Sync + 'static {
    /// Elements of one row; the results must not depend on how many rows one call gets.
    fn row_len(&self) -> usize;

    /// Computes `out` from whole rows `x`, the first of which starts at element `first` of the tensor.
    fn forward(&self, first: usize, x: &[f32], out: &mut [f32]);

    /// Computes the gradient in `x` from the result `y` and its gradient.
    fn backward(&self, y: &[f32], gradient: &[f32], out: &mut [f32]);
}

/// Whether `tensor` is what [`apply`] was made for: f32, on Burn's CPU backend, tracked or not.
pub(super) fn serves<const D: usize>(tensor: &Tensor<D>) -> bool {
    tensor.dtype() == DType::F32
        && match tensor.clone().into_dispatch().kind {
            DispatchTensorKind::Flex(_) => true,
            DispatchTensorKind::Autodiff(inner) => matches!(*inner, DispatchTensorKind::Flex(_)),
            #[allow(unreachable_patterns)] // the only two backends of the default build
            _ => false,
        }
}

/// `kernel` of a tensor that it [`serves`], with its gradient.
pub(super) fn apply<const D: usize>(kernel: impl RowKernel, x: Tensor<D>) -> Tensor<D> {
    let DispatchTensor { kind, autodiff } = x.into_dispatch();
    let kind = match kind {
        DispatchTensorKind::Flex(x) => DispatchTensorKind::Flex(BackendTensor::Float(forward(kernel, &x.float()))),
        DispatchTensorKind::Autodiff(inner) => {
            #[allow(irrefutable_let_patterns)] // the only backend of the default build
            let DispatchTensorKind::Flex(x) = *inner else { unreachable!("the caller asked `serves`") };
            let (x, node) = x.autodiff().into_parts();
            let y = forward(kernel, &x);
            // Bound by computation: never done again to save memory, so that the strategy does not matter.
            let y = match Step(PhantomData).prepare::<NoCheckpointing>([node]).compute_bound().stateful() {
                OpsKind::Tracked(step) => step.finish((kernel, y.clone()), y),
                OpsKind::UnTracked(step) => step.finish(y),
            };
            DispatchTensorKind::Autodiff(Box::new(DispatchTensorKind::Flex(BackendTensor::Autodiff(y))))
        }
        #[allow(unreachable_patterns)]
        _ => unreachable!("the caller asked `serves`"),
    };
    Tensor::from_dispatch(DispatchTensor { kind, autodiff })
}

/// The backward step of a kernel, which is its state.
#[derive(Debug)]
struct Step<K>(PhantomData<K>);

impl<K: RowKernel> Backward<Flex, 1> for Step<K> {
    type State = (K, FloatTensor<Flex>);

    fn backward(self, ops: Ops<Self::State, 1>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let (kernel, y) = ops.state;
        unary::<Flex, _>(ops.parents, ops.node, gradients, |gradient| {
            let (y, gradient) = (y.to_contiguous(), gradient.to_contiguous());
            let shape = y.layout().shape().clone();
            let (y, gradient) = (elements(&y), elements(&gradient));
            let out = by_rows(kernel.row_len(), y.len(), |first, out| {
                let range = first..first + out.len();
                kernel.backward(&y[range.clone()], &gradient[range], out);
            });
            Flex::float_from_data(TensorData::new(out, shape), &burn::backend::FlexDevice)
        });
    }
}

fn forward(kernel: impl RowKernel, x: &FloatTensor<Flex>) -> FloatTensor<Flex> {
    let x = x.to_contiguous();
    let shape = x.layout().shape().clone();
    let x = elements(&x);
    let out = by_rows(kernel.row_len(), x.len(), |first, out| kernel.forward(first, &x[first..first + out.len()], out));
    Flex::float_from_data(TensorData::new(out, shape), &burn::backend::FlexDevice)
}

fn elements(x: &FloatTensor<Flex>) -> &[f32] {
    x.as_slice().expect("an f32 tensor made contiguous")
}

/// `len` elements computed by tasks of whole rows; each task is told where it starts.
fn by_rows(row_len: usize, len: usize, compute: impl Fn(usize, &mut [f32]) + Sync) -> Vec<f32> {
    let mut out = vec![0.0; len];
    let task = row_len * (TASK / row_len).max(1);
    if len <= task {
        compute(0, &mut out);
    } else {
        out.par_chunks_mut(task).enumerate().for_each(|(index, chunk)| compute(index * task, chunk));
    }
    out
}
