//! What is drawn: field, grass, road and car as the camera above the car sees them, and the indicators below.
//!
//! Everything is float64 as in Python; the car's points are float32 in the world, since Box2D places them there. The y
//! axis points upwards until the indicators are drawn.

use super::car::Wheel;
use super::track::Quad;
use super::{CarRacing, PLAYFIELD, SCALE};
use lane_math::libm;
use planar::Vec2;
use raster::{Colour, HEIGHT, Scene, WIDTH};
use std::f64::consts::{FRAC_PI_2, PI, SQRT_2};

/// How many pixels of the screen show a pixel of the reference's drawings, when the camera has come down.
const ZOOM: f64 = 2.7;
/// And at the reset, from where it comes down within a second.
const START_ZOOM: f64 = 0.1;
/// Where on the screen the camera has the car.
const CAR_PLACE: [f64; 2] = [WIDTH as f64 / 2.0, HEIGHT as f64 / 4.0];

/// How far from the screen something may lie and still draw, px: vertices are truncated, and edges are as wide as two
/// pixels.
const MARGIN: f64 = 4.0;

/// The side of a square of grass, m.
const GRASS: f64 = PLAYFIELD / 20.0;
/// Every second square of the field is grass, in both directions, counted from the middle.
const GRASS_SQUARES: std::ops::Range<i32> = -20..20;

const RED: Colour = [255, 0, 0];
const WHITE: Colour = [255, 255, 255];
const BLACK: Colour = [0, 0, 0];
const GREEN: Colour = [0, 255, 0];
const BLUE: Colour = [0, 0, 255];
const VIOLET: Colour = [51, 0, 255];
const HULL: Colour = [204, 0, 0];
const STRIPE: Colour = [77, 77, 77];

/// Units of the indicators, px.
const COLUMN: f64 = WIDTH as f64 / 40.0;
const ROW: f64 = HEIGHT as f64 / 40.0;
/// Indicators of values nearer to 0 are not drawn.
const LEAST_SHOWN: f64 = 1e-4;

/// Describes the picture of an episode as it is.
pub(super) fn describe(episode: &CarRacing, scene: &mut Scene) {
    scene.clear();
    let camera = Camera::above(episode);
    add_field(episode, &camera, scene);
    add_road(episode, &camera, scene);
    add_car(episode, &camera, scene);
    add_indicators(episode, scene);
    scene.set_score(episode.shown_reward);
}

/// From the world to the screen.
struct Camera {
    sine: f64,
    cosine: f64,
    /// Pixels per metre.
    zoom: f64,
    /// Where the world's origin is on the screen.
    origin: [f64; 2],
    /// What the middle of the screen shows, in the world.
    middle: [f64; 2],
    /// Farther from it than this, and one and a half times the radius, in either direction of the world, no circle touches
    /// the screen.
    range: f64,
}

impl Camera {
    /// The camera that follows an episode's car and turns with it.
    fn above(episode: &CarRacing) -> Self {
        let (hull, time) = (episode.world.body(episode.car.hull), episode.time);
        let still_above = if 0.0 > 1.0 - time { 0.0 } else { 1.0 - time };
        let zoom = START_ZOOM * SCALE * still_above + ZOOM * SCALE * (if 1.0 < time { 1.0 } else { time });
        let (sine, cosine) = sine_and_cosine(-f64::from(hull.angle()));
        let position = [hull.position().x, hull.position().y].map(f64::from);
        Self::new(sine, cosine, zoom, position)
    }

    /// The camera that has a position of the world where the car is to be seen.
    fn new(sine: f64, cosine: f64, zoom: f64, position: [f64; 2]) -> Self {
        /// For whatever the numbers of the screen and those of the world may be rounded by, m.
        const SLACK: f64 = 1.0;
        let mut camera = Self { sine, cosine, zoom, origin: [0.0; 2], middle: position, range: 0.0 };
        let scroll = camera.turned([-position[0] * zoom, -position[1] * zoom]);
        camera.origin = [CAR_PLACE[0] + scroll[0], CAR_PLACE[1] + scroll[1]];
        let [width, height] = [WIDTH as f64 / 2.0, HEIGHT as f64 / 2.0];
        let [right, up] = [(width - CAR_PLACE[0]) / zoom, (height - CAR_PLACE[1]) / zoom];
        camera.middle[0] += cosine * right + sine * up;
        camera.middle[1] += cosine * up - sine * right;
        camera.range = (width.hypot(height) + SQRT_2 * MARGIN) / zoom + SLACK;
        camera
    }

    fn turned(&self, [x, y]: [f64; 2]) -> [f64; 2] {
        [self.cosine * x - self.sine * y, self.sine * x + self.cosine * y]
    }

    fn place(&self, point: [f64; 2]) -> [f64; 2] {
        let [x, y] = self.turned(point);
        [x * self.zoom + self.origin[0], y * self.zoom + self.origin[1]]
    }

    /// A point of a body, which is float32 in the world.
    fn place_of(&self, point: Vec2) -> [f64; 2] {
        self.place([f64::from(point.x), f64::from(point.y)])
    }

    /// Whether a coordinate of a circle in the world is so far from the screen's middle that it does not touch the screen:
    /// said of most circles, and cheaper than where they are on the screen.
    fn is_far(&self, direction: usize, centre: f64, radius: f64) -> bool {
        // A circle may lie in front of a corner: the diagonal of its square is less than three times its radius.
        (centre - self.middle[direction]).abs() > self.range + 1.5 * radius
    }

    /// Whether a circle in the world may touch the screen. What does not can be left out: it draws no pixel. The
    /// reference leaves out less.
    fn sees(&self, centre: [f64; 2], radius: f64) -> bool {
        !self.is_far(0, centre[0], radius) && !self.is_far(1, centre[1], radius) && self.shows(centre, radius)
    }

    /// The same, of where it is on the screen.
    fn shows(&self, centre: [f64; 2], radius: f64) -> bool {
        let [x, y] = self.place(centre);
        let reach = radius * self.zoom + MARGIN;
        let is_near = |value: f64, size: usize| value >= -reach && value <= size as f64 + reach;
        is_near(x, WIDTH) && is_near(y, HEIGHT)
    }

    fn add_quad(&self, scene: &mut Scene, colour: Colour, quad: &Quad) {
        scene.push_antialiased(colour, &quad.corners.map(|corner| self.place(corner)));
    }

    fn sees_quad(&self, quad: &Quad) -> bool {
        self.sees(quad.centre, quad.radius)
    }
}

/// Of an angle in rad, as pygame rotates a vector: quarter turns are exact if the angle is near enough.
fn sine_and_cosine(angle: f64) -> (f64, f64) {
    const NEAR: f64 = 1e-6;
    let turn = 2.0 * PI;
    let mut angle = libm::fmod(angle, turn);
    if angle < 0.0 {
        angle += turn;
    }
    if libm::fmod(angle + NEAR, FRAC_PI_2) >= 2.0 * NEAR {
        return (libm::sin(angle), libm::cos(angle));
    }
    match ((angle + NEAR) / FRAC_PI_2) as u8 {
        1 => (1.0, 0.0),
        2 => (0.0, -1.0),
        3 => (-1.0, 0.0),
        _ => (0.0, 1.0),
    }
}

fn add_field(episode: &CarRacing, camera: &Camera, scene: &mut Scene) {
    let far = PLAYFIELD;
    let corners = [[far, far], [far, -far], [-far, -far], [-far, far]];
    scene.push_antialiased(episode.palette.field(), &corners.map(|corner| camera.place(corner)));
    let colour = episode.palette.grass();
    let (middle, radius) = (GRASS / 2.0, GRASS * SQRT_2 / 2.0);
    for column in GRASS_SQUARES.step_by(2) {
        let x = GRASS * f64::from(column);
        if camera.is_far(0, x + middle, radius) {
            continue;
        }
        for row in GRASS_SQUARES.step_by(2) {
            let y = GRASS * f64::from(row);
            if camera.sees([x + middle, y + middle], radius) {
                let corners = [[x + GRASS, y], [x, y], [x, y + GRASS], [x + GRASS, y + GRASS]];
                scene.push_antialiased(colour, &corners.map(|corner| camera.place(corner)));
            }
        }
    }
}

fn add_road(episode: &CarRacing, camera: &Camera, scene: &mut Scene) {
    for (index, tile) in episode.road.tiles().iter().enumerate() {
        if camera.sees_quad(&tile.quad) {
            let colour = episode.palette.tile(index, episode.road.is_touched(index));
            camera.add_quad(scene, colour, &tile.quad);
        }
        if let Some(kerb) = tile.kerb.as_ref().filter(|kerb| camera.sees_quad(&kerb.quad)) {
            camera.add_quad(scene, if kerb.is_white { WHITE } else { RED }, &kerb.quad);
        }
    }
}

fn add_car(episode: &CarRacing, camera: &Camera, scene: &mut Scene) {
    /// A fixture of the car has as many corners at most.
    const CORNERS: usize = planar::MAX_POLYGON_VERTICES;
    let (world, car) = (&episode.world, &episode.car);
    let add_fixture = |scene: &mut Scene, colour, fixture| {
        let fixture = world.fixture(fixture);
        let transform = world.body(fixture.body()).transform();
        let mut corners = [[0.0; 2]; CORNERS];
        let vertices = fixture.shape().vertices();
        for (corner, &vertex) in corners.iter_mut().zip(vertices) {
            *corner = camera.place_of(transform.apply(vertex));
        }
        scene.push_solid(colour, &corners[..vertices.len()]);
    };
    for (wheel, &fixture) in car.wheels.iter().zip(&car.wheel_fixtures) {
        add_fixture(scene, BLACK, fixture);
        if let Some(stripe) = wheel.stripe() {
            let transform = world.body(wheel.body).transform();
            scene.push_solid(STRIPE, &stripe.map(|corner| camera.place_of(transform.apply(corner))));
        }
    }
    for &fixture in &car.hull_fixtures {
        add_fixture(scene, HULL, fixture);
    }
}

/// The black strip, and on it true speed, the wheels' turning, the steering, and how fast the car turns.
fn add_indicators(episode: &CarRacing, scene: &mut Scene) {
    let (world, car) = (&episode.world, &episode.car);
    let (width, height) = (WIDTH as f64, HEIGHT as f64);
    let top = height - 5.0 * ROW;
    scene.push_indicator(BLACK, &[[width, height], [width, top], [0.0, top], [0.0, height]]);
    let hull = world.body(car.hull);
    let [x, y] = [hull.linear_velocity().x, hull.linear_velocity().y].map(f64::from);
    let speed = (x * x + y * y).sqrt();
    add_if_shown(scene, WHITE, speed, upright(5.0, 0.02 * speed));
    let columns = [(7.0, BLUE), (8.0, BLUE), (9.0, VIOLET), (10.0, VIOLET)];
    for ((column, colour), Wheel { omega, .. }) in columns.into_iter().zip(&car.wheels) {
        add_if_shown(scene, colour, *omega, upright(column, 0.01 * omega));
    }
    let steered = f64::from(world.joint_angle(car.wheels[0].joint));
    add_if_shown(scene, GREEN, steered, level(20.0, -10.0 * steered));
    let turning = f64::from(hull.angular_velocity());
    add_if_shown(scene, RED, turning, level(30.0, -0.8 * turning));
}

fn add_if_shown(scene: &mut Scene, colour: Colour, value: f64, corners: [[f64; 2]; 4]) {
    if value.abs() > LEAST_SHOWN {
        scene.push_indicator(colour, &corners);
    }
}

/// A bar that grows upwards with `value`.
fn upright(column: f64, value: f64) -> [[f64; 2]; 4] {
    let (left, right) = (column * COLUMN, (column + 1.0) * COLUMN);
    let (top, bottom) = (HEIGHT as f64 - (ROW + ROW * value), HEIGHT as f64 - ROW);
    [[left, top], [right, top], [right, bottom], [left, bottom]]
}

/// A bar that grows to the right with `value`.
fn level(column: f64, value: f64) -> [[f64; 2]; 4] {
    let (left, right) = (column * COLUMN, (column + value) * COLUMN);
    let (top, bottom) = (HEIGHT as f64 - 4.0 * ROW, HEIGHT as f64 - 2.0 * ROW);
    [[left, top], [right, top], [right, bottom], [left, bottom]]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_far_from_the_middle_is_not_on_the_screen() {
        let mut rng = numpy_rng::Generator::from_seed(0);
        let mut counts = [0; 3];
        for _ in 0..100_000 {
            let angle = rng.uniform(0.0, 2.0 * PI);
            let zoom = rng.uniform(START_ZOOM * SCALE, ZOOM * SCALE);
            let position = [(); 2].map(|()| rng.uniform(-PLAYFIELD, PLAYFIELD));
            let camera = Camera::new(angle.sin(), angle.cos(), zoom, position);
            let radius = rng.uniform(0.0, 30.0);
            let away = 1.5 * (camera.range + 1.5 * radius);
            let centre = position.map(|part| part + rng.uniform(-away, away));
            let is_far = camera.is_far(0, centre[0], radius) || camera.is_far(1, centre[1], radius);
            let shows = camera.shows(centre, radius);
            assert!(!(is_far && shows), "{centre:?}, {radius} m, from {position:?}");
            counts[if is_far { 0 } else { 1 + usize::from(shows) }] += 1;
        }
        assert!(counts.iter().all(|&count| count > 10_000), "{counts:?}");
    }

    #[test]
    fn quarter_turns_are_exact_and_others_libms() {
        for (angle, expected) in [
            (0.0, (0.0, 1.0)),
            (-5e-7, (0.0, 1.0)),
            (FRAC_PI_2 + 9e-7, (1.0, 0.0)),
            (-PI, (0.0, -1.0)),
            (-FRAC_PI_2, (-1.0, 0.0)),
            (8.0 * PI - 1e-7, (0.0, 1.0)),
        ] {
            assert_eq!(sine_and_cosine(angle), expected, "{angle}");
        }
        assert_eq!(sine_and_cosine(2e-6), (libm::sin(2e-6), libm::cos(2e-6)));
        let wrapped = 2.0 * PI - 1.0;
        assert_eq!(sine_and_cosine(-1.0), (libm::sin(wrapped), libm::cos(wrapped)));
    }
}
