//! Anti-aliased lines: which pixels one touches, and how strongly. The edges of `gfxdraw.aapolygon`.

use crate::screen::{BOTTOM, Point, RIGHT};

/// What is left of an edge on the screen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Stroke {
    /// Along an axis, or a single pixel: opaque from one end to the other, both included.
    Straight { left: i32, right: i32, top: i32, bottom: i32 },
    /// Between the axes.
    Sloped(Sloped),
}

/// A line that advances one pixel along its longer axis at each step, and covers two neighbours along the shorter one.
///
/// One end is opaque: the one that the edge begins with (or, if clipping moved the other end last, ends with). The other
/// end belongs to the next edge and is left out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Sloped {
    /// The opaque pixel.
    pub(crate) first: Point,
    /// The upper end, where steps are counted from.
    pub(crate) top: Point,
    /// +1 if the lower end lies to the right, -1 if to the left.
    pub(crate) direction: i32,
    /// Taller than wide: steps go down. Otherwise they go sideways.
    pub(crate) steep: bool,
    /// Steps between the ends; drawn are 1 to `length - 1`.
    pub(crate) length: i32,
    /// Advance along the shorter axis at each step, in 1/65536 pixel, rounded down; 65536 for a diagonal.
    pub(crate) slope: u32,
}

impl Stroke {
    /// The part of an edge that lies on the screen; `None` if nothing does.
    pub(crate) fn new(from: Point, to: Point) -> Option<Self> {
        clipped(from, to).map(|(from, to)| Self::on_screen(from, to))
    }

    /// An edge whose ends lie on the screen.
    pub(crate) fn on_screen(from: Point, to: Point) -> Self {
        let (top, bottom) = if from.y > to.y { (to, from) } else { (from, to) };
        let (width, height) = ((bottom.x - top.x).abs(), bottom.y - top.y);
        if width == 0 || height == 0 {
            let (left, right) = (top.x.min(bottom.x), top.x.max(bottom.x));
            return Self::Straight { left, right, top: top.y, bottom: bottom.y };
        }
        let steep = height > width;
        let (length, shorter) = if steep { (height, width) } else { (width, height) };
        let slope = ((shorter << 16) / length) as u32;
        let direction = (bottom.x - top.x).signum();
        Self::Sloped(Sloped { first: from, top, direction, steep, length, slope })
    }
}

impl Sloped {
    /// A row at or below the lowest that it touches: the line has advanced by `length` or less there, and its far pixels
    /// lie in the next row.
    pub(crate) fn last_row(&self) -> i32 {
        let height =
            if self.steep { self.length } else { ((self.length as u32 * self.slope) >> 16) as i32 + 1 };
        self.top.y + height + 1
    }

    /// Where the line is after some steps: pixels advanced along the shorter axis, and 256ths beyond.
    pub(crate) fn advance(&self, step: i32) -> (i32, u32) {
        let position = step as u32 * self.slope;
        ((position >> 16) as i32, (position >> 8) & 0xff)
    }

    /// The two pixels of a step, the nearer and the farther along the shorter axis, each with its alpha of 256.
    pub(crate) fn pair(&self, step: i32) -> [(Point, u32); 2] {
        let (advanced, weight) = self.advance(step);
        let at = |advanced: i32| {
            let (x, y) = if self.steep { (advanced, step) } else { (step, advanced) };
            Point { x: self.top.x + self.direction * x, y: self.top.y + y }
        };
        [(at(advanced), alpha(255 - weight)), (at(advanced + 1), alpha(weight))]
    }
}

/// The alpha of an opaque colour at some weight of 255.
pub(crate) const fn alpha(weight: u32) -> u32 {
    (255 * weight) >> 8
}

const LEFT_OF: u8 = 1;
const RIGHT_OF: u8 = 2;
const ABOVE: u8 = 4;
const BELOW: u8 = 8;

/// The sides of the screen beyond which a point lies.
fn sides_beyond(point: Point) -> u8 {
    let beyond = |outside: bool, side: u8| if outside { side } else { 0 };
    beyond(point.x < 0, LEFT_OF)
        | beyond(point.x > RIGHT, RIGHT_OF)
        | beyond(point.y < 0, ABOVE)
        | beyond(point.y > BOTTOM, BELOW)
}

/// Cuts a line at the borders of the screen, side by side, in pygame's order and with its rounding.
///
/// The slope is a float32 and is taken anew after each cut, from a cut end that was truncated to whole pixels; so a
/// clipped line runs a little differently from the same line on a larger screen. The ends may come back swapped.
fn clipped(mut from: Point, mut to: Point) -> Option<(Point, Point)> {
    loop {
        match (sides_beyond(from), sides_beyond(to)) {
            (0, 0) => return Some((from, to)),
            (one, other) if one & other != 0 => return None,
            (0, _) => (from, to) = (to, from),
            (sides, _) => from = cut(from, to, sides),
        }
    }
}

/// Moves `from` along the line onto the first border that it lies beyond: left, right, bottom or top.
fn cut(from: Point, to: Point, sides: u8) -> Point {
    let (width, height) = ((to.x - from.x) as f32, (to.y - from.y) as f32);
    let slope = if width == 0.0 { 1.0 } else { height / width };
    if sides & (LEFT_OF | RIGHT_OF) != 0 {
        let x = if sides & LEFT_OF != 0 { 0 } else { RIGHT };
        Point { x, y: moved(from.y, (x - from.x) as f32 * slope) }
    } else {
        let y = if sides & BELOW != 0 { BOTTOM } else { 0 };
        let x = if width == 0.0 { from.x } else { moved(from.x, (y - from.y) as f32 / slope) };
        Point { x, y }
    }
}

/// A 16-bit coordinate after a shift, truncated; it wraps around, for lines that span more than 16 bits.
fn moved(coordinate: i32, shift: f32) -> i32 {
    i32::from((coordinate as i16).wrapping_add(shift as i32 as i16))
}
