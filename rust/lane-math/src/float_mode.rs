//! The processor's floating-point mode, which belongs to a thread and is inherited by those that it starts.

use std::marker::PhantomData;

/// Round to nearest, denormal numbers kept, no exceptions raised: x86-64's MXCSR after a start.
#[cfg(target_arch = "x86_64")]
const STANDARD: Register = 0x1f80;
/// The same for aarch64's FPCR.
#[cfg(not(target_arch = "x86_64"))]
const STANDARD: Register = 0;

#[cfg(target_arch = "x86_64")]
type Register = u32;
#[cfg(not(target_arch = "x86_64"))]
type Register = u64;

/// While it lives, its thread computes in the mode that every result here is promised for.
///
/// A host may have set another: `torch.set_flush_denormal(True)` takes denormal numbers for zeros in the calling thread and
/// in all that it starts afterwards. When dropped, the mode that was found is set again.
///
/// ```
/// let standard = lane_math::StandardFloatMode::enter();
/// assert_ne!(std::hint::black_box(f32::MIN_POSITIVE) / 2.0, 0.0);
/// drop(standard);
/// ```
///
/// On processors other than x86-64 and aarch64 it does nothing.
#[derive(Debug)]
pub struct StandardFloatMode {
    found: Register,
    /// It must be dropped by the thread that made it.
    bound_to_its_thread: PhantomData<*const ()>,
}

impl StandardFloatMode {
    /// Sets the standard mode for this thread.
    #[must_use]
    pub fn enter() -> Self {
        let found = read();
        if found != STANDARD {
            write(STANDARD);
        }
        Self { found, bound_to_its_thread: PhantomData }
    }
}

impl Drop for StandardFloatMode {
    fn drop(&mut self) {
        if self.found != STANDARD {
            write(self.found);
        }
    }
}

#[cfg(target_arch = "x86_64")]
fn read() -> Register {
    let mut register: Register = 0;
    // SAFETY: stores four bytes in a variable of four bytes; every x86-64 has the instruction.
    unsafe { std::arch::asm!("stmxcsr [{}]", in(reg) &raw mut register, options(nostack, preserves_flags)) };
    register
}

#[cfg(target_arch = "x86_64")]
fn write(register: Register) {
    // SAFETY: loads four bytes of a variable of four bytes. The value is the standard one, which is what compiled code
    // assumes, or one that was read from the register before.
    unsafe {
        std::arch::asm!("ldmxcsr [{}]", in(reg) &raw const register, options(nostack, preserves_flags))
    };
}

#[cfg(target_arch = "aarch64")]
fn read() -> Register {
    let register: Register;
    // SAFETY: reads a register that every aarch64 lets programs read.
    unsafe { std::arch::asm!("mrs {}, fpcr", out(reg) register, options(nostack, preserves_flags)) };
    register
}

#[cfg(target_arch = "aarch64")]
fn write(register: Register) {
    // SAFETY: as on x86-64.
    unsafe { std::arch::asm!("msr fpcr, {}", in(reg) register, options(nostack, preserves_flags)) };
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn read() -> Register {
    STANDARD
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn write(_: Register) {}

/// Every result rounded towards zero; for tests.
#[cfg(all(test, target_arch = "x86_64"))]
pub(crate) const TOWARDS_ZERO: Register = STANDARD | 0b11 << 13;

/// What `function` returns in another mode; for tests.
#[cfg(all(test, target_arch = "x86_64"))]
pub(crate) fn in_mode<T>(mode: Register, function: impl FnOnce() -> T) -> T {
    let found = read();
    write(mode);
    let value = function();
    write(found);
    value
}

#[cfg(all(test, target_arch = "x86_64"))]
mod tests {
    use super::*;
    use std::hint::black_box;

    /// Flush results to zero, take denormal operands for zero.
    const FLUSHING: Register = STANDARD | 1 << 15 | 1 << 6;

    fn half_of_the_least_normal() -> f32 {
        black_box(f32::MIN_POSITIVE) * black_box(0.5)
    }

    #[test]
    fn a_flushing_thread_keeps_denormals_inside_and_flushes_again_afterwards() {
        write(FLUSHING);
        let before = half_of_the_least_normal();
        let standard = StandardFloatMode::enter();
        let inside = half_of_the_least_normal();
        let inherited = std::thread::spawn(half_of_the_least_normal).join().unwrap();
        drop(standard);
        let after = half_of_the_least_normal();
        write(STANDARD);
        let expected = f32::from_bits(1 << 22);
        assert_eq!((before, inside, inherited, after), (0.0, expected, expected, 0.0));
    }
}
