//! Draws that must have nothing to do with each other.

use burn::tensor::{DType, Tensor};

use super::{Case, Verdict, columns, values, worst, z_threshold};
use crate::distribution::Distribution;

/// Neighbouring rows, consecutive draws and different batch elements of one row are uncorrelated.
///
/// ```text
/// √n |corr(xᵢ, xⱼ)|
/// ```
///
/// Entries of one event are not compared; see [`entries`]. Passes up to [`Z_MILLION`](super::Z_MILLION), or
/// [`Z_BILLION`](super::Z_BILLION) for more than a hundred pairs. An entry that never varies fails: that is what noise
/// shared over the batch looks like.
///
/// # Examples
/// ```
/// use relaxit::prelude::*;
/// use relaxit::testing::{Case, independence};
/// independence::rows(&Case::new("Bernoulli", &[0.3, -1.0], Bernoulli::from_logits)).assert();
/// ```
pub fn rows<L: Distribution<D>, const D: usize>(case: &Case<L>) -> Verdict {
    check(case, "independence of rows and draws", L::EVENT_DIMS)
}

/// As [`rows`], and also the entries of one event are uncorrelated: for products, such as
/// [`Independent`](crate::distribution::Independent) over a law of scalars.
///
/// # Examples
/// ```
/// use relaxit::prelude::*;
/// use relaxit::testing::{Case, independence};
/// let bits = |p| Independent::<_, 1>(Bernoulli::from_logits(p));
/// independence::entries(&Case::new("bits", &[0.3, -1.0], bits)).assert();
/// ```
pub fn entries<L: Distribution<D>, const D: usize>(case: &Case<L>) -> Verdict {
    check(case, "independence of entries, rows and draws", 0)
}

fn check<L: Distribution<D>, const D: usize>(case: &Case<L>, name: &'static str, event_dims: usize) -> Verdict {
    let pairs_of_rows = case.draws() / 2;
    let law = case.law(2 * pairs_of_rows, DType::F32);
    let event: usize = law.shape()[D - event_dims..].iter().product();
    let mut noise = case.noise(name);
    // [n, 2 rows · entries] of one draw beside those of the next.
    let draws = [law.sample(&mut noise), law.sample(&mut noise)].map(|x| {
        let x = columns(x);
        let entries = x.dims()[1];
        x.reshape([pairs_of_rows, 2 * entries])
    });
    let correlation = correlation(Tensor::cat(draws.into(), 1));
    let size = correlation.dims()[0];
    // Columns run over draws, rows, batch elements, entries: those of one event are neighbours.
    let correlations = values(correlation);
    let pairs = (0..size * size).filter(|pair| pair / size / event < pair % size / event);
    let statistics: Vec<f64> = pairs.map(|pair| correlations[pair].abs() * (pairs_of_rows as f64).sqrt()).collect();
    let comparisons = statistics.len();
    case.verdict(name, worst(statistics), z_threshold(comparisons))
}

/// The correlation matrix of the columns of `x`; NaN for a column that never varies.
fn correlation(x: Tensor<2>) -> Tensor<2> {
    let rows = x.dims()[0] as f64;
    let centred = x.clone() - x.mean_dim(0);
    let deviation = centred.clone().square().mean_dim(0).sqrt();
    let standardised = centred / deviation;
    standardised.clone().transpose().matmul(standardised) / rows
}
