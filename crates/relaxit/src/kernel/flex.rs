//! Kernels on Burn's CPU backend: the tensor's memory, the threads, and the step on the autodiff tape.

use std::fmt::Debug;
use std::marker::PhantomData;

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::NoCheckpointing;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind, unary};
use burn::backend::ops::FloatTensorOps;
use burn::backend::tensor::FloatTensor;
use burn::backend::{BackendTensor, DispatchTensor, DispatchTensorKind, Flex, FlexDevice};
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

/// A kernel with a hard version, whose gradient is that of the soft one.
pub(super) trait StraightThrough: RowKernel {
    /// Computes `hard` beside [`forward`](RowKernel::forward)'s result.
    fn forward_hard(&self, first: usize, x: &[f32], soft: &mut [f32], hard: &mut [f32]);
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
    on_tape(kernel, x, |x| {
        let y = map(x, |x| {
            by_rows(kernel.row_len(), x.len(), |first, out| kernel.forward(first, &x[first..first + out.len()], out))
        });
        (y.clone(), y)
    })
}

/// The hard version of `kernel` of a tensor that it [`serves`], with the gradient of the soft one.
pub(super) fn apply_straight_through<const D: usize>(kernel: impl StraightThrough, x: Tensor<D>) -> Tensor<D> {
    on_tape(kernel, x, |x| {
        let mut hard = Vec::new();
        let soft = map(x, |x| {
            let soft;
            (soft, hard) = pairs_by_rows(kernel.row_len(), x.len(), |first, soft, hard| {
                kernel.forward_hard(first, &x[first..first + soft.len()], soft, hard);
            });
            soft
        });
        let hard = TensorData::new(hard, soft.layout().shape().clone());
        (soft, Flex::float_from_data(hard, &FlexDevice))
    })
}

/// Takes `x` off its wrappings, computes what the backward step needs and the result, and wraps the result as `x` was.
fn on_tape<const D: usize>(
    kernel: impl RowKernel,
    x: Tensor<D>,
    forward: impl FnOnce(&FloatTensor<Flex>) -> (FloatTensor<Flex>, FloatTensor<Flex>),
) -> Tensor<D> {
    let DispatchTensor { kind, autodiff } = x.into_dispatch();
    let kind = match kind {
        DispatchTensorKind::Flex(x) => DispatchTensorKind::Flex(BackendTensor::Float(forward(&x.float()).1)),
        DispatchTensorKind::Autodiff(inner) => {
            #[allow(irrefutable_let_patterns)] // the only backend of the default build
            let DispatchTensorKind::Flex(x) = *inner else { unreachable!("the caller asked `serves`") };
            let (x, node) = x.autodiff().into_parts();
            let (soft, result) = forward(&x);
            // Bound by computation: never done again to save memory, so that the strategy does not matter.
            let result = match Step(PhantomData).prepare::<NoCheckpointing>([node]).compute_bound().stateful() {
                OpsKind::Tracked(step) => step.finish((kernel, soft), result),
                OpsKind::UnTracked(step) => step.finish(result),
            };
            DispatchTensorKind::Autodiff(Box::new(DispatchTensorKind::Flex(BackendTensor::Autodiff(result))))
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
            let y = elements(&y);
            map(&gradient, |gradient| {
                by_rows(kernel.row_len(), y.len(), |first, out| {
                    let range = first..first + out.len();
                    kernel.backward(&y[range.clone()], &gradient[range], out);
                })
            })
        });
    }
}

/// A tensor of the shape of `x` with the elements that `compute` makes of those of `x`, in order.
fn map(x: &FloatTensor<Flex>, compute: impl FnOnce(&[f32]) -> Vec<f32>) -> FloatTensor<Flex> {
    let x = x.to_contiguous();
    let out = compute(elements(&x));
    Flex::float_from_data(TensorData::new(out, x.layout().shape().clone()), &FlexDevice)
}

fn elements(x: &FloatTensor<Flex>) -> &[f32] {
    x.as_slice().expect("an f32 tensor made contiguous")
}

/// `len` elements computed by tasks of whole rows; each task is told where it starts.
fn by_rows(row_len: usize, len: usize, compute: impl Fn(usize, &mut [f32]) + Sync) -> Vec<f32> {
    let mut out = vec![0.0; len];
    let task = task(row_len);
    if len <= task {
        compute(0, &mut out);
    } else {
        out.par_chunks_mut(task).enumerate().for_each(|(index, chunk)| compute(index * task, chunk));
    }
    out
}

/// [`by_rows`], of two results.
fn pairs_by_rows(
    row_len: usize,
    len: usize,
    compute: impl Fn(usize, &mut [f32], &mut [f32]) + Sync,
) -> (Vec<f32>, Vec<f32>) {
    let (mut a, mut b) = (vec![0.0; len], vec![0.0; len]);
    let task = task(row_len);
    if len <= task {
        compute(0, &mut a, &mut b);
    } else {
        let chunks = a.par_chunks_mut(task).zip(b.par_chunks_mut(task));
        chunks.enumerate().for_each(|(index, (a, b))| compute(index * task, a, b));
    }
    (a, b)
}

/// The elements of one task: whole rows, one at least.
fn task(row_len: usize) -> usize {
    row_len * (TASK / row_len).max(1)
}
