//! Which instructions the kernels use: decided once, and carried as a value.

use std::sync::OnceLock;

#[cfg(target_arch = "x86_64")]
use crate::lanes::{Avx2Family, Avx512Family};
use crate::lanes::{F32Lanes, PortableFamily, Simd};

/// The environment variable that forces another path than the fastest: `EVALENGINE_ISA=portable` or `avx2`.
pub const ISA_VARIABLE: &str = "EVALENGINE_ISA";

/// An instruction set that this processor has.
///
/// Every kernel gives the same bits on every `Isa`; the choice is one of speed only.
///
/// An `Isa` is evidence as well as a name: [`Isa::Avx2`] and [`Isa::Avx512`] cannot be constructed outside this crate
/// (match them as `Isa::Avx2 { .. }`), and this crate constructs them only after the processor reported what they need.
/// That is what makes [`Isa::run`] a safe function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Isa {
    /// No intrinsics: arrays, with `mul_add` where a multiplication and an addition are fused. Runs everywhere.
    Portable,
    /// x86-64 with AVX2 and FMA: eight float32 or four float64 lanes a register.
    #[cfg(target_arch = "x86_64")]
    #[non_exhaustive]
    Avx2,
    /// The same lanes with the instructions of AVX-512 (F, VL, DQ and BW) as well: twice as many registers, so that a
    /// sine or a tile of a layer need not put values aside, and sixteen lanes for tanh.
    #[cfg(target_arch = "x86_64")]
    #[non_exhaustive]
    Avx512,
}

impl Isa {
    /// The fastest instruction set of this processor, or the one that the environment variable `EVALENGINE_ISA` names,
    /// if the processor has it. Decided at the first call, then remembered.
    #[must_use]
    pub fn detect() -> Self {
        static DETECTED: OnceLock<Isa> = OnceLock::new();
        *DETECTED.get_or_init(|| {
            let available = Self::all_available();
            let named = std::env::var_os(ISA_VARIABLE);
            let is_named =
                |isa: &&Self| named.as_ref().is_some_and(|name| name.eq_ignore_ascii_case(isa.name()));
            let fastest = available.last().copied().unwrap_or(Self::Portable);
            available.iter().find(is_named).copied().unwrap_or(fastest)
        })
    }

    /// Every instruction set of this processor, the portable one first and the fastest last; for tests that compare
    /// them. The environment variable has no say here.
    #[must_use]
    pub fn all_available() -> Vec<Self> {
        #[cfg_attr(not(target_arch = "x86_64"), allow(unused_mut))]
        let mut available = vec![Self::Portable];
        #[cfg(target_arch = "x86_64")]
        if has_avx2() {
            available.push(Self::Avx2);
            if has_avx512() {
                available.push(Self::Avx512);
            }
        }
        available
    }

    /// A name for tables and provenance: `"portable"`, `"avx2"` or `"avx512"`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Portable => "portable",
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => "avx2",
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => "avx512",
        }
    }

    /// Lanes of its widest float32 register, [`Simd::Wide`]: 8 or 16.
    #[must_use]
    pub fn most_float32_lanes(self) -> usize {
        struct WideLanes;
        impl Kernel for WideLanes {
            type Output = usize;

            #[inline(always)]
            fn run<S: Simd>(self) -> usize {
                S::Wide::LANES
            }
        }
        self.run(WideLanes)
    }

    /// Runs a kernel with this instruction set.
    ///
    /// The dispatch costs one predictable branch and one call that is not inlined: call it once per batch, not once per
    /// value.
    #[inline]
    pub fn run<K: Kernel>(self, kernel: K) -> K::Output {
        match self {
            Self::Portable => run_portable(kernel),
            #[cfg(target_arch = "x86_64")]
            // SAFETY: the variant exists only on processors that reported both features (see the type).
            Self::Avx2 => unsafe { run_avx2(kernel) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: the variant exists only on processors that reported all of these features (see the type).
            Self::Avx512 => unsafe { run_avx512(kernel) },
        }
    }
}

#[cfg(target_arch = "x86_64")]
fn has_avx2() -> bool {
    std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma")
}

#[cfg(target_arch = "x86_64")]
fn has_avx512() -> bool {
    std::arch::is_x86_feature_detected!("avx512f")
        && std::arch::is_x86_feature_detected!("avx512vl")
        && std::arch::is_x86_feature_detected!("avx512dq")
        && std::arch::is_x86_feature_detected!("avx512bw")
}

/// A computation written once over lanes of any [`Simd`] family, and run by [`Isa::run`].
///
/// The struct that implements it carries the arguments. Mark `run`, and every generic function that it calls, as
/// `#[inline(always)]`, and write loops instead of iterator chains with closures: the instruction set is switched on in
/// the function that `Isa::run` calls, and code that is not inlined into it is compiled without AVX2, which is correct
/// but slow.
///
/// ```
/// use lane_math::lanes::{F32Lanes, F32x8, Simd};
/// use lane_math::{Isa, Kernel};
///
/// struct Scale<'a> {
///     values: &'a mut [f32], // a multiple of eight
///     factor: f32,
/// }
///
/// impl Kernel for Scale<'_> {
///     type Output = ();
///
///     #[inline(always)]
///     fn run<S: Simd>(self) {
///         let factor = S::F32::splat(self.factor);
///         for eight in self.values.chunks_exact_mut(8) {
///             S::F32::load(eight).mul(factor).store(eight);
///         }
///     }
/// }
///
/// let mut values = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0];
/// Isa::detect().run(Scale { values: &mut values, factor: 2.0 });
/// assert_eq!(values, [2.0, 4.0, 6.0, 8.0, 10.0, 12.0, 14.0, 16.0]);
/// ```
pub trait Kernel {
    /// What the computation returns.
    type Output;

    /// The computation, over the lanes of `S`.
    fn run<S: Simd>(self) -> Self::Output;
}

#[inline(never)]
fn run_portable<K: Kernel>(kernel: K) -> K::Output {
    kernel.run::<PortableFamily>()
}

/// # Safety
///
/// The processor has AVX2 and FMA: this function is compiled for both, and the lanes of `Avx2Family`, whose methods are
/// safe to call, use their instructions without asking. The one caller has an `Isa::Avx2`, which proves it.
#[cfg(target_arch = "x86_64")]
#[inline(never)]
#[target_feature(enable = "avx2,fma")]
unsafe fn run_avx2<K: Kernel>(kernel: K) -> K::Output {
    kernel.run::<Avx2Family>()
}

/// # Safety
///
/// The processor has AVX2, FMA, and AVX-512 F, VL, DQ and BW.
#[cfg(target_arch = "x86_64")]
#[inline(never)]
#[target_feature(enable = "avx2,fma,avx512f,avx512vl,avx512dq,avx512bw")]
unsafe fn run_avx512<K: Kernel>(kernel: K) -> K::Output {
    kernel.run::<Avx512Family>()
}

#[cfg(test)]
mod tests {
    use super::Isa;

    #[test]
    fn detection_is_stable_and_available() {
        assert_eq!(Isa::detect(), Isa::detect());
        assert!(Isa::all_available().contains(&Isa::detect()));
        assert_eq!(Isa::all_available()[0], Isa::Portable);
    }

    #[test]
    fn names_differ() {
        let names: Vec<_> = Isa::all_available().into_iter().map(Isa::name).collect();
        assert_eq!(names[0], "portable");
        assert_eq!(names.len(), names.iter().collect::<std::collections::HashSet<_>>().len());
    }
}
