//! Laws of counts, their truncations, and a relaxation of both.

use burn::tensor::{DType, Device, Tensor, TensorData};
use relaxit::distribution::{
    Binomial, Density, Distribution, Geometric, NegativeBinomial, Poisson, Reparameterized, Truncated,
};
use relaxit::noise::{Base, Noise};
use relaxit::reference::GENERALIZED_GUMBEL_SOFTMAX;
use relaxit::relaxation::GeneralizedGumbelSoftmax;
use relaxit::support::Support;

use super::entry::{Arguments, Entry, Law};
use super::parameter::{Parameter, Range};
use super::{LOGITS, TEMPERATURE};

pub(super) fn laws() -> Vec<Box<dyn Law>> {
    vec![
        binomial().done(),
        generalized_gumbel_softmax().done(),
        geometric().done(),
        negative_binomial().done(),
        poisson().done(),
        truncated_binomial().done(),
        truncated_geometric().done(),
        truncated_negative_binomial().done(),
        truncated_poisson().done(),
    ]
}

fn binomial() -> Entry<Binomial<2>> {
    let total_count = Parameter::one("total_count", Range::Whole(1, 1000), &[5.0]).fixed();
    Entry::new("Binomial", "successes in so many trials", &[total_count, LOGITS], |p| {
        Binomial::from_logits(p.whole("total_count"), p.tensor("logits"))
    })
    .density()
    .enumerable()
    .moments()
}

fn geometric() -> Entry<Geometric<2>> {
    Entry::new("Geometric", "failures before the first success", &[LOGITS], |p| {
        Ok(Geometric::from_logits(p.tensor("logits")))
    })
    .density()
    .moments()
    .entropy()
}

fn negative_binomial() -> Entry<NegativeBinomial<2>> {
    let total_count = Parameter::each("total_count", Range::Within(1e-3, 1e6), &[3.5]);
    Entry::new("NegativeBinomial", "successes before so many failures", &[total_count, LOGITS], |p| {
        NegativeBinomial::from_logits(p.tensor("total_count"), p.tensor("logits"))
    })
    .density()
    .moments()
}

fn poisson() -> Entry<Poisson<2>> {
    let rate = Parameter::each("rate", Range::Within(1e-6, 1e6), &[3.0, 0.5]);
    Entry::new("Poisson", "events at a rate", &[rate], |p| Ok(Poisson::from_log_rate(p.tensor("rate").log())))
        .density()
        .moments()
}

/// One logit: the atoms of a truncation take the dimension that others have for entries.
const LOGIT: Parameter = Parameter::one("logits", Range::Real, &[0.3]);
const ATOMS: Parameter = Parameter::one("num_atoms", Range::Whole(1, 1024), &[4.0]).fixed();

fn truncated<L: Density<2> + 'static>(
    name: &'static str,
    about: &'static str,
    parameters: &[Parameter],
    build: fn(&Arguments) -> relaxit::Result<Truncated<L>>,
) -> Entry<Truncated<L>> {
    let parameters = [parameters, &[ATOMS]].concat();
    let entry = Entry::new(name, about, &parameters, build);
    entry.paper(GENERALIZED_GUMBEL_SOFTMAX).density().enumerable().moments().entropy()
}

fn truncated_binomial() -> Entry<Truncated<Binomial<2>>> {
    let total_count = Parameter::one("total_count", Range::Whole(1, 1000), &[5.0]).fixed();
    truncated("TruncatedBinomial", "successes, the last atom for all beyond", &[total_count, LOGIT], |p| {
        Truncated::new(Binomial::from_logits(p.whole("total_count"), p.tensor("logits"))?, p.whole("num_atoms"))
    })
}

fn truncated_geometric() -> Entry<Truncated<Geometric<2>>> {
    truncated("TruncatedGeometric", "failures, the last atom for all beyond", &[LOGIT], |p| {
        Truncated::new(Geometric::from_logits(p.tensor("logits")), p.whole("num_atoms"))
    })
}

fn truncated_negative_binomial() -> Entry<Truncated<NegativeBinomial<2>>> {
    let total_count = Parameter::one("total_count", Range::Within(1e-3, 1e6), &[3.5]);
    let about = "successes before so many failures, the last atom for all beyond";
    truncated("TruncatedNegativeBinomial", about, &[total_count, LOGIT], |p| {
        let law = NegativeBinomial::from_logits(p.tensor("total_count"), p.tensor("logits"))?;
        Truncated::new(law, p.whole("num_atoms"))
    })
}

fn truncated_poisson() -> Entry<Truncated<Poisson<2>>> {
    let rate = Parameter::one("rate", Range::Within(1e-6, 1e6), &[3.0]);
    truncated("TruncatedPoisson", "events at a rate, the last atom for all beyond", &[rate], |p| {
        Truncated::new(Poisson::from_log_rate(p.tensor("rate").log()), p.whole("num_atoms"))
    })
}

fn generalized_gumbel_softmax() -> Entry<Valued> {
    let logits = Parameter::each("logits", Range::Real, &[0.3, -1.2, 0.8, 0.1]);
    let atoms = Parameter::each("atoms", Range::Real, &[0.0, 1.0, 2.0, 5.0]).fixed();
    let about = "a number among finitely many atoms, made continuous";
    Entry::new("GeneralizedGumbelSoftmax", about, &[logits, atoms, TEMPERATURE], |p| {
        let logits = p.tensor("logits");
        let count = logits.dims()[1];
        let atoms: Vec<f64> = p.numbers("atoms").iter().copied().cycle().take(count).collect();
        let atoms = Tensor::from_data(TensorData::new(atoms, [count]), (&logits.device(), logits.dtype()));
        GeneralizedGumbelSoftmax::from_logits(logits, atoms, p.tensor("temperature")).map(Valued)
    })
    .paper(GENERALIZED_GUMBEL_SOFTMAX)
    .reparameterized()
}

/// A relaxation of numbers as a law of the number, which has no density, rather than of the weights of its atoms.
#[derive(Clone, Debug)]
pub(super) struct Valued(GeneralizedGumbelSoftmax<2>);

impl Distribution<2> for Valued {
    const EVENT_DIMS: usize = 0;

    fn support(&self) -> Support {
        Support::Real
    }

    fn shape(&self) -> [usize; 2] {
        [self.0.shape()[0], 1]
    }

    fn device(&self) -> Device {
        self.0.device()
    }

    fn dtype(&self) -> DType {
        self.0.dtype()
    }

    fn sample(&self, noise: &mut Noise) -> Tensor<2> {
        self.0.value(self.0.sample(noise)).detach()
    }

    fn validate(&self) -> relaxit::Result<()> {
        self.0.validate()
    }
}

impl Reparameterized<2> for Valued {
    const BASE: Base = <GeneralizedGumbelSoftmax<2> as Reparameterized<2>>::BASE;

    fn noise_shape(&self) -> [usize; 2] {
        self.0.noise_shape()
    }

    fn transport(&self, noise: Tensor<2>) -> Tensor<2> {
        self.0.value(self.0.transport(noise))
    }
}
