//! The upper halves of products of 16-bit numbers.

use std::arch::asm;
use std::arch::x86_64::__m256i;

/// The instruction by its name: LLVM sees that one factor is small, and makes three times as many instructions of
/// `_mm256_mulhi_epu16`.
///
/// # Safety
///
/// The processor has AVX2.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) unsafe fn mul_high(one: __m256i, other: __m256i) -> __m256i {
    let product;
    // SAFETY: the processor has AVX2; the instruction reads and writes these registers and nothing else.
    unsafe {
        asm!("vpmulhuw {}, {}, {}", out(ymm_reg) product, in(ymm_reg) one, in(ymm_reg) other,
            options(pure, nomem, nostack, preserves_flags));
    }
    product
}
