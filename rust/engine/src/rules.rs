//! Rules that the environment knows nothing of: what the first steps play, and when an episode is stopped early.
//!
//! **Contract.** A step is an action, behind a frame skip too. The first [`NoOps::count`] actions of an episode are
//! [`NoOps::action`], whatever the policy says, which is asked nevertheless: its state and its draws are those of steps
//! like any others, and a sticky action repeats what was played. Their rewards count, for the return and for the rules.
//!
//! After each step that neither terminates nor truncates the episode, in this order: [`StopRule::Patience`] stops it if the
//! last `patience` rewards were all `<= reward_above`, [`StopRule::ReturnBelow`] if the f64 sum of rewards so far is
//! `< return_below`, [`StopRule::Condition`] if the step meets the condition. A stopped episode is truncated.

use crate::error::EngineError;
use crate::expression::Expression;
use envs::ActionSpace;

/// The rules of a task's episodes; none by default.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Rules<'a> {
    /// What the first steps play.
    pub no_ops: NoOps<'a>,
    /// So many steps in a row, at least 1, without a reward above `reward_above` stop the episode.
    pub patience: Option<u64>,
    /// See `patience`.
    pub reward_above: f64,
    /// A return so far that is less stops the episode.
    pub return_below: Option<f64>,
    /// A step of which it holds (is not 0) stops the episode.
    pub condition: Option<&'a Expression>,
}

/// Actions that are not the policy's.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct NoOps<'a> {
    /// How many there are at the start of each episode.
    pub count: u64,
    /// The action: its index alone, or a value for each dimension of a Box. Not looked at if there are none.
    pub action: &'a [f32],
}

impl NoOps<'_> {
    /// Puts the action over the decoded one of each lane that has played less than the count so far: in `indices`, or in
    /// the lane's row of `values`, of which the other is empty.
    pub(crate) fn replace(self, played: &[u64], indices: &mut [u32], values: &mut [f32]) {
        if self.count == 0 {
            return;
        }
        for (lane, _) in played.iter().enumerate().filter(|&(_, &actions)| actions < self.count) {
            if indices.is_empty() {
                let n = self.action.len();
                values[lane * n..][..n].copy_from_slice(self.action);
            } else {
                indices[lane] = self.action[0] as u32;
            }
        }
    }
}

/// A rule that stops episodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopRule {
    /// Too many steps in a row without a reward above a bound.
    Patience = 1,
    /// The return so far is below a bound.
    ReturnBelow = 2,
    /// The step meets the condition.
    Condition = 3,
}

impl Rules<'_> {
    /// Whether steps need not be looked at.
    pub(crate) fn are_none(&self) -> bool {
        self.no_ops.count == 0
            && self.patience.is_none()
            && self.return_below.is_none()
            && self.condition.is_none()
    }

    /// Which rule stops an episode after so many steps without a reward above the bound, with this return, and with a last
    /// step that meets the condition or does not.
    pub fn stop(&self, idle: u64, total: f64, meets: bool) -> Option<StopRule> {
        if self.patience.is_some_and(|most| idle >= most) {
            return Some(StopRule::Patience);
        }
        if self.return_below.is_some_and(|bound| total < bound) {
            return Some(StopRule::ReturnBelow);
        }
        meets.then_some(StopRule::Condition)
    }

    /// Bounds are numbers, and the action is one that the space has.
    pub(crate) fn check(&self, space: &ActionSpace) -> Result<(), EngineError> {
        if self.patience == Some(0) {
            return Err(EngineError::input("patience: expected at least 1, got 0"));
        }
        let bounds = [("reward_above", Some(self.reward_above)), ("return_below", self.return_below)];
        for (name, bound) in bounds {
            if let Some(bound) = bound.filter(|bound| !bound.is_finite()) {
                return Err(EngineError::input(format!("{name}: expected a finite number, got {bound}")));
            }
        }
        if self.no_ops.count == 0 {
            return Ok(());
        }
        let action = self.no_ops.action;
        let (fits, expected) = match space {
            ActionSpace::Discrete(n) => {
                let is_index = |value: f32| value.fract() == 0.0 && (0.0..*n as f32).contains(&value);
                (action.len() == 1 && is_index(action[0]), format!("an integer from 0 to {}", n - 1))
            }
            ActionSpace::Box { low, .. } => {
                let are_finite = action.iter().all(|value| value.is_finite());
                (action.len() == low.len() && are_finite, format!("{} finite numbers", low.len()))
            }
        };
        if fits {
            return Ok(());
        }
        Err(EngineError::input(format!("no_ops: action: expected {expected}, got {action:?}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_rule_that_holds_stops() {
        let rules = Rules { patience: Some(3), return_below: Some(-1.0), ..Rules::default() };
        assert_eq!(rules.stop(2, -1.0, false), None);
        assert_eq!(rules.stop(2, (-1.0_f64).next_up(), false), None);
        assert_eq!(rules.stop(2, (-1.0_f64).next_down(), true), Some(StopRule::ReturnBelow));
        assert_eq!(rules.stop(3, -2.0, true), Some(StopRule::Patience));
        assert_eq!(rules.stop(2, -1.0, true), Some(StopRule::Condition));
        assert_eq!(Rules::default().stop(u64::MAX, f64::NEG_INFINITY, false), None);
        assert!(Rules::default().are_none() && !rules.are_none());
    }

    #[test]
    fn what_is_no_rule_is_refused() {
        let discrete = ActionSpace::Discrete(2);
        let bounded = ActionSpace::Box { low: vec![0.0; 2], high: vec![1.0; 2] };
        let why = |rules: Rules<'_>, space| match rules.check(space) {
            Ok(()) => String::new(),
            Err(error) => error.to_string(),
        };
        let none = Rules::default();
        assert_eq!(
            why(Rules { patience: Some(0), ..none }, &discrete),
            "patience: expected at least 1, got 0"
        );
        let nan = Rules { reward_above: f64::NAN, ..none };
        assert_eq!(why(nan, &discrete), "reward_above: expected a finite number, got NaN");
        let infinite = Rules { return_below: Some(f64::INFINITY), ..none };
        assert_eq!(why(infinite, &discrete), "return_below: expected a finite number, got inf");
        let first = |action| Rules { no_ops: NoOps { count: 1, action }, ..none };
        for wrong in [&[2.0][..], &[-1.0], &[0.5], &[0.0, 0.0], &[]] {
            let message = format!("no_ops: action: expected an integer from 0 to 1, got {wrong:?}");
            assert_eq!(why(first(wrong), &discrete), message);
        }
        let message = "no_ops: action: expected 2 finite numbers, got [0.0]";
        assert_eq!(why(first(&[0.0]), &bounded), message);
        for rules in [first(&[0.0, 7.0]), Rules { no_ops: NoOps { count: 0, action: &[] }, ..none }] {
            assert_eq!(why(rules, &bounded), "");
        }
    }
}
