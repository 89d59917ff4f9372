//! The fast renderer: one band of the screen at a time, one row of the frame each.
//!
//! Most of a screen is flat, and a cell (what becomes one pixel of the frame) that one colour covers needs no pixels. So
//! a band keeps a colour for each cell, and pixels only for cells that an edge crosses; and the filter takes flat cells
//! all together, open ones row by row.
//!
//! | | |
//! |---|---|
//! | [`grid`] | which pixels and rows a cell and a band have |
//! | [`prepare`] | a scene as edges and strokes, shape by shape, and the shapes of each band |
//! | [`rows`] | what a shape covers of each row of a band |
//! | [`mod@paint`], [`strokes`] | a shape into a band: anti-aliased edges, then the inside |
//! | [`band`], [`fills`], [`blends`], [`brush`] | the cells and pixels that they paint, and how a colour is mixed in |
//! | [`filter`] | a band into a row of the frame |

mod band;
mod blends;
mod brush;
mod fills;
mod filter;
mod grid;
mod paint;
mod prepare;
mod rows;
mod strokes;

use crate::reference::render_reference;
use crate::scene::Scene;
use crate::score::{MARGIN, NO_TEXT, Score, TEXT_HEIGHT, TEXT_TOP};
use crate::screen::{BOTTOM, FRAME_SIDE, Frame, RIGHT};
use band::Band;
use filter::Filter;
use grid::{BANDS, Pixel, Slice};
use lane_math::lanes::Simd;
use lane_math::{Isa, Kernel};
use paint::{NONE, paint};
use prepare::Prepared;
use rows::Rows;

/// Renders scenes into frames: the bytes of [`render_reference`], about twenty times faster.
///
/// It keeps its working memory, about 110 KiB, of which a frame uses half; a thread has one and uses it for all its episodes.
pub struct FrameRenderer {
    isa: Isa,
    prepared: Prepared,
    band: Band,
    filter: Filter,
    crossings: Vec<i32>,
}

impl Default for FrameRenderer {
    fn default() -> Self {
        Self::new()
    }
}

impl FrameRenderer {
    /// A renderer with the fastest instruction set here.
    #[must_use]
    pub fn new() -> Self {
        Self::with_isa(Isa::detect())
    }

    /// A renderer with a given instruction set; the frames do not depend on it.
    #[must_use]
    pub fn with_isa(isa: Isa) -> Self {
        Self {
            isa,
            prepared: Prepared::new(),
            band: Band::new(),
            filter: Filter::new(),
            crossings: Vec::new(),
        }
    }

    /// Renders the frame of a scene.
    pub fn render(&mut self, scene: &Scene, frame: &mut Frame) {
        if !self.prepared.prepare(scene) {
            frame.copy_from_slice(&render_reference(scene)[..]);
            return;
        }
        self.isa.run(RenderBands { renderer: self, scene, frame });
    }

    /// For arrays: the compiler knows more of the arguments of a function of its own, which is worth 5%.
    #[inline(never)]
    fn render_bands_apart<S: Simd>(&mut self, scene: &Scene, frame: &mut Frame) {
        self.render_bands::<S>(scene, frame);
    }

    /// Inlined, with all that it calls often, into code for one instruction set: what is not is correct, but slow.
    #[inline(always)]
    fn render_bands<S: Simd>(&mut self, scene: &Scene, frame: &mut Frame) {
        let score = scene.score().map(Score::new);
        self.filter.restart();
        let mut index = 0;
        while index < FRAME_SIDE {
            self.paint_band::<S>(scene, score.as_ref(), index);
            let row =
                frame[index * FRAME_SIDE * 3..].first_chunk_mut().expect("a frame has as many rows as bands");
            self.filter.run::<S>(&mut self.band, index, row);
            index += 1;
        }
    }

    #[inline(always)]
    fn paint_band<S: Simd>(&mut self, scene: &Scene, score: Option<&Score>, index: usize) {
        let slice = BANDS[index];
        let (top, bottom) = (BOTTOM - slice.last as i32, slice.last as i32);
        let layers = &self.prepared.bands[index];
        self.band.clear(slice.last + 1 - slice.first, layers.background);
        for &shape in &layers.shapes {
            let shape = &self.prepared.shapes[shape];
            let rows = Rows::new(shape, &self.band, top, bottom);
            paint::<S>(&mut self.band, &self.prepared, shape, rows, scene, &mut self.crossings);
        }
        if let Some(score) = score {
            paint_score(&mut self.band, score, slice);
        }
    }
}

/// The bands of a prepared scene, into a frame.
struct RenderBands<'a> {
    renderer: &'a mut FrameRenderer,
    scene: &'a Scene,
    frame: &'a mut Frame,
}

impl Kernel for RenderBands<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self) {
        if S::FUSES {
            self.renderer.render_bands::<S>(self.scene, self.frame);
        } else {
            self.renderer.render_bands_apart::<S>(self.scene, self.frame);
        }
    }
}

/// Paints what of the score lies in a band.
#[inline(always)]
fn paint_score(band: &mut Band, score: &Score, slice: Slice) {
    let (left, width) = score.columns();
    let (first, end) = (left.max(0), (left + width).min(RIGHT + 1));
    let (top, bottom) = (slice.first as i32, slice.last as i32);
    let rows = TEXT_TOP.max(top)..(TEXT_TOP + TEXT_HEIGHT as i32).min(bottom + 1);
    if rows.is_empty() {
        return;
    }
    band.open(first, end - 1, NONE, ANY_COLOUR);
    for y in rows {
        let row = (y - TEXT_TOP) as usize;
        if first == left && end == left + width {
            band.fill(bottom - y, first, end - 1, BLACK);
            score.draw_row(row, band.pixels_mut(bottom - y, first, width as usize + MARGIN));
        } else {
            // A text that is too long for the screen.
            let mut text = NO_TEXT;
            let shown = &score.row(row, &mut text)[(first - left) as usize..][..(end - first) as usize];
            band.pixels_mut(bottom - y, first, shown.len()).copy_from_slice(shown);
        }
    }
}

const BLACK: Pixel = [0; 4];

/// No cell has it.
const ANY_COLOUR: Pixel = [0, 0, 0, 2];
