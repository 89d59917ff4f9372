//! Names that are made while the program runs and kept to its end: those of a stack's older values.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

static NAMES: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());

/// The name, kept once however often it is asked for: there are few.
pub(super) fn interned(name: String) -> &'static str {
    let mut names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(&known) = names.get(name.as_str()) {
        return known;
    }
    let kept: &'static str = Box::leak(name.into_boxed_str());
    names.insert(kept);
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_kept_once() {
        let once = interned("x_ago1".to_owned());
        assert_eq!(once, "x_ago1");
        assert!(std::ptr::eq(once, interned("x_ago1".to_owned())));
    }
}
