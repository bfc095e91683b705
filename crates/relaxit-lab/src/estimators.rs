//! The table of estimators that commands know by name.

use std::fmt;
use std::num::NonZeroUsize;

use burn::tensor::{DType, Device, Tensor, TensorCreationOptions};
use relaxit::control::{Network, RelaxedObjective, Sum};
use relaxit::distribution::{Density, Enumerable, Moments};
use relaxit::estimator::{
    Arm, Arms, DisArm, DoubleControlVariate, Estimator, Exact, LearnedBaseline, LearnedTemperature, MovingAverage,
    MuProp, Pathwise, Rebar, Relax, Rloo, Rodeo, SampleGradient, ScoreFunction, StraightThrough,
    StraightThroughPathwise, SumAndSample, UnorderedSet,
};
use relaxit::noise::Noise;
use relaxit::relaxation::{ConditionalRelaxation, Relaxation, RelaxedBernoulli, RelaxedOneHotCategorical, Tempered};

use crate::usage::UsageError;

/// An estimator under the name that it has on command lines and in files.
pub struct Entry<R, const D: usize> {
    name: &'static str,
    aliases: &'static [&'static str],
    build: fn(&Setting) -> Box<dyn Duplicate<R, D>>,
    learns: bool,
}

/// An estimator that can be copied, with all it has learned.
pub trait Duplicate<R: Relaxation<D>, const D: usize>: Estimator<R, D> {
    /// The copy: it estimates as the original would, and learns by itself.
    fn duplicate(&self) -> Box<dyn Duplicate<R, D>>;
}

impl<R: Relaxation<D>, E: Estimator<R, D> + Clone + 'static, const D: usize> Duplicate<R, D> for E {
    fn duplicate(&self) -> Box<dyn Duplicate<R, D>> {
        Box::new(self.clone())
    }
}

/// What a fresh estimator must know of the problem that it is for.
#[derive(Clone, Debug)]
pub struct Setting {
    /// Where its parameters live, with autodiff.
    pub device: Device,
    /// Their precision.
    pub dtype: DType,
    /// The temperature of relaxed samples, where one that is learned starts.
    pub temperature: f64,
    /// The dimensions of one row of logits.
    pub row: Vec<usize>,
    /// Where networks draw their first weights from.
    pub noise: Noise,
}

impl Setting {
    fn options(&self) -> TensorCreationOptions {
        (&self.device, self.dtype).into()
    }
}

impl<R, const D: usize> Entry<R, D> {
    fn new(name: &'static str, build: fn(&Setting) -> Box<dyn Duplicate<R, D>>) -> Self {
        Self { name, aliases: &[], build, learns: false }
    }

    fn or_called(self, aliases: &'static [&'static str]) -> Self {
        Self { aliases, ..self }
    }

    fn learning(self) -> Self {
        Self { learns: true, ..self }
    }

    /// The name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Whether its estimates depend on those that it made before: by a baseline, or by parameters that are tuned.
    #[must_use]
    pub const fn learns(&self) -> bool {
        self.learns
    }

    /// Whether every estimate is the same, so that one tells all.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        self.name == EXACT
    }

    /// A fresh one.
    #[must_use]
    pub fn build(&self, setting: &Setting) -> Box<dyn Duplicate<R, D>> {
        // Its own stream: what others draw changes nothing.
        (self.build)(&Setting { noise: setting.noise.fork(self.name), ..setting.clone() })
    }

    fn is_called(&self, name: &str) -> bool {
        self.name == name || self.aliases.contains(&name)
    }
}

impl<R, const D: usize> fmt::Debug for Entry<R, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry").field("name", &self.name).field("learns", &self.learns).finish_non_exhaustive()
    }
}

const EXACT: &str = "exact";

/// A relaxation whose estimators are in the table.
pub trait Registered<const D: usize>:
    ConditionalRelaxation<D, Hard: Density<D> + Enumerable<D> + Moments<D>> + 'static
{
    /// What its variables are called in messages.
    const VARIABLES: &'static str;

    /// From logits of shape `[rows, variables…]`.
    ///
    /// # Errors
    /// If the temperature is out of range.
    fn at(logits: Tensor<D>, temperature: f64) -> relaxit::Result<Self>;

    /// Its estimators, in the order of reports.
    fn entries() -> Vec<Entry<Self, D>>;
}

macro_rules! registered {
    ($relaxation:ident<$rank:literal>, $variables:literal, $entries:expr) => {
        impl Registered<$rank> for $relaxation<$rank> {
            const VARIABLES: &'static str = $variables;

            fn at(logits: Tensor<$rank>, temperature: f64) -> relaxit::Result<Self> {
                Self::from_logits(logits, temperature)
            }

            fn entries() -> Vec<Entry<Self, $rank>> {
                $entries
            }
        }
    };
}

registered!(RelaxedBernoulli<2>, "bits", of_bits::<2, 1>());
registered!(RelaxedBernoulli<3>, "bits", of_bits::<3, 2>());
registered!(RelaxedOneHotCategorical<2>, "choices", of_choices::<2, 0>());
registered!(RelaxedOneHotCategorical<3>, "choices", of_choices::<3, 1>());

/// The estimators called `names`, in the order of the table, or all of them if none is named.
///
/// # Errors
/// For a name that the table does not have for these variables; the message lists those that it has.
pub fn select<R: Registered<D>, const D: usize>(names: &[String]) -> Result<Vec<Entry<R, D>>, UsageError> {
    let entries = R::entries();
    if let Some(unknown) = names.iter().find(|name| !entries.iter().any(|entry| entry.is_called(name))) {
        let known: Vec<&str> = entries.iter().map(Entry::name).collect();
        let message =
            format!("there is no estimator `{unknown}` for {}; there are: {}", R::VARIABLES, known.join(", "));
        return Err(UsageError(message));
    }
    let wanted = |entry: &Entry<R, D>| names.is_empty() || names.iter().any(|name| entry.is_called(name));
    Ok(entries.into_iter().filter(wanted).collect())
}

/// `K` is one less than the rank: the first dimension is of rows, the others of variables.
fn of_bits<const D: usize, const K: usize>() -> Vec<Entry<RelaxedBernoulli<D>, D>> {
    let mut entries = of_every_variable::<_, D, K>();
    entries.extend([
        Entry::new("arm", |_| Box::new(Arm)),
        Entry::new("disarm", |_| Box::new(DisArm)).or_called(&["u2g"]),
        Entry::new("arms", |_| Box::new(Arms::new(4).expect("several samples"))),
    ]);
    entries
}

/// `K` is two less than the rank: the last dimension is of categories.
fn of_choices<const D: usize, const K: usize>() -> Vec<Entry<RelaxedOneHotCategorical<D>, D>> {
    let mut entries = of_every_variable::<_, D, K>();
    entries.extend([
        Entry::new("disarm", |_| Box::new(DisArm)).or_called(&["u2g"]),
        Entry::new("sum-and-sample", |_| Box::new(SumAndSample::new(1).expect("one category"))),
        Entry::new("unordered-set", |_| Box::new(UnorderedSet::new(4).expect("several samples"))),
        Entry::new("decoupled", |_| Box::new(SampleGradient::decoupled())),
        Entry::new("gapped", |_| Box::new(SampleGradient::gapped())),
        Entry::new("gumbel-rao", |_| Box::new(SampleGradient::gumbel_rao(GUMBEL_RAO_DRAWS))),
        Entry::new("reinmax", |_| Box::new(SampleGradient::rein_max())),
    ]);
    entries
}

/// Conditional draws of Gumbel–Rao, as in most of its paper's experiments with several.
const GUMBEL_RAO_DRAWS: NonZeroUsize = NonZeroUsize::new(10).expect("not zero");

/// Units of the networks that estimators learn, as in RELAX's and RODEO's papers: few.
const HIDDEN: usize = 10;

/// The decay of the moving average: it remembers some ten estimates.
const DECAY: f64 = 0.9;

/// What the command line promises of [`Setting::temperature`].
const TEMPERATURE: &str = "a temperature in range";

fn rebar(setting: &Setting) -> Rebar {
    Rebar::new(setting.temperature, setting.options()).expect(TEMPERATURE)
}

fn network(setting: &Setting) -> Network {
    let network = Network::new(&setting.row, &[HIDDEN], &mut setting.noise.clone(), setting.options());
    network.expect("variables and units")
}

fn of_every_variable<R, const D: usize, const K: usize>() -> Vec<Entry<R, D>>
where
    R: ConditionalRelaxation<D, Hard: Density<D> + Enumerable<D> + Moments<D>> + Tempered<D> + 'static,
{
    vec![
        Entry::new(EXACT, |_| Box::new(Exact::<K>)),
        Entry::new("pathwise", |_| Box::new(Pathwise)).or_called(&["concrete", "gumbel-softmax"]),
        Entry::new("straight-through", |_| Box::new(StraightThrough)),
        Entry::new("st-gumbel-softmax", |_| Box::new(StraightThroughPathwise)),
        Entry::new("reinforce", |_| Box::new(ScoreFunction::new())).or_called(&["score-function"]),
        Entry::new("reinforce-average", |_| {
            Box::new(ScoreFunction::with_baseline(MovingAverage::new(DECAY).expect("a decay below 1")))
        })
        .learning(),
        Entry::new("nvil", |setting| {
            let Setting { row, device, noise, .. } = setting;
            let baseline = LearnedBaseline::new(row.iter().product(), HIDDEN, &mut noise.clone(), device);
            Box::new(ScoreFunction::with_baseline(baseline.expect("inputs and units")))
        })
        .learning(),
        Entry::new("rloo", |_| Box::new(Rloo::new(2).expect("two samples"))),
        // With as many evaluations as the next two.
        Entry::new("rloo-4", |_| Box::new(Rloo::new(4).expect("four samples"))),
        Entry::new("double-cv", |setting| {
            let coefficient = Tensor::zeros([1], setting.options()).require_grad();
            Box::new(DoubleControlVariate::with_coefficient(2, coefficient).expect("two samples"))
        })
        .learning(),
        Entry::new("rodeo", |setting| {
            Box::new(Rodeo::new(2, HIDDEN, &setting.device, &mut setting.noise.clone()).expect("samples and units"))
        })
        .learning(),
        Entry::new("muprop", |_| Box::new(MuProp)),
        Entry::new("rebar", |setting| Box::new(rebar(setting))).learning(),
        Entry::new("rebar-offset", |setting| Box::new(rebar(setting).with_offset())).learning(),
        Entry::new("rebar-mean", |setting| Box::new(rebar(setting).towards_mean())).learning(),
        Entry::new("relax", |setting| {
            let control = Sum(RelaxedObjective::learned(setting.options()), network(setting));
            let relax = LearnedTemperature::new(Relax::new(control), setting.temperature, setting.options());
            Box::new(relax.expect(TEMPERATURE))
        })
        .learning(),
        Entry::new("relax-network", |setting| Box::new(Relax::new(network(setting)))).learning(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use relaxit::estimator::Target;

    #[test]
    fn names_are_unique_and_found_in_the_tables_order() {
        fn check<R: Registered<D>, const D: usize>() {
            let entries = R::entries();
            let mut names: Vec<&str> =
                entries.iter().flat_map(|entry| entry.aliases.iter().copied().chain([entry.name])).collect();
            let number = names.len();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), number, "{names:?}");
            let found = select::<R, D>(&["score-function".into(), "exact".into()]).unwrap();
            assert_eq!(found.iter().map(Entry::name).collect::<Vec<_>>(), ["exact", "reinforce"]);
            assert_eq!(select::<R, D>(&[]).unwrap().len(), entries.len());
            for entry in entries {
                let setting = Setting {
                    device: Device::flex().autodiff(),
                    dtype: DType::F64,
                    temperature: 0.5,
                    row: vec![3],
                    noise: Noise::seeded(0),
                };
                // Those of bounds cannot be compared with the others.
                assert_eq!(entry.build(&setting).target(), Target::Expectation, "{}", entry.name());
            }
        }
        check::<RelaxedBernoulli<2>, 2>();
        check::<RelaxedBernoulli<3>, 3>();
        check::<RelaxedOneHotCategorical<2>, 2>();
        check::<RelaxedOneHotCategorical<3>, 3>();
    }

    #[test]
    fn unknown_names_are_refused_with_those_that_are_known() {
        let error = select::<RelaxedOneHotCategorical<3>, 3>(&["arm".into()]).unwrap_err().to_string();
        assert!(error.contains("`arm` for choices") && error.contains("exact, pathwise,"), "{error}");
        assert!(!error.contains("arms"), "{error}");
    }
}
