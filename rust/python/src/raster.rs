//! The drawing of CarRacing, for tests that compare it with pygame. Environments call the crate itself.
//!
//! It is in every build, the wheel's too, as [`fail`](crate::boundary::fail) is: tests look at the extension that users get,
//! and one built for tests alone would be another to keep. That costs two kilobytes: the renderers behind it are those that
//! environments call.

use crate::EngineError;
use crate::boundary::{Items, guarded};
use ::raster::{
    Colour, FRAME_BYTES, FRAME_SIDE, Frame, FrameRenderer, HEIGHT, Scene, WIDTH, draw_polygons,
    render_reference,
};
use engine::lane_math::Isa;
use numpy::{PyArray1, PyArray3, PyArrayMethods};
use pyo3::prelude::*;

/// Adds a polygon to a scene.
type Push = fn(&mut Scene, Colour, &[[f64; 2]]);
/// A style, a colour, and vertices in pixels.
type Polygon = (String, Colour, Items<[f64; 2]>);

/// Polygons on a black surface, not flipped and without indicators: (800, 1000, 3) uint8, by the reference renderer.
#[pyfunction]
pub(crate) fn raster_polygons<'py>(
    py: Python<'py>,
    polygons: Items<Polygon>,
) -> PyResult<Bound<'py, PyArray3<u8>>> {
    guarded(py, || {
        let surface = draw_polygons(&scene_of(&polygons.0)?);
        let pixels = (0..HEIGHT).flat_map(|y| (0..WIDTH).map(move |x| (x, y)));
        let bytes = pixels.flat_map(|(x, y)| surface.colour(x, y)).collect();
        PyArray1::from_vec(py, bytes).reshape([HEIGHT, WIDTH, 3])
    })
}

/// The frame of a scene, by one of the renderers: (96, 96, 3) uint8.
#[pyfunction]
#[pyo3(signature = (polygons, score = None, renderer = "fast"))]
pub(crate) fn render_scene<'py>(
    py: Python<'py>,
    polygons: Items<Polygon>,
    score: Option<f64>,
    renderer: &str,
) -> PyResult<Bound<'py, PyArray3<u8>>> {
    guarded(py, || {
        let mut scene = scene_of(&polygons.0)?;
        if let Some(reward) = score {
            scene.set_score(reward);
        }
        let frame = match renderer {
            "fast" => rendered(Isa::detect(), &scene),
            "portable" => rendered(Isa::Portable, &scene),
            "reference" => render_reference(&scene),
            _ => {
                return Err(EngineError::new_err(format!(
                    "renderer: expected fast, portable or reference, got {renderer:?}"
                )));
            }
        };
        PyArray1::from_slice(py, &frame[..]).reshape([FRAME_SIDE, FRAME_SIDE, 3])
    })
}

fn rendered(isa: Isa, scene: &Scene) -> Box<Frame> {
    let mut frame = Box::new([0; FRAME_BYTES]);
    FrameRenderer::with_isa(isa).render(scene, &mut frame);
    frame
}

fn scene_of(polygons: &[Polygon]) -> PyResult<Scene> {
    let mut scene = Scene::new();
    for (style, colour, Items(vertices)) in polygons {
        let (push, least): (Push, usize) = match style.as_str() {
            "antialiased" => (Scene::push_antialiased, 3),
            "solid" => (Scene::push_solid, 4),
            "indicator" => (Scene::push_indicator, 4),
            _ => {
                return Err(EngineError::new_err(format!(
                    "style: expected antialiased, solid or indicator, got {style:?}"
                )));
            }
        };
        if vertices.len() < least {
            return Err(EngineError::new_err(format!(
                "vertices: expected at least {least} for style {style:?}, got {}",
                vertices.len()
            )));
        }
        push(&mut scene, *colour, vertices);
    }
    Ok(scene)
}
