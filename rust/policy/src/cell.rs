//! Recurrent cells: which there are, and the orders in which PyTorch computes their gates.
//!
//! With a = W_ih x + b_ih and b = W_hh h + b_hh, both summed as linear layers, and every operation rounded by itself:
//!
//! ```text
//! RNN     h' = tanh(b + a)  or  relu(b + a)
//! GRU     r, z = sigmoid(b + a);  n = tanh(a + b r);  h' = (h - n) z + n
//! LSTM    i, f, o = sigmoid(b + a);  g = tanh(b + a);  c' = f c + i g;  h' = o tanh(c')
//! ```
//!
//! PyTorch takes the gates as chunks of one matrix, so that a row of a gate lies apart from the next: its sigmoid has a rest
//! of H % 16 values in every row, see [`lane_math::sigmoid_row`].

use std::fmt;

use lane_math::lanes::Simd;
use lane_math::{Activation, sigmoid_row};

/// Which recurrent cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CellKind {
    /// `torch.nn.RNNCell`.
    RnnTanh,
    /// `torch.nn.RNNCell(nonlinearity="relu")`.
    RnnRelu,
    /// `torch.nn.GRUCell`.
    Gru,
    /// `torch.nn.LSTMCell`.
    Lstm,
}

impl CellKind {
    /// Linear layers that stand above each other in a weight matrix: 1, 3 (r, z, n) or 4 (i, f, g, o).
    #[must_use]
    pub fn gates(self) -> usize {
        match self {
            Self::RnnTanh | Self::RnnRelu => 1,
            Self::Gru => 3,
            Self::Lstm => 4,
        }
    }

    /// Vectors of the hidden size that it remembers: the output, and behind it the cell state of an LSTM.
    #[must_use]
    pub fn states(self) -> usize {
        if self == Self::Lstm { 2 } else { 1 }
    }
}

impl fmt::Display for CellKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::RnnTanh => "rnn",
            Self::RnnRelu => "rnn_relu",
            Self::Gru => "gru",
            Self::Lstm => "lstm",
        })
    }
}

/// One row's next state, from what the two linear layers gave.
///
/// - `from_input` and `from_hidden`: (gates * hidden) each; the former is overwritten;
/// - `before`, `after`: (states * hidden), the output first.
#[inline(always)]
pub(crate) fn next_state<S: Simd>(
    kind: CellKind,
    from_input: &mut [f32],
    from_hidden: &[f32],
    before: &[f32],
    after: &mut [f32],
) {
    match kind {
        CellKind::RnnTanh | CellKind::RnnRelu => {
            add(from_hidden, from_input);
            let activation = if kind == CellKind::RnnTanh { Activation::Tanh } else { Activation::Relu };
            activation.apply_slice::<S>(from_input);
            after.copy_from_slice(from_input);
        }
        CellKind::Gru => gru::<S>(from_input, from_hidden, before, after),
        CellKind::Lstm => lstm::<S>(from_input, from_hidden, before, after),
    }
}

#[inline(always)]
fn gru<S: Simd>(from_input: &mut [f32], from_hidden: &[f32], before: &[f32], after: &mut [f32]) {
    let hidden = before.len();
    let (gates, new) = from_input.split_at_mut(2 * hidden);
    let (hidden_gates, hidden_new) = from_hidden.split_at(2 * hidden);
    add(hidden_gates, gates);
    let (reset, update) = gates.split_at_mut(hidden);
    sigmoid_row::<S>(reset);
    sigmoid_row::<S>(update);
    for k in 0..hidden {
        new[k] += hidden_new[k] * reset[k];
    }
    Activation::Tanh.apply_slice::<S>(new);
    for k in 0..hidden {
        after[k] = (before[k] - new[k]) * update[k] + new[k];
    }
}

#[inline(always)]
fn lstm<S: Simd>(from_input: &mut [f32], from_hidden: &[f32], before: &[f32], after: &mut [f32]) {
    let hidden = before.len() / 2;
    add(from_hidden, from_input);
    let (input, rest) = from_input.split_at_mut(hidden);
    let (forget, rest) = rest.split_at_mut(hidden);
    let (candidate, output) = rest.split_at_mut(hidden);
    sigmoid_row::<S>(input);
    sigmoid_row::<S>(forget);
    sigmoid_row::<S>(output);
    Activation::Tanh.apply_slice::<S>(candidate);
    let (next_output, next_cell) = after.split_at_mut(hidden);
    let cell = &before[hidden..];
    for k in 0..hidden {
        next_cell[k] = forget[k] * cell[k] + input[k] * candidate[k];
    }
    next_output.copy_from_slice(next_cell);
    Activation::Tanh.apply_slice::<S>(next_output);
    for k in 0..hidden {
        next_output[k] *= output[k];
    }
}

/// Adds `from_hidden` to the sums of the input.
#[inline(always)]
fn add(from_hidden: &[f32], sums: &mut [f32]) {
    for (sum, value) in sums.iter_mut().zip(from_hidden) {
        *sum += value;
    }
}
