//! What pygame drew, recorded by record_scenes.py: random polygons, and frames of CarRacing. Every renderer must give
//! the same bytes.

use lane_math::Isa;
use raster::{FRAME_BYTES, Frame, FrameRenderer, HEIGHT, Scene, WIDTH, draw_polygons, render_reference};
use scenes::Recorded;

mod scenes;

/// The frames of a scene with what rendered them: the reference, then the fast renderer on each instruction set.
fn frames(scene: &Scene) -> Vec<(&'static str, Box<Frame>)> {
    let mut frames = vec![("reference", render_reference(scene))];
    for isa in Isa::all_available() {
        let mut frame = Box::new([7; FRAME_BYTES]);
        FrameRenderer::with_isa(isa).render(scene, &mut frame);
        frames.push((isa.name(), frame));
    }
    frames
}

/// CRC-32 as zlib computes it.
fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32| if crc & 1 == 1 { 0xedb8_8320 ^ (crc >> 1) } else { crc >> 1 };
    let table: [u32; 256] = std::array::from_fn(|byte| (0..8).fold(byte as u32, |crc, _| step(crc)));
    !bytes.iter().fold(!0, |crc, &byte| table[usize::from(crc as u8 ^ byte)] ^ (crc >> 8))
}

fn compare_frames(recorded: &[Recorded]) {
    for (index, Recorded { scene, frame_crc, .. }) in recorded.iter().enumerate() {
        for (renderer, frame) in frames(scene) {
            assert_eq!(crc32(&frame[..]), *frame_crc, "scene {index}, {renderer}");
        }
    }
}

#[test]
fn the_checksum_is_zlibs() {
    assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
}

#[test]
fn random_polygons_are_pygames() {
    let recorded = scenes::read(include_bytes!("golden/random.scenes"));
    assert_eq!(recorded.len(), 60);
    for (index, Recorded { scene, surface_crc, .. }) in recorded.iter().enumerate() {
        let surface = draw_polygons(scene);
        let pixels = (0..HEIGHT).flat_map(|y| (0..WIDTH).map(move |x| (x, y)));
        let bytes = pixels.flat_map(|(x, y)| surface.colour(x, y)).collect::<Vec<_>>();
        assert_eq!(Some(crc32(&bytes)), *surface_crc, "scene {index}");
    }
    compare_frames(&recorded);
}

#[test]
fn frames_of_car_racing_are_gymnasiums() {
    let recorded = scenes::read(include_bytes!("golden/car_racing.scenes"));
    assert!(recorded.len() >= 100);
    compare_frames(&recorded);
}

#[test]
fn pictures_of_car_racing_are_gymnasiums() {
    let pictures: [(&[u8], &[u8]); 4] = [
        (include_bytes!("golden/reset.scene"), include_bytes!("golden/reset.ppm")),
        (include_bytes!("golden/zoom_in.scene"), include_bytes!("golden/zoom_in.ppm")),
        (include_bytes!("golden/road.scene"), include_bytes!("golden/road.ppm")),
        (include_bytes!("golden/spin.scene"), include_bytes!("golden/spin.ppm")),
    ];
    for (scene, picture) in pictures {
        let expected = picture.strip_prefix(b"P6\n96 96\n255\n").expect("a picture of 96 x 96 pixels");
        for (renderer, frame) in frames(&scenes::read(scene)[0].scene) {
            let differing = frame.iter().zip(expected).filter(|(got, expected)| got != expected).count();
            assert_eq!((differing, expected.len()), (0, FRAME_BYTES), "{renderer}");
        }
    }
}
