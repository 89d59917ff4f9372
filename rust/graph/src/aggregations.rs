//! One number of many, as Python's `sum`, `max`, `min`, `sort` and neat-python's `mean` and `median2` make it.

use crate::functions::Aggregation;
use crate::number::{Number, Precision};
use lane_math::lanes::{F64x4, Mask};

/// How Python adds floats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Summation {
    /// `sum` of Python 3.12 and newer: Neumaier's, which carries what each addition loses. Of Python floats only.
    Compensated,
    /// `sum` of Python 3.11 and older.
    Plain,
}

/// The sum of Python floats so far, as `sum` has it.
#[derive(Clone, Copy)]
pub(crate) struct PythonSum {
    total: f64,
    lost: f64,
}

impl PythonSum {
    /// Of nothing: the integer 0, to which the first float is added.
    pub(crate) const ZERO: Self = Self { total: 0.0, lost: 0.0 };

    #[inline(always)]
    pub(crate) fn add(&mut self, x: f64, summation: Summation) {
        let total = self.total + x;
        if summation == Summation::Compensated {
            let of_sum = (self.total - total) + x;
            let of_x = (x - total) + self.total;
            self.lost += if self.total.abs() >= x.abs() { of_sum } else { of_x };
        }
        self.total = total;
    }

    /// What was lost is added at the end, unless it would make a NaN of an infinity.
    #[inline(always)]
    pub(crate) fn value(self) -> f64 {
        if self.lost != 0.0 && self.lost.is_finite() { self.total + self.lost } else { self.total }
    }
}

/// The same in lanes.
#[derive(Clone, Copy)]
pub(crate) struct PythonSums<V> {
    total: V,
    lost: V,
}

impl<V: F64x4> PythonSums<V> {
    #[inline(always)]
    pub(crate) fn zero() -> Self {
        Self { total: V::zero(), lost: V::zero() }
    }

    #[inline(always)]
    pub(crate) fn add(&mut self, x: V, summation: Summation) {
        let total = self.total.add(x);
        if summation == Summation::Compensated {
            let of_sum = self.total.sub(total).add(x);
            let of_x = x.sub(total).add(self.total);
            self.lost = self.lost.add(V::select(x.abs().le(self.total.abs()), of_sum, of_x));
        }
        self.total = total;
    }

    #[inline(always)]
    pub(crate) fn value(self) -> V {
        let is_finite = self.lost.abs().lt(V::splat(f64::INFINITY));
        let counts = self.lost.eq(V::zero()).not().and(is_finite);
        V::select(counts, self.total.add(self.lost), self.total)
    }
}

/// The aggregate of a node's inputs, which are brought into another order meanwhile.
#[inline(always)]
pub(crate) fn aggregated<P: Precision>(
    aggregation: Aggregation,
    inputs: &mut [Number],
    summation: Summation,
) -> Number {
    match aggregation {
        Aggregation::Sum => sum::<P>(inputs, summation),
        Aggregation::Product => inputs.iter().fold(Number::python(1.0), |product, &x| P::mul(product, x)),
        Aggregation::Max => first_of(inputs, |x, best| P::less(best, x)),
        Aggregation::Min => first_of(inputs, |x, best| P::less(x, best)),
        Aggregation::Maxabs => first_of(inputs, |x, best| P::less(magnitude(best), magnitude(x))),
        Aggregation::Mean => mean(inputs, summation),
        Aggregation::Median => median::<P>(inputs, summation),
    }
}

fn magnitude(x: Number) -> Number {
    Number { value: x.value.abs(), ..x }
}

/// The first that none after it beats; 0.0 of none.
#[inline(always)]
fn first_of(inputs: &[Number], beats: impl Fn(Number, Number) -> bool) -> Number {
    let Some((&first, others)) = inputs.split_first() else { return Number::python(0.0) };
    others.iter().fold(first, |best, &x| if beats(x, best) { x } else { best })
}

/// Python floats are added with compensation up to the first NumPy scalar, and everything after that by NumPy.
#[inline(always)]
fn sum<P: Precision>(inputs: &[Number], summation: Summation) -> Number {
    let mut total = PythonSum::ZERO;
    let mut inputs = inputs.iter();
    for &x in inputs.by_ref() {
        if x.is_numpy {
            let so_far = P::add(Number::python(total.value()), x);
            return inputs.fold(so_far, |sum, &x| P::add(sum, x));
        }
        total.add(x.value, summation);
    }
    Number::python(total.value())
}

/// Of none 0.0; NumPy's scalars are made Python floats before.
fn mean(inputs: &[Number], summation: Summation) -> Number {
    if inputs.is_empty() {
        return Number::python(0.0);
    }
    let mut total = PythonSum::ZERO;
    for x in inputs {
        total.add(x.value, summation);
    }
    Number::python(total.value() / inputs.len() as f64)
}

fn median<P: Precision>(inputs: &mut [Number], summation: Summation) -> Number {
    let n = inputs.len();
    if n <= 2 {
        return mean(inputs, summation);
    }
    sort::<P>(inputs);
    let upper = inputs[n / 2];
    if n % 2 == 1 { upper } else { P::div(P::add(inputs[n / 2 - 1], upper), Number::python(2.0)) }
}

/// A list that Python sorts by insertion alone.
pub(crate) const MOST_SORTED: usize = 63;

/// `list.sort` of at most [`MOST_SORTED`] numbers: the first run is found, and what comes after it is inserted. With a NaN, or a
/// Python float among float32 that round to it, `<` is no order, and then the way matters.
fn sort<P: Precision>(list: &mut [Number]) {
    debug_assert!(list.len() <= MOST_SORTED);
    let mut run = 2;
    let descends = P::less(list[1], list[0]);
    while run < list.len() && P::less(list[run], list[run - 1]) == descends {
        run += 1;
    }
    if descends {
        list[..run].reverse();
    }
    for start in run..list.len() {
        let pivot = list[start];
        let (mut low, mut high) = (0, start);
        while low < high {
            let middle = low + (high - low) / 2;
            if P::less(pivot, list[middle]) {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        list.copy_within(low..start, low + 1);
        list[low] = pivot;
    }
}
