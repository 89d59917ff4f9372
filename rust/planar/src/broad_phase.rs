//! Broad phase: which fixtures may touch, by their fattened bounds.
//!
//! Box2D keeps the bounds in a tree; here they are compared one by one. The pairs are the same, because the tree only
//! skips bounds that cannot overlap, and so is their order, because Box2D sorts them by the ids of the tree's leaves. Those
//! ids are 0, 1, 3, 5, ...: each leaf but the first takes an inner node along. A leaf that is removed gives both back, and
//! the next leaf gets just these (its id first, last in, first out), so an inner node's id never becomes a leaf's, and the
//! order of leaf ids is the order of [`FixtureId`]s, which are handed out and recycled in the same way.
//!
//! The ground is most of a world, and where it goes from left to right so do its ids. So fixtures of static bodies are
//! compared in runs of [`RUN`] neighbouring ids, each of which has a box around all of its bounds.

use crate::collide::REACH;
use crate::fixture::FixtureId;
use crate::math::Vec2;
use crate::shapes::Bounds;

/// How many fixtures of static bodies are looked at only where the box around them is met.
const RUN: usize = 8;

/// The fattened bounds of all fixtures, and which of them moved.
#[derive(Debug, Default)]
pub(crate) struct BroadPhase {
    /// By fixture; [`Bounds::NOWHERE`] for a removed one.
    fat: Vec<Bounds>,
    /// By fixture, the same of static bodies; [`Bounds::NOWHERE`] for one that can move.
    resting: Vec<Bounds>,
    /// Boxes around runs of those: what is removed is not taken off.
    runs: Vec<Bounds>,
    /// By fixture, the bounds where it is.
    here: Vec<Bounds>,
    /// By fixture, the box around both ends of its last way; of one that never moved, where it is.
    swept: Vec<Bounds>,
    /// The fixtures of bodies that can move.
    movable: Vec<FixtureId>,
    /// Fixtures that are new or left their fattened bounds since the last search for pairs.
    moved: Vec<FixtureId>,
    pairs: Vec<(FixtureId, FixtureId)>,
}

impl BroadPhase {
    /// Adds a fixture with these bounds, of a body that can move or of a static one.
    pub(crate) fn insert(&mut self, fixture: FixtureId, bounds: &Bounds, can_move: bool) {
        if fixture.index() == self.fat.len() {
            self.fat.push(Bounds::NOWHERE);
            self.resting.push(Bounds::NOWHERE);
            self.here.push(Bounds::NOWHERE);
            self.swept.push(Bounds::NOWHERE);
            if self.fat.len() > self.runs.len() * RUN {
                self.runs.push(Bounds::NOWHERE);
            }
        }
        let fat = bounds.fattened();
        self.fat[fixture.index()] = fat;
        self.here[fixture.index()] = *bounds;
        self.swept[fixture.index()] = *bounds;
        self.moved.push(fixture);
        if can_move {
            self.movable.push(fixture);
        } else {
            self.resting[fixture.index()] = fat;
            let run = &mut self.runs[fixture.index() / RUN];
            *run = run.union(&fat);
        }
    }

    /// Takes a fixture out.
    pub(crate) fn remove(&mut self, fixture: FixtureId) {
        self.fat[fixture.index()] = Bounds::NOWHERE;
        self.resting[fixture.index()] = Bounds::NOWHERE;
        self.moved.retain(|&moved| moved != fixture);
        self.movable.retain(|&movable| movable != fixture);
    }

    /// Tells the bounds of a fixture that moved by `displacement` in this step: where it was and where it is.
    #[inline]
    pub(crate) fn update(&mut self, fixture: FixtureId, [from, to]: [&Bounds; 2], displacement: Vec2) {
        let swept = from.union(to);
        self.here[fixture.index()] = *to;
        self.swept[fixture.index()] = swept;
        let fat = &mut self.fat[fixture.index()];
        if !fat.contains(&swept) {
            *fat = swept.fattened_along(displacement);
            self.moved.push(fixture);
        }
    }

    /// The bounds of a fixture where it is, as they were told.
    #[inline]
    pub(crate) fn here(&self, fixture: FixtureId) -> &Bounds {
        &self.here[fixture.index()]
    }

    /// The box around both ends of a fixture's last way, as it was told.
    #[inline]
    pub(crate) fn swept(&self, fixture: FixtureId) -> &Bounds {
        &self.swept[fixture.index()]
    }

    /// Whether two fixtures are so far apart where they are that the narrow phase finds no point: points lie within
    /// [`REACH`] of a face, and of its ends, and here skins, too, are that far apart.
    ///
    /// [`REACH`]: crate::collide::REACH
    pub(crate) fn are_clear(&self, a: FixtureId, b: FixtureId) -> bool {
        !self.here[a.index()].widened(REACH).overlaps(&self.here[b.index()])
    }

    /// The fattened bounds of a fixture.
    #[inline]
    pub(crate) fn fat(&self, fixture: FixtureId) -> &Bounds {
        &self.fat[fixture.index()]
    }

    /// Whether the fattened bounds of two fixtures overlap.
    pub(crate) fn overlaps(&self, a: FixtureId, b: FixtureId) -> bool {
        self.fat[a.index()].overlaps(&self.fat[b.index()])
    }

    /// Gives the fixtures whose fattened bounds overlap `bounds` to `find`: those of static bodies in the order of ids, then
    /// the others.
    #[inline]
    pub(crate) fn within(&self, bounds: &Bounds, mut find: impl FnMut(FixtureId)) {
        for (number, _) in self.runs.iter().enumerate().filter(|(_, run)| run.overlaps(bounds)) {
            let first = number * RUN;
            let run = &self.resting[first..self.resting.len().min(first + RUN)];
            for (place, _) in run.iter().enumerate().filter(|(_, fat)| fat.overlaps(bounds)) {
                find(FixtureId::from_index(first + place));
            }
        }
        for &fixture in self.movable.iter().filter(|fixture| self.fat[fixture.index()].overlaps(bounds)) {
            find(fixture);
        }
    }

    /// Searches the pairs of fixtures of which one has moved, each with the lesser id first, in the order of ids. Returns how
    /// many there are; [`BroadPhase::pair`] tells them. Two of static bodies are no pair: they never touch, and the ground
    /// has many.
    pub(crate) fn find_pairs(&mut self) -> usize {
        let mut pairs = std::mem::take(&mut self.pairs);
        pairs.clear();
        // What can move and has done so looks for its pairs itself.
        let mut still =
            self.movable.iter().filter(|&fixture| !self.moved.iter().rev().any(|moved| moved == fixture));
        let still: &[FixtureId] = if still.next().is_some() { &self.movable } else { &[] };
        for &moved in &self.moved {
            let bounds = &self.fat[moved.index()];
            let add = |other: FixtureId| {
                if other != moved {
                    pairs.push((moved.min(other), moved.max(other)));
                }
            };
            if self.movable.contains(&moved) {
                self.within(bounds, add);
            } else {
                still.iter().copied().filter(|other| self.fat[other.index()].overlaps(bounds)).for_each(add);
            }
        }
        self.pairs = pairs;
        self.moved.clear();
        self.pairs.sort_unstable();
        self.pairs.dedup();
        self.pairs.len()
    }

    /// The pair at `index` of those found last.
    pub(crate) fn pair(&self, index: usize) -> (FixtureId, FixtureId) {
        self.pairs[index]
    }
}

impl Clone for BroadPhase {
    fn clone(&self) -> Self {
        let mut copy = Self::default();
        copy.clone_from(self);
        copy
    }

    /// Copies into the memory that is already there. The pairs are only needed while they are gone through.
    fn clone_from(&mut self, source: &Self) {
        self.fat.clone_from(&source.fat);
        self.resting.clone_from(&source.resting);
        self.runs.clone_from(&source.runs);
        self.here.clone_from(&source.here);
        self.swept.clone_from(&source.swept);
        self.movable.clone_from(&source.movable);
        self.moved.clone_from(&source.moved);
        self.pairs.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn square(x: f32, y: f32) -> Bounds {
        Bounds { lower: Vec2::new(x, y), upper: Vec2::new(x + 1.0, y + 1.0) }
    }

    fn pairs(broad_phase: &mut BroadPhase) -> Vec<(usize, usize)> {
        let count = broad_phase.find_pairs();
        (0..count).map(|at| broad_phase.pair(at)).map(|(a, b)| (a.index(), b.index())).collect()
    }

    fn filled(places: &[(f32, f32)]) -> BroadPhase {
        let mut broad_phase = BroadPhase::default();
        for (index, &(x, y)) in places.iter().enumerate() {
            broad_phase.insert(FixtureId::from_index(index), &square(x, y), true);
        }
        broad_phase
    }

    #[test]
    fn pairs_come_once_and_in_order() {
        let mut broad_phase = filled(&[(0.5, 0.5), (5.0, 5.0), (0.0, 0.0), (1.0, 1.0)]);
        assert_eq!(pairs(&mut broad_phase), [(0, 2), (0, 3), (2, 3)]);
        assert_eq!(pairs(&mut broad_phase), []);
    }

    #[test]
    fn a_fixture_moves_when_it_leaves_its_fattened_bounds() {
        let mut broad_phase = filled(&[(0.0, 0.0), (3.0, 0.0)]);
        assert_eq!(pairs(&mut broad_phase), []);
        let fixture = FixtureId::from_index(0);
        broad_phase.update(fixture, [&square(0.0, 0.0), &square(0.05, 0.0)], Vec2::new(0.05, 0.0));
        assert!(broad_phase.moved.is_empty());
        assert_eq!(broad_phase.here(fixture), &square(0.05, 0.0));
        assert_eq!(broad_phase.swept(fixture), &square(0.0, 0.0).union(&square(0.05, 0.0)));
        // The margin is 0.1 and twice the displacement is added ahead: 1 + 0.8 + 0.1 + 2 * 0.8 > 3 - 0.1.
        broad_phase.update(fixture, [&square(0.05, 0.0), &square(0.8, 0.0)], Vec2::new(0.8, 0.0));
        assert_eq!(pairs(&mut broad_phase), [(0, 1)]);
    }

    #[test]
    fn a_removed_fixture_forms_no_pairs() {
        let mut broad_phase = filled(&[(0.0, 0.0), (0.5, 0.0)]);
        broad_phase.remove(FixtureId::from_index(1));
        assert_eq!(pairs(&mut broad_phase), []);
        broad_phase.insert(FixtureId::from_index(1), &square(0.2, 0.2), true);
        assert_eq!(pairs(&mut broad_phase), [(0, 1)]);
    }

    #[test]
    fn two_static_fixtures_are_no_pair() {
        let mut broad_phase = BroadPhase::default();
        for (index, (x, can_move)) in
            [(0.0, false), (0.5, false), (0.2, true), (0.7, false)].into_iter().enumerate()
        {
            broad_phase.insert(FixtureId::from_index(index), &square(x, 0.0), can_move);
        }
        assert_eq!(pairs(&mut broad_phase), [(0, 2), (1, 2), (2, 3)]);
        broad_phase.remove(FixtureId::from_index(2));
        broad_phase.insert(FixtureId::from_index(2), &square(0.2, 0.0), false);
        assert_eq!(pairs(&mut broad_phase), []);
    }

    #[test]
    fn what_is_within_a_box_is_found_once() {
        let mut broad_phase = BroadPhase::default();
        for index in 0..20 {
            let can_move = index % 7 == 3;
            broad_phase.insert(FixtureId::from_index(index), &square(1.5 * index as f32, 0.0), can_move);
        }
        broad_phase.remove(FixtureId::from_index(9));
        let mut found = Vec::new();
        // With margins of 0.1 squares 8 to 14 are there, of which 9 is gone and 10 moves.
        broad_phase
            .within(&square(12.0, 0.5).union(&square(21.0, 0.5)), |fixture| found.push(fixture.index()));
        assert_eq!(found, [8, 11, 12, 13, 14, 10]);
    }
}
