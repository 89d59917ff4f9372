//! PyTorch's tanh as 26 polynomials.
//!
//! Found from PyTorch's results alone (its own code is Intel's, and closed). Each result says on which side of a rounding
//! boundary the function lies; of all polynomials of degree 6 with float64 coefficients that lie on the right side for
//! every float32 of an interval, a linear program chose the one with the widest margin, which is at least 1e-8 of a unit
//! in the last place (in most intervals 4e-7: far above what evaluation in float64 rounds, with or without fused
//! multiply-adds). With degree 5 there is none. On [8, 10) PyTorch's tanh is a staircase of five values, 1 - k 2^-24; the
//! polynomial crosses the rounding boundaries between the last arguments of the steps k = 4, 3, 2, 1 (0x41009b88,
//! 0x41034c91, 0x4107628e, 0x41102c66) and the floats after them.

/// Bits of the coefficients c0 ..= c6, and 0: [0, 1/8), then each quarter of a binade from 1/8 to 8, then [8, 10).
#[rustfmt::skip]
pub(super) const POLYNOMIALS: [[u64; 8]; 26] = [
    [0x0000000000000000, 0x3ff000000006a31a, 0xbe6defd8890721c2, 0xbfd5553f729405dd, 0xbf276cc020e5af9a, 0x3fc16be24d91e219, 0xbf945bc5b3ba8dd9, 0x0000000000000000],
    [0x3fc1e1dd055cd98d, 0x3fef601caf82b993, 0xbfc18883bc2b7c0a, 0xbfd3b134513b6177, 0x3fb6b174b53d8d9a, 0x3fbc7cb08b73c494, 0xbfa4adb50467dcf5, 0x0000000000000000],
    [0x3fc5c93072279eee, 0x3fef12aff815bf02, 0xbfc5279fe828e8cf, 0xbfd2ea40486fae5d, 0x3fbafb6cfadc174b, 0x3fba425bddd0b54e, 0xbfb278c988b603e3, 0x0000000000000000],
    [0x3fc9a5f1be7665e2, 0x3feeb7159ba47d47, 0xbfc89e50f37804d7, 0xbfd202a2fbe12008, 0x3fbed94a5aede9d0, 0x3fb7365ee507157b, 0xbfb33be0c9a4569a, 0x0000000000000000],
    [0x3fcd7665cf9bbac2, 0x3fee4dfb167a0348, 0xbfcbe6cb857ed818, 0xbfd0fdf097ecbcf5, 0x3fc11f5fe5d79888, 0x3fb4407081116d00, 0xbfac930d136bca90, 0x0000000000000000],
    [0x3fd18a399e6b4571, 0x3fed98b36d93b15f, 0xbfd038f721d05291, 0xbfce91ee4eb55225, 0x3fc3316030d3e563, 0x3fae3b8103ae191b, 0xbfb215239c5f638b, 0x0000000000000000],
    [0x3fd52c2c561d848b, 0x3fec7f723532bdb5, 0xbfd2daf9aab3381a, 0xbfc985876fcb8883, 0x3fc5034223494398, 0x3fa054f4afbd5f76, 0xbfb15ac4d5d4a8c8, 0x0000000000000000],
    [0x3fd8a87e14b33ca5, 0x3feb3ff2ecca23fa, 0xbfd4ff714abbb32c, 0xbfc4271f1e18e8ad, 0x3fc5c36125487f65, 0x3f783796eb38e735, 0xbfb1120d35286ddf, 0x0000000000000000],
    [0x3fdbfae6ab97242d, 0x3fe9e23ae0ee8ef5, 0xbfd6a1d3ae9089ed, 0xbfbd71f68086e531, 0x3fc5865290b67ffe, 0xbf91960bb9edd0af, 0xbfad367b3884fb8f, 0x0000000000000000],
    [0x3fe05086f2f6dba8, 0x3fe7aeae682d0edc, 0xbfd825df8faf84bc, 0xbfabd0b80cdf86cb, 0x3fc3a4daf2a72441, 0xbfa64303f3bf67e6, 0xbfa32887d975b2cb, 0x0000000000000000],
    [0x3fe3157dfe9f718f, 0x3fe49e6bf26b2471, 0xbfd897d27a7f5b19, 0x3f8d76aaa1d61394, 0x3fbe981341bfd335, 0xbfaf85bd710e6f0e, 0xbf873d34c9b90e22, 0x0000000000000000],
    [0x3fe5788ff10d2513, 0x3fe197fcd9979b48, 0xbfd79c0e0ce67f66, 0x3fb072cc4e3460aa, 0x3fb4716ade048366, 0xbfb00ac258d65fb9, 0x3f7dba4546c09524, 0x0000000000000000],
    [0x3fe77d838e3406d3, 0x3fdd834d2b704eec, 0xbfd5aa21b19f1549, 0x3fb84349a3f660ac, 0x3fa626a81e4b4916, 0xbfab2a5df92ea63b, 0x3f915ae0a9183169, 0x0000000000000000],
    [0x3fe9e5cb5ba49a78, 0x3fd615002940e142, 0xbfd1defac2f83c4b, 0x3fbc68d84cd223bb, 0x3f6ac4fdc83c63d9, 0xbfa06759494d8f56, 0x3f92e8d660d97c61, 0x0000000000000000],
    [0x3fec278a52a4b205, 0x3fccea744b38b909, 0xbfc970e07d032989, 0x3fb97d80ddd17558, 0xbf95dd71f2f6a97f, 0xbf837c331e29441b, 0x3f867dfdf97142c5, 0x0000000000000000],
    [0x3fed9c6fafe5e124, 0x3fc265e33835417a, 0xbfc10646d2c2b141, 0x3fb33df21fa958c8, 0xbf99d2bdb65dc0c6, 0x3f56d9c0eab5dc42, 0x3f70e8fc67a36756, 0x0000000000000000],
    [0x3fee8789ecebf519, 0x3fb6fcfa6b7ff71e, 0xbfb5ee8918580e35, 0x3faa85c1aa68eaf5, 0xbf955d6ce0a1632e, 0x3f72d88c27ad5454, 0x3f456228698d08e2, 0x0000000000000000],
    [0x3fef4bfd6c288c46, 0x3fa6410891f2d730, 0xbfa5c3d887b6d0ab, 0x3f9bbce5d49f859c, 0xbf893cf4584b123c, 0x3f704a06d69bd9a6, 0xbf476f0b70618f67, 0x0000000000000000],
    [0x3fefbd509ae7d0b2, 0x3f909a7a8e1eb36d, 0xbf9077e0c6896be5, 0x3f8599473061a9e8, 0xbf74e3b7a2610f19, 0x3f5f5f5871a212b7, 0xbf41e0c751bad866, 0x0000000000000000],
    [0x3fefe76795d3b7dd, 0x3f788ef6e4a7f784, 0xbf787c168d0a5966, 0x3f703963dcb8bf2f, 0xbf600767ed443219, 0x3f493f73a6abdc75, 0xbf2fefa63bd10920, 0x0000000000000000],
    [0x3feff6f17a7575c6, 0x3f621a7b4431a835, 0xbf62155b824b317f, 0x3f580e724c69d384, 0xbf47f3400d197e38, 0x3f332dd83135cdee, 0xbf1915e97a285c89, 0x0000000000000000],
    [0x3feffdfa72225709, 0x3f402c03ca70138a, 0xbf402afb6a4a3703, 0x3f358604c11d99b7, 0xbf25811376a5a753, 0x3f11e7e396d0b045, 0xbef7bbdaff2cbc47, 0x0000000000000000],
    [0x3fefffb9f2fdf168, 0x3f1183475e02a5f9, 0xbf11831e4a02e844, 0x3f07529a83216658, 0xbef75244b4cce57b, 0x3ee3762b4d5fe66b, 0xbec9e54654c66ced, 0x0000000000000000],
    [0x3feffff684ff0804, 0x3ee2f61b3b7caba0, 0xbee2f612bf903208, 0x3ed94101289aa547, 0xbec94155dc56c4b7, 0x3eb514f855a457f3, 0xbe9c12d1ea70a219, 0x0000000000000000],
    [0x3feffffeb78a3f8e, 0x3eb4877a47272672, 0xbeb4876a2ff52785, 0x3eab57a52a6d9813, 0xbe9b5a8ceb5cb696, 0x3e86d3c4d70f586f, 0xbe6e269dc0e9049f, 0x0000000000000000],
    [0x3fefffffefa62b96, 0x3e705c8929208da7, 0xbe705b8c39451509, 0x3e65529336ec9a27, 0xbe58ddd1d2e97c8e, 0x3e30614bfcf89279, 0xbe39ede5484bb1ed, 0x0000000000000000],
];
