//! Sixteen float32 lanes in an AVX-512 register; the other lanes of the family are AVX2's.
//!
//! The intrinsics need AVX-512 F and DQ. The types here are private to the crate and are reached only through
//! `Isa::Avx512`, which is constructed only where the processor has both (see `Isa`): the argument behind every `unsafe`
//! block of this module.

use std::arch::x86_64::*;

use super::avx2::{Avx2, Avx2F64, Avx2I32, Avx2U16};
use super::{F32Lanes, Mask, Simd};

/// The lane types of a processor with AVX-512 F, VL, DQ and BW.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Avx512Family;

impl Simd for Avx512Family {
    type F32 = Avx2;
    type Wide = Avx512;
    type F64 = Avx2F64;
    type U16 = Avx2U16;
    type I32 = Avx2I32;

    const FUSES: bool = true;
}

/// Sixteen float32 lanes in a register.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Avx512(__m512);

/// Bit `i` says whether lane `i` is true.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Avx512Mask(__mmask16);

impl Mask for Avx512Mask {
    #[inline(always)]
    fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    #[inline(always)]
    fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    #[inline(always)]
    fn not(self) -> Self {
        Self(!self.0)
    }

    #[inline(always)]
    fn bits(self) -> u32 {
        self.0.into()
    }
}

/// Methods of two registers that are one instruction each on registers of some other type, with the way there and back.
macro_rules! on_bits {
    ($($name:ident: $instruction:ident),+ $(,)?) => {
        $(#[inline(always)]
        fn $name(self, other: Self) -> Self {
            // SAFETY: the processor has AVX-512 (see above).
            Self(unsafe {
                _mm512_castsi512_ps($instruction(_mm512_castps_si512(self.0), _mm512_castps_si512(other.0)))
            })
        })+
    };
}

impl F32Lanes for Avx512 {
    type Mask = Avx512Mask;

    const LANES: usize = 16;

    #[inline(always)]
    fn splat(value: f32) -> Self {
        // SAFETY: the processor has AVX-512 (see above).
        Self(unsafe { _mm512_set1_ps(value) })
    }

    /// # Safety
    ///
    /// `source` is valid for reads of sixteen `f32`, as the trait asks.
    #[inline(always)]
    unsafe fn load_ptr(source: *const f32) -> Self {
        // SAFETY: the processor has AVX-512 (see above); the caller promises sixteen readable values.
        Self(unsafe { _mm512_loadu_ps(source) })
    }

    /// # Safety
    ///
    /// `target` is valid for writes of sixteen `f32`, as the trait asks.
    #[inline(always)]
    unsafe fn store_ptr(self, target: *mut f32) {
        // SAFETY: the processor has AVX-512 (see above); the caller promises room for sixteen values.
        unsafe { _mm512_storeu_ps(target, self.0) }
    }

    of_two! {
        add: _mm512_add_ps,
        sub: _mm512_sub_ps,
        mul: _mm512_mul_ps,
        div: _mm512_div_ps,
        min: _mm512_min_ps,
        max: _mm512_max_ps,
        bit_and: _mm512_and_ps,
        bit_or: _mm512_or_ps,
        bit_xor: _mm512_xor_ps,
    }

    of_three!(mul_add: _mm512_fmadd_ps, neg_mul_add: _mm512_fnmadd_ps);

    comparisons!(Avx512Mask, _mm512_cmp_ps_mask, lt: _CMP_LT_OQ, le: _CMP_LE_OQ, eq: _CMP_EQ_OQ);

    on_bits!(bit_add: _mm512_add_epi32, bit_sub: _mm512_sub_epi32);

    #[inline(always)]
    fn sqrt(self) -> Self {
        // SAFETY: the processor has AVX-512 (see above).
        Self(unsafe { _mm512_sqrt_ps(self.0) })
    }

    #[inline(always)]
    fn floor(self) -> Self {
        // SAFETY: the processor has AVX-512 (see above). Towards minus infinity, no bits of a fraction.
        Self(unsafe { _mm512_roundscale_ps::<_MM_FROUND_TO_NEG_INF>(self.0) })
    }

    #[inline(always)]
    fn is_nan(self) -> Avx512Mask {
        // SAFETY: the processor has AVX-512 (see above).
        Avx512Mask(unsafe { _mm512_cmp_ps_mask::<_CMP_UNORD_Q>(self.0, self.0) })
    }

    #[inline(always)]
    fn select(mask: Avx512Mask, if_true: Self, if_false: Self) -> Self {
        // SAFETY: the processor has AVX-512 (see above).
        Self(unsafe { _mm512_mask_blend_ps(mask.0, if_false.0, if_true.0) })
    }

    #[inline(always)]
    fn bit_shl<const COUNT: i32>(self) -> Self {
        // SAFETY: the processor has AVX-512 (see above). The intrinsic's own type for a constant is unsigned.
        Self(unsafe {
            let by = _mm_cvtsi32_si128(COUNT);
            _mm512_castsi512_ps(_mm512_sll_epi32(_mm512_castps_si512(self.0), by))
        })
    }

    #[inline(always)]
    fn bit_shr<const COUNT: i32>(self) -> Self {
        // SAFETY: the processor has AVX-512 (see above). The intrinsic's own type for a constant is unsigned.
        Self(unsafe {
            let by = _mm_cvtsi32_si128(COUNT);
            _mm512_castsi512_ps(_mm512_srl_epi32(_mm512_castps_si512(self.0), by))
        })
    }

    #[inline(always)]
    fn pick(table: &[f32; 8], index: Self) -> Self {
        // SAFETY: the processor has AVX-512 (see above); the table has eight values. It lies in the register twice, so
        // the fourth bit of an index, which the instruction reads as well, does not count.
        Self(unsafe {
            let twice = _mm512_broadcast_f32x8(_mm256_loadu_ps(table.as_ptr()));
            _mm512_permutexvar_ps(_mm512_castps_si512(index.0), twice)
        })
    }
}
