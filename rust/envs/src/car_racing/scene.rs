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
}

impl Camera {
    /// The camera that follows an episode's car and turns with it.
    fn above(episode: &CarRacing) -> Self {
        let (hull, time) = (episode.world.body(episode.car.hull), episode.time);
        let still_above = if 0.0 > 1.0 - time { 0.0 } else { 1.0 - time };
        let zoom = START_ZOOM * SCALE * still_above + ZOOM * SCALE * (if 1.0 < time { 1.0 } else { time });
        let (sine, cosine) = sine_and_cosine(-f64::from(hull.angle()));
        let mut camera = Self { sine, cosine, zoom, origin: [0.0; 2] };
        let position = hull.position();
        let scroll = camera.turned([-f64::from(position.x) * zoom, -f64::from(position.y) * zoom]);
        camera.origin = [CAR_PLACE[0] + scroll[0], CAR_PLACE[1] + scroll[1]];
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

    /// Whether a circle in the world may touch the screen. What does not can be left out: it draws no pixel. The
    /// reference leaves out less.
    fn sees(&self, centre: [f64; 2], radius: f64) -> bool {
        /// Vertices are truncated, and edges are as wide as two pixels.
        const MARGIN: f64 = 4.0;
        let [x, y] = self.place(centre);
        let reach = radius * self.zoom + MARGIN;
        let is_near = |value: f64, size: usize| value >= -reach && value <= size as f64 + reach;
        is_near(x, WIDTH) && is_near(y, HEIGHT)
    }

    fn add_quad(&self, scene: &mut Scene, colour: Colour, quad: &Quad) {
        if self.sees(quad.centre, quad.radius) {
            scene.push_antialiased(colour, &quad.corners.map(|corner| self.place(corner)));
        }
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
    for column in GRASS_SQUARES.step_by(2) {
        for row in GRASS_SQUARES.step_by(2) {
            let [x, y] = [GRASS * f64::from(column), GRASS * f64::from(row)];
            if camera.sees([x + GRASS / 2.0, y + GRASS / 2.0], GRASS * SQRT_2 / 2.0) {
                let corners = [[x + GRASS, y], [x, y], [x, y + GRASS], [x + GRASS, y + GRASS]];
                scene.push_antialiased(colour, &corners.map(|corner| camera.place(corner)));
            }
        }
    }
}

fn add_road(episode: &CarRacing, camera: &Camera, scene: &mut Scene) {
    for (index, tile) in episode.road.tiles().iter().enumerate() {
        camera.add_quad(scene, episode.palette.tile(index, episode.road.is_touched(index)), &tile.quad);
        if let Some(kerb) = &tile.kerb {
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
