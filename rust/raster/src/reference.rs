//! The renderer that says what is right: it draws every pixel of the screen, in order, and then scales it down.
//!
//! It is the twin that [`FrameRenderer`](crate::FrameRenderer) is compared with, bit for bit, and draws the few scenes
//! that the fast renderer does not take on.

use crate::fill::Inside;
use crate::scene::{Polygon, Scene, Style};
use crate::score::{NO_TEXT, Score, TEXT_HEIGHT, TEXT_TOP};
use crate::screen::{BOTTOM, FRAME_BYTES, Frame, Point};
use crate::smoothscale::smoothscale;
use crate::stroke::Stroke;
use crate::surface::Surface;

/// Draws a whole scene at the screen's size, as pygame's window would show it: flipped, with indicators and score.
#[must_use]
pub fn draw_screen(scene: &Scene) -> Surface {
    let mut surface = draw_polygons(scene);
    surface.flip();
    for indicator in scene.indicators() {
        draw_polygon(&mut surface, indicator, scene.vertices(indicator));
    }
    if let Some(reward) = scene.score() {
        draw_score(&mut surface, &Score::new(reward));
    }
    surface
}

/// Draws a scene's polygons only, and leaves them unflipped: what pygame's drawing functions make of a black surface.
#[must_use]
pub fn draw_polygons(scene: &Scene) -> Surface {
    let mut surface = Surface::new();
    for polygon in scene.polygons() {
        draw_polygon(&mut surface, polygon, scene.vertices(polygon));
    }
    surface
}

/// The frame of a scene, pixel by pixel: milliseconds where [`FrameRenderer`](crate::FrameRenderer) needs a tenth of
/// one.
#[must_use]
pub fn render_reference(scene: &Scene) -> Box<Frame> {
    let mut frame = Box::new([0; FRAME_BYTES]);
    smoothscale(&draw_screen(scene), &mut frame);
    frame
}

fn draw_polygon(surface: &mut Surface, polygon: &Polygon, vertices: &[Point]) {
    if polygon.style == Style::Antialiased {
        for (index, &vertex) in vertices.iter().enumerate() {
            let next = vertices[(index + 1) % vertices.len()];
            if let Some(stroke) = Stroke::new(vertex, next) {
                draw_stroke(surface, stroke, polygon.colour);
            }
        }
    }
    let inside = Inside::new(vertices);
    let (top, bottom) = inside.rows();
    let mut crossings = Vec::new();
    for y in top.max(0)..=bottom.min(BOTTOM) {
        let paint = |one, other| surface.span(y, one, other, polygon.colour);
        match polygon.style {
            Style::Antialiased => inside.filled_row(y, &mut crossings, paint),
            Style::Solid => inside.solid_row(y, &mut crossings, paint),
        }
    }
}

fn draw_stroke(surface: &mut Surface, stroke: Stroke, colour: u32) {
    match stroke {
        Stroke::Straight { left, right, top, bottom } => {
            for y in top..=bottom {
                surface.span(y, left, right, colour);
            }
        }
        Stroke::Sloped(line) => {
            surface.set(line.first.x, line.first.y, colour);
            for step in 1..line.length {
                for (pixel, alpha) in line.pair(step) {
                    surface.blend(pixel.x, pixel.y, colour, alpha);
                }
            }
        }
    }
}

fn draw_score(surface: &mut Surface, score: &Score) {
    let (left, _) = score.columns();
    let mut text = NO_TEXT;
    for row in 0..TEXT_HEIGHT {
        for (x, &pixel) in (left..).zip(score.row(row, &mut text)) {
            surface.set(x, TEXT_TOP + row as i32, u32::from_le_bytes(pixel));
        }
    }
}
