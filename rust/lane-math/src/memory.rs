//! Memory whose size follows from what a caller asks for. Where there is none, `Vec` ends the process; this unwinds with an
//! [`OutOfMemory`] instead, which the calls that catch panics make an error that says how much was asked for.

use std::fmt;

/// From this many bytes on the system is asked whether there are so many: it promises more than it has, and ends processes
/// that come to use it.
const LARGE: usize = 1 << 28;

/// The payload of an unwinding for want of memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfMemory {
    /// How many were asked for at once.
    pub bytes: u128,
}

impl fmt::Display for OutOfMemory {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "memory: expected {} bytes to be free, got fewer", self.bytes)
    }
}

/// As `vec![value; len]`.
///
/// # Panics
///
/// Unwinds with an [`OutOfMemory`], without a word on stderr, if the memory cannot be had.
#[must_use]
pub fn filled<T: Clone>(value: T, len: usize) -> Vec<T> {
    let mut values = Vec::new();
    if !is_available::<T>(len) || values.try_reserve_exact(len).is_err() {
        refuse::<T>(len);
    }
    values.resize(len, value);
    values
}

/// As `values.reserve(additional)`.
///
/// # Panics
///
/// As [`filled`].
#[inline]
pub fn reserve<T>(values: &mut Vec<T>, additional: usize) {
    if values.capacity() - values.len() < additional {
        grow(values, additional);
    }
}

#[cold]
fn grow<T>(values: &mut Vec<T>, additional: usize) {
    if !is_available::<T>(additional) || values.try_reserve(additional).is_err() {
        refuse::<T>(values.len().saturating_add(additional));
    }
}

/// Whether so many bytes could be had at this moment; `Err` if not.
///
/// # Errors
///
/// There are fewer.
pub fn check(bytes: u128) -> Result<(), OutOfMemory> {
    let is_there = usize::try_from(bytes).is_ok_and(|bytes| {
        let mut probe = Vec::<u8>::new();
        let is_granted = bytes < LARGE || probe.try_reserve_exact(bytes).is_ok();
        // What is not looked at would not be asked for.
        std::hint::black_box(&probe);
        is_granted && is_available::<u8>(bytes)
    });
    if is_there { Ok(()) } else { Err(OutOfMemory { bytes }) }
}

/// [`check`], for those who have no way to say no.
///
/// # Panics
///
/// As [`filled`].
pub fn require(bytes: u128) {
    if let Err(refused) = check(bytes) {
        std::panic::resume_unwind(Box::new(refused));
    }
}

fn is_available<T>(len: usize) -> bool {
    let bytes = len.saturating_mul(size_of::<T>());
    bytes < LARGE || available().is_none_or(|available| bytes <= available)
}

/// What the system can give without ending a process, where it says so.
fn available() -> Option<usize> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let kibibytes = |name: &str| -> Option<usize> {
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        line.trim().strip_suffix("kB")?.trim().parse().ok()
    };
    Some(kibibytes("MemAvailable")?.saturating_add(kibibytes("SwapFree")?).saturating_mul(1024))
}

fn refuse<T>(len: usize) -> ! {
    let bytes = len as u128 * size_of::<T>() as u128;
    std::panic::resume_unwind(Box::new(OutOfMemory { bytes }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::panic::catch_unwind;

    fn refused(result: std::thread::Result<()>) -> OutOfMemory {
        *result.unwrap_err().downcast().unwrap()
    }

    #[test]
    fn what_cannot_be_had_unwinds_with_its_size() {
        let most = usize::MAX;
        for len in [1 << 45, most] {
            let expected = OutOfMemory { bytes: len as u128 * 8 };
            assert_eq!(refused(catch_unwind(|| drop(filled(0.5_f64, len)))), expected);
            assert_eq!(refused(catch_unwind(|| reserve(&mut Vec::<u64>::new(), len))), expected);
        }
        assert_eq!(check(u128::MAX), Err(OutOfMemory { bytes: u128::MAX }));
        let message = "memory: expected 35184372088832 bytes to be free, got fewer";
        assert_eq!(check(1 << 45).unwrap_err().to_string(), message);
    }

    #[test]
    fn what_can_be_had_is_had() {
        assert_eq!(filled(7_u8, 3), [7; 3]);
        let mut values = vec![1_u16];
        reserve(&mut values, 1000);
        assert!(values.capacity() > 1000 && values == [1]);
        assert_eq!(check(1 << 20), Ok(()));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn the_system_says_what_it_has() {
        assert!(available().unwrap() > 1 << 20);
    }
}
