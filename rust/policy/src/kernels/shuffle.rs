//! Moves between lanes, written as arrays: the compiler turns each into the shuffles of the instruction set.

use lane_math::lanes::F32x8;

/// `[a0 a1 a2 a3 b0 b1 b2 b3]`
#[inline(always)]
fn low_halves<V: F32x8>(a: V, b: V) -> V {
    let (a, b) = (a.to_array(), b.to_array());
    V::from_array([a[0], a[1], a[2], a[3], b[0], b[1], b[2], b[3]])
}

/// `[a4 a5 a6 a7 b4 b5 b6 b7]`
#[inline(always)]
fn high_halves<V: F32x8>(a: V, b: V) -> V {
    let (a, b) = (a.to_array(), b.to_array());
    V::from_array([a[4], a[5], a[6], a[7], b[4], b[5], b[6], b[7]])
}

/// Per half: the pairs at 0 of a and b, `[a0 a1 b0 b1 | a4 a5 b4 b5]`
#[inline(always)]
fn low_pairs<V: F32x8>(a: V, b: V) -> V {
    let (a, b) = (a.to_array(), b.to_array());
    V::from_array([a[0], a[1], b[0], b[1], a[4], a[5], b[4], b[5]])
}

/// Per half: the pairs at 2 of a and b, `[a2 a3 b2 b3 | a6 a7 b6 b7]`
#[inline(always)]
fn high_pairs<V: F32x8>(a: V, b: V) -> V {
    let (a, b) = (a.to_array(), b.to_array());
    V::from_array([a[2], a[3], b[2], b[3], a[6], a[7], b[6], b[7]])
}

/// Per half: the even elements of a and b, `[a0 a2 b0 b2 | a4 a6 b4 b6]`
#[inline(always)]
fn evens<V: F32x8>(a: V, b: V) -> V {
    let (a, b) = (a.to_array(), b.to_array());
    V::from_array([a[0], a[2], b[0], b[2], a[4], a[6], b[4], b[6]])
}

/// Per half: the odd elements of a and b, `[a1 a3 b1 b3 | a5 a7 b5 b7]`
#[inline(always)]
fn odds<V: F32x8>(a: V, b: V) -> V {
    let (a, b) = (a.to_array(), b.to_array());
    V::from_array([a[1], a[3], b[1], b[3], a[5], a[7], b[5], b[7]])
}

/// The four values in both halves.
#[inline(always)]
pub(crate) fn twice<V: F32x8>(four: &[f32; 4]) -> V {
    V::from_array([four[0], four[1], four[2], four[3], four[0], four[1], four[2], four[3]])
}

/// Folds two sums of eight lanes once by halves: `[a[l] + a[l + 4] for l in 0..4, the same for b]`.
#[inline(always)]
pub(crate) fn fold_eights<V: F32x8>(a: V, b: V) -> V {
    low_halves(a, b).add(high_halves(a, b))
}

/// Folds eight sums of four lanes, two in each vector, by halves until one value is left of each: those of the low
/// halves in the low half, those of the high halves in the high half.
#[inline(always)]
pub(crate) fn fold_fours<V: F32x8>([a, b, c, d]: [V; 4]) -> V {
    let ab = low_pairs(a, b).add(high_pairs(a, b));
    let cd = low_pairs(c, d).add(high_pairs(c, d));
    evens(ab, cd).add(odds(ab, cd))
}

/// Rows become columns.
#[inline(always)]
pub(crate) fn transpose<V: F32x8>(rows: [V; 8]) -> [V; 8] {
    let [a, b, c, d, e, f, g, h] = rows;
    let halves = [
        [low_halves(a, e), low_halves(b, f), low_halves(c, g), low_halves(d, h)],
        [high_halves(a, e), high_halves(b, f), high_halves(c, g), high_halves(d, h)],
    ];
    let mut columns = rows;
    for (quad, [a, b, c, d]) in halves.into_iter().enumerate() {
        let (ab01, ab23) = (low_pairs(a, b), high_pairs(a, b));
        let (cd01, cd23) = (low_pairs(c, d), high_pairs(c, d));
        columns[4 * quad] = evens(ab01, cd01);
        columns[4 * quad + 1] = odds(ab01, cd01);
        columns[4 * quad + 2] = evens(ab23, cd23);
        columns[4 * quad + 3] = odds(ab23, cd23);
    }
    columns
}

#[cfg(test)]
mod tests {
    use lane_math::lanes::{F32Lanes, F32x8, Portable};

    use super::{fold_eights, fold_fours, transpose};

    #[test]
    fn transpose_exchanges_rows_and_columns() {
        let rows = std::array::from_fn(|row| {
            Portable::from_array(std::array::from_fn(|column| (10 * row + column) as f32))
        });
        for (column, values) in transpose(rows).into_iter().enumerate() {
            assert_eq!(values.to_array(), std::array::from_fn(|row| (10 * row + column) as f32));
        }
    }

    #[test]
    fn folds_add_by_halves() {
        // Powers of two far apart: each sum is exact only in the order that the fold promises.
        let lanes: [f32; 8] = [1e8, 1.0, -1e8, 3.0, 0.5, 7.0, 0.25, 9.0];
        let four = |l: [f32; 4]| (l[0] + l[2]) + (l[1] + l[3]);
        let half = std::array::from_fn::<f32, 4, _>(|l| lanes[l] + lanes[l + 4]);
        let both = Portable::from_array(lanes);
        assert_eq!(fold_eights(both, both).to_array()[..4], half);
        let folded = fold_fours([both, Portable::splat(1.0), both, Portable::splat(2.0)]).to_array();
        let (low, high) = (four([1e8, 1.0, -1e8, 3.0]), four([0.5, 7.0, 0.25, 9.0]));
        assert_eq!(folded, [low, 4.0, low, 8.0, high, 4.0, high, 8.0]);
    }
}
