//! The platform's `sin`, `cos`, `exp`, `tanh`, `pow(x, 2)` and `fmod(x, 2 pi)` in four lanes, bit for bit.
//!
//! Physics that is to follow a Python program exactly needs the bits of the libm that Python calls. In lanes they cost a
//! third of the calls to a tenth. The formulas are those of glibc, so a check decides: [`LibmLanes::detect`] compares the
//! lanes with the platform's libm once per process, in a millisecond, and where a bit differs (another libm, a glibc
//! whose compiler fused other operations, no FMA) every lane is computed by a call. The results are libm's either way.

mod check;
mod exp;
mod exp_table;
mod float32;
mod fmod;
mod pow;
mod table;
mod tanh;
mod trig;

pub use float32::LibmLanes32;

use crate::isa::{Isa, Kernel};
use crate::lanes::{F64x4, Mask, Simd};
use crate::libm;

/// Which functions are computed in lanes, because they were found to equal the platform's libm. The others call it, lane
/// by lane.
///
/// Take one from [`LibmLanes::detect`] at the start, keep it beside the [`Isa`], and use its methods inside a [`Kernel`]
/// or those on slices outside.
///
/// ```
/// use lane_math::{Isa, LibmLanes, libm};
///
/// let isa = Isa::detect();
/// let lanes = LibmLanes::detect(isa);
/// let angles = [0.1, -2.0, 1e3, 1e300, 0.7];
/// let (mut sines, mut cosines) = ([0.0; 5], [0.0; 5]);
/// lanes.sin_cos_slices(isa, &angles, &mut sines, &mut cosines);
/// assert_eq!(sines, angles.map(libm::sin));
/// assert_eq!(cosines, angles.map(libm::cos));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LibmLanes {
    trig: bool,
    pow: bool,
    exp: bool,
    tanh: bool,
}

impl LibmLanes {
    /// What may be computed in lanes here. The comparison with libm runs at the first call (about a millisecond).
    ///
    /// With an `isa` that has no fused multiply-add in hardware nothing is: a fused one in software costs more than libm.
    #[must_use]
    pub fn detect(isa: Isa) -> Self {
        let fuses = isa != Isa::Portable || cfg!(any(target_feature = "fma", target_arch = "aarch64"));
        if fuses { check::verdict() } else { Self::PLATFORM }
    }

    /// Everything by calls of the platform's libm.
    pub const PLATFORM: Self = Self { trig: false, pow: false, exp: false, tanh: false };

    /// Everything in lanes, whatever the platform's libm computes: for comparisons with it.
    pub const LANES: Self = Self { trig: true, pow: true, exp: true, tanh: true };

    /// The functions that are computed in lanes: `"sin"`, `"cos"`, `"pow_two"`, `"exp"`, `"tanh"`, or some of them.
    #[must_use]
    pub fn names(self) -> Vec<&'static str> {
        let all = [
            ("sin", self.trig),
            ("cos", self.trig),
            ("pow_two", self.pow),
            ("exp", self.exp),
            ("tanh", self.tanh),
        ];
        all.into_iter().filter(|(_, in_lanes)| *in_lanes).map(|(name, _)| name).collect()
    }

    /// sin(x), x in radians.
    #[inline(always)]
    #[must_use]
    pub fn sin<V: F64x4>(self, x: V) -> V {
        if self.trig { trig::sin(x) } else { call(x, libm::sin) }
    }

    /// cos(x), x in radians.
    #[inline(always)]
    #[must_use]
    pub fn cos<V: F64x4>(self, x: V) -> V {
        if self.trig { trig::cos(x) } else { call(x, libm::cos) }
    }

    /// (sin(x), cos(x)), x in radians.
    #[inline(always)]
    #[must_use]
    pub fn sin_cos<V: F64x4>(self, x: V) -> (V, V) {
        if self.trig { trig::sin_cos(x) } else { (call(x, libm::sin), call(x, libm::cos)) }
    }

    /// pow(x, 2), which is not always x * x.
    #[inline(always)]
    #[must_use]
    pub fn pow_two<V: F64x4>(self, x: V) -> V {
        if self.pow { pow::pow_two(x) } else { call(x, pow::platform_pow_two) }
    }

    /// e to the power x.
    #[inline(always)]
    #[must_use]
    pub fn exp<V: F64x4>(self, x: V) -> V {
        if self.exp { exp::exp(x) } else { call(x, libm::exp) }
    }

    /// The hyperbolic tangent of x.
    #[inline(always)]
    #[must_use]
    pub fn tanh<V: F64x4>(self, x: V) -> V {
        if self.tanh { tanh::tanh(x) } else { call(x, libm::tanh) }
    }

    /// fmod(x, 2 pi): the remainder has the sign of x, -0 included. It is exact, so every libm gives the same bits.
    #[inline(always)]
    #[must_use]
    pub fn fmod_two_pi<V: F64x4>(self, x: V) -> V {
        fmod::fmod_two_pi(x)
    }

    /// [`Self::sin`] of every value, in place.
    pub fn sin_in_place(self, isa: Isa, values: &mut [f64]) {
        isa.run(InPlace { lanes: self, function: Function::Sin, values });
    }

    /// [`Self::cos`] of every value, in place.
    pub fn cos_in_place(self, isa: Isa, values: &mut [f64]) {
        isa.run(InPlace { lanes: self, function: Function::Cos, values });
    }

    /// [`Self::pow_two`] of every value, in place.
    pub fn pow_two_in_place(self, isa: Isa, values: &mut [f64]) {
        isa.run(InPlace { lanes: self, function: Function::PowTwo, values });
    }

    /// [`Self::exp`] of every value, in place.
    pub fn exp_in_place(self, isa: Isa, values: &mut [f64]) {
        isa.run(InPlace { lanes: self, function: Function::Exp, values });
    }

    /// [`Self::tanh`] of every value, in place.
    pub fn tanh_in_place(self, isa: Isa, values: &mut [f64]) {
        isa.run(InPlace { lanes: self, function: Function::Tanh, values });
    }

    /// [`Self::fmod_two_pi`] of every value, in place.
    pub fn fmod_two_pi_in_place(self, isa: Isa, values: &mut [f64]) {
        isa.run(InPlace { lanes: self, function: Function::FmodTwoPi, values });
    }

    /// [`Self::sin_cos`] of every angle.
    ///
    /// # Panics
    ///
    /// If the lengths differ.
    pub fn sin_cos_slices(self, isa: Isa, angles: &[f64], sines: &mut [f64], cosines: &mut [f64]) {
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

#[derive(Clone, Copy)]
enum Function {
    Sin,
    Cos,
    PowTwo,
    Exp,
    Tanh,
    FmodTwoPi,
}

struct InPlace<'a> {
    lanes: LibmLanes,
    function: Function,
    values: &'a mut [f64],
}

impl InPlace<'_> {
    #[inline(always)]
    fn apply<V: F64x4>(&self, x: V) -> V {
        match self.function {
            Function::Sin => self.lanes.sin(x),
            Function::Cos => self.lanes.cos(x),
            Function::PowTwo => self.lanes.pow_two(x),
            Function::Exp => self.lanes.exp(x),
            Function::Tanh => self.lanes.tanh(x),
            Function::FmodTwoPi => self.lanes.fmod_two_pi(x),
        }
    }
}

impl Kernel for InPlace<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self) {
        let mut start = 0;
        while start < self.values.len() {
            let x = load_padded::<S::F64>(&self.values[start..]);
            let result = self.apply(x);
            store_part(result, &mut self.values[start..]);
            start += 4;
        }
    }
}

struct SinCos<'a> {
    lanes: LibmLanes,
    angles: &'a [f64],
    sines: &'a mut [f64],
    cosines: &'a mut [f64],
}

impl Kernel for SinCos<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self) {
        let mut start = 0;
        while start < self.angles.len() {
            let x = load_padded::<S::F64>(&self.angles[start..]);
            let (sine, cosine) = self.lanes.sin_cos(x);
            store_part(sine, &mut self.sines[start..]);
            store_part(cosine, &mut self.cosines[start..]);
            start += 4;
        }
    }
}

/// The first four values; zeros where there are fewer.
#[inline(always)]
fn load_padded<V: F64x4>(values: &[f64]) -> V {
    if values.len() >= 4 {
        return V::load(values);
    }
    let mut padded = [0.0; 4];
    padded[..values.len()].copy_from_slice(values);
    V::from_array(padded)
}

/// Writes as many lanes as there is room for.
#[inline(always)]
fn store_part<V: F64x4>(lanes: V, target: &mut [f64]) {
    if target.len() >= 4 {
        return lanes.store(target);
    }
    target.copy_from_slice(&lanes.to_array()[..target.len()]);
}

/// The function of each lane, one by one.
#[inline(always)]
fn call<V: F64x4>(x: V, function: fn(f64) -> f64) -> V {
    V::from_array(x.to_array().map(function))
}

/// `values`, but in the lanes that are not `sure` the function of `x`, by a call.
#[inline(always)]
fn patch<V: F64x4>(x: V, values: V, sure: V::Mask, function: fn(f64) -> f64) -> V {
    let sure = sure.bits();
    if sure == 0b1111 {
        values
    } else {
        V::from_array(patch_lanes(x.to_array(), values.to_array(), sure, function))
    }
}

#[cold]
#[inline(never)]
fn patch_lanes(x: [f64; 4], mut values: [f64; 4], sure: u32, function: fn(f64) -> f64) -> [f64; 4] {
    for lane in 0..4 {
        if sure & 1 << lane == 0 {
            values[lane] = function(x[lane]);
        }
    }
    values
}
