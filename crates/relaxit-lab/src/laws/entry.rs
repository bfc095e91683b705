//! One row of the table of laws: how a law is built from named numbers, and what it can do.

use std::fmt;
use std::rc::Rc;

use burn::tensor::{DType, Device, Shape, Tensor, TensorData};
use relaxit::distribution::{Cdf, Density, Distribution, Entropy, Enumerable, Moments, Reparameterized};
use relaxit::noise::Noise;
use relaxit::reference::Reference;
use relaxit::relaxation::{ConditionalRelaxation, Relaxation};
use relaxit::testing::{
    Case, Verdict, chi_square, coupling, divergence, extremes, finite_difference, independence, ks, moments,
    quadrature, score, tails,
};

use super::instance::{At, Instance};
use super::parameter::{Parameter, Values, Width};
use super::unfit::{self, Unfit};

/// What a reader wants to know of a law before it is built.
#[derive(Clone, Debug)]
pub struct Card {
    /// The name of its type in the library.
    pub name: &'static str,
    /// Other names it is known by.
    pub aliases: Vec<&'static str>,
    /// One line: what it is for.
    pub about: &'static str,
    /// Where it was published; textbook laws have none.
    pub papers: Vec<Reference>,
    /// Its parameters.
    pub parameters: Vec<Parameter>,
}

/// A row of the table, whatever the type of its law.
pub trait Law {
    /// What a reader wants to know.
    fn card(&self) -> &Card;

    /// Names of what the law offers beside samples.
    fn offers(&self) -> Vec<&'static str>;

    /// The law at `values`.
    ///
    /// # Errors
    /// If the law refuses them.
    fn at(&self, values: Values) -> relaxit::Result<Box<dyn Instance>>;
}

impl<L: Distribution<2> + 'static> Law for Rc<Entry<L>> {
    fn card(&self) -> &Card {
        &self.card
    }

    fn offers(&self) -> Vec<&'static str> {
        self.offers.clone()
    }

    fn at(&self, values: Values) -> relaxit::Result<Box<dyn Instance>> {
        Ok(Box::new(At::new(Rc::clone(self), values)?))
    }
}

/// The arguments of a builder: a tensor `[rows, width]` for each parameter, or a number for each fixed one.
#[derive(Debug)]
pub struct Arguments<'a> {
    parameters: &'a [Parameter],
    values: &'a Values,
    row: Tensor<2>,
    logarithmic: bool,
}

impl Arguments<'_> {
    /// A parameter in which gradients are taken: `[rows, K]` where it has one number for each entry, `[rows, 1]` where
    /// it has one, `[rows, K²]` where it is a matrix.
    ///
    /// # Panics
    /// If the law has no such parameter: a mistake in the table.
    #[must_use]
    pub fn tensor(&self, name: &str) -> Tensor<2> {
        let index = self.index(name);
        let width = |index: usize| self.values.numbers[index].len();
        let start: usize = (0..index).filter(|index| self.parameters[*index].differentiable).map(width).sum();
        let parameter = self.parameters[index];
        assert!(parameter.differentiable, "`{name}` is fixed: ask for its number");
        let column = self.row.clone().slice_dim(1, start..start + width(index));
        let column = if self.logarithmic && parameter.range.is_positive() { column.exp() } else { column };
        if parameter.width == Width::Each {
            let shape = Shape::from([self.row.dims()[0], self.values.entries]);
            column.expand(shape)
        } else {
            column
        }
    }

    /// The number of entries K of the parameters.
    #[must_use]
    pub const fn entries(&self) -> usize {
        self.values.entries
    }

    /// A fixed parameter of one number.
    ///
    /// # Panics
    /// If the law has no such parameter: a mistake in the table.
    #[must_use]
    pub fn number(&self, name: &str) -> f64 {
        self.numbers(name)[0]
    }

    /// A fixed parameter that is a whole number.
    ///
    /// # Panics
    /// As [`number`](Self::number).
    #[must_use]
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // `Range::Whole` was checked
    pub fn whole(&self, name: &str) -> usize {
        self.number(name) as usize
    }

    /// A fixed parameter of several numbers.
    ///
    /// # Panics
    /// As [`number`](Self::number).
    #[must_use]
    pub fn numbers(&self, name: &str) -> &[f64] {
        &self.values.numbers[self.index(name)]
    }

    fn index(&self, name: &str) -> usize {
        let index = self.parameters.iter().position(|parameter| parameter.name == name);
        index.unwrap_or_else(|| panic!("the table lists no parameter `{name}`"))
    }
}

const INTEGRAL: &str = "density integrates to 1";

pub(super) type Build<L> = fn(&Arguments) -> relaxit::Result<L>;

/// A test law, and when it does not apply.
pub(super) struct Check<L> {
    pub(super) name: &'static str,
    pub(super) run: fn(&Case<L>) -> Verdict,
    pub(super) unfit: Vec<Unfit<L>>,
}

/// A row of the table for laws of type `L`. Each method below adds what one trait of the library brings.
pub struct Entry<L> {
    pub(super) card: Card,
    build: Build<L>,
    pub(super) log_prob: Option<fn(&L, Tensor<2>) -> Tensor<2>>,
    pub(super) rsample: Option<fn(&L, &mut Noise) -> Tensor<2>>,
    pub(super) outcomes: Option<fn(&L) -> Vec<Tensor<2>>>,
    pub(super) checks: Vec<Check<L>>,
    pub(super) atoms: bool,
    /// Numbers that one draw is computed from.
    pub(super) working: fn(&Arguments) -> usize,
    offers: Vec<&'static str>,
}

impl<L: Distribution<2> + 'static> Entry<L> {
    /// A law that can be sampled.
    #[must_use]
    pub fn new(name: &'static str, about: &'static str, parameters: &[Parameter], build: Build<L>) -> Self {
        let card = Card { name, aliases: Vec::new(), about, papers: Vec::new(), parameters: parameters.into() };
        let entry = Self {
            card,
            build,
            log_prob: None,
            rsample: None,
            outcomes: None,
            checks: Vec::new(),
            atoms: false,
            working: |p| p.values.entries,
            offers: Vec::new(),
        };
        entry.check("independence of rows and draws", independence::rows).unless(unfit::constant).unless(unfit::coarse)
    }

    /// Another name for it.
    #[must_use]
    pub fn alias(mut self, alias: &'static str) -> Self {
        self.card.aliases.push(alias);
        self
    }

    /// Where it was published.
    #[must_use]
    pub fn paper(mut self, paper: Reference) -> Self {
        self.card.papers.push(paper);
        self
    }

    /// How many numbers one draw is computed from, if they are many more than its entries.
    #[must_use]
    pub fn working(mut self, working: fn(&Arguments) -> usize) -> Self {
        self.working = working;
        self
    }

    /// One more test law.
    #[must_use]
    pub fn check(mut self, name: &'static str, run: fn(&Case<L>) -> Verdict) -> Self {
        self.checks.push(Check { name, run, unfit: Vec::new() });
        self
    }

    /// When the test law added last does not apply.
    #[must_use]
    pub fn unless(mut self, unfit: Unfit<L>) -> Self {
        if let Some(check) = self.checks.last_mut() {
            check.unfit.push(unfit);
        }
        self
    }

    /// When the density cannot be integrated.
    ///
    /// # Panics
    /// If it was not said to be [`continuous`](Self::continuous) before: a mistake in the table.
    #[must_use]
    pub fn unless_integrated(mut self, unfit: Unfit<L>) -> Self {
        let integral = self.checks.iter_mut().find(|check| check.name == INTEGRAL);
        integral.expect("a density without atoms").unfit.push(unfit);
        self
    }

    /// A sample with a gradient, by any means: straight-through laws have one without being reparameterised.
    #[must_use]
    pub fn pathwise(mut self, rsample: fn(&L, &mut Noise) -> Tensor<2>) -> Self {
        self.rsample = Some(rsample);
        self.offer("path gradient")
    }

    /// The row as the table holds it.
    #[must_use]
    pub fn done(self) -> Box<dyn Law> {
        Box::new(Rc::new(self))
    }

    fn offer(mut self, name: &'static str) -> Self {
        self.offers.push(name);
        self
    }

    /// A test law that takes differences in the parameters.
    fn differences(self, name: &'static str, run: fn(&Case<L>) -> Verdict) -> Self {
        self.check(name, run).unless(unfit::steep)
    }
}

impl<L: Density<2> + 'static> Entry<L> {
    /// A tractable density or probability.
    #[must_use]
    pub fn density(mut self) -> Self {
        self.log_prob = Some(L::log_prob);
        self.offer("log-density and its gradient")
            .check("log_prob inside and outside the support", extremes::support)
            .check("draws and their log_prob", extremes::sampling)
            .differences("gradient of log_prob in the parameters", finite_difference::log_prob)
            .check("score identity", score::identity)
            .unless(unfit::constant)
            .unless(unfit::clamped)
            .unless(unfit::saturated)
    }

    /// A density with respect to volume, without atoms.
    #[must_use]
    pub fn continuous(self) -> Self {
        self.check(INTEGRAL, quadrature::normalisation)
            .unless(unfit::beyond_a_plane)
            .unless(unfit::ridged)
            .unless(unfit::coarse)
            .unless(unfit::saturated)
            .check("draws against log_prob", ks::density)
            .unless(unfit::beyond_a_line)
            .unless(unfit::saturated)
            .differences("gradient of log_prob in the value", finite_difference::value)
            .unless(unfit::cornered)
    }

    /// A density over vectors, whose entries may depend on each other.
    #[must_use]
    pub fn joint(self) -> Self {
        self.check("draws against expectations by the density", quadrature::joint)
            .unless(unfit::beyond_a_plane)
            .unless(unfit::ridged)
            .unless(unfit::constant)
            .unless(unfit::unresolved)
            .unless(unfit::saturated)
    }

    /// A density with atoms: draws on the boundary of the support are part of the law, not of rounding.
    #[must_use]
    pub fn atoms(mut self) -> Self {
        self.atoms = true;
        self
    }

    /// A closed entropy.
    #[must_use]
    pub fn entropy(self) -> Self
    where
        L: Entropy<2>,
    {
        self.offer("entropy").check("entropy", divergence::entropy).unless(unfit::saturated)
    }

    /// A closed distribution function.
    #[must_use]
    pub fn cdf(self) -> Self
    where
        L: Cdf<2>,
    {
        self.offer("distribution function")
            .check("draws against the distribution function", ks::cdf)
            .unless(unfit::unresolved)
            .check("counts in the tails", tails::counts)
            .unless(unfit::unresolved)
            .check("distribution function is the integral of the density", quadrature::cdf)
    }

    /// Finitely many outcomes.
    #[must_use]
    pub fn enumerable(mut self) -> Self
    where
        L: Enumerable<2>,
    {
        self.outcomes = Some(|law| law.outcomes().take(unfit::MANY + 1).collect());
        self.offer("outcomes")
            .check("probabilities sum to 1", quadrature::mass)
            .unless(unfit::many_outcomes)
            .check("frequencies of outcomes", chi_square::outcomes)
            .unless(unfit::many_outcomes)
    }
}

impl<L: Distribution<2> + 'static> Entry<L> {
    /// Closed mean and variance.
    #[must_use]
    pub fn moments(self) -> Self
    where
        L: Moments<2>,
    {
        self.offer("mean and variance")
            .check("mean and variance", moments::mean_and_variance)
            .unless(unfit::constant)
            .unless(unfit::unresolved)
    }

    /// Samples that are a differentiable image of noise.
    #[must_use]
    pub fn reparameterized(self) -> Self
    where
        L: Reparameterized<2>,
    {
        self.pathwise(L::rsample)
            .differences("gradient of the sample in the parameters", finite_difference::transport)
            .differences("gradient of the sample in the noise", finite_difference::noise)
            .check("reparameterised draws", extremes::rsampling)
    }

    /// A relaxation whose hard law can be enumerated.
    #[must_use]
    pub fn relaxation(self) -> Self
    where
        L: Relaxation<2>,
        L::Hard: Enumerable<2> + Density<2>,
    {
        self.offer("hard sample").check("thresholded draws against the hard law", coupling::hard)
    }

    /// A latent that can be drawn given its hard value.
    #[must_use]
    pub fn conditional(self) -> Self
    where
        L: ConditionalRelaxation<2>,
    {
        self.offer("latent given the hard sample")
            .check("latent given b thresholds to b", coupling::threshold)
            .check("latent given b, averaged over b", coupling::marginal)
            .unless(unfit::flat)
            .check("latent given b against rejection", coupling::conditional)
            .unless(unfit::flat)
            .differences("gradient of the latent given b", coupling::pathwise)
    }
}

impl<L: Distribution<2> + 'static> Entry<L> {
    /// The law whose parameters are `row`, or its logarithms where they are positive.
    pub(super) fn law(&self, values: &Values, row: Tensor<2>, logarithmic: bool) -> relaxit::Result<L> {
        (self.build)(&Arguments { parameters: &self.card.parameters, values, row, logarithmic })
    }

    /// Numbers that one draw is computed from.
    pub(super) fn numbers_behind_a_draw(&self, values: &Values) -> usize {
        let row = self.rows(values, 1, DType::F64);
        (self.working)(&Arguments { parameters: &self.card.parameters, values, row, logarithmic: false })
    }

    /// The numbers that gradients are taken in, one after another, and the range of each.
    pub(super) fn flat<'a>(&'a self, values: &'a Values) -> impl Iterator<Item = (Parameter, f64)> + 'a {
        let pairs = self.card.parameters.iter().zip(&values.numbers);
        let moving = pairs.filter(|(parameter, _)| parameter.differentiable);
        moving.flat_map(|(parameter, numbers)| numbers.iter().map(|x| (*parameter, *x)))
    }

    /// `rows` equal rows of those numbers.
    pub(super) fn rows(&self, values: &Values, rows: usize, dtype: DType) -> Tensor<2> {
        let row: Vec<f64> = self.flat(values).map(|(_, x)| x).collect();
        let shape = [1, row.len()];
        Tensor::from_data(TensorData::new(row, shape), (&Device::flex(), dtype)).repeat_dim(0, rows)
    }

    /// What the test laws are held against. Positive parameters vary by their logarithm, which suits their size.
    pub(super) fn case(self: &Rc<Self>, values: &Values) -> Case<L> {
        let row: Vec<f64> =
            self.flat(values).map(|(parameter, x)| if parameter.range.is_positive() { x.ln() } else { x }).collect();
        let (entry, values) = (Rc::clone(self), values.clone());
        Case::new(self.card.name, &row, move |row| {
            // The same numbers passed the door before, and those nearby differ by less than any door can tell.
            entry.law(&values, row, true).expect("a law that was built before")
        })
    }
}

impl<L> fmt::Debug for Entry<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry").field("card", &self.card).field("offers", &self.offers).finish_non_exhaustive()
    }
}
