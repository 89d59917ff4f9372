//! Policies: an architecture, and its logits.

use crate::EngineError;
use crate::activation::named;
use crate::boundary::{Items, copied, guarded, values_of};
use crate::convert::from_policy_error;
use engine::lane_math::{StandardFloatMode, memory};
use engine::policy::{
    Architecture, CellKind, Exactness, InputShape, Inputs, Layer, LayerNorm, PackedWeights, Pool2d, PoolKind,
    Scratch, States,
};
use numpy::{PyArray1, PyArrayMethods, PyReadonlyArrayDyn, PyUntypedArrayMethods};
use pyo3::prelude::*;
use pyo3::types::PyTuple;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

/// Rows that are computed together.
const LANES: usize = 16;

/// How often a long call looks after Ctrl-C.
const SIGNAL_INTERVAL: Duration = Duration::from_millis(20);

/// A policy architecture, ready to run.
#[pyclass(frozen, module = "evalengine._engine")]
pub(crate) struct Network {
    pub(crate) network: engine::policy::Network,
}

#[pymethods]
impl Network {
    #[new]
    fn new(py: Python<'_>, input_shape: Items<usize>, layers: Items<Bound<'_, PyTuple>>) -> PyResult<Self> {
        guarded(py, || {
            let input = match input_shape.0[..] {
                [inputs] => InputShape::Flat(inputs),
                [channels, height, width] => InputShape::Image { channels, height, width },
                _ => {
                    let message = "input_shape: expected (inputs,) or (channels, height, width), got";
                    return Err(EngineError::new_err(format!("{message} {} numbers", input_shape.0.len())));
                }
            };
            let layers = layers.0.iter().map(to_layer).collect::<PyResult<Vec<_>>>()?;
            let architecture = Architecture::new(input, layers).map_err(from_policy_error)?;
            Ok(Self { network: engine::policy::Network::new(&architecture) })
        })
    }

    #[getter]
    fn n_params(&self) -> usize {
        self.network.architecture().n_params()
    }

    #[getter]
    fn n_inputs(&self) -> usize {
        self.network.architecture().n_inputs()
    }

    #[getter]
    fn n_outputs(&self) -> usize {
        self.network.architecture().n_outputs()
    }

    #[getter]
    fn macs(&self) -> usize {
        self.network.architecture().macs() as usize
    }

    /// None if PyTorch gives the same bits, else the reason why only a bound holds.
    #[getter]
    fn exactness(&self) -> Option<String> {
        match self.network.architecture().exactness() {
            Exactness::Exact => None,
            Exactness::Unclaimed { reason } => Some(reason),
        }
    }

    #[getter]
    fn n_state(&self) -> usize {
        self.network.architecture().n_state()
    }

    /// The logits of one step from a state of zeros.
    fn logits<'py>(
        &self,
        py: Python<'py>,
        weights: PyReadonlyArrayDyn<'py, f32>,
        observations: PyReadonlyArrayDyn<'py, f32>,
    ) -> PyResult<Bound<'py, PyAny>> {
        guarded(py, || {
            let (batch, individuals) = self.check_shapes(weights.shape(), observations.shape())?;
            let n_states = individuals.saturating_mul(batch).saturating_mul(self.n_state());
            let mut states = memory::filled(0.0, n_states);
            self.step_all(py, &weights, &observations, &mut states)
        })
    }

    /// The logits of one step from states, and the states after it.
    fn step<'py>(
        &self,
        py: Python<'py>,
        weights: PyReadonlyArrayDyn<'py, f32>,
        observations: PyReadonlyArrayDyn<'py, f32>,
        states: PyReadonlyArrayDyn<'py, f32>,
    ) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyAny>)> {
        guarded(py, || {
            self.check_shapes(weights.shape(), observations.shape())?;
            let mut shape = observations.shape().to_vec();
            *shape.last_mut().expect("the shape was checked") = self.n_state();
            if states.shape() != shape {
                let got = states.shape();
                return Err(EngineError::new_err(format!("step: expected states {shape:?}, got {got:?}")));
            }
            let mut states = copied(&states);
            let logits = self.step_all(py, &weights, &observations, &mut states)?;
            Ok((logits, PyArray1::from_vec(py, states).reshape(shape)?.into_any()))
        })
    }
}

/// One individual's weights, observations, states, and room for its logits.
struct Part<'a> {
    weights: &'a [f32],
    rows: &'a [f32],
    states: &'a mut [f32],
    logits: &'a mut [f32],
}

impl Network {
    /// The batch size and the number of individuals.
    fn check_shapes(&self, weights: &[usize], observations: &[usize]) -> PyResult<(usize, usize)> {
        let (n_params, inputs) = (self.n_params(), self.n_inputs());
        match (weights, observations) {
            (&[d], &[batch, n]) if (d, n) == (n_params, inputs) => Ok((batch, 1)),
            (&[p, d], &[q, batch, n]) if (p, d, n) == (q, n_params, inputs) => Ok((batch, p)),
            _ => Err(EngineError::new_err(format!(
                "logits: expected weights ({n_params},) and observations (B, {inputs}), or (P, {n_params}) and \
                 (P, B, {inputs}), got {weights:?} and {observations:?}"
            ))),
        }
    }

    /// The logits of all individuals; the states, whose number the caller has checked, become those after the step.
    fn step_all<'py>(
        &self,
        py: Python<'py>,
        weights: &PyReadonlyArrayDyn<'py, f32>,
        observations: &PyReadonlyArrayDyn<'py, f32>,
        states: &mut [f32],
    ) -> PyResult<Bound<'py, PyAny>> {
        let (batch, individuals) = self.check_shapes(weights.shape(), observations.shape())?;
        let weights = values_of("weights", weights)?;
        let mut shape = observations.shape().to_vec();
        let rows = values_of("observations", observations)?;
        let n_outputs = self.n_outputs();
        let mut logits = memory::filled(0.0, individuals.saturating_mul(batch).saturating_mul(n_outputs));
        if !logits.is_empty() {
            let rows = rows.chunks_exact(batch * self.n_inputs());
            // Of a network that remembers nothing there are no states to be cut.
            let n_states = batch * self.n_state();
            let mut states = states.chunks_exact_mut(n_states.max(1));
            let parts = weights.chunks_exact(self.n_params()).zip(rows);
            let parts =
                parts.zip(logits.chunks_exact_mut(batch * n_outputs)).map(|((weights, rows), logits)| {
                    let states = states.next().unwrap_or_default();
                    Part { weights, rows, states, logits }
                });
            self.forward_all(py, parts)?;
        }
        *shape.last_mut().expect("the shape was checked") = n_outputs;
        Ok(PyArray1::from_vec(py, logits).reshape(shape)?.into_any())
    }

    /// Without the GIL, which is taken back now and then for signals.
    fn forward_all<'a>(&self, py: Python<'_>, parts: impl Iterator<Item = Part<'a>> + Send) -> PyResult<()> {
        let mut interruption = None;
        let mut looked = Instant::now();
        let mut go_on = || {
            if looked.elapsed() >= SIGNAL_INTERVAL {
                interruption = Python::attach(|py| py.check_signals()).err();
                looked = Instant::now();
            }
            if interruption.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        py.detach(|| {
            let _standard = StandardFloatMode::enter();
            let mut scratch = self.network.scratch(LANES);
            let mut packed = self.network.packed();
            let mut after = memory::filled(0.0, LANES * self.n_state());
            for part in parts {
                self.network.pack(part.weights, &mut packed);
                if self.forward_one(&packed, part, &mut after, &mut scratch, &mut go_on).is_break() {
                    return;
                }
            }
        });
        interruption.map_or(Ok(()), Err)
    }

    /// The logits of one individual, for rows in groups of lanes.
    fn forward_one(
        &self,
        packed: &PackedWeights,
        part: Part<'_>,
        after: &mut [f32],
        scratch: &mut Scratch,
        go_on: &mut dyn FnMut() -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let architecture = self.network.architecture();
        let n_state = architecture.n_state();
        let mut states = part.states.chunks_mut((LANES * n_state).max(1));
        let groups = part.rows.chunks(LANES * architecture.n_inputs());
        for (observations, logits) in groups.zip(part.logits.chunks_mut(LANES * architecture.n_outputs())) {
            go_on()?;
            let lanes = logits.len() / architecture.n_outputs();
            let inputs = Inputs {
                slots: std::slice::from_ref(packed),
                slot_of_lane: &[0; LANES][..lanes],
                observations,
                are_pixels: false,
            };
            let before = states.next().unwrap_or_default();
            let after = &mut after[..lanes * n_state];
            self.network.forward_while(inputs, States { before, after }, logits, scratch, go_on)?;
            before.copy_from_slice(after);
        }
        ControlFlow::Continue(())
    }
}

type Pair = (usize, usize);

fn to_layer(layer: &Bound<'_, PyTuple>) -> PyResult<Layer> {
    let name: String = layer.get_item(0)?.extract()?;
    match name.as_str() {
        "linear" => {
            let (_, outputs, bias): (String, usize, bool) = layer.extract()?;
            Ok(Layer::Linear { outputs, bias })
        }
        "conv2d" => {
            type Conv2d = (String, usize, Pair, Pair, Pair, Pair, usize, bool);
            let (_, out_channels, kernel, stride, padding, dilation, groups, bias): Conv2d =
                layer.extract()?;
            Ok(Layer::Conv2d { out_channels, kernel, stride, padding, dilation, groups, bias })
        }
        "max_pool2d" => {
            let (_, kernel, stride, padding): (String, Pair, Pair, Pair) = layer.extract()?;
            Ok(Layer::Pool2d(Pool2d { kind: PoolKind::Max, kernel, stride, padding }))
        }
        "avg_pool2d" => {
            let (_, kernel, stride, padding, count_include_pad): (String, Pair, Pair, Pair, bool) =
                layer.extract()?;
            let kind = PoolKind::Average { count_include_pad };
            Ok(Layer::Pool2d(Pool2d { kind, kernel, stride, padding }))
        }
        "global_avg_pool2d" => Ok(Layer::GlobalAvgPool2d),
        "layer_norm" => {
            let (_, eps, weight, bias): (String, f64, bool, bool) = layer.extract()?;
            Ok(Layer::LayerNorm(LayerNorm { eps: eps as f32, weight, bias }))
        }
        "skip" => Ok(Layer::Skip),
        "add_skip" => Ok(Layer::AddSkip),
        "rnn" => to_cell(CellKind::RnnTanh, layer),
        "rnn_relu" => to_cell(CellKind::RnnRelu, layer),
        "gru" => to_cell(CellKind::Gru, layer),
        "lstm" => to_cell(CellKind::Lstm, layer),
        "softmax" => Ok(Layer::Softmax),
        "log_softmax" => Ok(Layer::LogSoftmax),
        _ => {
            let parameters: Vec<f64> =
                layer.iter().skip(1).map(|item| item.extract()).collect::<PyResult<_>>()?;
            named(&name, &parameters).map(Layer::Activation)
        }
    }
}

fn to_cell(kind: CellKind, layer: &Bound<'_, PyTuple>) -> PyResult<Layer> {
    let (_, hidden, bias): (String, usize, bool) = layer.extract()?;
    Ok(Layer::Cell { kind, hidden, bias })
}
