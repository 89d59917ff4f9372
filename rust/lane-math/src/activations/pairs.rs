//! Pairs of floats whose sum is the value: what a float32 cannot hold is carried beside it.

use crate::lanes::F32Lanes;

/// `high + low`, `low` being at most a few units in the last place of `high`.
///
/// Every operation is a fixed sequence of roundings, which is what makes the results PyTorch's; none may be reordered.
#[derive(Clone, Copy)]
pub(super) struct Pair<V> {
    pub(super) high: V,
    pub(super) low: V,
}

impl<V: F32Lanes> Pair<V> {
    /// `larger + smaller`, exact where `larger` has the larger magnitude.
    #[inline(always)]
    pub(super) fn sum(larger: V, smaller: V) -> Self {
        let high = larger.add(smaller);
        Self { high, low: larger.sub(high).add(smaller) }
    }

    /// `larger + self`, where `larger` has the larger magnitude.
    #[inline(always)]
    pub(super) fn added_to(self, larger: V) -> Self {
        let high = larger.add(self.high);
        Self { high, low: larger.sub(high).add(self.high).add(self.low) }
    }

    /// `self + smaller`, where `smaller` has the smaller magnitude.
    #[inline(always)]
    pub(super) fn add_smaller(self, smaller: Self) -> Self {
        let high = self.high.add(smaller.high);
        Self { high, low: self.high.sub(high).add(smaller.high).add(self.low).add(smaller.low) }
    }

    /// `self + smaller`, where `smaller` has the smaller magnitude.
    #[inline(always)]
    pub(super) fn add_smaller_float(self, smaller: V) -> Self {
        let high = self.high.add(smaller);
        Self { high, low: self.high.sub(high).add(smaller).add(self.low) }
    }

    /// `self + other`, whichever is larger.
    #[inline(always)]
    pub(super) fn add(self, other: Self) -> Self {
        let Self { high, low } = Self::float_sum(self.high, other.high);
        Self { high, low: low.add(self.low.add(other.low)) }
    }

    /// `self + other`, whichever is larger.
    #[inline(always)]
    pub(super) fn add_float(self, other: V) -> Self {
        let Self { high, low } = Self::float_sum(self.high, other);
        Self { high, low: low.add(self.low) }
    }

    /// `a + b`, exact whichever is larger.
    #[inline(always)]
    pub(super) fn float_sum(a: V, b: V) -> Self {
        let high = a.add(b);
        let b_in_high = high.sub(a);
        let a_in_high = high.sub(b_in_high);
        Self { high, low: a.sub(a_in_high).add(b.sub(b_in_high)) }
    }

    /// `self * other`.
    #[inline(always)]
    pub(super) fn mul(self, other: Self) -> Self {
        let Self { high, low } = Self::float_product(self.high, other.high);
        let low = self.low.mul_add(other.high, low);
        Self { high, low: self.high.mul_add(other.low, low) }
    }

    /// `self * other`.
    #[inline(always)]
    pub(super) fn mul_float(self, other: V) -> Self {
        let Self { high, low } = Self::float_product(self.high, other);
        Self { high, low: self.low.mul_add(other, low) }
    }

    /// `self * self`.
    #[inline(always)]
    pub(super) fn square(self) -> Self {
        let Self { high, low } = Self::float_product(self.high, self.high);
        Self { high, low: self.high.add(self.high).mul_add(self.low, low) }
    }

    /// `a * b`, exact but for underflow.
    #[inline(always)]
    fn float_product(a: V, b: V) -> Self {
        let high = a.mul(b);
        Self { high, low: a.mul_add(b, high.neg()) }
    }

    /// `self / divisor`.
    #[inline(always)]
    pub(super) fn div(self, divisor: Self) -> Self {
        let reciprocal = V::splat(1.0).div(divisor.high);
        let Self { high, low } = Self::float_product(self.high, reciprocal);
        let low = self.low.mul_add(reciprocal, low);
        Self { high, low: high.mul_add(divisor.missed(reciprocal), low) }
    }

    /// `1 / self`.
    #[inline(always)]
    pub(super) fn reciprocal(self) -> Self {
        let high = V::splat(1.0).div(self.high);
        Self { high, low: high.mul(self.missed(high)) }
    }

    /// `1 - self * reciprocal`.
    #[inline(always)]
    fn missed(self, reciprocal: V) -> V {
        self.low.neg_mul_add(reciprocal, self.high.neg_mul_add(reciprocal, V::splat(1.0)))
    }

    /// Both parts times a power of two.
    #[inline(always)]
    pub(super) fn scaled(self, power: V) -> Self {
        Self { high: self.high.mul(power), low: self.low.mul(power) }
    }

    /// `-self`.
    #[inline(always)]
    pub(super) fn neg(self) -> Self {
        Self { high: self.high.neg(), low: self.low.neg() }
    }

    /// The value as one float.
    #[inline(always)]
    pub(super) fn rounded(self) -> V {
        self.high.add(self.low)
    }
}

#[cfg(test)]
mod tests {
    use super::Pair;
    use crate::lanes::{F32Lanes, F32x8, Portable};

    const A: [f32; 8] = [1.0, -3.1, 1e-3, 7.25e5, 0.1, -0.3, 1.000_000_1, 2.5];
    const B: [f32; 8] = [1e-7, 3.0, 123.456, -0.7, 0.2, 0.299_999, -1.0, 0.333_333_34];

    fn exact(pair: Pair<Portable>) -> [f64; 8] {
        let (high, low) = (pair.high.to_array(), pair.low.to_array());
        std::array::from_fn(|lane| f64::from(high[lane]) + f64::from(low[lane]))
    }

    /// What `combine` makes of the operands in float64, which holds sums and products of these floats exactly.
    fn expected(combine: impl Fn(f64, f64) -> f64) -> [f64; 8] {
        std::array::from_fn(|lane| combine(f64::from(A[lane]), f64::from(B[lane])))
    }

    #[test]
    fn sums_and_products_of_floats_are_exact() {
        let (a, b) = (Portable::from_array(A), Portable::from_array(B));
        assert_eq!(exact(Pair::float_sum(a, b)), expected(|a, b| a + b));
        assert_eq!(exact(Pair::float_product(a, b)), expected(|a, b| a * b));
        let larger = Portable::splat(1e6);
        assert_eq!(exact(Pair::sum(larger, a)), expected(|a, _| 1e6 + a));
    }

    #[test]
    fn operations_of_pairs_keep_twenty_bits_more_than_floats() {
        let (a, b) = (Portable::from_array(A), Portable::from_array(B));
        let product = Pair::float_product(a, b);
        let larger = Pair::float_sum(Portable::splat(2e6), a);
        for (name, computed, truth) in [
            ("mul", product.mul(product), expected(|a, b| (a * b) * (a * b))),
            ("square", product.square(), expected(|a, b| (a * b) * (a * b))),
            ("mul_float", product.mul_float(b), expected(|a, b| a * b * b)),
            ("div", product.div(larger), expected(|a, b| a * b / (2e6 + a))),
            ("reciprocal", larger.reciprocal(), expected(|a, _| 1.0 / (2e6 + a))),
            ("add", product.add(larger), expected(|a, b| a * b + 2e6 + a)),
            ("add_float", larger.add_float(b), expected(|a, b| 2e6 + a + b)),
            ("add_smaller", larger.add_smaller(product.neg()), expected(|a, b| 2e6 + a - a * b)),
            ("add_smaller_float", larger.add_smaller_float(b), expected(|a, b| 2e6 + a + b)),
            ("added_to", product.added_to(Portable::splat(2e6)), expected(|a, b| 2e6 + a * b)),
        ] {
            for (value, truth) in exact(computed).into_iter().zip(truth) {
                assert!((value / truth - 1.0).abs() < 2.0_f64.powi(-44), "{name}: {value:e}, {truth:e}");
            }
        }
    }
}
