//! The platform's own math library, called for real.
//!
//! CPython, NumPy's scalars and C programs take `sin`, `cos`, `tanh`, `exp`, `log`, `pow` and `fmod` from the platform's libm, so
//! code that must equal them bit for bit has to call the very same functions. `f64::sin` and a plain `extern "C"` call do not:
//! the compiler knows these functions by name, replaces `pow(x, 2.0)` by `x * x`, merges `sin(x)` and `cos(x)` into one
//! `sincos(x)`, and evaluates them on constants itself; each changes last bits, and only in optimised builds. Here each
//! call goes through a function pointer that is read with a volatile load, which the compiler must treat as unknown.

use std::ptr::read_volatile;

mod platform {
    unsafe extern "C" {
        pub(super) safe fn sin(x: f64) -> f64;
        pub(super) safe fn cos(x: f64) -> f64;
        pub(super) safe fn pow(x: f64, y: f64) -> f64;
        pub(super) safe fn fmod(x: f64, y: f64) -> f64;
        pub(super) safe fn tanh(x: f64) -> f64;
        pub(super) safe fn exp(x: f64) -> f64;
        pub(super) safe fn log(x: f64) -> f64;
        pub(super) safe fn atan2(y: f64, x: f64) -> f64;
        pub(super) safe fn powf(x: f32, y: f32) -> f32;
        pub(super) safe fn expf(x: f32) -> f32;
        pub(super) safe fn sinf(x: f32) -> f32;
        pub(super) safe fn cosf(x: f32) -> f32;
    }
}

/// Defines a function that calls one of libm's through a pointer unknown to the compiler.
macro_rules! opaque_call {
    ($(#[$documentation:meta])* $name:ident($($argument:ident),+) -> $float:ty, [$($parameter:ty),+]) => {
        $(#[$documentation])*
        #[inline]
        #[must_use]
        pub fn $name($($argument: $float),+) -> $float {
            static FUNCTION: extern "C" fn($($parameter),+) -> $float = platform::$name;
            // SAFETY: a reference to an initialised static is valid for reads.
            let function = unsafe { read_volatile(&raw const FUNCTION) };
            function($($argument),+)
        }
    };
}

opaque_call! {
    /// The platform's sine of `x` radians, float64.
    sin(x) -> f64, [f64]
}
opaque_call! {
    /// The platform's cosine of `x` radians, float64.
    cos(x) -> f64, [f64]
}
opaque_call! {
    /// The platform's `x` to the power `y`, float64. Not `x * x` for `y = 2`: glibc's differs for 0.08% of all `x`.
    pow(x, y) -> f64, [f64, f64]
}
opaque_call! {
    /// The platform's remainder of `x / y` with the sign of `x`, float64; exact.
    fmod(x, y) -> f64, [f64, f64]
}
opaque_call! {
    /// The platform's hyperbolic tangent of `x`, float64.
    tanh(x) -> f64, [f64]
}
opaque_call! {
    /// The platform's exponential of `x`, float64.
    exp(x) -> f64, [f64]
}
opaque_call! {
    /// The platform's natural logarithm of `x`, float64.
    log(x) -> f64, [f64]
}
opaque_call! {
    /// The platform's angle of the point (`x`, `y`) in radians, float64.
    atan2(y, x) -> f64, [f64, f64]
}
opaque_call! {
    /// The platform's `x` to the power `y`, float32. Not `x * x` for `y = 2`: glibc's differs for 0.07% of all `x`.
    powf(x, y) -> f32, [f32, f32]
}
opaque_call! {
    /// The platform's sine of `x` radians, float32.
    sinf(x) -> f32, [f32]
}
opaque_call! {
    /// The platform's cosine of `x` radians, float32.
    cosf(x) -> f32, [f32]
}
opaque_call! {
    /// The platform's e to the power `x`, float32. glibc's from 2.27 on is [`expf`](crate::expf()).
    expf(x) -> f32, [f32]
}
