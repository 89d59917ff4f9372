//! The platform's `sinf` and `cosf` in eight lanes, bit for bit.
//!
//! The method is glibc's, and so is the place of every rounding: in float64, an argument less a multiple of pi/2 and two
//! short polynomials, of which the quadrant chooses one and its sign; the result is rounded to float32. It is not always the
//! nearest float32: the polynomials are too short for that. Each `mul_add` below is one that glibc's compiler contracted.
//!
//! A check decides, as for float64: where a bit differs from the platform's, libm is called for every lane.

use std::sync::OnceLock;

use super::check::random_arguments;
use crate::StandardFloatMode;
use crate::isa::{Isa, Kernel};
use crate::lanes::{F32Lanes, F32x8, F64x4, Mask, Simd, narrowed, widened};
use crate::libm;

/// From here on arguments are left to libm.
const BEYOND: f32 = 120.0;
/// Below it the sine is the argument and the cosine is 1.
const TINY: f32 = 1.0 / 4096.0;

/// 2 / pi in units of 2^-24 quadrants.
const QUADRANTS: u64 = 0x4164_5f30_6dc9_c883;
/// 2^24 and what it takes to round: half of it.
const QUADRANT_UNITS: f64 = 16_777_216.0;
/// pi / 2.
const HALF_PI: u64 = 0x3ff9_21fb_5444_2d18;
/// 1.5 * 2^52: an integer plus this has its value in the low bits.
const TO_INTEGER: u64 = 0x4338_0000_0000_0000;

/// Of x^3, x^5 and x^7.
const SINE: [u64; 3] = [0xbfc5_5554_5995_a603, 0x3f81_1076_0523_0bc4, 0xbf29_94eb_3774_cf24];
/// Of x^2, x^4, x^6 and x^8.
const COSINE: [u64; 4] =
    [0xbfdf_ffff_fd0c_621c, 0x3fa5_5553_e106_8f19, 0xbf56_c087_e89a_359d, 0x3ef9_9343_027b_f8c3];

/// An argument whose cosine rounds differently without fused operations (one in some 400 million does), and the bits of its
/// sine and its cosine with them.
const KNOWN: (u32, u32, u32) = (0x4287_0e40, 0xbf7f_f72d, 0xbc86_6cc4);

/// Whether `sinf` and `cosf` are computed in lanes, because they were found to equal the platform's.
///
/// ```
/// use lane_math::{Isa, LibmLanes32, libm};
///
/// let isa = Isa::detect();
/// let angles = [0.1_f32, -2.0, 1e3, 1e30, 0.7];
/// let (mut sines, mut cosines) = ([0.0; 5], [0.0; 5]);
/// LibmLanes32::detect(isa).sin_cos_slices(isa, &angles, &mut sines, &mut cosines);
/// assert_eq!(sines, angles.map(libm::sinf));
/// assert_eq!(cosines, angles.map(libm::cosf));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LibmLanes32 {
    in_lanes: bool,
}

impl LibmLanes32 {
    /// By calls of the platform's libm.
    pub const PLATFORM: Self = Self { in_lanes: false };

    /// In lanes, whatever the platform's libm computes: for comparisons with it.
    pub const LANES: Self = Self { in_lanes: true };

    /// What may be computed in lanes here. The comparison with libm runs at the first call (less than a millisecond).
    ///
    /// With an `isa` that has no fused multiply-add in hardware nothing is: a fused one in software costs more than libm.
    #[must_use]
    pub fn detect(isa: Isa) -> Self {
        let fuses = isa != Isa::Portable || cfg!(any(target_feature = "fma", target_arch = "aarch64"));
        if fuses { verdict() } else { Self::PLATFORM }
    }

    /// `sinf(x)` and `cosf(x)` in each lane, x in radians.
    #[inline(always)]
    #[must_use]
    pub fn sin_cos<S: Simd>(self, x: S::F32) -> (S::F32, S::F32) {
        if self.in_lanes {
            in_lanes::<S>(x)
        } else {
            let x = x.to_array();
            (S::F32::from_array(x.map(libm::sinf)), S::F32::from_array(x.map(libm::cosf)))
        }
    }

    /// [`Self::sin_cos`] of every angle.
    ///
    /// # Panics
    ///
    /// If the lengths differ.
    pub fn sin_cos_slices(self, isa: Isa, angles: &[f32], sines: &mut [f32], cosines: &mut [f32]) {
        assert!(
            angles.len() == sines.len() && angles.len() == cosines.len(),
            "expected as many sines and cosines as angles ({}), got {} and {}",
            angles.len(),
            sines.len(),
            cosines.len()
        );
        isa.run(SinCos { lanes: self, angles, sines, cosines });
    }
}

#[inline(always)]
fn in_lanes<S: Simd>(x: S::F32) -> (S::F32, S::F32) {
    let magnitude = x.abs();
    let [low, high] = widened::<S>(x);
    let (low, high) = (sin_cos_in_float64(low), sin_cos_in_float64(high));
    let sine = narrowed::<S>([low.0, high.0]);
    let cosine = narrowed::<S>([low.1, high.1]);
    let is_tiny = magnitude.lt(S::F32::splat(TINY));
    let sine = S::F32::select(is_tiny, x, sine);
    let cosine = S::F32::select(is_tiny, S::F32::splat(1.0), cosine);
    let sure = magnitude.lt(S::F32::splat(BEYOND)).bits();
    if sure == 0xff {
        return (sine, cosine);
    }
    let x = x.to_array();
    (
        S::F32::from_array(patched(x, sine.to_array(), sure, libm::sinf)),
        S::F32::from_array(patched(x, cosine.to_array(), sure, libm::cosf)),
    )
}

/// `values`, but in the lanes that are not `sure` the function of `x`, by a call.
#[cold]
#[inline(never)]
fn patched(x: [f32; 8], mut values: [f32; 8], sure: u32, function: fn(f32) -> f32) -> [f32; 8] {
    for lane in (0..8).filter(|lane| sure >> lane & 1 == 0) {
        values[lane] = function(x[lane]);
    }
    values
}

#[inline(always)]
fn sin_cos_in_float64<V: F64x4>(x: V) -> (V, V) {
    let units = x.mul(V::splat_bits(QUADRANTS));
    // Rounded towards zero first, as by a conversion to an integer, then to the nearest quadrant.
    let whole_units = units.abs().floor().copysign(units);
    let quadrant =
        whole_units.add(V::splat(0.5 * QUADRANT_UNITS)).mul(V::splat(1.0 / QUADRANT_UNITS)).floor();
    let rest = quadrant.neg_mul_add(V::splat_bits(HALF_PI), x);
    let square = rest.mul(rest);
    let (sine, cosine) = (sine(rest, square), cosine(square));

    let quadrant = quadrant.add(V::splat_bits(TO_INTEGER));
    let is_turned = quadrant.bit_shl::<63>().sign_bit();
    let sine_sign = quadrant.bit_shl::<62>().sign();
    let cosine_sign = quadrant.bit_add(V::splat_bits(1)).bit_shl::<62>().sign();
    (
        V::select(is_turned, cosine, sine).bit_xor(sine_sign),
        V::select(is_turned, sine, cosine).bit_xor(cosine_sign),
    )
}

#[inline(always)]
fn sine<V: F64x4>(x: V, square: V) -> V {
    let (c3, c5, c7) = (V::splat_bits(SINE[0]), V::splat_bits(SINE[1]), V::splat_bits(SINE[2]));
    let cube = x.mul(square);
    let upper = square.mul_add(c7, c5);
    let fifth = cube.mul(square);
    fifth.mul_add(upper, cube.mul_add(c3, x))
}

#[inline(always)]
fn cosine<V: F64x4>(square: V) -> V {
    let (c2, c4) = (V::splat_bits(COSINE[0]), V::splat_bits(COSINE[1]));
    let (c6, c8) = (V::splat_bits(COSINE[2]), V::splat_bits(COSINE[3]));
    let fourth = square.mul(square);
    let upper = square.mul_add(c8, c6);
    let lower = square.mul_add(c2, V::splat(1.0));
    let sixth = fourth.mul(square);
    sixth.mul_add(upper, fourth.mul_add(c4, lower))
}

struct SinCos<'a> {
    lanes: LibmLanes32,
    angles: &'a [f32],
    sines: &'a mut [f32],
    cosines: &'a mut [f32],
}

impl Kernel for SinCos<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self) {
        let mut start = 0;
        while start < self.angles.len() {
            let count = (self.angles.len() - start).min(8);
            let part = start..start + count;
            let mut x = [0.0; 8];
            x[..count].copy_from_slice(&self.angles[part.clone()]);
            let (sine, cosine) = self.lanes.sin_cos::<S>(S::F32::from_array(x));
            self.sines[part.clone()].copy_from_slice(&sine.to_array()[..count]);
            self.cosines[part].copy_from_slice(&cosine.to_array()[..count]);
            start += count;
        }
    }
}

/// The comparison's outcome, remembered. It is made in the mode in which the lanes will be used.
fn verdict() -> LibmLanes32 {
    static VERDICT: OnceLock<LibmLanes32> = OnceLock::new();
    *VERDICT.get_or_init(|| {
        let _standard = StandardFloatMode::enter();
        LibmLanes32 { in_lanes: known_bits(libm::sinf, libm::cosf) && agrees(libm::sinf, libm::cosf) }
    })
}

/// Whether functions have the known bits.
fn known_bits(sine: fn(f32) -> f32, cosine: fn(f32) -> f32) -> bool {
    let (x, sine_bits, cosine_bits) = KNOWN;
    let x = f32::from_bits(x);
    (sine(x).to_bits(), cosine(x).to_bits()) == (sine_bits, cosine_bits)
}

/// Whether the lanes have the bits of these functions for all compared arguments.
fn agrees(sine: fn(f32) -> f32, cosine: fn(f32) -> f32) -> bool {
    let angles = compared_angles();
    let (mut sines, mut cosines) = (vec![0.0; angles.len()], vec![0.0; angles.len()]);
    LibmLanes32::LANES.sin_cos_slices(Isa::detect(), &angles, &mut sines, &mut cosines);
    let results = angles.iter().zip(sines.iter().zip(&cosines));
    results.into_iter().all(|(&angle, (in_sine, in_cosine))| {
        sine(angle).to_bits() == in_sine.to_bits() && cosine(angle).to_bits() == in_cosine.to_bits()
    })
}

/// Angles up to a quadrant and up to [`BEYOND`], by turns.
fn compared_angles() -> Vec<f32> {
    random_arguments([0.8, 3.2, 120.0, 12.0]).into_iter().map(|angle| angle as f32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_unit_in_the_last_place_is_a_disagreement() {
        fn off_by_one(x: f32) -> f32 {
            let value = libm::cosf(x);
            if x == compared_angles()[5] { f32::from_bits(value.to_bits() + 1) } else { value }
        }
        assert!(!agrees(libm::sinf, off_by_one));
        assert!(!known_bits(libm::sinf, |x| -libm::cosf(x)));
    }

    /// Where libm gives the bits of glibc's FMA variants, the lanes must be found equal; else a mistake would only cost time
    /// and so go unnoticed.
    #[test]
    fn lanes_are_used_where_libm_has_the_known_bits() {
        assert!(!known_bits(libm::sinf, libm::cosf) || agrees(libm::sinf, libm::cosf));
    }
}
