//! Laws of permutations and their relaxations. A draw is a matrix, written row by row.

use burn::tensor::{DType, Device, Tensor};
use relaxit::distribution::{Distribution, PlackettLuce, Reparameterized};
use relaxit::noise::{Base, Noise};
use relaxit::reference::{GUMBEL_SINKHORN, GUMBEL_TOP_K, NEURAL_SORT, SOFT_SORT};
use relaxit::relaxation::{GumbelSinkhorn, NeuralSort, SoftSort};
use relaxit::support::Support;

use super::entry::{Entry, Law};
use super::parameter::{Parameter, Range};
use super::subsets::COUNT;
use super::{LOGITS, TEMPERATURE};

pub(super) fn laws() -> Vec<Box<dyn Law>> {
    vec![gumbel_sinkhorn().done(), neural_sort().done(), plackett_luce().done(), soft_sort().done()]
}

fn plackett_luce() -> Entry<PlackettLuce<2>> {
    Entry::new("PlackettLuce", "ranks of k among K without replacement, 0 for the others", &[LOGITS, COUNT], |p| {
        PlackettLuce::from_logits(p.tensor("logits"), p.whole("count"))
    })
    .paper(GUMBEL_TOP_K)
    .density()
    .enumerable()
}

fn soft_sort() -> Entry<Matrices<SoftSort<3>>> {
    let about = "the order of K items made continuous, a matrix by distances";
    Entry::new("SoftSort", about, &[LOGITS, TEMPERATURE], |p| {
        SoftSort::from_logits(scores(p.tensor("logits")), scores(p.tensor("temperature"))).map(Matrices)
    })
    .paper(SOFT_SORT)
    .reparameterized()
}

fn neural_sort() -> Entry<Matrices<NeuralSort<3>>> {
    let about = "the order of K items made continuous, a matrix by sums of distances";
    Entry::new("NeuralSort", about, &[LOGITS, TEMPERATURE], |p| {
        NeuralSort::from_logits(scores(p.tensor("logits")), scores(p.tensor("temperature"))).map(Matrices)
    })
    .paper(NEURAL_SORT)
    .reparameterized()
}

fn gumbel_sinkhorn() -> Entry<Matrices<GumbelSinkhorn<3>>> {
    let logits = Parameter::square("logits", Range::Real, &[0.3, -1.2, 0.8, 0.0, 0.5, -0.4, 1.0, 0.2, -0.6]);
    let iterations = Parameter::one("iterations", Range::Whole(1, 10_000), &[20.0]).fixed().optional();
    let about = "a matching of K and K made continuous, a doubly stochastic matrix";
    Entry::new("GumbelSinkhorn", about, &[logits, TEMPERATURE, iterations], |p| {
        let logits = p.tensor("logits");
        let [rows, numbers] = logits.dims();
        let items = numbers.isqrt();
        let (logits, temperature) = (logits.reshape([rows, items, items]), scores(p.tensor("temperature")));
        GumbelSinkhorn::from_logits(logits, temperature, p.whole("iterations")).map(Matrices)
    })
    .paper(GUMBEL_SINKHORN)
    .reparameterized()
}

/// A row of numbers for each draw, `[rows, 1, K]`.
fn scores(x: Tensor<2>) -> Tensor<3> {
    let [rows, items] = x.dims();
    x.reshape([rows, 1, items])
}

/// A law of K × K matrices as one of vectors of K² entries.
#[derive(Clone, Debug)]
pub(super) struct Matrices<L>(L);

impl<L: Distribution<3>> Matrices<L> {
    fn flat(&self, x: Tensor<3>) -> Tensor<2> {
        x.reshape(self.shape())
    }
}

impl<L: Distribution<3>> Distribution<2> for Matrices<L> {
    const EVENT_DIMS: usize = 1;

    /// As many rows as columns, each of which sums to 1.
    fn support(&self) -> Support {
        Support::ScaledSimplex(self.0.shape()[1])
    }

    fn shape(&self) -> [usize; 2] {
        let [rows, height, width] = self.0.shape();
        [rows, height * width]
    }

    fn device(&self) -> Device {
        self.0.device()
    }

    fn dtype(&self) -> DType {
        self.0.dtype()
    }

    fn sample(&self, noise: &mut Noise) -> Tensor<2> {
        self.flat(self.0.sample(noise))
    }

    fn validate(&self) -> relaxit::Result<()> {
        self.0.validate()
    }
}

impl<L: Reparameterized<3>> Reparameterized<2> for Matrices<L> {
    const BASE: Base = L::BASE;

    fn noise_shape(&self) -> [usize; 2] {
        let [rows, height, width] = self.0.noise_shape();
        [rows, height * width]
    }

    fn transport(&self, noise: Tensor<2>) -> Tensor<2> {
        self.flat(self.0.transport(noise.reshape(self.0.noise_shape())))
    }
}
