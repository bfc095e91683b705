//! The discrete Stein operator of Gibbs sampling: a zero-mean function made of any function.

use burn::tensor::Tensor;

use super::samples::{score, total};
use super::sum_to;
use crate::distribution::{Density, Enumerable};
use crate::math::on_device;
use crate::relaxation::Relaxation;

/// The operator that takes a function to what one step of random-scan Gibbs sampling is expected to add to it.
///
/// ```text
/// (A h)(b) = 1/n Σᵢ Σₒ p(bᵢ = o) [h(b with bᵢ = o) − h(b)],   E[(A h)(b)] = 0 for every h
/// ```
///
/// Gibbs sampling leaves the law as it is, so the expectation of `h` cannot change. The sites `i` are the `n` independent
/// variables of a row, the outcomes `o` those of one of them. Nothing here carries a gradient.
pub(super) struct GibbsStein<const D: usize> {
    moves: Vec<Move<D>>,
    row: [usize; D],
    sites: f64,
}

/// One outcome, at every site.
struct Move<const D: usize> {
    outcome: Tensor<D>,
    /// Event dimensions are kept as 1, as for all that belongs to a site.
    probability: Tensor<D>,
    /// `∇ log p(o)` with respect to the logits.
    score: Tensor<D>,
}

impl<const D: usize> GibbsStein<D> {
    /// For rows whose values have the shape `row`.
    pub(super) fn new<R>(at: &R, row: [usize; D]) -> Self
    where
        R: Relaxation<D>,
        R::Hard: Density<D> + Enumerable<D>,
    {
        // Through the inner device: a leaf stays one when it is detached.
        let law = at.with_logits(on_device(at.logits().clone().inner(), &at.device())).hard();
        let made = |outcome: Tensor<D>| Move {
            probability: law.log_prob(outcome.clone()).exp(),
            score: score(at, outcome.clone()),
            outcome,
        };
        let moves: Vec<_> = law.outcomes().map(made).collect();
        let sites = moves.first().map_or(1, |of| of.probability.shape().num_elements());
        Self { moves, row, sites: (sites / row.iter().product::<usize>().max(1)).max(1) as f64 }
    }

    /// The outcomes, in the order in which neighbours are asked for.
    pub(super) fn outcomes(&self) -> impl Iterator<Item = &Tensor<D>> {
        self.moves.iter().map(|of| &of.outcome)
    }

    /// `(A h)(b)` of each row, from `h(b)` of each row and `h` at the neighbours: for each outcome a tensor that has the
    /// neighbour in which a site takes that outcome at the site's place.
    pub(super) fn apply(&self, here: &Tensor<D>, neighbours: &[Tensor<D>]) -> Tensor<D> {
        let terms = self
            .moves
            .iter()
            .zip(neighbours)
            .map(|(of, there)| sum_to(of.probability.clone() * (there.clone() - here.clone()), self.row));
        total(terms) * self.sites.recip()
    }

    /// `(A h ∇ log p)(b)`, entry by entry of the logits: the score changes with the site that moves, and there alone.
    ///
    /// ```text
    /// (A h s)(b) = s(b) (A h)(b) + 1/n Σₒ p(o) h(b with bᵢ = o) [sᵢ(o) − sᵢ(bᵢ)],   s = ∇ log p
    /// ```
    pub(super) fn apply_to_scores(&self, here: &Tensor<D>, neighbours: &[Tensor<D>], score: &Tensor<D>) -> Tensor<D> {
        let changes = self
            .moves
            .iter()
            .zip(neighbours)
            .map(|(of, there)| of.probability.clone() * there.clone() * (of.score.clone() - score.clone()));
        score.clone() * self.apply(here, neighbours) + total(changes) * self.sites.recip()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::distribution::{Distribution, Independent};
    use crate::relaxation::{RelaxedBernoulli, RelaxedOneHotCategorical};
    use burn::tensor::{DType, Device, TensorData};

    fn tensor<const D: usize>(values: &[f64], shape: [usize; D]) -> Tensor<D> {
        let device = Device::flex().autodiff();
        Tensor::from_data(TensorData::new(values.to_vec(), shape), (&device, DType::F64))
    }

    fn number<const D: usize>(x: Tensor<D>) -> f64 {
        x.abs().max().into_scalar()
    }

    /// `h(b) = exp(w·b / 2) − sin(w·b)` of every row of one, at `b` and at its neighbours.
    fn h<const D: usize>(
        stein: &GibbsStein<D>,
        w: &Tensor<D>,
        b: &Tensor<D>,
        event: usize,
    ) -> (Tensor<D>, Vec<Tensor<D>>) {
        let curve = |x: Tensor<D>| (x.clone() * 0.5).exp() - x.sin();
        let here = sum_to(w.clone() * b.clone(), [1; D]);
        let change = |o: &Tensor<D>| (D - event..D).fold(w.clone() * (o.clone() - b.clone()), Tensor::sum_dim);
        (curve(here.clone()), stein.outcomes().map(|o| curve(here.clone() + change(o))).collect())
    }

    /// Both expectations over all outcomes of one row, and the largest value of the first.
    fn expectations<R, const D: usize>(at: &R, w: &Tensor<D>) -> (f64, f64, f64)
    where
        R: Relaxation<D>,
        R::Hard: Density<D> + Enumerable<D>,
    {
        let stein = GibbsStein::new(at, [1; D]);
        let law = Independent::<_, 1>(at.hard());
        let (mut scalar, mut vector, mut largest) = (Vec::new(), Vec::new(), 0.0_f64);
        for b in law.outcomes() {
            let (here, neighbours) = h(&stein, w, &b, R::Hard::EVENT_DIMS);
            let probability = law.log_prob(b.clone()).exp();
            let ah = stein.apply(&here, &neighbours);
            largest = largest.max(number(ah.clone()));
            scalar.push(ah * probability.clone());
            vector.push(stein.apply_to_scores(&here, &neighbours, &score(at, b)) * probability);
        }
        (number(total(scalar)), number(total(vector)), largest)
    }

    #[test]
    fn expectations_are_zero() {
        let bits = RelaxedBernoulli::from_logits(tensor(&[0.3, -2.0, 1.5], [1, 3]), 0.5).expect("legal");
        let (scalar, vector, largest) = expectations(&bits, &tensor(&[1.0, -0.7, 2.4], [1, 3]));
        assert!(scalar < 1e-14 && vector < 1e-14 && largest > 0.1, "{scalar} {vector} {largest}");

        let logits = tensor(&[0.3, -2.0, 1.5, 0.0, 0.4, 0.1], [1, 2, 3]);
        let choices = RelaxedOneHotCategorical::from_logits(logits, 0.5).expect("legal");
        let (scalar, vector, largest) = expectations(&choices, &tensor(&[1.0, -0.7, 2.4, 0.2, 3.0, -1.0], [1, 2, 3]));
        assert!(scalar < 1e-14 && vector < 1e-14 && largest > 0.1, "{scalar} {vector} {largest}");
    }

    /// The definition, written out for two bits.
    #[test]
    fn the_operator_is_its_formula() {
        let at = RelaxedBernoulli::from_logits(tensor(&[0.3, -2.0], [1, 2]), 0.5).expect("legal");
        let stein = GibbsStein::new(&at, [1, 1]);
        let (w, b) = (tensor(&[1.0, -0.7], [1, 2]), tensor(&[1.0, 0.0], [1, 2]));
        let (here, neighbours) = h(&stein, &w, &b, 0);
        let curve = |x: f64| (x * 0.5).exp() - x.sin();
        let sigmoid = |x: f64| (1.0 + (-x).exp()).recip();
        let value = 0.5 * (sigmoid(-0.3) * (curve(0.0) - curve(1.0)) + sigmoid(-2.0) * (curve(0.3) - curve(1.0)));
        let got: f64 = stein.apply(&here, &neighbours).into_scalar();
        assert!((got - value).abs() < 1e-14, "{got} {value}");
        // The first entry of h ∇ log p: the score is 1 − σ(0.3), or −σ(0.3) where the first bit is 0.
        let (up, down) = (1.0 - sigmoid(0.3), -sigmoid(0.3));
        let scored = 0.5
            * (sigmoid(-0.3) * (curve(0.0) * down - curve(1.0) * up) + sigmoid(-2.0) * (curve(0.3) - curve(1.0)) * up);
        let got = stein.apply_to_scores(&here, &neighbours, &score(&at, b));
        let got: f64 = got.slice_dim(1, 0).into_scalar();
        assert!((got - scored).abs() < 1e-14, "{got} {scored}");
    }
}
