//! The Laplace bridge: a Dirichlet law, the softmax of normal variables that is nearest to it, and back.

use burn::tensor::{DType, Device, Tensor, TensorData};
use relaxit::Result;
use relaxit::distribution::{Density, Dirichlet, Distribution, LogisticNormalSoftmax};
use relaxit::noise::Noise;
use serde::{Deserialize, Serialize};

use crate::laws::values;
use crate::run::VERSION;

/// What is crossed, and by how many draws the distance is measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LaplaceBridgeConfig {
    /// Which command the run is of.
    pub command: String,
    /// The version that wrote it.
    pub version: String,
    /// The Dirichlet laws.
    pub concentrations: Vec<[f64; 3]>,
    /// Draws from each of them, for the divergence and the total variation.
    pub draws: usize,
    /// The seed of these draws.
    pub seed: u64,
}

impl Default for LaplaceBridgeConfig {
    fn default() -> Self {
        Self {
            command: "figure".into(),
            version: VERSION.into(),
            concentrations: vec![[1.0, 1.0, 1.0], [2.0, 3.0, 5.0], [8.0, 12.0, 20.0]],
            draws: 100_000,
            seed: 0,
        }
    }
}

/// All that was computed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bridges {
    /// Of what.
    #[serde(flatten)]
    pub config: LaplaceBridgeConfig,
    /// One for each concentration.
    pub bridges: Vec<Bridge>,
}

/// One law, across and back.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bridge {
    /// The concentration of the Dirichlet law.
    pub concentration: [f64; 3],
    /// The location of the softmax of normal variables.
    pub loc: [f64; 3],
    /// Its scale.
    pub scale: [f64; 3],
    /// The concentration of the Dirichlet law nearest to that.
    pub back: [f64; 3],
    /// `KL(Dirichlet ‖ approximation)` in nats.
    pub kl: f64,
    /// Its standard error.
    pub kl_standard_error: f64,
    /// The total variation between both.
    pub total_variation: f64,
    /// Its standard error.
    pub total_variation_standard_error: f64,
}

/// Crosses every bridge.
///
/// # Errors
/// If a concentration lies outside [1e-6, 1e6].
pub fn compute(config: &LaplaceBridgeConfig) -> Result<Bridges> {
    let noise = Noise::seeded(config.seed).fork("laplace bridge");
    let bridge = |(index, concentration): (usize, &[f64; 3])| {
        cross(*concentration, config.draws, &mut noise.fork(&index.to_string()))
    };
    let bridges = config.concentrations.iter().enumerate().map(bridge).collect::<Result<_>>()?;
    Ok(Bridges { config: config.clone(), bridges })
}

fn cross(concentration: [f64; 3], draws: usize, noise: &mut Noise) -> Result<Bridge> {
    let dirichlet = Dirichlet::new(rows(1, concentration))?;
    let normal = dirichlet.laplace_bridge()?;
    let back = normal.laplace_bridge()?;
    let y = Dirichlet::new(rows(draws, concentration))?.sample(noise);
    let log_ratios = values(dirichlet.log_prob(y.clone()) - normal.log_prob(y));
    let (kl, kl_standard_error) = mean(&log_ratios);
    // ½ ∫ |p − q| = E_p[(1 − q/p)₊]
    let excess: Vec<f64> = log_ratios.iter().map(|ratio| (-(-ratio).exp_m1()).max(0.0)).collect();
    let (total_variation, total_variation_standard_error) = mean(&excess);
    Ok(Bridge {
        concentration,
        loc: three(normal.loc()),
        scale: three(normal.scale()),
        back: three(back.concentration()),
        kl,
        kl_standard_error,
        total_variation,
        total_variation_standard_error,
    })
}

impl Bridge {
    /// The logarithm of the Dirichlet law's density at points of the simplex, with respect to their first two coordinates.
    ///
    /// # Errors
    /// If the concentration is out of range.
    pub fn dirichlet_log_density(concentration: [f64; 3], points: &[[f64; 3]]) -> Result<Vec<f64>> {
        Ok(log_density(&Dirichlet::new(rows(1, concentration))?, points))
    }

    /// That of the approximation.
    ///
    /// # Errors
    /// If the scale is out of range.
    pub fn approximate_log_density(&self, points: &[[f64; 3]]) -> Result<Vec<f64>> {
        Ok(log_density(&LogisticNormalSoftmax::new(rows(1, self.loc), rows(1, self.scale))?, points))
    }
}

fn log_density(law: &impl Density<2>, points: &[[f64; 3]]) -> Vec<f64> {
    let data = TensorData::new(points.concat(), [points.len(), 3]);
    values(law.log_prob(Tensor::from_data(data, (&Device::flex(), DType::F64))))
}

fn rows(count: usize, row: [f64; 3]) -> Tensor<2> {
    Tensor::from_data(TensorData::new(row.repeat(count), [count, 3]), (&Device::flex(), DType::F64))
}

fn three(x: &Tensor<2>) -> [f64; 3] {
    let x = values(x.clone());
    [x[0], x[1], x[2]]
}

/// The mean with its standard error.
fn mean(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (mean, (squares / (n * (n - 1.0).max(1.0))).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn crossed(concentration: [f64; 3]) -> Bridge {
        cross(concentration, 50_000, &mut Noise::seeded(0)).unwrap()
    }

    /// The trapezoid over both log-ratios to the last entry, in which both densities are smooth and fall off
    /// exponentially: `∫ p`, `KL`, total variation.
    fn integrals(bridge: &Bridge) -> [f64; 3] {
        let (steps, length) = (400, 40.0);
        let step = 2.0 * length / f64::from(steps);
        let ratio = |index: i32| (f64::from(index) + 0.5) * step - length;
        let points: Vec<[f64; 3]> = (0..steps)
            .flat_map(|i| (0..steps).map(move |j| (i, j)))
            .map(|(i, j)| {
                let (a, b) = (ratio(i).exp(), ratio(j).exp());
                [a / (a + b + 1.0), b / (a + b + 1.0), 1.0 / (a + b + 1.0)]
            })
            .collect();
        let p = Bridge::dirichlet_log_density(bridge.concentration, &points).unwrap();
        let q = bridge.approximate_log_density(&points).unwrap();
        let mut sums = [0.0; 3];
        for ((p, q), y) in p.iter().zip(&q).zip(&points) {
            let cell = step * step * y.iter().product::<f64>();
            sums[0] += p.exp() * cell;
            sums[1] += p.exp() * (p - q) * cell;
            sums[2] += 0.5 * (p.exp() - q.exp()).abs() * cell;
        }
        sums
    }

    #[test]
    fn distances_are_those_of_quadrature() {
        for concentration in [[2.0, 3.0, 5.0], [1.0, 1.5, 1.0]] {
            let bridge = crossed(concentration);
            let [one, kl, total_variation] = integrals(&bridge);
            assert!((one - 1.0).abs() < 1e-6, "{one}");
            let far = |value: f64, exact: f64, error: f64| ((value - exact) / error).abs();
            assert!(far(bridge.kl, kl, bridge.kl_standard_error) < 4.892, "{bridge:?} {kl}");
            let error = bridge.total_variation_standard_error;
            assert!(far(bridge.total_variation, total_variation, error) < 4.892, "{bridge:?} {total_variation}");
        }
    }

    /// The variance of `ln y₁/y₂` under a symmetric Dirichlet law is 2ψ′(α) = 2/α + 1/α² + …
    #[test]
    fn ratios_of_entries_vary_less_by_a_third() {
        let alpha = 1e4;
        let Bridge { scale, .. } = crossed([alpha; 3]);
        let variance = scale[0].powi(2) + scale[1].powi(2);
        assert!((variance / (2.0 / alpha + alpha.powi(-2)) - 2.0 / 3.0).abs() < 1e-4, "{variance}");
    }

    #[test]
    fn the_way_back_ends_where_it_began() {
        for concentration in [[1.0, 1.0, 1.0], [0.5, 2.0, 30.0]] {
            let bridge = crossed(concentration);
            for (back, start) in bridge.back.iter().zip(concentration) {
                assert!((back / start - 1.0).abs() < 1e-12, "{bridge:?}");
            }
        }
        assert!(crossed([8.0, 12.0, 20.0]).kl < crossed([2.0, 3.0, 5.0]).kl);
    }
}
