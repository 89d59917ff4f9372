//! Whether a forward pass that takes long shall go on: asked at distances of work, since the clock is not to be looked at
//! by passes that are over in less.

use std::ops::ControlFlow;

/// Multiply-adds from one question to the next, a fraction of a millisecond with AVX2. A pass that has fewer never asks.
pub(crate) const MACS_PER_QUESTION: usize = 1 << 22;

/// How much a forward pass may do before it asks again.
pub(crate) struct Pace<'a> {
    left: usize,
    go_on: &'a mut dyn FnMut() -> ControlFlow<()>,
}

impl<'a> Pace<'a> {
    pub(crate) fn new(go_on: &'a mut dyn FnMut() -> ControlFlow<()>) -> Self {
        Self { left: MACS_PER_QUESTION, go_on }
    }

    /// Asks if it is time to, before so many more multiply-adds.
    #[inline(always)]
    pub(crate) fn before(&mut self, macs: usize) -> ControlFlow<()> {
        if macs < self.left {
            self.left -= macs;
            return ControlFlow::Continue(());
        }
        self.ask()
    }

    #[cold]
    #[inline(never)]
    fn ask(&mut self) -> ControlFlow<()> {
        self.left = MACS_PER_QUESTION;
        (self.go_on)()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_comes_after_so_much_work_and_not_before() {
        let mut questions = 0;
        let mut count = || {
            questions += 1;
            ControlFlow::Continue(())
        };
        let mut pace = Pace::new(&mut count);
        for _ in 0..100 {
            assert!(pace.before(MACS_PER_QUESTION / 10).is_continue());
        }
        assert!((9..=10).contains(&questions), "{questions}");
    }

    #[test]
    fn the_answer_ends_the_pass() {
        let mut stop = || ControlFlow::Break(());
        let mut pace = Pace::new(&mut stop);
        assert!(pace.before(MACS_PER_QUESTION - 1).is_continue());
        assert!(pace.before(1).is_break());
    }
}
