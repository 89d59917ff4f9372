//! Eight float32 lanes in a register. Why each `unsafe` block is sound: see the header of the parent module.

use std::arch::x86_64::*;

use crate::lanes::{F32Lanes, F32x8, Mask};

/// Eight float32 lanes in a register.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Avx2(__m256);

/// All bits set in the lanes that are true, none in the others.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Avx2Mask(__m256);

impl Mask for Avx2Mask {
    of_two!(and: _mm256_and_ps, or: _mm256_or_ps);

    #[inline(always)]
    fn not(self) -> Self {
        // SAFETY: the processor has AVX2 (parent module).
        Self(unsafe { _mm256_xor_ps(self.0, _mm256_castsi256_ps(_mm256_set1_epi32(-1))) })
    }

    #[inline(always)]
    fn bits(self) -> u32 {
        // SAFETY: the processor has AVX2 (parent module).
        unsafe { _mm256_movemask_ps(self.0) as u32 }
    }
}

impl F32x8 for Avx2 {
    #[inline(always)]
    fn from_array(lanes: [f32; 8]) -> Self {
        // SAFETY: the array holds eight values.
        unsafe { Self::load_ptr(lanes.as_ptr()) }
    }

    #[inline(always)]
    fn to_array(self) -> [f32; 8] {
        let mut lanes = [0.0; 8];
        // SAFETY: the array has room for eight values.
        unsafe { self.store_ptr(lanes.as_mut_ptr()) };
        lanes
    }
}

impl F32Lanes for Avx2 {
    type Mask = Avx2Mask;

    const LANES: usize = 8;

    #[inline(always)]
    fn splat(value: f32) -> Self {
        // SAFETY: the processor has AVX2 (parent module).
        Self(unsafe { _mm256_set1_ps(value) })
    }

    /// # Safety
    ///
    /// `source` is valid for reads of eight `f32`, as the trait asks.
    #[inline(always)]
    unsafe fn load_ptr(source: *const f32) -> Self {
        // SAFETY: the processor has AVX2 (parent module); the caller promises eight readable values.
        Self(unsafe { _mm256_loadu_ps(source) })
    }

    /// # Safety
    ///
    /// `target` is valid for writes of eight `f32`, as the trait asks.
    #[inline(always)]
    unsafe fn store_ptr(self, target: *mut f32) {
        // SAFETY: the processor has AVX2 (parent module); the caller promises room for eight values.
        unsafe { _mm256_storeu_ps(target, self.0) }
    }

    of_two! {
        add: _mm256_add_ps,
        sub: _mm256_sub_ps,
        mul: _mm256_mul_ps,
        div: _mm256_div_ps,
        min: _mm256_min_ps,
        max: _mm256_max_ps,
        bit_and: _mm256_and_ps,
        bit_or: _mm256_or_ps,
        bit_xor: _mm256_xor_ps,
    }

    of_three!(mul_add: _mm256_fmadd_ps, neg_mul_add: _mm256_fnmadd_ps);

    comparisons!(Avx2Mask, _mm256_cmp_ps, lt: _CMP_LT_OQ, le: _CMP_LE_OQ, eq: _CMP_EQ_OQ);

    #[inline(always)]
    fn sqrt(self) -> Self {
        // SAFETY: the processor has AVX2 (parent module).
        Self(unsafe { _mm256_sqrt_ps(self.0) })
    }

    #[inline(always)]
    fn floor(self) -> Self {
        // SAFETY: the processor has AVX2 (parent module).
        Self(unsafe { _mm256_floor_ps(self.0) })
    }

    #[inline(always)]
    fn is_nan(self) -> Avx2Mask {
        // SAFETY: the processor has AVX2 (parent module).
        Avx2Mask(unsafe { _mm256_cmp_ps::<_CMP_UNORD_Q>(self.0, self.0) })
    }

    #[inline(always)]
    fn select(mask: Avx2Mask, if_true: Self, if_false: Self) -> Self {
        // SAFETY: the processor has AVX2 (parent module).
        Self(unsafe { _mm256_blendv_ps(if_false.0, if_true.0, mask.0) })
    }

    #[inline(always)]
    fn bit_shl<const COUNT: i32>(self) -> Self {
        // SAFETY: the processor has AVX2 (parent module).
        Self(unsafe { _mm256_castsi256_ps(_mm256_slli_epi32::<COUNT>(_mm256_castps_si256(self.0))) })
    }

    #[inline(always)]
    fn bit_shr<const COUNT: i32>(self) -> Self {
        // SAFETY: the processor has AVX2 (parent module).
        Self(unsafe { _mm256_castsi256_ps(_mm256_srli_epi32::<COUNT>(_mm256_castps_si256(self.0))) })
    }

    #[inline(always)]
    fn bit_add(self, other: Self) -> Self {
        // SAFETY: the processor has AVX2 (parent module).
        Self(unsafe {
            _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(self.0), _mm256_castps_si256(other.0)))
        })
    }

    #[inline(always)]
    fn bit_sub(self, other: Self) -> Self {
        // SAFETY: the processor has AVX2 (parent module).
        Self(unsafe {
            _mm256_castsi256_ps(_mm256_sub_epi32(_mm256_castps_si256(self.0), _mm256_castps_si256(other.0)))
        })
    }

    #[inline(always)]
    fn pick(table: &[f32; 8], index: Self) -> Self {
        // SAFETY: the processor has AVX2 (parent module); the table has eight values, and no index leads out of it.
        Self(unsafe {
            _mm256_permutevar8x32_ps(_mm256_loadu_ps(table.as_ptr()), _mm256_castps_si256(index.0))
        })
    }
}
