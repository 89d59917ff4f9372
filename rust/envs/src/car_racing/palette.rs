//! The colours of road, field and grass.

use numpy_rng::Generator;

/// Red, green and blue in 0..256, whose fractions are cut off where they are drawn.
type Shade = [f64; 3];

/// Random colours are not brighter than this.
const BRIGHTEST: f64 = 210.0;
/// How much brighter than the field the grass is, in one channel.
const GRASS_OFFSET: f64 = 20.0;
/// Three tiles in a row are each a little brighter than the one before: 0, 1 and 2 times this part of 255.
const TILE_OFFSET: f64 = 0.01;

/// The colours of an episode.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Palette {
    road: Shade,
    field: Shade,
    grass: Shade,
}

impl Palette {
    pub(super) const STANDARD: Self =
        Self { road: [102.0; 3], field: [102.0, 204.0, 102.0], grass: [102.0, 230.0, 102.0] };

    /// Random colours.
    pub(super) fn draw(rng: &mut Generator) -> Self {
        let [road, field] = [(); 2].map(|()| [(); 3].map(|()| rng.uniform(0.0, BRIGHTEST)));
        let mut grass = field;
        grass[rng.integers(0, 3) as usize] += GRASS_OFFSET;
        Self { road, field, grass }
    }

    pub(super) fn field(&self) -> raster::Colour {
        truncated(self.field)
    }

    pub(super) fn grass(&self) -> raster::Colour {
        truncated(self.grass)
    }

    /// A tile that something has touched loses its offset.
    pub(super) fn tile(&self, index: usize, is_touched: bool) -> raster::Colour {
        let offset = if is_touched { 0.0 } else { TILE_OFFSET * (index % 3) as f64 * 255.0 };
        truncated(self.road.map(|channel| channel + offset))
    }
}

fn truncated(shade: Shade) -> raster::Colour {
    shade.map(|channel| channel as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_are_of_three_greys_until_they_are_touched() {
        let greys = |is_touched| [0, 1, 2, 3].map(|index| Palette::STANDARD.tile(index, is_touched)[0]);
        assert_eq!(greys(false), [102, 104, 107, 102]);
        assert_eq!(greys(true), [102; 4]);
    }

    /// gymnasium 1.4.0: `reset(seed=3)` of an environment with `domain_randomize`.
    #[test]
    fn random_colours_are_gymnasiums() {
        let palette = Palette::draw(&mut Generator::from_seed(3));
        let shades = [palette.road, palette.field, palette.grass].map(|shade| shade.map(f64::to_bits));
        assert_eq!(shades, RECORDED);
    }

    const RECORDED: [[u64; 3]; 3] = [
        [0x4031_fc7f_cd40_6a7a, 0x4048_dd77_671f_d75c, 0x4065_0890_7cec_82c5],
        [0x405e_9041_fcde_227b, 0x4033_c45b_1628_4613, 0x4056_bd39_e02a_f0ca],
        [0x405e_9041_fcde_227b, 0x4043_e22d_8b14_230a, 0x4056_bd39_e02a_f0ca],
    ];
}
