//! Relaxed draws: noise, perturbation, temperature and squashing in one pass.
#![allow(clippy::inline_always)] // see `Work::run`

use std::fmt::Debug;
use std::slice::ChunksMut;

use burn::tensor::{Shape, Tensor};

use super::elementary::accumulate;
use super::flex::{Array, Fused, TASK, apply, array, elements, serves, task, writable};
use super::{Work, in_parallel, widest};
use crate::noise::{Base, Draw, Noise};
use crate::temperature::Temperature;

/// What makes a relaxed sample of a latent, event by event, with a slope that the sample alone tells.
///
/// Every method must be `#[inline(always)]`, and what it makes of an event must not depend on the events beside it.
pub(crate) trait Squash: Copy + Debug + Send + Sync + 'static {
    /// The law of the noise.
    const BASE: Base;

    /// Elements of one event.
    fn event_len(&self) -> usize;

    /// Turns latents into samples, where they lie.
    fn squash(&self, z: &mut [f32]);

    /// Turns latents into hard samples, where they lie.
    fn harden(&self, z: &mut [f32]);

    /// Turns the gradient in the samples `y` into that in the latents, where it lies.
    fn pull_back(&self, y: &[f32], gradient: &mut [f32]);

    /// The latent of a sample, but for a constant of its event; something finite where the sample is saturated.
    fn latent(&self, y: f32) -> f32;
}

/// A relaxed draw at these logits with the noise that [`Noise::draw`] would give; `None`, and no draw made, where there is
/// no kernel for these tensors.
pub(crate) fn rsample<const D: usize>(
    squash: impl Squash,
    logits: &Tensor<D>,
    temperature: &Temperature<D>,
    noise: &mut Noise,
) -> Option<Tensor<D>> {
    sample(squash, logits, temperature, noise, false)
}

/// The same, hardened, with the gradient of the relaxed draw.
pub(crate) fn rsample_straight_through<const D: usize>(
    squash: impl Squash,
    logits: &Tensor<D>,
    temperature: &Temperature<D>,
    noise: &mut Noise,
) -> Option<Tensor<D>> {
    sample(squash, logits, temperature, noise, true)
}

fn sample<const D: usize>(
    squash: impl Squash,
    logits: &Tensor<D>,
    temperature: &Temperature<D>,
    noise: &mut Noise,
    hard: bool,
) -> Option<Tensor<D>> {
    let keeps = match hard {
        false => Keeps::Sample,
        true if logits.dims().iter().product::<usize>() <= KEPT => Keeps::SoftSample,
        true => Keeps::Logits,
    };
    match temperature {
        Temperature::Scalar(temperature) => serves(&[logits]).then(|| {
            // Rounded as the plain way rounds it.
            #[allow(clippy::cast_possible_truncation)]
            let heat = Rate(temperature.recip() as f32);
            apply(Sampler { squash, draw: noise.next_draw(), keeps, heat }, [logits.clone()])
        }),
        Temperature::Tensor(each) => serves(&[logits, each]).then(|| {
            let each = in_blocks(each.clone(), logits.dims(), squash.event_len());
            apply(Sampler { squash, draw: noise.next_draw(), keeps, heat: Each }, [logits.clone(), each])
        }),
    }
}

/// Temperatures that, in their order, each serve equally many consecutive elements of a tensor of this shape: as they are
/// if they do, and few enough elements for a task; else one for each event.
fn in_blocks<const D: usize>(each: Tensor<D>, shape: [usize; D], event_len: usize) -> Tensor<D> {
    let dims = each.dims();
    let leading = dims.iter().rposition(|&dim| dim > 1).map_or(0, |last| last + 1);
    let block: usize = shape[leading..].iter().product();
    if leading == 0 || dims[..leading] == shape[..leading] && block <= TASK.max(event_len) {
        return each;
    }
    let mut events = shape;
    if event_len > 1 {
        events[D - 1] = 1;
    }
    // As a `Shape`, because an array may not have a 0, and the batch may be empty.
    each.expand(Shape::from(events))
}

/// The same temperature for all: its reciprocal.
#[derive(Clone, Copy, Debug)]
struct Rate(f32);

/// Temperatures that are a second input.
#[derive(Clone, Copy, Debug)]
struct Each;

#[derive(Clone, Copy, Debug)]
struct Sampler<S, H> {
    squash: S,
    draw: Draw,
    keeps: Keeps,
    heat: H,
}

/// What a draw keeps for its gradient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Keeps {
    /// The sample, which is soft.
    Sample,
    /// The soft sample that a hard one was made of.
    SoftSample,
    /// The logits, to draw the soft sample again: twice the work, and no memory of its own.
    Logits,
}

/// Elements up to which a hard sample keeps the soft one: 16 MB.
const KEPT: usize = 1 << 22;

impl<S: Squash> Fused<1> for Sampler<S, Rate> {
    type Saved = Array;

    fn forward(&self, [logits]: [Array; 1]) -> (Array, Array) {
        let Rate(rate) = self.heat;
        self.forward_at(&logits, task(self.squash.event_len()), |_| Heat::Rate(rate))
    }

    fn backward(self, saved: Array, gradient: Array, _: [bool; 1]) -> [Option<Array>; 1] {
        let Rate(rate) = self.heat;
        let task = task(self.squash.event_len());
        [Some(self.backward_at(&saved, gradient, task, |_| Heat::Rate(rate), [].chunks_mut(1)))]
    }
}

impl<S: Squash> Fused<2> for Sampler<S, Each> {
    type Saved = [Array; 2];

    fn forward(&self, [logits, temperatures]: [Array; 2]) -> (Array, [Array; 2]) {
        let temperatures = temperatures.to_contiguous();
        let blocks = Blocks::new(elements(&temperatures), logits.layout().num_elements(), self.squash.event_len());
        let (sample, saved) = self.forward_at(&logits, blocks.task, |index| blocks.heat(index));
        (sample, [saved, temperatures])
    }

    fn backward(self, [saved, temperatures]: [Array; 2], gradient: Array, wanted: [bool; 2]) -> [Option<Array>; 2] {
        let (shape, len) = (temperatures.layout().shape().clone(), saved.layout().num_elements());
        let blocks = Blocks::new(elements(&temperatures), len, self.squash.event_len());
        let mut sums = if wanted[1] { blocks.sums(len) } else { Vec::new() };
        let sums_of_tasks = sums.chunks_mut(blocks.per_task());
        let gradient = self.backward_at(&saved, gradient, blocks.task, |index| blocks.heat(index), sums_of_tasks);
        [Some(gradient), wanted[1].then(|| array(blocks.added_up(sums), &shape))]
    }
}

impl<S: Squash, H> Sampler<S, H> {
    /// The sample, and what it keeps.
    fn forward_at<'a>(&self, logits: &Array, task: usize, heat: impl Fn(usize) -> Heat<'a> + Sync) -> (Array, Array) {
        let latents = self.latents(task, heat);
        let logits = logits.to_contiguous();
        let len = logits.layout().num_elements();
        let mut soft = vec![0.0; if self.keeps == Keeps::Logits { 0 } else { len }];
        let mut hard = vec![0.0; if self.keeps == Keeps::Sample { 0 } else { len }];
        let (mut soft_chunks, mut hard_chunks) = (soft.chunks_mut(task), hard.chunks_mut(task));
        let tasks = elements(&logits).chunks(task).enumerate().map(|(index, logits)| Forward {
            latents: latents(index),
            logits,
            soft: soft_chunks.next(),
            hard: hard_chunks.next(),
        });
        in_parallel(tasks, widest);
        let array = |elements| array(elements, logits.layout().shape());
        match self.keeps {
            Keeps::Sample => {
                let soft = array(soft);
                (soft.clone(), soft)
            }
            Keeps::SoftSample => (array(hard), array(soft)),
            Keeps::Logits => (array(hard), logits),
        }
    }

    /// The gradient in the logits; the tasks put those in temperatures into `in_temperatures`, as far as there are some.
    fn backward_at<'a>(
        &self,
        saved: &Array,
        gradient: Array,
        task: usize,
        heat: impl Fn(usize) -> Heat<'a> + Sync,
        mut in_temperatures: ChunksMut<'_, f32>,
    ) -> Array {
        let (latents, again) = (self.latents(task, heat), self.keeps == Keeps::Logits);
        let saved = elements(saved);
        let mut gradient = writable(gradient);
        let chunks = saved.chunks(task).zip(gradient.storage_mut().chunks_mut(task)).enumerate();
        let tasks = chunks.map(|(index, (saved, gradient))| Backward {
            latents: latents(index),
            again,
            saved,
            gradient,
            in_temperature: in_temperatures.next(),
        });
        in_parallel(tasks, widest);
        gradient
    }

    /// How each task makes its latents.
    fn latents<'a>(
        &self,
        task: usize,
        heat: impl Fn(usize) -> Heat<'a> + Sync,
    ) -> impl Fn(usize) -> Latents<'a, S> + Sync {
        let (squash, draw) = (self.squash, self.draw);
        move |index| Latents { squash, draw, heat: heat(index), first: index * task }
    }
}

/// How temperatures are dealt out to tasks.
struct Blocks<'a> {
    temperatures: &'a [f32],
    /// Elements that share one, as far as a task sees.
    block: usize,
    /// Elements of a task.
    task: usize,
}

impl<'a> Blocks<'a> {
    fn new(temperatures: &'a [f32], len: usize, event_len: usize) -> Self {
        if let [_] = temperatures {
            let task = task(event_len);
            return Self { temperatures, block: task, task };
        }
        let block = (len / temperatures.len().max(1)).max(1);
        Self { temperatures, block, task: task(block) }
    }

    /// The temperatures of the task of this index.
    fn heat(&self, index: usize) -> Heat<'a> {
        let each = match self.temperatures {
            [_] => self.temperatures,
            several => &several[index * self.per_task()..],
        };
        Heat::Each { each, block: self.block }
    }

    fn per_task(&self) -> usize {
        self.task / self.block
    }

    /// Where the tasks of a tensor of `len` elements put their gradients in temperatures, [`per_task`](Self::per_task)
    /// each.
    fn sums(&self, len: usize) -> Vec<f32> {
        vec![0.0; if self.temperatures.len() == 1 { len.div_ceil(self.task) } else { self.temperatures.len() }]
    }

    /// The gradients in the temperatures, of the [`sums`](Self::sums) of tasks.
    #[allow(clippy::cast_possible_truncation)] // the one rounding to f32
    fn added_up(&self, sums: Vec<f32>) -> Vec<f32> {
        match self.temperatures {
            [_] => vec![sums.into_iter().map(f64::from).sum::<f64>() as f32],
            _ => sums,
        }
    }
}

/// The temperatures of a task.
#[derive(Clone, Copy)]
enum Heat<'a> {
    /// 1/τ, the same for all.
    Rate(f32),
    /// τ for each `block` of elements.
    Each { each: &'a [f32], block: usize },
}

/// How a task makes latents of logits.
#[derive(Clone, Copy)]
struct Latents<'a, S> {
    squash: S,
    draw: Draw,
    heat: Heat<'a>,
    /// Where the task starts in the tensor.
    first: usize,
}

impl<S: Squash> Latents<'_, S> {
    // Several short loops over a few kilobytes, each without a dependency from one element to the next.
    #[inline(always)]
    fn fill(self, logits: &[f32], z: &mut [f32]) {
        self.draw.fill(S::BASE, self.first, z);
        match self.heat {
            Heat::Rate(rate) => {
                for (z, &logit) in z.iter_mut().zip(logits) {
                    *z = (logit + *z) * rate;
                }
            }
            Heat::Each { each, block: 1 } => {
                for ((z, &logit), &temperature) in z.iter_mut().zip(logits).zip(each) {
                    *z = (logit + *z) / temperature;
                }
            }
            Heat::Each { each, block } => {
                for ((z, logits), &temperature) in z.chunks_mut(block).zip(logits.chunks(block)).zip(each) {
                    for (z, &logit) in z.iter_mut().zip(logits) {
                        *z = (logit + *z) / temperature;
                    }
                }
            }
        }
    }
}

struct Forward<'a, S> {
    latents: Latents<'a, S>,
    logits: &'a [f32],
    soft: Option<&'a mut [f32]>,
    hard: Option<&'a mut [f32]>,
}

impl<S: Squash> Work for Forward<'_, S> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { latents, logits, soft, hard } = self;
        match (soft, hard) {
            (Some(soft), None) => {
                latents.fill(logits, soft);
                latents.squash.squash(soft);
            }
            (Some(soft), Some(hard)) => {
                latents.fill(logits, soft);
                hard.copy_from_slice(soft);
                latents.squash.harden(hard);
                latents.squash.squash(soft);
            }
            (None, Some(hard)) => {
                latents.fill(logits, hard);
                latents.squash.harden(hard);
            }
            (None, None) => {}
        }
    }
}

struct Backward<'a, S> {
    latents: Latents<'a, S>,
    /// Whether `saved` is the logits, to draw the soft sample again, or that sample.
    again: bool,
    saved: &'a [f32],
    /// In the sample, and then in the logits.
    gradient: &'a mut [f32],
    in_temperature: Option<&'a mut [f32]>,
}

impl<S: Squash> Work for Backward<'_, S> {
    type Output = ();

    /// With g the gradient in the latent `z = (φ + ε)/τ`: `g/τ` in φ, and `−Σ g z/τ` in τ.
    #[inline(always)]
    fn run(self) {
        let Self { latents, again, saved, gradient, in_temperature } = self;
        let Latents { squash, heat, .. } = latents;
        let mut drawn = vec![0.0; if again { saved.len() } else { 0 }];
        let y = if again {
            latents.fill(saved, &mut drawn);
            squash.squash(&mut drawn);
            &drawn
        } else {
            saved
        };
        squash.pull_back(y, gradient);
        match heat {
            Heat::Rate(rate) => {
                for slope in gradient.iter_mut() {
                    *slope *= rate;
                }
            }
            Heat::Each { each, block: 1 } => {
                for (slope, &temperature) in gradient.iter_mut().zip(each) {
                    *slope /= temperature;
                }
            }
            Heat::Each { each, block } => {
                for (gradient, &temperature) in gradient.chunks_mut(block).zip(each) {
                    for slope in gradient {
                        *slope /= temperature;
                    }
                }
            }
        }
        let Some(in_temperature) = in_temperature else { return };
        let Heat::Each { block, .. } = heat else { return };
        if block == 1 {
            for ((sum, &y), &slope) in in_temperature.iter_mut().zip(y).zip(gradient.iter()) {
                *sum = -squash.latent(y) * slope;
            }
            return;
        }
        for ((sum, y), slopes) in in_temperature.iter_mut().zip(y.chunks(block)).zip(gradient.chunks(block)) {
            *sum = -accumulate(y, slopes, |sum, y, slope| squash.latent(y).mul_add(slope, sum));
        }
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::{DType, Device};

    use super::*;
    use crate::kernel::instruction_set::{SETS, on_set};
    use crate::kernel::{BinaryConcrete, GumbelSoftmax, HardConcrete};

    /// Numbers that repeat every 97 elements, from −3 to 3.
    fn numbers(len: u16) -> Vec<f32> {
        (0..len).map(|i| f32::from(i % 97 * 31 % 97) / 16.0 - 3.0).collect()
    }

    fn sets_agree(squash: impl Squash) {
        let (len, event_len) = (1220, squash.event_len());
        let (logits, slopes) = (numbers(len), numbers(len));
        let each: Vec<f32> = numbers(len / u16::try_from(event_len).expect("few")).iter().map(|x| x.exp()).collect();
        let draw = Noise::seeded(5).next_draw();
        let mut first = None;
        for set in 0..SETS {
            let mut results = Vec::new();
            for heat in [Heat::Rate(0.7), Heat::Each { each: &each, block: event_len }] {
                let latents = Latents { squash, draw, heat, first: 0 };
                let [mut soft, mut hard, mut gradient] = [(); 3].map(|()| vec![0.0; logits.len()]);
                gradient.copy_from_slice(&slopes);
                let mut in_temperature = vec![0.0; each.len()];
                if on_set(set, Forward { latents, logits: &logits, soft: Some(&mut soft), hard: Some(&mut hard) }) {
                    let sums = Some(in_temperature.as_mut_slice());
                    let backward =
                        Backward { latents, again: false, saved: &soft, gradient: &mut gradient, in_temperature: sums };
                    on_set(set, backward);
                    results.push([soft, hard, gradient, in_temperature]);
                }
            }
            if !results.is_empty() {
                assert!(first.get_or_insert_with(|| results.clone()) == &results, "{squash:?} of set {set}");
            }
        }
    }

    /// What a hard sample keeps changes neither it nor its gradients.
    #[test]
    fn a_soft_sample_drawn_again_is_the_same() {
        let device = Device::flex().autodiff();
        let draw = Noise::seeded(5).next_draw();
        let results = |keeps, each: Option<[usize; 2]>| {
            // Several tasks, the last of them not a whole one.
            let logits = Tensor::<1>::from_floats(numbers(9990).as_slice(), &device).reshape([270, 37]).require_grad();
            let squash = GumbelSoftmax { categories: 37 };
            let weights = logits.clone().inner().cos();
            let weigh = |y: &Tensor<2>| (y.clone() * Tensor::from_inner(weights)).sum().backward();
            let Some(shape) = each else {
                let y = apply(Sampler { squash, draw, keeps, heat: Rate(0.7) }, [logits.clone()]);
                let gradients = weigh(&y);
                return [Some(y.inner()), logits.grad(&gradients), None];
            };
            let each = Tensor::full(shape, 0.7, (&device, DType::F32)).require_grad();
            let y = apply(Sampler { squash, draw, keeps, heat: Each }, [logits.clone(), each.clone()]);
            let gradients = weigh(&y);
            [Some(y.inner()), logits.grad(&gradients), each.grad(&gradients)]
        };
        for each in [None, Some([1, 1]), Some([270, 1])] {
            let bits = |keeps| results(keeps, each).map(|x| x.map(|x| x.into_data()));
            let [sample, ..] = bits(Keeps::SoftSample);
            assert!(bits(Keeps::SoftSample) == bits(Keeps::Logits), "{each:?}");
            assert!(
                bits(Keeps::Sample)[1..] == bits(Keeps::Logits)[1..] && bits(Keeps::Sample)[0] != sample,
                "{each:?}"
            );
        }
    }

    /// The instruction set changes the speed alone.
    #[test]
    fn every_instruction_set_gives_the_same_bits() {
        sets_agree(BinaryConcrete);
        sets_agree(GumbelSoftmax { categories: 61 });
        sets_agree(HardConcrete::new(-0.1, 1.1));
    }

    /// The kernels are compared with the plain way elsewhere; here, that there is something to compare.
    #[test]
    fn what_is_served_is_served() {
        let device = Device::flex();
        let served = |logits: &Tensor<2>, temperature: Temperature<2>| {
            rsample(GumbelSoftmax { categories: 3 }, logits, &temperature, &mut Noise::seeded(0)).is_some()
        };
        for device in [device.clone(), device.clone().autodiff()] {
            let logits = Tensor::zeros([2, 3], (&device, DType::F32));
            for shape in [[1, 1], [2, 1]] {
                assert!(served(&logits, Tensor::ones(shape, (&device, DType::F32)).into()));
            }
            assert!(served(&logits, 0.5.into()));
            assert!(!served(&logits.cast(DType::F64), 0.5.into()));
        }
        let (logits, each) =
            (Tensor::zeros([2, 3], (&device, DType::F32)), Tensor::ones([1, 1], (&device, DType::F32)));
        assert!(!served(&logits, each.autodiff().into()), "the one on the tape and the other not");
    }

    #[test]
    fn temperatures_serve_blocks() {
        let blocks = |dims: [usize; 3], shape, event_len| {
            in_blocks(Tensor::ones(dims, &Device::flex()), shape, event_len).dims()
        };
        for (dims, shape, event_len, expected) in [
            ([1, 1, 1], [2, 3, 4], 4, [1, 1, 1]),
            ([2, 1, 1], [2, 3, 4], 4, [2, 1, 1]),
            ([2, 3, 1], [2, 3, 4], 4, [2, 3, 1]),
            ([1, 3, 1], [2, 3, 4], 4, [2, 3, 1]),
            ([1, 3, 1], [2, 3, 4], 1, [2, 3, 4]),
            ([2, 1, 4], [2, 3, 4], 1, [2, 3, 4]),
            ([2, 1, 1], [2, 3, 5000], 5000, [2, 3, 1]),
            ([2, 3, 1], [2, 3, 5000], 5000, [2, 3, 1]),
            ([1, 3, 1], [1, 3, 2], 2, [1, 3, 1]),
        ] {
            assert_eq!(blocks(dims, shape, event_len), expected, "{dims:?} of {shape:?}");
        }
    }
}
