//! Numbers and vectors in lanes, with the operators of arithmetic, so that formulas read as in the scalar solver.
//!
//! Each operator is one unfused operation per lane. Everything is `#[inline(always)]`, as a kernel's code must be.

use lane_math::lanes::{F32Lanes, Mask};
use std::fmt::Debug;
use std::ops::{Add, Div, Index, IndexMut, Mul, Neg, Sub};

/// Values in memory, one for each lane, such as one of each island of a pack.
pub(crate) trait Row: Copy + Debug + Default + Index<usize, Output = f32> + IndexMut<usize> {
    /// How many there are.
    const LANES: usize;

    /// All of them.
    fn values(&self) -> &[f32];

    /// The same, to be changed.
    fn values_mut(&mut self) -> &mut [f32];

    /// Moves the values to a register that has as many lanes.
    #[inline(always)]
    fn load<V: F32Lanes>(&self) -> Real<V> {
        Real(V::load(self.values()))
    }

    /// Moves a register's values here.
    #[inline(always)]
    fn store<V: F32Lanes>(&mut self, value: Real<V>) {
        value.0.store(self.values_mut());
    }
}

/// Rows that lie in memory as registers of their size want it.
macro_rules! rows {
    ($($(#[$doc:meta])* $name:ident: $lanes:literal, $bytes:literal);+ $(;)?) => {
        $($(#[$doc])*
        #[derive(Clone, Copy, Debug, Default)]
        #[repr(C, align($bytes))]
        pub(crate) struct $name(pub [f32; $lanes]);

        impl Row for $name {
            const LANES: usize = $lanes;

            #[inline(always)]
            fn values(&self) -> &[f32] {
                &self.0
            }

            #[inline(always)]
            fn values_mut(&mut self) -> &mut [f32] {
                &mut self.0
            }
        }

        impl Index<usize> for $name {
            type Output = f32;
            #[inline(always)]
            fn index(&self, lane: usize) -> &f32 {
                &self.0[lane]
            }
        }

        impl IndexMut<usize> for $name {
            #[inline(always)]
            fn index_mut(&mut self, lane: usize) -> &mut f32 {
                &mut self.0[lane]
            }
        })+
    };
}

rows! {
    /// Eight values in memory.
    Eight: 8, 32;
    /// Sixteen values in memory.
    Sixteen: 16, 64;
}

/// Two coordinates in memory.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Vectors<R> {
    pub x: R,
    pub y: R,
}

/// Eight vectors in memory.
pub(crate) type EightVectors = Vectors<Eight>;

/// Values in a register.
#[derive(Clone, Copy)]
pub(crate) struct Real<V>(V);

/// Vectors in registers.
#[derive(Clone, Copy)]
pub(crate) struct Vector<V> {
    pub x: Real<V>,
    pub y: Real<V>,
}

impl<R: Row> Vectors<R> {
    #[inline(always)]
    pub(crate) fn load<V: F32Lanes>(&self) -> Vector<V> {
        Vector { x: self.x.load(), y: self.y.load() }
    }

    #[inline(always)]
    pub(crate) fn store<V: F32Lanes>(&mut self, value: Vector<V>) {
        self.x.store(value.x);
        self.y.store(value.y);
    }

    /// Writes the vector of one lane.
    pub(crate) fn set(&mut self, lane: usize, vector: crate::math::Vec2) {
        self.x[lane] = vector.x;
        self.y[lane] = vector.y;
    }
}

impl<V: F32Lanes> Real<V> {
    #[inline(always)]
    pub(crate) fn zero() -> Self {
        Self(V::zero())
    }

    #[inline(always)]
    pub(crate) fn splat(value: f32) -> Self {
        Self(V::splat(value))
    }

    /// Numbers from their lanes.
    #[inline(always)]
    pub(crate) fn of(lanes: V) -> Self {
        Self(lanes)
    }

    #[inline(always)]
    pub(crate) fn lanes(self) -> V {
        self.0
    }

    /// `self` unless `other` is less, as the scalar `min(self, other)`.
    #[inline(always)]
    pub(crate) fn min(self, other: Self) -> Self {
        Self(self.0.min(other.0))
    }

    /// The scalar `max(self, other)`.
    #[inline(always)]
    pub(crate) fn max(self, other: Self) -> Self {
        Self(self.0.max(other.0))
    }

    /// The scalar `clamp(self, low, high)`.
    #[inline(always)]
    pub(crate) fn clamp(self, low: Self, high: Self) -> Self {
        low.max(self.min(high))
    }

    #[inline(always)]
    pub(crate) fn is_less(self, other: Self) -> V::Mask {
        self.0.lt(other.0)
    }

    #[inline(always)]
    pub(crate) fn is_at_most(self, other: Self) -> V::Mask {
        self.0.le(other.0)
    }

    #[inline(always)]
    pub(crate) fn is_equal(self, other: Self) -> V::Mask {
        self.0.eq(other.0)
    }

    /// True where the value is at least zero.
    #[inline(always)]
    pub(crate) fn is_not_negative(self) -> V::Mask {
        V::zero().le(self.0)
    }

    #[inline(always)]
    pub(crate) fn select(mask: V::Mask, if_true: Self, if_false: Self) -> Self {
        Self(V::select(mask, if_true.0, if_false.0))
    }
}

impl<V: F32Lanes> Vector<V> {
    /// A vector in every lane.
    #[inline(always)]
    pub(crate) fn splat(vector: crate::math::Vec2) -> Self {
        Self { x: Real::splat(vector.x), y: Real::splat(vector.y) }
    }

    #[inline(always)]
    pub(crate) fn dot(self, other: Self) -> Real<V> {
        self.x * other.x + self.y * other.y
    }

    #[inline(always)]
    pub(crate) fn length(self) -> Real<V> {
        Real((self.x * self.x + self.y * self.y).0.sqrt())
    }

    #[inline(always)]
    pub(crate) fn cross(self, other: Self) -> Real<V> {
        self.x * other.y - self.y * other.x
    }

    #[inline(always)]
    pub(crate) fn select(mask: V::Mask, if_true: Self, if_false: Self) -> Self {
        Self { x: Real::select(mask, if_true.x, if_false.x), y: Real::select(mask, if_true.y, if_false.y) }
    }
}

/// True if the mask of such lanes is true in every one.
#[inline(always)]
pub(crate) fn all<V: F32Lanes>(mask: V::Mask) -> bool {
    mask.bits() == (1 << V::LANES) - 1
}

impl<V: F32Lanes> Add for Real<V> {
    type Output = Self;
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Self(self.0.add(other.0))
    }
}

impl<V: F32Lanes> Sub for Real<V> {
    type Output = Self;
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        Self(self.0.sub(other.0))
    }
}

impl<V: F32Lanes> Mul for Real<V> {
    type Output = Self;
    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        Self(self.0.mul(other.0))
    }
}

impl<V: F32Lanes> Div for Real<V> {
    type Output = Self;
    #[inline(always)]
    fn div(self, other: Self) -> Self {
        Self(self.0.div(other.0))
    }
}

impl<V: F32Lanes> Neg for Real<V> {
    type Output = Self;
    #[inline(always)]
    fn neg(self) -> Self {
        Self(self.0.neg())
    }
}

impl<V: F32Lanes> Add for Vector<V> {
    type Output = Self;
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Self { x: self.x + other.x, y: self.y + other.y }
    }
}

impl<V: F32Lanes> Sub for Vector<V> {
    type Output = Self;
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        Self { x: self.x - other.x, y: self.y - other.y }
    }
}

impl<V: F32Lanes> Mul<Vector<V>> for Real<V> {
    type Output = Vector<V>;
    #[inline(always)]
    fn mul(self, vector: Vector<V>) -> Vector<V> {
        Vector { x: self * vector.x, y: self * vector.y }
    }
}
