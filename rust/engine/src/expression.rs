//! Numbers and conditions of a step, made of its fields: what descriptors look at, and when.
//!
//! **Numeric contract.** All values are float64; float32 observations and actions are exact in it. Operations are done one
//! after another in the order in which they stand, each rounded by itself. A condition is 1.0 or 0.0; a number counts as a
//! condition that holds where it is `!= 0.0`, so NaN does. Nothing is left out where the result is known earlier.

use crate::error::EngineError;

/// A number that every step has.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Field {
    /// A value of the observation after the step, by its index as Gymnasium has it.
    Observation(usize),
    /// The reward of the step.
    Reward,
    /// The sum of the rewards of the episode so far, this step's included.
    Return,
    /// The discrete action that led to the step, or a value of the continuous one.
    Action(usize),
    /// What happened in the step, by its index in `Spec::event_fields`.
    Event(usize),
    /// How many steps of the environment the episode has had, this one included.
    Step,
}

/// Compares two numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
}

impl Comparison {
    #[inline]
    fn holds(self, left: f64, right: f64) -> bool {
        match self {
            Self::Less => left < right,
            Self::LessOrEqual => left <= right,
            Self::Greater => left > right,
            Self::GreaterOrEqual => left >= right,
            Self::Equal => left == right,
            Self::NotEqual => left != right,
        }
    }
}

/// One operation of an [`Expression`], on a stack of numbers: it takes its operands from the top, the left one below the
/// right one, and leaves its result there.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Operation {
    /// Of no operand: the field.
    Field(Field),
    /// Of no operand: the number.
    Constant(f64),
    /// Left plus right.
    Add,
    /// Left minus right.
    Subtract,
    /// The other sign, of a zero, too.
    Negate,
    /// The absolute value.
    Absolute,
    /// Whether left compares so with right.
    Compare(Comparison),
    /// Whether both hold.
    And,
    /// Whether one of them holds.
    Or,
    /// Whether the operand does not hold.
    Not,
}

impl Operation {
    /// How many operands it takes.
    fn operands(self) -> usize {
        match self {
            Self::Field(_) | Self::Constant(_) => 0,
            Self::Negate | Self::Absolute | Self::Not => 1,
            Self::Add | Self::Subtract | Self::Compare(_) | Self::And | Self::Or => 2,
        }
    }
}

/// A number of a step: operations in the order in which they are done, which leave one result.
#[derive(Clone, Debug, PartialEq)]
pub struct Expression {
    operations: Vec<Operation>,
    /// The most numbers that are on the stack at once.
    depth: usize,
}

impl From<Field> for Expression {
    fn from(field: Field) -> Self {
        Self { operations: vec![Operation::Field(field)], depth: 1 }
    }
}

impl Expression {
    /// An expression of these operations.
    ///
    /// # Errors
    ///
    /// An operation lacks an operand, or there is not one result.
    pub fn new(operations: Vec<Operation>) -> Result<Self, EngineError> {
        let (mut height, mut depth) = (0, 0);
        for operation in &operations {
            let operands = operation.operands();
            if height < operands {
                let message =
                    format!("expression: expected {operands} operands of {operation:?}, got {height}");
                return Err(EngineError::input(message));
            }
            height = height - operands + 1;
            depth = depth.max(height);
        }
        if height != 1 {
            return Err(EngineError::input(format!("expression: expected one result, got {height}")));
        }
        Ok(Self { operations, depth })
    }

    /// The fields that it reads.
    pub(crate) fn fields(&self) -> impl Iterator<Item = Field> + '_ {
        self.operations.iter().filter_map(|&operation| match operation {
            Operation::Field(field) => Some(field),
            _ => None,
        })
    }

    /// The numbers that [`value`](Self::value) needs room for.
    pub(crate) fn depth(&self) -> usize {
        self.depth
    }

    /// Its value, where `read` has those of fields.
    pub fn evaluated(&self, read: impl Fn(Field) -> f64) -> f64 {
        self.value(read, &mut vec![0.0; self.depth])
    }

    /// Its value, where `read` has those of fields; `stack` has room for at least [`depth`](Self::depth) numbers.
    #[inline]
    pub(crate) fn value(&self, read: impl Fn(Field) -> f64, stack: &mut [f64]) -> f64 {
        // Most are a field, or a field compared with a number.
        match self.operations[..] {
            [Operation::Field(field)] => return read(field),
            [Operation::Field(field), Operation::Constant(number), Operation::Compare(comparison)] => {
                return f64::from(u8::from(comparison.holds(read(field), number)));
            }
            _ => {}
        }
        let mut height = 0;
        for &operation in &self.operations {
            height -= operation.operands();
            // What was on top is the right operand, or the only one.
            stack[height] = match operation {
                Operation::Field(field) => read(field),
                Operation::Constant(number) => number,
                Operation::Add => stack[height] + stack[height + 1],
                Operation::Subtract => stack[height] - stack[height + 1],
                Operation::Negate => -stack[height],
                Operation::Absolute => stack[height].abs(),
                Operation::Compare(comparison) => {
                    f64::from(u8::from(comparison.holds(stack[height], stack[height + 1])))
                }
                Operation::And => f64::from(u8::from(holds(stack[height]) & holds(stack[height + 1]))),
                Operation::Or => f64::from(u8::from(holds(stack[height]) | holds(stack[height + 1]))),
                Operation::Not => f64::from(u8::from(!holds(stack[height]))),
            };
            height += 1;
        }
        stack[0]
    }
}

/// Whether a number counts as a condition that holds.
#[inline]
pub(crate) fn holds(value: f64) -> bool {
    value != 0.0
}

#[cfg(test)]
mod tests {
    use super::Operation::{Absolute, Add, And, Compare, Constant, Field as Read, Negate, Not, Or, Subtract};
    use super::*;

    /// The value where the reward is 2.5 and the return -4.
    fn value(operations: &[Operation]) -> f64 {
        let expression = Expression::new(operations.to_vec()).unwrap();
        let read = |field| if field == Field::Reward { 2.5 } else { -4.0 };
        expression.value(read, &mut vec![f64::NAN; expression.depth()])
    }

    #[test]
    fn conditions_compare_as_they_say() {
        let cases = [
            (Comparison::Less, [true, false, false, false]),
            (Comparison::LessOrEqual, [true, true, false, false]),
            (Comparison::Greater, [false, false, true, false]),
            (Comparison::GreaterOrEqual, [false, true, true, false]),
            (Comparison::Equal, [false, true, false, false]),
            (Comparison::NotEqual, [true, false, true, true]),
        ];
        for (comparison, expected) in cases {
            let got = [0.25, 0.5, 1.0, f64::NAN].map(|left| {
                // By the short way and by the stack.
                let plain = [Constant(left), Constant(0.5), Compare(comparison)];
                let of_field = [Read(Field::Step), Constant(0.5), Compare(comparison)];
                let short = Expression::new(of_field.to_vec()).unwrap().value(|_| left, &mut []);
                assert_eq!(value(&plain), short, "{comparison:?} {left}");
                short == 1.0
            });
            assert_eq!(got, expected, "{comparison:?}");
        }
    }

    #[test]
    fn operations_take_the_left_operand_from_below() {
        let (reward, total) = (Read(Field::Reward), Read(Field::Return));
        assert_eq!(value(&[reward, total, Subtract]), 6.5);
        assert_eq!(value(&[reward, total, Add, Constant(1.0), Subtract]), -2.5);
        assert_eq!(value(&[reward, total, Constant(1.0), Subtract, Subtract]), 7.5);
        assert_eq!(value(&[total, Absolute]), 4.0);
        assert_eq!(value(&[Constant(0.0), Negate]).to_bits(), (-0.0_f64).to_bits());
        assert_eq!(value(&[total, reward, Compare(Comparison::Less)]), 1.0);
        assert_eq!(value(&[total]), -4.0);
    }

    #[test]
    fn what_is_not_zero_holds() {
        for (number, is_held) in [(0.0, false), (-0.0, false), (0.5, true), (-1.0, true), (f64::NAN, true)] {
            assert_eq!(value(&[Constant(number), Not]), f64::from(u8::from(!is_held)), "{number}");
            for (other, other_is_held) in [(0.0, false), (3.0, true)] {
                let pair = [Constant(number), Constant(other)];
                assert_eq!(value(&[pair[0], pair[1], And]) == 1.0, is_held & other_is_held);
                assert_eq!(value(&[pair[0], pair[1], Or]) == 1.0, is_held | other_is_held);
            }
        }
    }

    #[test]
    fn what_leaves_no_result_is_refused() {
        let why = |operations: &[Operation]| Expression::new(operations.to_vec()).unwrap_err().to_string();
        assert_eq!(why(&[]), "expression: expected one result, got 0");
        assert_eq!(why(&[Constant(1.0), Constant(2.0)]), "expression: expected one result, got 2");
        assert_eq!(why(&[Constant(1.0), Add]), "expression: expected 2 operands of Add, got 1");
        assert_eq!(why(&[Not]), "expression: expected 1 operands of Not, got 0");
    }
}
