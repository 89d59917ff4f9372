//! The road in the world: a sensor for each tile, and which of them the car has visited.

use super::car::{Car, Shapes};
use super::track::{Tile, Track};
use numpy_rng::Generator;
use planar::{BodyDef, ContactEvent, FixtureDef, Shape, Vec2, World};

/// The road of an episode.
#[derive(Clone, Default)]
pub(super) struct Road {
    track: Track,
    /// Of each tile.
    marks: Vec<Mark>,
    visited: usize,
    /// How many of them were visited for the first time in this step.
    newly_visited: usize,
    is_lap_complete: bool,
}

/// What has happened to a tile.
#[derive(Clone, Copy, Debug, Default)]
struct Mark {
    /// Wheels or the hull have begun or ceased to touch it.
    is_touched: bool,
    /// A wheel has touched it.
    is_visited: bool,
}

/// What touches tiles.
enum Toucher {
    Hull,
    Wheel(usize),
}

impl Road {
    /// Draws a track, and fills an empty world with it and a car at its start.
    pub(super) fn build(&mut self, world: &mut World, shapes: &Shapes, rng: &mut Generator) -> Car {
        self.track.draw(rng);
        for (index, tile) in self.track.tiles.iter().enumerate() {
            let body = world.create_body(&BodyDef::default());
            let corners = tile.quad.corners.map(|[x, y]| Vec2::new(x as f32, y as f32));
            let fixture = FixtureDef { is_sensor: true, ..FixtureDef::new(Shape::polygon(&corners)) };
            let id = world.create_fixture(body, &fixture);
            assert_eq!(id.index(), index, "the tiles are the first fixtures of the world");
        }
        self.marks.clear();
        self.marks.resize(self.track.tiles.len(), Mark::default());
        (self.visited, self.newly_visited, self.is_lap_complete) = (0, 0, false);
        Car::build(world, shapes, &self.track.nodes()[0])
    }

    /// Takes in the contact events of a step, in their order.
    pub(super) fn listen(&mut self, events: &[ContactEvent], car: &mut Car, lap_complete_percent: f64) {
        self.newly_visited = 0;
        for event in events {
            let (tile, toucher) = self.parts(event, car);
            self.marks[tile].is_touched = true;
            let Toucher::Wheel(wheel) = toucher else {
                continue;
            };
            let wheel = &mut car.wheels[wheel];
            if event.touching {
                wheel.tiles += 1;
                self.visit(tile, lap_complete_percent);
            } else {
                wheel.tiles -= 1;
            }
        }
    }

    /// The tile of an event, and what touches it. In a world of an episode's own it is always the first fixture, since it
    /// is the older one.
    fn parts(&self, event: &ContactEvent, car: &Car) -> (usize, Toucher) {
        let (tile, other) = (event.fixture_a.index(), event.fixture_b);
        assert!(tile < self.marks.len(), "nothing touches but a tile and the car");
        let wheel = car.wheel_fixtures.iter().position(|&fixture| fixture == other);
        (tile, wheel.map_or(Toucher::Hull, Toucher::Wheel))
    }

    fn visit(&mut self, tile: usize, lap_complete_percent: f64) {
        if self.marks[tile].is_visited {
            return;
        }
        self.marks[tile].is_visited = true;
        self.visited += 1;
        self.newly_visited += 1;
        let part = self.visited as f64 / self.marks.len() as f64;
        self.is_lap_complete |= tile == 0 && part > lap_complete_percent;
    }

    /// The tiles, from the start on.
    pub(super) fn tiles(&self) -> &[Tile] {
        &self.track.tiles
    }

    pub(super) fn track(&self) -> &Track {
        &self.track
    }

    pub(super) fn is_touched(&self, tile: usize) -> bool {
        self.marks[tile].is_touched
    }

    pub(super) fn visited(&self) -> usize {
        self.visited
    }

    pub(super) fn newly_visited(&self) -> usize {
        self.newly_visited
    }

    pub(super) fn is_all_visited(&self) -> bool {
        self.visited == self.marks.len()
    }

    /// The first tile was visited when enough of the others had been.
    pub(super) fn is_lap_complete(&self) -> bool {
        self.is_lap_complete
    }
}
