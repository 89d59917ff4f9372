//! Recurrent cells: two linear layers, and the gates that [`crate::cell`] states, row by row.

use std::ops::ControlFlow;

use lane_math::lanes::Simd;
use lane_math::{Isa, Kernel};

use super::linear::{Linear, LinearPass};
use super::{Batch, LinearShape, Rows};
use crate::cell::{CellKind, next_state};
use crate::pace::Pace;
use crate::packed::row_stride;

/// What lanes remember: (lanes, `stride`) before and after the step, of which a cell has a part of each row.
pub(crate) struct Memory<'a> {
    pub(crate) before: &'a [f32],
    pub(crate) after: &'a mut [f32],
    pub(crate) stride: usize,
    /// Given if rows are in another order than lanes.
    pub(crate) lane_of_row: Option<&'a [usize]>,
}

impl Memory<'_> {
    /// Where the state of a row's lane starts.
    #[inline(always)]
    fn start_of(&self, row: usize) -> usize {
        self.stride * if let Some(lanes) = self.lane_of_row { lanes[row] } else { row }
    }
}

/// Room for what the linear layers of a cell give, and for the former outputs in the order of rows.
pub(crate) struct GateRows<'a> {
    pub(crate) values: &'a mut [f32],
    /// Units of dot products of every row.
    pub(crate) units: &'a mut [f32],
}

/// One cell.
#[derive(Clone, Debug)]
pub(crate) struct Cell {
    kind: CellKind,
    hidden: usize,
    inputs: usize,
    has_bias: bool,
    of_input: Linear,
    of_hidden: Linear,
    /// Where its part of a lane's state starts.
    state_at: usize,
}

impl Cell {
    pub(crate) fn new(
        kind: CellKind,
        inputs: usize,
        hidden: usize,
        has_bias: bool,
        state_at: usize,
        packed_at: usize,
    ) -> Self {
        let outputs = kind.gates() * hidden;
        let of_input = Linear::new(LinearShape { inputs, outputs, has_bias }, false, packed_at);
        let of_hidden = Linear::new(LinearShape { inputs: hidden, outputs, has_bias }, false, of_input.end());
        Self { kind, hidden, inputs, has_bias, of_input, of_hidden, state_at }
    }

    /// Where the next layer's packed values start.
    pub(crate) fn packed_end(&self) -> usize {
        self.of_hidden.end()
    }

    /// Units of dot products in a row, see [`Linear::units`].
    pub(crate) fn units(&self) -> usize {
        self.of_input.units().max(self.of_hidden.units())
    }

    /// Values that [`GateRows`] needs for one row.
    pub(crate) fn gates_len(&self) -> usize {
        2 * self.gates_stride() + row_stride(self.hidden)
    }

    fn gates_stride(&self) -> usize {
        row_stride(self.kind.gates() * self.hidden)
    }

    /// Packs weight_ih, weight_hh, bias_ih, bias_hh into the individual's packed values.
    #[inline(always)]
    pub(crate) fn pack<S: Simd>(&self, weights: &[f32], packed: &mut [f32]) {
        let outputs = self.kind.gates() * self.hidden;
        let (of_input, rest) = weights.split_at(outputs * self.inputs);
        let (of_hidden, biases) = rest.split_at(outputs * self.hidden);
        let (bias_of_input, bias_of_hidden) = biases.split_at(if self.has_bias { outputs } else { 0 });
        self.of_input.pack::<S>(of_input, bias_of_input, packed);
        self.of_hidden.pack::<S>(of_hidden, bias_of_hidden, packed);
    }

    /// The outputs of every row, and what its lane remembers of them; rows may be in another order than lanes.
    pub(crate) fn forward(
        &self,
        isa: Isa,
        batch: &Batch<'_>,
        rows: &mut Rows<'_>,
        memory: &mut Memory<'_>,
        room: GateRows<'_>,
        pace: &mut Pace<'_>,
    ) -> ControlFlow<()> {
        let (hidden, n_rows, stride) = (self.hidden, batch.rows(), self.gates_stride());
        let hidden_stride = row_stride(hidden);
        let GateRows { values, units } = room;
        let (from_input, values) = values.split_at_mut(n_rows * stride);
        let (from_hidden, former) = values.split_at_mut(n_rows * stride);
        for row in 0..n_rows {
            let state = &memory.before[memory.start_of(row) + self.state_at..][..hidden];
            former[row * hidden_stride..][..hidden].copy_from_slice(state);
        }
        let sums = [
            (&self.of_input, rows.input, rows.input_stride, &mut *from_input),
            (&self.of_hidden, &*former, hidden_stride, &mut *from_hidden),
        ];
        for (linear, input, input_stride, output) in sums {
            let mut rows = Rows { input, input_stride, output, output_stride: stride };
            isa.run(LinearPass { linear, batch, rows: &mut rows, units, pace })?;
        }
        isa.run(Gates { cell: self, rows, memory, from_input, from_hidden, n_rows });
        ControlFlow::Continue(())
    }
}

/// The gates of all rows.
struct Gates<'a, 'r, 'm> {
    cell: &'a Cell,
    rows: &'a mut Rows<'r>,
    memory: &'a mut Memory<'m>,
    from_input: &'a mut [f32],
    from_hidden: &'a [f32],
    n_rows: usize,
}

impl Kernel for Gates<'_, '_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self) {
        let Cell { kind, hidden, state_at, .. } = *self.cell;
        let (gates, states, stride) =
            (kind.gates() * hidden, kind.states() * hidden, self.cell.gates_stride());
        for row in 0..self.n_rows {
            let at = self.memory.start_of(row) + state_at;
            let before = &self.memory.before[at..][..states];
            let after = &mut self.memory.after[at..][..states];
            let from_input = &mut self.from_input[row * stride..][..gates];
            let from_hidden = &self.from_hidden[row * stride..][..gates];
            next_state::<S>(kind, from_input, from_hidden, before, after);
            self.rows.output_row(row, hidden).copy_from_slice(&after[..hidden]);
        }
    }
}
