//! The fast renderer against the reference, byte for byte, on random scenes.

use lane_math::Isa;
use proptest::collection::vec;
use proptest::prelude::*;
use raster::{Colour, FRAME_BYTES, FrameRenderer, Scene, render_reference};

type Vertices = Vec<[f64; 2]>;

#[derive(Clone, Debug)]
enum Drawn {
    Antialiased(Colour, Vertices),
    Solid(Colour, Vertices),
    Indicator(Colour, Vertices),
}

fn scene(drawn: &[Drawn], score: Option<f64>) -> Scene {
    let mut scene = Scene::new();
    for polygon in drawn {
        match polygon {
            Drawn::Antialiased(colour, vertices) => scene.push_antialiased(*colour, vertices),
            Drawn::Solid(colour, vertices) => scene.push_solid(*colour, vertices),
            Drawn::Indicator(colour, vertices) => scene.push_indicator(*colour, vertices),
        }
    }
    if let Some(reward) = score {
        scene.set_score(reward);
    }
    scene
}

/// Vertices near each other, anywhere on or around the screen.
fn cluster(count: std::ops::Range<usize>, reach: f64) -> impl Strategy<Value = Vertices> {
    let offsets = vec([-reach..reach, -reach..reach], count);
    (-50.0..1050.0, -50.0..850.0, offsets)
        .prop_map(|(x, y, offsets)| offsets.into_iter().map(|[dx, dy]| [x + dx, y + dy]).collect())
}

/// Vertices on a coarse grid: many edges are level, upright, diagonal, of no length, or on the screen's border.
fn coarse(count: std::ops::Range<usize>) -> impl Strategy<Value = Vertices> {
    let step = |most: i32| (-2..most).prop_map(|step| f64::from(step) * 50.0 - f64::from(step % 2));
    vec((step(22), step(18)).prop_map(|(x, y)| [x, y]), count)
}

/// An upright rectangle, as the indicators are: as wide as the screen now and then.
fn upright() -> impl Strategy<Value = Vertices> {
    let side = |least: i32, most: i32| (least..most).prop_map(f64::from);
    let columns = prop_oneof![(Just(0.0), Just(1000.0)), (side(-20, 1020), side(-20, 1020))];
    (columns, side(-20, 820), side(-20, 820), 0..4_usize).prop_map(|((x0, x1), y0, y1, turn)| {
        let mut corners = vec![[x1, y1], [x1, y0], [x0, y0], [x0, y1]];
        corners.rotate_left(turn);
        corners
    })
}

fn vertices(least: usize) -> impl Strategy<Value = Vertices> {
    prop_oneof![
        cluster(least..9, 8.0),
        cluster(least..6, 60.0),
        cluster(least..6, 400.0),
        cluster(least..5, 6000.0),
        coarse(least..7),
        upright(),
    ]
}

fn drawn() -> impl Strategy<Value = Drawn> {
    let colour = || any::<Colour>();
    prop_oneof![
        4 => (colour(), vertices(3)).prop_map(|(colour, vertices)| Drawn::Antialiased(colour, vertices)),
        2 => (colour(), vertices(4)).prop_map(|(colour, vertices)| Drawn::Solid(colour, vertices)),
        1 => (colour(), vertices(4)).prop_map(|(colour, vertices)| Drawn::Indicator(colour, vertices)),
    ]
}

/// A strip of quadrilaterals that share edges, as a road does.
fn road() -> impl Strategy<Value = Vec<Drawn>> {
    (vec((-0.4..0.4, 90_u8..110), 1..30), 0.0..1000.0, 0.0..800.0, -3.2..3.2, 10.0..250.0, 4.0..60.0)
        .prop_map(
            |(turns, mut x, mut y, mut angle, width, length): (Vec<(f64, u8)>, f64, f64, f64, f64, f64)| {
                let sides = |x: f64, y: f64, angle: f64| {
                    let (dx, dy) = (width * angle.cos(), width * angle.sin());
                    [[x - dx, y - dy], [x + dx, y + dy]]
                };
                let mut tiles = Vec::new();
                for (turn, grey) in turns {
                    let [left, right] = sides(x, y, angle);
                    (x, y, angle) = (x - length * angle.sin(), y + length * angle.cos(), angle + turn);
                    let [next_left, next_right] = sides(x, y, angle);
                    tiles.push(Drawn::Antialiased([grey; 3], vec![left, right, next_right, next_left]));
                }
                tiles
            },
        )
}

fn assert_twins(scene: &Scene) -> Result<(), TestCaseError> {
    let expected = render_reference(scene);
    for isa in Isa::all_available() {
        let mut frame = Box::new([7; FRAME_BYTES]);
        let mut renderer = FrameRenderer::with_isa(isa);
        // Twice, because a renderer must not remember the scene before.
        for time in ["first", "second"] {
            renderer.render(scene, &mut frame);
            let differing = (0..FRAME_BYTES).find(|&byte| frame[byte] != expected[byte]);
            prop_assert_eq!(differing, None, "{}, {} time", isa.name(), time);
        }
    }
    Ok(())
}

/// What may cover the screen, and nearly does now and then: quadrilaterals, and polygons of five and six vertices, with
/// sides near the screen's.
fn field() -> impl Strategy<Value = Vertices> {
    let side = |near: f64| prop_oneof![near - 3.0..near + 3.0, Just(near), near - 6000.0..near + 6000.0];
    let corner = move |x: f64, y: f64| (side(x), side(y)).prop_map(|(x, y)| [x, y]);
    let corners = [corner(-1.0, -1.0), corner(1000.0, -1.0), corner(1000.0, 800.0), corner(-1.0, 800.0)];
    (corners, vec(corner(500.0, 400.0), 0..3), 0..4_usize, any::<bool>()).prop_map(
        |(corners, between, turn, backwards)| {
            let mut vertices = corners.to_vec();
            vertices.rotate_left(turn);
            vertices.extend(between);
            if backwards {
                vertices.reverse();
            }
            vertices
        },
    )
}

/// Corners of a polygon, left and right by turns at the same heights: the edges that cross a row may both lie left of the
/// screen, or both right of it.
fn steps() -> impl Strategy<Value = Vertices> {
    let x = || prop_oneof![-900.0..0.0, 1000.0..1900.0_f64];
    (vec((x(), x(), -50.0..850.0_f64), 1..4), x(), x()).prop_map(|(mut rows, first, last)| {
        rows.sort_by(|one, other| one.2.total_cmp(&other.2));
        let mut down = vec![[first, -10.0]];
        let mut up = vec![[last, -10.0]];
        for (one, other, y) in rows {
            let (&[before, _], &[behind, _]) = (down.last().unwrap(), up.last().unwrap());
            down.extend([[before, y], [one, y]]);
            up.extend([[behind, y], [other, y]]);
        }
        let (&[left, _], &[right, _]) = (down.last().unwrap(), up.last().unwrap());
        down.extend([[left, 900.0], [right, 900.0]]);
        down.extend(up.into_iter().rev());
        down
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn fields(field in prop_oneof![3 => field(), 1 => steps()], below in drawn(), above in vec(drawn(), 0..3)) {
        let field = Drawn::Antialiased([102, 204, 102], field);
        let drawn = [below, field].into_iter().chain(above).collect::<Vec<_>>();
        assert_twins(&scene(&drawn, None))?;
    }

    #[test]
    fn many_small_tiles(
        tiles in vec((0..3_usize, cluster(4..5, 25.0)), 20..60),
        score in -99_999_999.0..99_999_999.0_f64,
    ) {
        let colours = [[102; 3], [255; 3], [255, 0, 0]];
        let drawn = tiles.into_iter().map(|(colour, vertices)| Drawn::Antialiased(colours[colour], vertices));
        assert_twins(&scene(&drawn.collect::<Vec<_>>(), Some(score)))?;
    }

    #[test]
    fn random_polygons(drawn in vec(drawn(), 1..12), score in proptest::option::of(-1500.0..1500.0_f64)) {
        assert_twins(&scene(&drawn, score))?;
    }

    #[test]
    fn roads(road in road(), above in vec(drawn(), 0..3), field in proptest::option::of(cluster(4..5, 9000.0))) {
        let field = field.map(|vertices| Drawn::Antialiased([102, 204, 102], vertices));
        let drawn = field.into_iter().chain(road).chain(above).collect::<Vec<_>>();
        assert_twins(&scene(&drawn, Some(12.5)))?;
    }

    #[test]
    fn polygons_that_span_more_than_15_bits(vertices in vec([-40_000.0..40_000.0, -40_000.0..40_000.0], 3..8)) {
        assert_twins(&scene(&[Drawn::Antialiased([200, 100, 50], vertices)], None))?;
    }
}

#[test]
fn scores_of_all_lengths_are_drawn_as_far_as_the_screen_goes() {
    for digits in 0..20 {
        for score in [10_f64.powi(digits), -8.8 * 10_f64.powi(digits)] {
            let tile = Drawn::Antialiased([9, 200, 30], vec![[0.0, 0.0], [300.0, 5.0], [280.0, 90.0]]);
            assert_twins(&scene(&[tile], Some(score))).unwrap();
        }
    }
}

#[test]
fn an_empty_scene_is_black() {
    let mut frame = Box::new([7; FRAME_BYTES]);
    FrameRenderer::new().render(&Scene::new(), &mut frame);
    assert!(frame.iter().all(|&byte| byte == 0));
}

#[test]
fn a_scene_can_be_used_again() {
    let triangle = [[100.0, 100.0], [900.0, 200.0], [300.0, 700.0]];
    let mut used = Scene::new();
    used.push_solid([1, 2, 3], &[[0.0; 2]; 4]);
    used.push_indicator([1, 2, 3], &[[0.0; 2]; 4]);
    used.set_score(5.0);
    used.clear();
    used.push_antialiased([9, 8, 7], &triangle);
    let fresh = scene(&[Drawn::Antialiased([9, 8, 7], triangle.to_vec())], None);
    assert_eq!(render_reference(&used), render_reference(&fresh));
}

#[test]
#[should_panic(expected = "a solid polygon has at least 4 vertices, got 3")]
fn solid_triangles_are_refused() {
    Scene::new().push_solid([0; 3], &[[0.0; 2]; 3]);
}

#[test]
#[should_panic(expected = "an anti-aliased polygon has at least 3 vertices, got 2")]
fn antialiased_lines_are_refused() {
    Scene::new().push_antialiased([0; 3], &[[0.0; 2]; 2]);
}
