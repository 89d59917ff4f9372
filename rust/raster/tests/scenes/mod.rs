//! Reads the scenes that record_scenes.py wrote. Shared by tests and benchmarks.

use raster::{Colour, Scene};

/// A scene, and the checksums of what pygame drew: its polygons on an unflipped surface, if recorded, and its frame.
#[allow(dead_code)] // benchmarks need no checksums
pub struct Recorded {
    pub scene: Scene,
    pub surface_crc: Option<u32>,
    pub frame_crc: u32,
}

/// All scenes of a file.
pub fn read(mut bytes: &[u8]) -> Vec<Recorded> {
    let mut recorded = Vec::new();
    while !bytes.is_empty() {
        recorded.push(read_one(&mut bytes));
    }
    recorded
}

fn read_one(bytes: &mut &[u8]) -> Recorded {
    let mut scene = Scene::new();
    let polygons = u16::from_le_bytes(take(bytes));
    let [has_score] = take(bytes);
    let score = f64::from_le_bytes(take(bytes));
    if has_score != 0 {
        scene.set_score(score);
    }
    for _ in 0..polygons {
        let [style, red, green, blue, count] = take(bytes);
        let mut coordinate = || f64::from(i16::from_le_bytes(take(bytes)));
        let vertices = (0..count).map(|_| [coordinate(), coordinate()]).collect::<Vec<_>>();
        let push: fn(&mut Scene, Colour, &[[f64; 2]]) = match style {
            0 => Scene::push_antialiased,
            1 => Scene::push_solid,
            2 => Scene::push_indicator,
            _ => panic!("style: expected 0, 1 or 2, got {style}"),
        };
        push(&mut scene, [red, green, blue], &vertices);
    }
    let surface_crc = u32::from_le_bytes(take(bytes));
    let frame_crc = u32::from_le_bytes(take(bytes));
    Recorded { scene, surface_crc: (surface_crc != 0).then_some(surface_crc), frame_crc }
}

fn take<const COUNT: usize>(bytes: &mut &[u8]) -> [u8; COUNT] {
    let (head, tail) = bytes.split_first_chunk().expect("the file ends within a scene");
    *bytes = tail;
    *head
}
