//! The insides of polygons: which pixels of a row they cover. `gfxdraw.filled_polygon` and `draw.polygon`.
//!
//! Both find the edges that cross a row, sort the crossings, and paint from each odd one to the next even one, both
//! included. They differ in rounding, and in what else they paint.

use crate::screen::Point;

/// The row-by-row inside of one polygon.
pub(crate) struct Inside<'a> {
    vertices: &'a [Point],
    top: i32,
    bottom: i32,
}

impl<'a> Inside<'a> {
    pub(crate) fn new(vertices: &'a [Point]) -> Self {
        let rows = || vertices.iter().map(|vertex| vertex.y);
        Self { vertices, top: rows().min().unwrap_or(0), bottom: rows().max().unwrap_or(-1) }
    }

    /// The rows from the highest vertex to the lowest, both included.
    pub(crate) fn rows(&self) -> (i32, i32) {
        (self.top, self.bottom)
    }

    /// Each vertex with the one before it.
    pub(crate) fn edges(&self) -> impl Iterator<Item = (Point, Point)> + use<'a> {
        let before = self.vertices.iter().cycle().skip(self.vertices.len() - 1);
        before.copied().zip(self.vertices.iter().copied())
    }

    /// The edges that a row crosses, each from its upper end to its lower. An edge ends above its lower end, so that
    /// two edges that meet are crossed once; in the polygon's last row, those that end there are crossed.
    fn crossed(&self, y: i32) -> impl Iterator<Item = (Point, Point)> + use<'a> {
        let bottom = self.bottom;
        self.edges()
            .map(|(before, vertex)| if before.y < vertex.y { (before, vertex) } else { (vertex, before) })
            .filter(move |(upper, lower)| {
                upper.y < lower.y && ((upper.y <= y && y < lower.y) || (y == bottom && lower.y == bottom))
            })
    }

    /// Calls `paint` with both ends of each run of a row that `gfxdraw.filled_polygon` paints; the ends are unordered
    /// where a run is narrower than a pixel. `crossings` is working memory.
    pub(crate) fn filled_row(&self, y: i32, crossings: &mut Vec<i32>, mut paint: impl FnMut(i32, i32)) {
        crossings.clear();
        crossings.extend(self.crossed(y).map(|(upper, lower)| crossing(upper, lower, y)));
        let count = crossings.len();
        crossings.resize(2 * count, 0);
        let (crossings, merged) = crossings.split_at_mut(count);
        sort_as_glibc(crossings, merged);
        for run in crossings.chunks_exact(2) {
            paint(left_pixel(run[0]), right_pixel(run[1]));
        }
    }

    /// Calls `paint` with both ends of each run of a row that `draw.polygon` paints. `crossings` is working memory.
    pub(crate) fn solid_row(&self, y: i32, crossings: &mut Vec<i32>, mut paint: impl FnMut(i32, i32)) {
        if self.top == self.bottom {
            let columns = || self.vertices.iter().map(|vertex| vertex.x);
            return paint(columns().min().unwrap_or(0), columns().max().unwrap_or(-1));
        }
        crossings.clear();
        for (found, (upper, lower)) in self.crossed(y).enumerate() {
            let (width, height) = (lower.x.wrapping_sub(upper.x), lower.y.wrapping_sub(upper.y));
            crossings.push(solid_crossing(upper, width, height, y, found % 2 == 0));
        }
        crossings.sort_unstable();
        for run in crossings.chunks_exact(2) {
            paint(run[0], run[1]);
        }
        // A horizontal edge that closes a part of the polygon from below is crossed by no row.
        if self.top < y && y < self.bottom {
            for (before, vertex) in self.edges().filter(|(before, vertex)| before.y == y && vertex.y == y) {
                paint(vertex.x, before.x);
            }
        }
    }
}

/// Where an edge crosses a row, in 1/65536 pixel. In 32 bits that wrap around, for edges that span more than 15.
pub(crate) const fn crossing(upper: Point, lower: Point, y: i32) -> i32 {
    let fraction = 65536_i32.wrapping_mul(y - upper.y) / (lower.y - upper.y);
    fraction.wrapping_mul(lower.x - upper.x).wrapping_add(65536_i32.wrapping_mul(upper.x))
}

/// The first pixel of a run: the crossing, rounded; halves go right.
pub(crate) const fn left_pixel(crossing: i32) -> i32 {
    rounded(crossing.wrapping_add(1))
}

/// The last pixel of a run: the crossing, rounded; halves go left.
pub(crate) const fn right_pixel(crossing: i32) -> i32 {
    rounded(crossing.wrapping_sub(1))
}

/// The nearest pixel, as a 16-bit number.
const fn rounded(position: i32) -> i32 {
    ((position >> 16) + ((position >> 15) & 1)) as i16 as i32
}

/// Where an edge crosses a row, in pixels: a float32 quotient, rounded down for the first, third, ... edge that is
/// found, and up for the others.
pub(crate) fn solid_crossing(upper: Point, width: i32, height: i32, y: i32, down: bool) -> i32 {
    let shift = y.wrapping_sub(upper.y).wrapping_mul(width) as f32 / height as f32;
    let whole = if down { shift.floor() } else { shift.ceil() };
    (whole as i32).wrapping_add(upper.x)
}

/// Sorts as glibc's `qsort` does, given pygame's comparison: a merge sort by the sign of a wrapping difference. The
/// order is the usual one unless two crossings lie 32768 pixels apart; then the steps of the algorithm decide. `merged`
/// is working memory of the same size.
fn sort_as_glibc(values: &mut [i32], merged: &mut [i32]) {
    if values.len() < 2 {
        return;
    }
    let half = values.len() / 2;
    sort_as_glibc(&mut values[..half], &mut merged[..half]);
    sort_as_glibc(&mut values[half..], &mut merged[half..]);
    let (mut left, mut right) = (0, half);
    for value in merged.iter_mut() {
        let takes_left =
            right == values.len() || (left < half && values[left].wrapping_sub(values[right]) <= 0);
        let next = if takes_left { &mut left } else { &mut right };
        *value = values[*next];
        *next += 1;
    }
    values.copy_from_slice(merged);
}

#[cfg(test)]
mod tests {
    use super::sort_as_glibc;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn near_crossings_are_sorted(mut values in proptest::collection::vec(-(1 << 30)..1 << 30, 0..9)) {
            let mut expected = values.clone();
            expected.sort_unstable();
            let mut merged = vec![0; values.len()];
            sort_as_glibc(&mut values, &mut merged);
            prop_assert_eq!(values, expected);
        }
    }

    #[test]
    fn far_crossings_come_as_the_wrapping_difference_says() {
        let mut values = [i32::MIN, 1];
        sort_as_glibc(&mut values, &mut [0; 2]);
        assert_eq!(values, [1, i32::MIN]);
    }
}
