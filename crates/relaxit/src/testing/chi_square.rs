//! Draws of a discrete law against the probabilities it claims.

use burn::tensor::{DType, Tensor};

use super::tails::{SURPRISE, surprise};
use super::{Case, Verdict, Z_MILLION_ONE_SIDED, values, worst};
use crate::distribution::{Density, Enumerable};

/// Outcomes expected less often are pooled: below, χ² is not near its limit law.
const LEAST_EXPECTED: f64 = 10.0;

/// How often each outcome was drawn, against `n exp(log_prob)`.
///
/// ```text
/// χ² = Σ (O − E)²/E,   z = ((χ²/k)^⅓ − (1 − 2/9k)) / √(2/9k),   k = outcomes − 1        (Wilson & Hilferty 1931)
/// ```
///
/// Outcomes with E < 10 count as one; if even together they are expected less often, their count is held to a Poisson
/// law. A draw that is no outcome, NaN for example, fails. Each element of the batch has its own table; the worst passes
/// up to [`Z_MILLION_ONE_SIDED`].
///
/// # Examples
/// ```
/// use relaxit::prelude::*;
/// use relaxit::testing::{Case, chi_square};
/// let bits = |p| Independent::<_, 1>(Bernoulli::from_logits(p));
/// chi_square::outcomes(&Case::new("bits", &[0.0, 1.0], bits)).assert();
/// ```
pub fn outcomes<L, const D: usize>(case: &Case<L>) -> Verdict
where
    L: Enumerable<D> + Density<D>,
{
    const LAW: &str = "χ² of outcomes";
    let draws = case.law(case.draws(), DType::F32).sample(&mut case.noise(LAW));
    case.verdict(LAW, statistic(draws, &case.law(1, DType::F64)), Z_MILLION_ONE_SIDED)
}

/// The worst table's z, for `draws` along the first dimension and the law of one row.
pub(super) fn statistic<L, const D: usize>(draws: Tensor<D>, law: &L) -> f64
where
    L: Enumerable<D> + Density<D>,
{
    let draws = draws.inner().cast(DType::F64);
    let rows = draws.dims()[0] as f64;
    let mut tables: Vec<Vec<(f64, f64)>> = Vec::new();
    for outcome in law.outcomes() {
        let equal = draws.clone().equal(outcome.clone().expand(draws.dims())).float().cast(DType::F64);
        let hits = (D - L::EVENT_DIMS..D).fold(equal, Tensor::min_dim).sum_dim(0);
        let expected = law.log_prob(outcome).exp() * rows;
        let cells = values(hits).into_iter().zip(values(expected));
        tables.resize_with(cells.len(), Vec::new);
        for (table, cell) in tables.iter_mut().zip(cells) {
            table.push(cell);
        }
    }
    worst(tables.into_iter().map(|table| normalised(table, rows)))
}

/// Wilson and Hilferty's z of one table of (observed, expected).
fn normalised(table: Vec<(f64, f64)>, draws: f64) -> f64 {
    if table.iter().map(|cell| cell.0).sum::<f64>() < draws {
        return f64::INFINITY; // some draw is no outcome
    }
    let (rare, mut cells): (Vec<_>, Vec<_>) = table.into_iter().partition(|cell| cell.1 < LEAST_EXPECTED);
    let pool = rare.into_iter().fold((0.0, 0.0), |pool, cell| (pool.0 + cell.0, pool.1 + cell.1));
    if pool.1 >= LEAST_EXPECTED {
        cells.push(pool);
    } else if surprise(pool.0, pool.1) > SURPRISE {
        return f64::INFINITY;
    }
    let degrees = cells.len() as f64 - 1.0;
    if degrees < 1.0 {
        return 0.0; // all draws are the only outcome
    }
    let chi_square: f64 = cells.iter().map(|(observed, expected)| (observed - expected).powi(2) / expected).sum();
    let spread = 2.0 / (9.0 * degrees);
    ((chi_square / degrees).cbrt() - (1.0 - spread)) / spread.sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_cells_are_pooled_and_strays_are_fatal() {
        let fair = vec![(1.0, 1.0), (2.0, 2.0), (97.0, 97.0)];
        assert!(normalised(fair, 100.0) <= 0.0);
        assert!(normalised(vec![(99.0, 100.0)], 100.0) == f64::INFINITY);
        assert!(normalised(vec![(0.0, 0.0), (100.0, 100.0)], 100.0) <= 0.0);
        assert!(normalised(vec![(50.0, 0.1), (50.0, 99.9)], 100.0) == f64::INFINITY);
        assert!(normalised(vec![(500.0, 400.0), (500.0, 600.0)], 1000.0) > 5.0);
    }
}
