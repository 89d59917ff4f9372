//! What sin of great arguments is made of: digits of 1 / (2 pi), and sines and cosines of k pi / 128.

/// 64 zeros, then the first 256 bits of 1 / (2 pi) behind the point.
pub(super) const INVERSE_TURN: [u64; 5] =
    [0, 0x28be_60db_9391_054a, 0x7f09_d5f4_7d4d_3770, 0x36d8_a566_4f10_e410, 0x7f94_58ea_f7ae_f158];

/// Bits of four float32 for each angle k pi / 128, k = 0 ..= 64: its sine, what is left of its sine, a power of two near
/// its cosine, and what is left of its cosine.
///
/// Each is the nearest float32. The power of two is the greatest that is not above the cosine, or the next one if the
/// cosine is at least 1.41 times as large; for a cosine of zero it is zero.
#[rustfmt::skip]
pub(super) const ROWS: [[u32; 4]; 65] = [
    [0x0000_0000, 0x0000_0000, 0x3f80_0000, 0x0000_0000],
    [0x3cc9_0ab0, 0xb005_c998, 0x3f80_0000, 0xb99d_e7df],
    [0x3d48_fb30, 0xb0ef_227f, 0x3f80_0000, 0xba9d_e1c8],
    [0x3d96_a905, 0xb153_1e61, 0x3f80_0000, 0xbb31_9298],
    [0x3dc8_bd36, 0xb075_92f5, 0x3f80_0000, 0xbb9d_c971],
    [0x3dfa_b273, 0xb115_68cf, 0x3f80_0000, 0xbbf6_6e3c],
    [0x3e16_4083, 0x31e8_e614, 0x3f80_0000, 0xbc31_5502],
    [0x3e2f_10a2, 0x3111_67f9, 0x3f80_0000, 0xbc71_360b],
    [0x3e47_c5c2, 0xb0e5_967d, 0x3f80_0000, 0xbc9d_6830],
    [0x3e60_5c13, 0x31a7_e4f6, 0x3f80_0000, 0xbcc7_0c54],
    [0x3e78_cfcc, 0xb11b_d41d, 0x3f80_0000, 0xbcf5_8104],
    [0x3e88_8e93, 0x312c_7d9e, 0x3f80_0000, 0xbd14_5f8c],
    [0x3e94_a031, 0x326d_59f0, 0x3f80_0000, 0xbd30_5f55],
    [0x3ea0_9ae5, 0xb23e_89a0, 0x3f80_0000, 0xbd4e_bb8a],
    [0x3eac_7cd4, 0xb225_4e02, 0x3f80_0000, 0xbd6f_6f7e],
    [0x3eb8_442a, 0xb270_5ba6, 0x3f80_0000, 0xbd89_3b12],
    [0x3ec3_ef15, 0x31d5_d52c, 0x3f80_0000, 0xbd9b_e50c],
    [0x3ecf_7bca, 0x316a_3b63, 0x3f80_0000, 0xbdaf_b2cc],
    [0x3eda_e880, 0x321e_15cc, 0x3f80_0000, 0xbdc4_a143],
    [0x3ee6_3375, 0xb1d9_c774, 0x3f80_0000, 0xbdda_ad38],
    [0x3ef1_5aea, 0xb1ff_2139, 0x3f80_0000, 0xbdf1_d344],
    [0x3efc_5d27, 0xb180_eca9, 0x3f80_0000, 0xbe05_07ea],
    [0x3f03_9c3d, 0xb25b_a002, 0x3f80_0000, 0xbe11_af97],
    [0x3f08_f59b, 0xb2be_4b4e, 0x3f80_0000, 0xbe1e_deb5],
    [0x3f0e_39da, 0xb24a_32e7, 0x3f80_0000, 0xbe2c_933b],
    [0x3f13_682a, 0x32cd_d12e, 0x3f80_0000, 0xbe3a_cb0c],
    [0x3f18_7fc0, 0xb1c7_a3f3, 0x3f80_0000, 0xbe49_83f7],
    [0x3f1d_7fd1, 0x3292_050c, 0x3f80_0000, 0xbe58_bbb7],
    [0x3f22_6799, 0x3221_23bb, 0x3f80_0000, 0xbe68_6ff3],
    [0x3f27_3656, 0xb203_8343, 0x3f80_0000, 0xbe78_9e3f],
    [0x3f2b_eb4a, 0xb2b7_3136, 0x3f80_0000, 0xbe84_a20e],
    [0x3f30_85bb, 0xb2ae_2d32, 0x3f80_0000, 0xbe8d_2f7d],
    [0x3f35_04f3, 0x324f_e77a, 0x3f80_0000, 0xbe95_f61a],
    [0x3f39_6842, 0xb281_0007, 0x3f00_0000, 0x3e42_16eb],
    [0x3f3d_aef9, 0x319a_abec, 0x3f00_0000, 0x3e2f_ad27],
    [0x3f41_d870, 0x32bf_f977, 0x3f00_0000, 0x3e1c_d957],
    [0x3f45_e403, 0x32b1_5174, 0x3f00_0000, 0x3e09_9e65],
    [0x3f49_d112, 0x3299_2640, 0x3f00_0000, 0x3deb_fe8a],
    [0x3f4d_9f02, 0x327e_70e8, 0x3f00_0000, 0x3dc3_fdff],
    [0x3f51_4d3d, 0x300c_4f04, 0x3f00_0000, 0x3d9b_4153],
    [0x3f54_db31, 0x3290_ea1a, 0x3f00_0000, 0x3d63_9d9d],
    [0x3f58_4853, 0xb27d_5fc0, 0x3f00_0000, 0x3d0f_59aa],
    [0x3f5b_941a, 0x3223_2dc8, 0x3f00_0000, 0x3c67_0f32],
    [0x3f5e_be05, 0x32c6_f953, 0x3f00_0000, 0xbbe8_b648],
    [0x3f61_c598, 0xb2e7_f425, 0x3f00_0000, 0xbcea_5164],
    [0x3f64_aa59, 0x311a_08fa, 0x3f00_0000, 0xbd4e_645a],
    [0x3f67_6bd8, 0xb2bc_3389, 0x3f00_0000, 0xbd94_5dff],
    [0x3f6a_09a7, 0xb2eb_236c, 0x3f00_0000, 0xbdc2_10d8],
    [0x3f6c_835e, 0x32f3_28d4, 0x3f00_0000, 0xbdf0_43ab],
    [0x3f6e_d89e, 0xb293_33dc, 0x3f00_0000, 0xbe0f_77ad],
    [0x3f71_0908, 0x321e_d0dd, 0x3e80_0000, 0x3db1_f34f],
    [0x3f73_1447, 0x32c4_8e11, 0x3e80_0000, 0x3d82_6b93],
    [0x3f74_fa0b, 0xb293_9d22, 0x3e80_0000, 0x3d25_018c],
    [0x3f76_ba07, 0x326d_092c, 0x3e80_0000, 0x3c88_e931],
    [0x3f78_53f8, 0xb20d_b9e5, 0x3e80_0000, 0xbbe6_0685],
    [0x3f79_c79d, 0x32c6_4e59, 0x3e80_0000, 0xbcfd_1f65],
    [0x3f7b_14be, 0x32ff_75cb, 0x3e80_0000, 0xbd60_e8f8],
    [0x3f7c_3b28, 0xb231_d68b, 0x3e00_0000, 0x3d3c_4289],
    [0x3f7d_3aac, 0xb0f7_5ae9, 0x3e00_0000, 0x3cb2_041c],
    [0x3f7e_1324, 0xb2f1_e603, 0x3e00_0000, 0xbb29_b1a9],
    [0x3f7e_c46d, 0x31f4_4949, 0x3e00_0000, 0xbcdd_0b28],
    [0x3f7f_4e6d, 0x32d0_1884, 0x3d80_0000, 0x3c35_4825],
    [0x3f7f_b10f, 0x31de_5b5f, 0x3d80_0000, 0xbc5c_1342],
    [0x3f7f_ec43, 0x3084_cd0d, 0x3d00_0000, 0xbbdb_d541],
    [0x3f80_0000, 0x0000_0000, 0x0000_0000, 0x0000_0000],
];

#[cfg(test)]
mod tests {
    use super::{INVERSE_TURN, ROWS};

    #[test]
    fn the_first_digits_are_those_of_an_inverse_turn() {
        let digits = INVERSE_TURN[1] as f64 / 2.0_f64.powi(64);
        assert!((digits * std::f64::consts::TAU - 1.0).abs() < 1e-15, "{digits}");
    }

    #[test]
    fn rows_are_sines_and_cosines() {
        for (k, row) in ROWS.iter().enumerate() {
            let [sine, sine_rest, power, cosine_rest] = row.map(|bits| f64::from(f32::from_bits(bits)));
            let angle = k as f64 * std::f64::consts::PI / 128.0;
            assert_eq!(sine, f64::from(angle.sin() as f32), "{k}");
            assert!((sine + sine_rest - angle.sin()).abs() < 1e-15, "{k}");
            let cosine = if k == 64 { 0.0 } else { angle.cos() };
            assert_eq!(cosine_rest, f64::from((cosine - power) as f32), "{k}");
            let is_nearest = (0.705..1.411).contains(&(cosine / power));
            assert!(power == 0.0 && k == 64 || power.log2().fract() == 0.0 && is_nearest, "{k}: {power}");
        }
    }
}
