//! evalengine/Snake-v0: the rules of Jumanji's Snake-v1 behind Gymnasium's interface and randomness.
//!
//! The reference is the project's own Gymnasium environment in plain Python
//! (`evalengine.parity.references.snake`), which shares nothing with this file.
//!
//! - Actions: 0 up, 1 right, 2 down, 3 left. A move is invalid if it leaves the board or enters a
//!   cell of the body; the tail's cell may be entered, since the tail moves on.
//! - An invalid move terminates with reward 0 and leaves the snake as it was. Eating the fruit gives
//!   reward 1 and a new fruit; a full board terminates. After `time_limit` steps the episode is truncated.
//! - Observation: float32 `(rows, cols, 5)`, planes body, head, tail, fruit and age / length, where the
//!   head's age is the length and the tail's is 1.
//! - Random draws, NumPy's: `integers(rows)` and `integers(cols)` for the head; for a fruit
//!   `free[integers(len(free))]` over the free cells in row-major order.
//!
//! EXACT against that reference. DIFFERENCE from Jumanji: an invalid move leaves the snake as it was,
//! where Jumanji's terminal observation shows the head wrapped around or over the body.

use crate::arguments::{Arguments, Parameter, Value};
use crate::entry::Entry;
use crate::environment::{Action, Environment, StateField, StateValue, Step, View};
use crate::error::EnvError;
use crate::space::{ActionSpace, ObservationDtype, ObservationSpace};
use crate::spec::{PrototypeSpec, Spec};
use numpy_rng::Generator;

/// The planes of an observation: body, head, tail, fruit, age / length.
const PLANES: usize = 5;
/// The longest side of a board: beyond it a single observation would take tens of megabytes.
const MAX_SIDE: i64 = 1000;

/// 1 in a step in which the snake ate the fruit, else 0.
const EVENT_FIELDS: [&str; 1] = ["fruit"];

/// The registry's entry.
pub(crate) const ENTRY: Entry = Entry {
    id: "evalengine/Snake-v0",
    short_name: "snake",
    summary: "eat fruit, grow, do not bite yourself",
    max_episode_steps: None,
    default_policy: "cnn:5x12x12-16k3-32k3-64-4",
    kwargs: &[
        Parameter { name: "rows", default: Value::Int(12) },
        Parameter { name: "cols", default: Value::Int(12) },
        Parameter { name: "time_limit", default: Value::Int(4000) },
    ],
    reset_options: &[],
    variant_of: None,
    build,
};

fn build(kwargs: &Arguments, _reset_options: &Arguments) -> Result<Box<dyn Spec>, EnvError> {
    let (rows, cols) = (side(kwargs, "rows")?, side(kwargs, "cols")?);
    if rows * cols < 2 {
        return Err(EnvError::new("evalengine/Snake-v0: expected a board of at least 2 cells, got 1 x 1"));
    }
    let time_limit = kwargs.int("time_limit");
    if time_limit < 1 {
        return Err(EnvError::new(format!(
            "evalengine/Snake-v0: keyword argument time_limit: expected at least 1, got {time_limit}"
        )));
    }
    let prototype = Snake {
        rows,
        cols,
        time_limit: time_limit as u64,
        rng: Generator::from_seed(0),
        body: Body::new(rows * cols),
        fruit: None,
        has_eaten: false,
        elapsed_steps: 0,
    };
    let observation_space =
        ObservationSpace { shape: vec![rows, cols, PLANES], dtype: ObservationDtype::F32 };
    let spec = PrototypeSpec::new(prototype, observation_space, ActionSpace::Discrete(4));
    Ok(Box::new(spec.with_event_fields(&EVENT_FIELDS).with_own_step_limit(time_limit as u64)))
}

fn side(kwargs: &Arguments, name: &str) -> Result<usize, EnvError> {
    let length = kwargs.int(name);
    if (1..=MAX_SIDE).contains(&length) {
        return Ok(length as usize);
    }
    Err(EnvError::new(format!(
        "evalengine/Snake-v0: keyword argument {name}: expected 1 to {MAX_SIDE}, got {length}"
    )))
}

/// The snake's cells, tail to head, in a ring; and which cells of the board they are.
#[derive(Clone, Debug)]
struct Body {
    ring: Vec<u32>,
    tail: usize,
    length: usize,
    occupied: Vec<bool>,
}

impl Body {
    fn new(cells: usize) -> Self {
        Self { ring: vec![0; cells], tail: 0, length: 0, occupied: vec![false; cells] }
    }

    fn restart(&mut self, head: usize) {
        self.occupied.fill(false);
        (self.tail, self.length) = (0, 0);
        self.push_head(head);
    }

    /// The cell of the body whose age is `age`: 1 is the tail, `length` the head.
    fn cell(&self, age: usize) -> usize {
        let index = self.tail + age - 1;
        self.ring[if index < self.ring.len() { index } else { index - self.ring.len() }] as usize
    }

    fn head(&self) -> usize {
        self.cell(self.length)
    }

    fn tail(&self) -> usize {
        self.cell(1)
    }

    fn push_head(&mut self, cell: usize) {
        self.length += 1;
        let index = (self.tail + self.length - 1) % self.ring.len();
        self.ring[index] = cell as u32;
        self.occupied[cell] = true;
    }

    fn pop_tail(&mut self) {
        let cell = self.tail();
        self.occupied[cell] = false;
        self.tail = (self.tail + 1) % self.ring.len();
        self.length -= 1;
    }

    /// The snake would bite itself in `cell`; the tail moves on, so its cell is no bite.
    fn bites(&self, cell: usize) -> bool {
        self.occupied[cell] && cell != self.tail()
    }
}

/// One episode.
#[derive(Clone, Debug)]
struct Snake {
    rows: usize,
    cols: usize,
    time_limit: u64,
    rng: Generator,
    body: Body,
    /// The fruit's cell; none on a full board.
    fruit: Option<usize>,
    /// The last step ate a fruit.
    has_eaten: bool,
    elapsed_steps: u64,
}

impl Snake {
    fn draw_fruit(&mut self) {
        let free = self.body.ring.len() - self.body.length;
        let choice = self.rng.integers(0, free as i64) as usize;
        let free_cells = self.body.occupied.iter().enumerate().filter(|(_, occupied)| !**occupied);
        self.fruit = free_cells.map(|(cell, _)| cell).nth(choice);
    }

    /// The cell that a move leads to, or none off the board.
    fn target(&self, action: u32) -> Option<usize> {
        let (row, col) = (self.body.head() / self.cols, self.body.head() % self.cols);
        let (row, col) = match action {
            0 => (row.checked_sub(1)?, col),
            1 => (row, col + 1),
            2 => (row + 1, col),
            _ => (row, col.checked_sub(1)?),
        };
        (row < self.rows && col < self.cols).then_some(row * self.cols + col)
    }

    /// The reward of a move, and whether it ended the episode.
    fn advance(&mut self, action: u32) -> (f64, bool) {
        self.has_eaten = false;
        let target = match self.target(action) {
            Some(cell) if !self.body.bites(cell) => cell,
            _ => return (0.0, true),
        };
        if self.fruit != Some(target) {
            // The tail leaves first: the head may take its cell.
            self.body.pop_tail();
            self.body.push_head(target);
            return (0.0, false);
        }
        self.body.push_head(target);
        (self.fruit, self.has_eaten) = (None, true);
        let board_is_full = self.body.length == self.body.ring.len();
        if !board_is_full {
            self.draw_fruit();
        }
        (1.0, board_is_full)
    }

    /// Calls `show(plane, cell, value)` for every value of the observation that is not zero.
    fn for_each_nonzero(&self, mut show: impl FnMut(usize, usize, f32)) {
        let length = self.body.length as f32;
        for age in 1..=self.body.length {
            let cell = self.body.cell(age);
            show(0, cell, 1.0);
            show(4, cell, age as f32 / length);
        }
        show(1, self.body.head(), 1.0);
        show(2, self.body.tail(), 1.0);
        if let Some(fruit) = self.fruit {
            show(3, fruit, 1.0);
        }
    }
}

impl Environment for Snake {
    fn reset(&mut self, seed: Option<u64>) {
        if let Some(seed) = seed {
            self.rng = Generator::from_seed(seed);
        }
        let row = self.rng.integers(0, self.rows as i64) as usize;
        let col = self.rng.integers(0, self.cols as i64) as usize;
        self.body.restart(row * self.cols + col);
        self.draw_fruit();
        (self.has_eaten, self.elapsed_steps) = (false, 0);
    }

    fn step(&mut self, action: Action<'_>) -> Step {
        let (reward, terminated) = self.advance(action.index());
        self.elapsed_steps += 1;
        Step { reward, terminated, truncated: self.elapsed_steps >= self.time_limit }
    }

    fn observe(&self, view: View, observation: &mut [f32]) {
        observation.fill(0.0);
        let cells = self.rows * self.cols;
        match view {
            View::Gymnasium => {
                self.for_each_nonzero(|plane, cell, value| observation[cell * PLANES + plane] = value);
            }
            View::ChannelsFirst => {
                self.for_each_nonzero(|plane, cell, value| observation[plane * cells + cell] = value);
            }
        }
    }

    fn events(&self, events: &mut [f64]) {
        events[0] = f64::from(self.has_eaten);
    }

    fn state(&self) -> Vec<StateField> {
        let cells = (1..=self.body.length).rev().map(|age| self.body.cell(age) as i64).collect();
        vec![
            ("body", StateValue::Ints(cells)),
            ("fruit", StateValue::Ints(self.fruit.iter().map(|&cell| cell as i64).collect())),
            ("elapsed_steps", StateValue::Ints(vec![self.elapsed_steps as i64])),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry;

    fn board(rows: usize, cols: usize, body: &[usize], fruit: usize) -> Snake {
        let mut snake = Snake {
            rows,
            cols,
            time_limit: 100,
            rng: Generator::from_seed(0),
            body: Body::new(rows * cols),
            fruit: Some(fruit),
            has_eaten: false,
            elapsed_steps: 0,
        };
        snake.body.restart(body[0]);
        body[1..].iter().for_each(|&cell| snake.body.push_head(cell));
        snake
    }

    fn body(snake: &Snake) -> Vec<usize> {
        (1..=snake.body.length).map(|age| snake.body.cell(age)).collect()
    }

    fn has_eaten(snake: &Snake) -> f64 {
        let mut events = [f64::NAN];
        snake.events(&mut events);
        events[0]
    }

    const UP: Action<'_> = Action::Discrete(0);
    const RIGHT: Action<'_> = Action::Discrete(1);
    const DOWN: Action<'_> = Action::Discrete(2);
    const LEFT: Action<'_> = Action::Discrete(3);

    #[test]
    fn moves_keep_the_length_and_leave_the_tail() {
        // 3 x 3 board: the snake lies in cells 3, 4 (head), the fruit in 8.
        let mut snake = board(3, 3, &[3, 4], 8);
        assert_eq!(snake.step(UP), Step { reward: 0.0, terminated: false, truncated: false });
        assert_eq!((body(&snake), has_eaten(&snake)), (vec![4, 1], 0.0));
        snake.step(LEFT);
        snake.step(DOWN);
        assert_eq!(body(&snake), [0, 3]);
    }

    #[test]
    fn off_the_board_and_into_the_body_terminate_and_leave_the_snake_as_it_was() {
        let mut snake = board(3, 3, &[1, 0, 3, 4, 5], 8);
        for action in [RIGHT, LEFT] {
            let before = body(&snake);
            assert_eq!(snake.step(action), Step { reward: 0.0, terminated: true, truncated: false });
            assert_eq!(body(&snake), before);
        }
    }

    #[test]
    fn the_tail_s_cell_may_be_entered_even_by_turning_back() {
        let mut ring = board(3, 3, &[0, 1, 4, 3], 8);
        assert!(!ring.step(UP).terminated);
        assert_eq!(body(&ring), [1, 4, 3, 0]);
        let mut pair = board(3, 3, &[3, 4], 8);
        assert!(!pair.step(LEFT).terminated);
        assert_eq!(body(&pair), [4, 3]);
    }

    #[test]
    fn eating_grows_and_a_full_board_ends_without_a_fruit() {
        let mut snake = board(1, 3, &[0], 1);
        assert_eq!(snake.step(RIGHT), Step { reward: 1.0, terminated: false, truncated: false });
        assert_eq!((body(&snake), snake.fruit, has_eaten(&snake)), (vec![0, 1], Some(2), 1.0));
        assert_eq!(snake.step(RIGHT), Step { reward: 1.0, terminated: true, truncated: false });
        assert_eq!(snake.fruit, None);
        let mut observation = [9.0; 15];
        snake.observe(View::Gymnasium, &mut observation);
        let expected =
            [[1.0, 0.0, 1.0, 0.0, 1.0 / 3.0], [1.0, 0.0, 0.0, 0.0, 2.0 / 3.0], [1.0, 1.0, 0.0, 0.0, 1.0]];
        assert_eq!(observation.chunks(PLANES).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_reset_has_eaten_nothing_and_taken_no_step() {
        let mut snake = board(1, 3, &[0], 1);
        snake.time_limit = 2;
        snake.step(RIGHT);
        assert_eq!((has_eaten(&snake), snake.elapsed_steps), (1.0, 1));
        snake.reset(Some(0));
        assert_eq!((has_eaten(&snake), snake.elapsed_steps), (0.0, 0));
    }

    #[test]
    fn the_time_limit_truncates() {
        let mut snake = board(3, 3, &[0], 8);
        snake.time_limit = 2;
        assert!(!snake.step(RIGHT).truncated);
        assert!(snake.step(RIGHT).truncated);
    }

    #[test]
    fn both_views_show_the_same_values() {
        let snake = board(3, 4, &[0, 1, 2, 6], 11);
        let (mut gymnasium, mut channels_first) = ([0.0; 60], [0.0; 60]);
        snake.observe(View::Gymnasium, &mut gymnasium);
        snake.observe(View::ChannelsFirst, &mut channels_first);
        assert!(gymnasium.iter().any(|&value| value != 0.0));
        for cell in 0..12 {
            for plane in 0..PLANES {
                assert_eq!(gymnasium[cell * PLANES + plane], channels_first[plane * 12 + cell]);
            }
        }
        let sides = [("rows", 3), ("cols", 4)].map(|(name, side)| (name.to_string(), Value::Int(side)));
        let order = registry::find("snake").unwrap().spec(&sides, &[]).unwrap().channels_first_order();
        assert_eq!(order.into_iter().map(|index| gymnasium[index]).collect::<Vec<_>>(), channels_first);
    }

    #[test]
    fn sizes_and_limits_are_checked() {
        let message = |name: &str, value| {
            let kwargs = [(name.to_string(), Value::Int(value))];
            registry::find("snake").unwrap().spec(&kwargs, &[]).err().unwrap().to_string()
        };
        assert_eq!(
            message("rows", 0),
            "evalengine/Snake-v0: keyword argument rows: expected 1 to 1000, got 0"
        );
        assert_eq!(
            message("cols", 1001),
            "evalengine/Snake-v0: keyword argument cols: expected 1 to 1000, got 1001"
        );
        let expected = "evalengine/Snake-v0: keyword argument time_limit: expected at least 1, got 0";
        assert_eq!(message("time_limit", 0), expected);
        let one = [("rows".to_string(), Value::Int(1)), ("cols".to_string(), Value::Int(1))];
        let message = registry::find("snake").unwrap().spec(&one, &[]).err().unwrap().to_string();
        assert_eq!(message, "evalengine/Snake-v0: expected a board of at least 2 cells, got 1 x 1");
    }
}
