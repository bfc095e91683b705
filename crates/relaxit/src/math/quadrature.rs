//! Gauss and Legendre's rule for integrals.

/// Nodes in each panel.
pub(crate) const GAUSS_LEGENDRE_NODES: usize = 2 * GAUSS_LEGENDRE.len();

/// Nodes and weights on [0, 1] of the rule of 16 nodes in each of `panels` panels side by side.
pub(crate) fn gauss_legendre(panels: u32) -> impl Iterator<Item = (f64, f64)> {
    let width = f64::from(panels).recip();
    (0..panels).flat_map(move |panel| {
        let signed = GAUSS_LEGENDRE.iter().flat_map(|&(x, w)| [(-x, w), (x, w)]);
        signed.map(move |(x, w)| ((f64::from(panel) + 0.5 * (1.0 + x)) * width, 0.5 * w * width))
    })
}

/// The positive nodes and their weights of the rule of 16 nodes on [−1, 1].
const GAUSS_LEGENDRE: [(f64, f64); 8] = [
    (0.095_012_509_837_637_45, 0.189_450_610_455_068_6),
    (0.281_603_550_779_258_9, 0.182_603_415_044_923_6),
    (0.458_016_777_657_227_37, 0.169_156_519_395_002_62),
    (0.617_876_244_402_643_8, 0.149_595_988_816_576_76),
    (0.755_404_408_355_003, 0.124_628_971_255_534_03),
    (0.865_631_202_387_831_8, 0.095_158_511_682_492_59),
    (0.944_575_023_073_232_6, 0.062_253_523_938_647_71),
    (0.989_400_934_991_65, 0.027_152_459_411_754_058),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn polynomials_are_integrated_exactly() {
        for panels in [1, 3] {
            for power in [0, 1, 7, 31] {
                let integral: f64 = gauss_legendre(panels).map(|(x, w)| w * x.powi(power)).sum();
                assert!((integral * f64::from(power + 1) - 1.0).abs() < 1e-13, "{panels} {power}");
            }
        }
    }
}
