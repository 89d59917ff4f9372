//! Policies: an architecture, and its logits.

use crate::EngineError;
use crate::convert::from_policy_error;
use lane_math::StandardFloatMode;
use numpy::{PyArray1, PyArrayMethods, PyReadonlyArrayDyn, PyUntypedArrayMethods};
use policy::{Architecture, Exactness, InputShape, Layer};
use pyo3::prelude::*;
use pyo3::types::PyTuple;

/// A policy architecture, ready to run.
#[pyclass(frozen, module = "evalengine._engine")]
pub(crate) struct Network {
    pub(crate) network: policy::Network,
}

#[pymethods]
impl Network {
    #[new]
    fn new(input_shape: Vec<usize>, layers: Vec<Bound<'_, PyTuple>>) -> PyResult<Self> {
        let input = match input_shape[..] {
            [inputs] => InputShape::Flat(inputs),
            [channels, height, width] => InputShape::Image { channels, height, width },
            _ => {
                let message = "input_shape: expected (inputs,) or (channels, height, width), got";
                return Err(EngineError::new_err(format!("{message} {} numbers", input_shape.len())));
            }
        };
        let layers = layers.iter().map(to_layer).collect::<PyResult<Vec<_>>>()?;
        let architecture = Architecture::new(input, layers).map_err(from_policy_error)?;
        Ok(Self { network: policy::Network::new(&architecture) })
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
            Exactness::Bounded { reason } => Some(reason),
        }
    }

    fn logits<'py>(
        &self,
        py: Python<'py>,
        weights: PyReadonlyArrayDyn<'py, f32>,
        observations: PyReadonlyArrayDyn<'py, f32>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let architecture = self.network.architecture();
        let (inputs, n_params) = (architecture.n_inputs(), architecture.n_params());
        let (batch, individuals) = self.check_shapes(weights.shape(), observations.shape())?;
        let not_contiguous = || EngineError::new_err("expected C-contiguous weights and observations");
        let flat_weights = weights.as_slice().map_err(|_| not_contiguous())?;
        let rows = observations.as_slice().map_err(|_| not_contiguous())?;
        let mut logits = vec![0.0; individuals * batch * architecture.n_outputs()];
        py.detach(|| {
            let per_individual = batch * architecture.n_outputs();
            if per_individual > 0 {
                for (individual, chunk) in logits.chunks_exact_mut(per_individual).enumerate() {
                    let weights = &flat_weights[individual * n_params..(individual + 1) * n_params];
                    let rows = &rows[individual * batch * inputs..(individual + 1) * batch * inputs];
                    self.forward_one(weights, rows, chunk);
                }
            }
        });
        let mut shape = observations.shape().to_vec();
        *shape.last_mut().expect("the shape was checked") = architecture.n_outputs();
        Ok(PyArray1::from_vec(py, logits).reshape(shape)?.into_any())
    }
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

    /// The logits of one individual, for rows in groups of lanes.
    fn forward_one(&self, weights: &[f32], rows: &[f32], logits: &mut [f32]) {
        const LANES: usize = 16;
        let _standard = StandardFloatMode::enter();
        let architecture = self.network.architecture();
        let mut packed = [self.network.packed()];
        self.network.pack(weights, &mut packed[0]);
        let mut scratch = self.network.scratch(LANES);
        let inputs = rows.chunks(LANES * architecture.n_inputs());
        for (inputs, logits) in inputs.zip(logits.chunks_mut(LANES * architecture.n_outputs())) {
            let lanes = logits.len() / architecture.n_outputs();
            self.network.forward(&packed, &[0; LANES][..lanes], inputs, logits, &mut scratch);
        }
    }
}

fn to_layer(layer: &Bound<'_, PyTuple>) -> PyResult<Layer> {
    let name: String = layer.get_item(0)?.extract()?;
    match name.as_str() {
        "linear" => {
            let (_, outputs, bias): (String, usize, bool) = layer.extract()?;
            Ok(Layer::Linear { outputs, bias })
        }
        "conv2d" => {
            type Pair = (usize, usize);
            let (_, out_channels, kernel, stride, padding, bias): (String, usize, Pair, Pair, Pair, bool) =
                layer.extract()?;
            Ok(Layer::Conv2d { out_channels, kernel, stride, padding, bias })
        }
        "tanh" => Ok(Layer::Tanh),
        "relu" => Ok(Layer::Relu),
        _ => {
            Err(EngineError::new_err(format!("layers: expected linear, conv2d, tanh or relu, got {name:?}")))
        }
    }
}
