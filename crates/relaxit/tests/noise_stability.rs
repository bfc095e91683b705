//! The numbers themselves. A change here is value-breaking: every seeded run of every user changes with it.

use burn::tensor::DType;
use relaxit::prelude::*;

/// Four draws of each base law from seed 0, in F32. Another number is a value-breaking change.
const F32: [(Base, [f32; 4]); 5] = [
    (Base::Uniform, [0.399_046_48, 0.880_520_2, 0.735_712_77, 0.605_481_86]),
    (Base::Logistic, [-0.409_439_74, 1.997_365_5, 1.023_803_4, 0.428_359_45]),
    (Base::Gumbel, [0.084_820_25, 2.061_661_2, 1.181_182_9, 0.689_691_8]),
    (Base::Exponential, [0.918_677_4, 0.127_242_42, 0.306_915_46, 0.501_730_7]),
    (Base::Normal, [0.991_137_7, -0.924_662_6, -0.617_608_96, -0.482_068_6]),
];

/// Four draws of each base law from seed 0, in F64. Another number is a value-breaking change.
const F64: [(Base, [f64; 4]); 5] = [
    (
        Base::Uniform,
        [0.399_046_470_848_964_6, 0.735_712_784_483_442_5, 0.972_241_201_522_315_7, 0.693_930_919_057_944_2],
    ),
    (
        Base::Logistic,
        [-0.409_439_730_600_528_5, 1.023_803_354_758_599_8, 3.556_051_071_192_988_5, 0.818_561_584_103_794_9],
    ),
    (Base::Gumbel, [0.084_820_251_353_062_55, 1.181_182_895_396_333, 3.570_159_769_554_866, 1.006_809_533_532_251_6]),
    (
        Base::Exponential,
        [0.918_677_400_581_034_3, 0.306_915_474_889_692_7, 0.028_151_355_591_429_127, 0.365_382_863_692_121_4],
    ),
    (
        Base::Normal,
        [-0.121_517_975_953_082_24, -1.350_032_659_857_655, -0.081_874_209_915_891_62, -0.222_709_058_939_026_48],
    ),
];

#[test]
fn draws_in_f32_are_pinned() {
    for (base, pinned) in F32 {
        let drawn: Vec<f32> = Noise::seeded(0).draw(base, [4], &Device::flex()).try_into_vec_as().unwrap();
        assert_eq!(drawn, pinned, "{base:?}: a value-breaking change");
    }
}

#[test]
fn draws_in_f64_are_pinned() {
    for (base, pinned) in F64 {
        let options = (&Device::flex(), DType::F64);
        let drawn: Vec<f64> = Noise::seeded(0).draw(base, [4], options).try_into_vec_as().unwrap();
        assert_eq!(drawn, pinned, "{base:?}: a value-breaking change");
    }
}

/// Keys of forks, raw bits, orders, and the draw that follows them.
#[test]
fn forks_bits_and_permutations_are_pinned() {
    let mut noise = Noise::seeded(0).fork("encoder");
    assert_eq!(noise.state().key, 1_209_831_207_960_356_978);
    assert_eq!(noise.bits(), 10_658_698_304_015_235_913);
    assert_eq!(noise.permutation(5), [1, 4, 0, 3, 2]);
    let drawn: Vec<f32> = noise.draw(Base::Uniform, [2], &Device::flex()).try_into_vec_as().unwrap();
    assert_eq!(drawn, [0.813_685_95, 0.967_640_64]);
}
