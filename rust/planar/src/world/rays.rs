//! Rays: how far one sees.

use super::World;
use crate::collide::Target;
use crate::ids::FixtureId;
use crate::math::Vec2;
use crate::shapes::Bounds;

impl World {
    /// Casts rays from `from` to each of `ends`, metres; for each, the part of its way at which it first meets a fixture that
    /// `sees` accepts, `None` where it meets none. Sensors stop rays as other fixtures do; a ray that starts in a polygon does
    /// not meet it.
    ///
    /// It is what `b2World::RayCast` finds with a callback that returns the fraction of what it accepts, and -1 for the rest:
    /// the nearest fraction does not depend on the order in which fixtures are asked. (Only whether a fraction is 0 or -0 does,
    /// where a ray starts on two edges.)
    #[must_use]
    pub fn cast_rays<const N: usize>(
        &self,
        from: Vec2,
        ends: [Vec2; N],
        sees: impl Fn(FixtureId) -> bool,
    ) -> [Option<f32>; N] {
        let start = Bounds { lower: from, upper: from };
        let boxes = ends.map(|end| start.union(&Bounds { lower: end, upper: end }));
        let around = boxes.iter().fold(start, |around, bounds| around.union(bounds));
        let mut nearest = [None; N];
        for (id, fat) in self.broad_phase.within(&around).filter(|&(id, _)| sees(id)) {
            let fixture = &self.fixtures[id];
            let target = Target::new(&fixture.def.shape, &self.bodies[fixture.body].transform, from);
            for ((nearest, bounds), &end) in nearest.iter_mut().zip(&boxes).zip(&ends) {
                let most = nearest.unwrap_or(1.0);
                // Nothing is nearer than what is right here.
                if most != 0.0 && fat.overlaps(bounds) {
                    *nearest = target.ray(end, most).or(*nearest);
                }
            }
        }
        nearest
    }
}
