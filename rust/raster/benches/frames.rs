//! Microseconds of a frame: on the road, while the camera zooms in, and by the reference.
//!
//!     cargo bench -p raster --bench frames

use divan::{Bencher, black_box};
use lane_math::Isa;
use raster::{FRAME_BYTES, FrameRenderer, Scene, render_reference};

#[path = "../tests/scenes/mod.rs"]
mod scenes;

/// Scenes that CarRacing drew: in full speed on the road, spinning, 20 steps and 0 steps after the reset.
const SCENES: [(&str, &[u8]); 4] = [
    ("road", include_bytes!("../tests/golden/road.scene")),
    ("spin", include_bytes!("../tests/golden/spin.scene")),
    ("zoom_in", include_bytes!("../tests/golden/zoom_in.scene")),
    ("reset", include_bytes!("../tests/golden/reset.scene")),
];

fn main() {
    divan::main();
}

fn scene(name: &str) -> Scene {
    let (_, bytes) = SCENES.iter().find(|(scene, _)| *scene == name).expect("the name of a scene");
    scenes::read(bytes).remove(0).scene
}

fn names() -> impl Iterator<Item = &'static str> {
    SCENES.iter().map(|(name, _)| *name)
}

fn bench(bencher: Bencher, name: &str, isa: Isa) {
    let scene = scene(name);
    let mut renderer = FrameRenderer::with_isa(isa);
    let mut frame = Box::new([0; FRAME_BYTES]);
    bencher.bench_local(|| renderer.render(black_box(&scene), black_box(&mut frame)));
}

#[divan::bench(args = names())]
fn fast(bencher: Bencher, name: &str) {
    bench(bencher, name, Isa::detect());
}

#[divan::bench(args = names())]
fn portable(bencher: Bencher, name: &str) {
    bench(bencher, name, Isa::Portable);
}

#[divan::bench(args = ["road", "reset"], sample_count = 20)]
fn reference(bencher: Bencher, name: &str) {
    let scene = scene(name);
    bencher.bench_local(|| render_reference(black_box(&scene)));
}
