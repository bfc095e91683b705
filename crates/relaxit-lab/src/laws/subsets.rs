//! Laws of k among K.

use burn::tensor::{DType, Device, Tensor};
use relaxit::distribution::{Density, Distribution, Enumerable, GumbelTopK, KSubset};
use relaxit::noise::Noise;
use relaxit::reference::{GUMBEL_TOP_K, IMPLICIT_MLE, SIMPLE, SUBSET_SAMPLING};
use relaxit::relaxation::{ImplicitMle, RelaxedTopK};
use relaxit::support::Support;

use super::entry::{Entry, Law};
use super::parameter::{Parameter, Range};
use super::{LOGITS, TEMPERATURE};

pub(super) const COUNT: Parameter = Parameter::one("count", Range::Whole(1, 1024), &[2.0]).fixed();

pub(super) fn laws() -> Vec<Box<dyn Law>> {
    vec![gumbel_top_k().done(), implicit_mle().done(), k_subset().done(), relaxed_top_k().done()]
}

fn gumbel_top_k() -> Entry<GumbelTopK<2>> {
    Entry::new("GumbelTopK", "k among K without replacement, in order", &[LOGITS, COUNT], |p| {
        GumbelTopK::from_logits(p.tensor("logits"), p.whole("count"))
    })
    .paper(GUMBEL_TOP_K)
    .density()
    .enumerable()
}

/// It offers no density.
fn relaxed_top_k() -> Entry<RelaxedTopK<2>> {
    Entry::new("RelaxedTopK", "k among K made continuous", &[LOGITS, COUNT, TEMPERATURE], |p| {
        RelaxedTopK::from_logits(p.tensor("logits"), p.whole("count"), p.tensor("temperature"))
    })
    .paper(SUBSET_SAMPLING)
    .reparameterized()
}

fn k_subset() -> Entry<KSubset<2>> {
    Entry::new("KSubset", "a set of k among K", &[LOGITS, COUNT], |p| {
        KSubset::from_logits(p.tensor("logits"), p.whole("count"))
    })
    .paper(SIMPLE)
    .working(|p| p.entries() * (p.whole("count") / 8).max(1))
    .density()
    .enumerable()
    .moments()
    .entropy()
    .pathwise(KSubset::rsample_straight_through)
}

fn implicit_mle() -> Entry<Perturbed> {
    let step = Parameter::one("step", Range::Within(1e-6, 1e6), &[1.0]).fixed().optional();
    let about = "k among K, with the gradient of a second, perturbed choice";
    Entry::new("ImplicitMle", about, &[LOGITS, COUNT, step], |p| {
        ImplicitMle::from_logits(p.tensor("logits"), p.whole("count"), p.number("step")).map(Perturbed)
    })
    .alias("IMLE")
    .paper(IMPLICIT_MLE)
    .density()
    .enumerable()
    .pathwise(Perturbed::rsample)
}

/// Perturb-and-MAP as a law: that of its hard samples.
#[derive(Clone, Debug)]
struct Perturbed(ImplicitMle<2>);

impl Perturbed {
    /// The hard sample; the gradient of an entry is the one that the objective "this entry" gets.
    fn rsample(&self, noise: &mut Noise) -> Tensor<2> {
        let draw = self.0.draw(noise);
        let hard = draw.hard();
        let entries = (0..hard.dims()[1]).map(|entry| {
            let column = hard.clone().slice_dim(1, entry);
            let objective = hard.zeros_like().inner().slice_fill([0..hard.dims()[0], entry..entry + 1], 1.0);
            let surrogate = draw.surrogate(objective);
            column + (surrogate.clone() - surrogate.detach())
        });
        Tensor::cat(entries.collect(), 1)
    }
}

impl Distribution<2> for Perturbed {
    const EVENT_DIMS: usize = 1;

    fn support(&self) -> Support {
        self.0.hard().support()
    }

    fn shape(&self) -> [usize; 2] {
        self.0.hard().shape()
    }

    fn device(&self) -> Device {
        self.0.hard().device()
    }

    fn dtype(&self) -> DType {
        self.0.hard().dtype()
    }

    fn sample(&self, noise: &mut Noise) -> Tensor<2> {
        self.0.hard().sample(noise)
    }

    fn validate(&self) -> relaxit::Result<()> {
        self.0.hard().validate()
    }
}

impl Density<2> for Perturbed {
    fn log_prob(&self, value: Tensor<2>) -> Tensor<2> {
        self.0.hard().log_prob(value)
    }
}

impl Enumerable<2> for Perturbed {
    fn outcomes(&self) -> impl Iterator<Item = Tensor<2>> + '_ {
        self.0.hard().outcomes()
    }
}
