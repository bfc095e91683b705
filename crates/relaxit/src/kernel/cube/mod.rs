//! Kernels on Burn's GPU backend, written in CubeCL: CUDA, ROCm, Metal, Vulkan and WebGPU from one source.
//!
//! The random bits are those of the CPU, from the same counters; the noise made of them differs by a few units in the
//! last place, as it is computed in f32 (many GPUs have no f64). With Burn's feature `fusion`, which fuses plain operations
//! itself, tensors are not ours to look into, and the plain way is taken.

mod binary_concrete;
mod gumbel_softmax;
mod noise;

use std::any::Any;
use std::fmt::Debug;
use std::marker::PhantomData;

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::NoCheckpointing;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind, unary};
use burn::backend::tensor::FloatTensor;
use burn::backend::{BackendTensor, Cube, DispatchTensor, DispatchTensorKind};
use burn::tensor::{DType, Shape, Tensor};
use burn_cubecl::cubecl::prelude::{CubeCount, CubeDim};
use burn_cubecl::cubecl::{calculate_cube_count_elemwise, client::Client};
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::ops::numeric::empty_device_contiguous_dtype;
use burn_cubecl::tensor::CubeTensor;

pub(crate) use self::binary_concrete::{binary_concrete, straight_through_binary_concrete};
pub(crate) use self::gumbel_softmax::{gumbel_softmax, straight_through_gumbel_softmax};

/// Units of one cube at most: what every device has.
const UNITS: usize = 256;

/// A map of tensors to tensors of the same shape whose gradient needs its result alone.
trait Kernel: Copy + Debug + Send + Sync + 'static {
    /// Computes the soft result, and the hard one beside it if that is `hardened`, of contiguous `x`.
    fn forward(&self, x: CubeTensor, hardened: bool) -> (CubeTensor, Option<CubeTensor>);

    /// Turns the gradient in the result `y` into that in `x`; both are contiguous.
    fn backward(&self, y: CubeTensor, gradient: CubeTensor) -> CubeTensor;
}

/// Whether `tensor` is what [`apply`] was made for: f32, on Burn's GPU backend, tracked or not, and counted by a u32.
#[allow(clippy::match_wildcard_for_single_variants)] // as many as the build has backends
fn serves<const D: usize>(tensor: &Tensor<D>) -> bool {
    let float = match tensor.clone().into_dispatch().kind {
        DispatchTensorKind::Cube(x) => Some(x.float()),
        DispatchTensorKind::Autodiff(inner) => match *inner {
            DispatchTensorKind::Cube(x) => Some(x.autodiff_inner()),
            #[allow(unreachable_patterns)] // other backends of the build
            _ => None,
        },
        #[allow(unreachable_patterns)]
        _ => None,
    };
    let len = tensor.dims().iter().product::<usize>();
    // Positions of a last cube's idle units must have numbers, too.
    let countable = u32::try_from(len).is_ok_and(|len| len < u32::MAX / 2);
    tensor.dtype() == DType::F32 && countable && float.is_some_and(|x| opened(x).is_some())
}

/// `kernel` of a tensor that it [`serves`], hard if that is `hardened`, with the gradient of the soft result.
#[allow(clippy::match_wildcard_for_single_variants)] // as many as the build has backends
fn apply<const D: usize>(kernel: impl Kernel, x: Tensor<D>, hardened: bool) -> Tensor<D> {
    let forward = |x: FloatTensor<Cube>| {
        let x = opened(x).expect(ASKED);
        if x.meta.num_elements() == 0 {
            return (x.clone(), x);
        }
        let (soft, hard) = kernel.forward(into_contiguous(x), hardened);
        (hard.unwrap_or_else(|| soft.clone()), soft)
    };
    let DispatchTensor { kind, autodiff } = x.into_dispatch();
    let kind = match kind {
        DispatchTensorKind::Cube(x) => DispatchTensorKind::Cube(BackendTensor::Float(closed(forward(x.float()).0))),
        DispatchTensorKind::Autodiff(inner) => {
            #[allow(irrefutable_let_patterns)] // other backends of the build
            let DispatchTensorKind::Cube(x) = *inner else { unreachable!("{ASKED}") };
            let (x, node) = x.autodiff().into_parts();
            let (result, soft) = forward(x);
            // Bound by memory, but its noise would have to be drawn again: never done twice.
            let result = match Step(PhantomData).prepare::<NoCheckpointing>([node]).compute_bound().stateful() {
                OpsKind::Tracked(step) => step.finish((kernel, closed(soft)), closed(result)),
                OpsKind::UnTracked(step) => step.finish(closed(result)),
            };
            DispatchTensorKind::Autodiff(Box::new(DispatchTensorKind::Cube(BackendTensor::Autodiff(result))))
        }
        #[allow(unreachable_patterns)]
        _ => unreachable!("{ASKED}"),
    };
    Tensor::from_dispatch(DispatchTensor { kind, autodiff })
}

const ASKED: &str = "the caller asked `serves`";

/// The backward step of a kernel, which is its state.
#[derive(Debug)]
struct Step<K>(PhantomData<K>);

impl<K: Kernel> Backward<Cube, 1> for Step<K> {
    type State = (K, FloatTensor<Cube>);

    fn backward(self, ops: Ops<Self::State, 1>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let (kernel, y) = ops.state;
        unary::<Cube, _>(ops.parents, ops.node, gradients, |gradient| {
            let gradient = opened(gradient).expect(ASKED);
            if gradient.meta.num_elements() == 0 {
                return closed(gradient);
            }
            closed(kernel.backward(opened(y).expect(ASKED), into_contiguous(gradient)))
        });
    }
}

/// The tensor of the backend, unless Burn's fusion is around it.
fn opened(x: FloatTensor<Cube>) -> Option<CubeTensor> {
    // Whether it is depends on a feature of Burn that this crate cannot see; types can tell.
    (Box::new(x) as Box<dyn Any>).downcast().ok().map(|x| *x)
}

/// The inverse of [`opened`].
fn closed(x: CubeTensor) -> FloatTensor<Cube> {
    *(Box::new(x) as Box<dyn Any>).downcast().expect(ASKED)
}

/// A tensor like `x`, of other `shape`, with whatever its memory holds.
fn empty(x: &CubeTensor, shape: Shape) -> CubeTensor {
    empty_device_contiguous_dtype(x.client.clone(), x.device.clone(), shape, DType::F32)
}

/// How many units make a cube on this device: a power of two.
fn units(client: &Client) -> usize {
    let most = client.properties().hardware.max_units_per_cube as usize;
    1 << UNITS.min(most.max(1)).ilog2()
}

/// Cubes of `lanes` units along rows and as many rows as fit, for `rows` rows.
#[allow(clippy::cast_possible_truncation)] // at most the units of a cube
fn grid(client: &Client, lanes: usize, rows: usize) -> (CubeCount, CubeDim) {
    let dim = CubeDim::new_2d(lanes as u32, (units(client) / lanes) as u32);
    (calculate_cube_count_elemwise(client, rows * lanes, dim), dim)
}

/// `1/τ`, rounded as the plain way rounds it.
#[allow(clippy::cast_possible_truncation)]
fn reciprocal(temperature: f64) -> f32 {
    temperature.recip() as f32
}
