//! The score: a reward in pygame's default font at 42 points, white on black.
//!
//! SDL_ttf's layout is simple at this size: each character advances by whole pixels, kerning adds 64ths of a pixel, and
//! a glyph is put at the whole pixel below. So the text is composed from pictures of eleven characters.

use crate::kerning::KERNING;

/// The characters side by side, an image that record_digits.py wrote: 0 to 9, then the minus sign.
const PICTURES: &[u8] = include_bytes!("digits.pgm");
const PICTURES_HEADER: &[u8] = b"P5\n243 46\n255\n";
const PICTURES_WIDTH: usize = 243;
/// Rows of the text, ascenders and descenders included.
pub(crate) const TEXT_HEIGHT: usize = 46;
/// Columns of a digit, and by how much it advances.
const DIGIT_WIDTH: usize = 23;
/// Columns of a minus sign; the last character in the image.
const MINUS_WIDTH: usize = 13;
const MINUS: usize = 10;

/// Pixels of a character, in as many columns as registers have room for; what is too much is black.
type Glyph = [[[u8; 4]; GLYPH_WIDTH]; TEXT_HEIGHT];
const GLYPH_WIDTH: usize = 24;
static GLYPHS: [Glyph; MINUS + 1] = glyphs();
/// By how many columns a glyph is wider than the narrowest character.
pub(crate) const MARGIN: usize = GLYPH_WIDTH - MINUS_WIDTH;

/// Around which column and row of the screen the text is centred: 2.5 of 40 parts of the height above its lower border.
const CENTRE: (i32, i32) = (60, 750);
/// The text's first row on the screen, y downwards.
pub(crate) const TEXT_TOP: i32 = CENTRE.1 - TEXT_HEIGHT as i32 / 2;

/// The font's size in 64ths of a pixel, and what kerning counts as one.
const SIZE: i32 = 42 * 64;
const EM: i32 = 1000;

/// As many characters as a 64-bit integer has.
const MOST_CHARACTERS: usize = 20;

/// Room for a row of the widest text: kerning adds less than 5 pixels to a pair.
pub(crate) type TextRow = [[u8; 4]; MOST_CHARACTERS * (DIGIT_WIDTH + 5)];
/// An empty one.
pub(crate) const NO_TEXT: TextRow = [[0; 4]; MOST_CHARACTERS * (DIGIT_WIDTH + 5)];

/// A score, laid out.
pub(crate) struct Score {
    /// Characters as their place in the image, each with its first column in the text.
    characters: [(usize, i32); MOST_CHARACTERS],
    count: usize,
    width: i32,
}

impl Score {
    /// Python's `"{:04.0f}"`: rounded, halves to even, filled with zeros to four characters, the sign among them, which
    /// a negative zero has too. Saturates at 64 bits.
    pub(crate) fn new(reward: f64) -> Self {
        let rounded = reward.round_ties_even();
        let mut score = Self { characters: [(0, 0); MOST_CHARACTERS], count: 0, width: 0 };
        let negative = rounded.is_sign_negative();
        let mut rest = (rounded as i64).unsigned_abs();
        while rest > 0 || score.count + usize::from(negative) < 4 {
            score.characters[score.count].0 = (rest % 10) as usize;
            score.count += 1;
            rest /= 10;
        }
        if negative {
            score.characters[score.count].0 = MINUS;
            score.count += 1;
        }
        score.characters[..score.count].reverse();
        score.lay_out();
        score
    }

    /// Sets the columns of all characters, and the text's width.
    fn lay_out(&mut self) {
        let (mut pen, mut before) = (0, None::<usize>);
        for (character, column) in &mut self.characters[..self.count] {
            if let Some(before) = before {
                let units = KERNING[before][*character];
                pen += (units * SIZE + EM / 2).div_euclid(EM);
            }
            *column = pen >> 6;
            pen += 64 * width(*character) as i32;
            before = Some(*character);
        }
        self.width = pen >> 6;
    }

    /// The text's first column on the screen, and its width.
    pub(crate) fn columns(&self) -> (i32, i32) {
        (CENTRE.0 - self.width / 2, self.width)
    }

    /// Draws one row of the text, from 0 to `TEXT_HEIGHT - 1`, on black pixels: as many as the text has columns, and
    /// [`MARGIN`] more, which stay what they are.
    #[inline(always)]
    pub(crate) fn draw_row(&self, row: usize, text: &mut [[u8; 4]]) {
        for &(character, column) in &self.characters[..self.count] {
            let text: &mut [[u8; 4]; GLYPH_WIDTH] =
                text[column as usize..].first_chunk_mut().expect("the text has room for all characters");
            // Some pairs stand so close that they overlap.
            for (channel, ink) in
                text.as_flattened_mut().iter_mut().zip(GLYPHS[character][row].as_flattened())
            {
                *channel = (*channel).max(*ink);
            }
        }
    }

    /// The same as pixels of their own.
    pub(crate) fn row<'a>(&self, row: usize, text: &'a mut TextRow) -> &'a [[u8; 4]] {
        text.fill([0; 4]);
        self.draw_row(row, text);
        &text[..self.width as usize]
    }
}

const fn glyphs() -> [Glyph; MINUS + 1] {
    let mut glyphs = [[[[0; 4]; GLYPH_WIDTH]; TEXT_HEIGHT]; MINUS + 1];
    let mut character = 0;
    while character <= MINUS {
        let mut pixel = 0;
        while pixel < width(character) * TEXT_HEIGHT {
            let (row, column) = (pixel / width(character), pixel % width(character));
            let place = row * PICTURES_WIDTH + character * DIGIT_WIDTH + column;
            let grey = PICTURES[PICTURES_HEADER.len() + place];
            glyphs[character][row][column] = [grey, grey, grey, 0];
            pixel += 1;
        }
        character += 1;
    }
    glyphs
}

/// Columns of a character.
const fn width(character: usize) -> usize {
    if character == MINUS { MINUS_WIDTH } else { DIGIT_WIDTH }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(reward: f64) -> String {
        let score = Score::new(reward);
        score.characters[..score.count]
            .iter()
            .map(|&(character, _)| char::from(b"0123456789-"[character]))
            .collect()
    }

    #[test]
    fn the_text_is_pythons() {
        let expected = [
            (0.0, "0000"),
            (-0.0, "-000"),
            (-0.4, "-000"),
            (0.5, "0000"),
            (1.5, "0002"),
            (-2.5, "-002"),
            (-99.9, "-100"),
            (926.8, "0927"),
            (12345.0, "12345"),
            (-12345.0, "-12345"),
            (-1e300, "-9223372036854775808"),
        ];
        for (reward, expected) in expected {
            assert_eq!(text(reward), expected, "{reward}");
        }
    }

    #[test]
    fn the_image_has_the_size_that_is_assumed() {
        assert_eq!(&PICTURES[..PICTURES_HEADER.len()], PICTURES_HEADER);
        assert_eq!(PICTURES.len() - PICTURES_HEADER.len(), PICTURES_WIDTH * TEXT_HEIGHT);
        assert_eq!(PICTURES_WIDTH, MINUS * DIGIT_WIDTH + MINUS_WIDTH);
    }

    #[test]
    fn the_widest_texts_have_room() {
        for digits in [1_000_000_000_000_000_000.0, -4848484848484848484.0, -8_888_888_888_888_888_888.0] {
            let score = Score::new(digits);
            assert_eq!(score.row(20, &mut { NO_TEXT }).len(), score.width as usize);
        }
    }
}
