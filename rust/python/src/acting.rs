//! The graphs of a call: arrays, or genomes that are read during the call.

use crate::boundary::Items;
use crate::genomes::ListedGenomes;
use crate::graphs::{ArrayGenomes, Arrays, RawForm, form_of, to_graph_head};
use engine::graph::{Arithmetic, Shape};
use engine::{Genomes, GraphHead, Programs};
use pyo3::prelude::*;

/// What a population of a call is given as: the arrays of `Graphs`, or a list of genomes.
#[derive(FromPyObject)]
pub(crate) enum RawGenomes<'py> {
    Arrays(Arrays<'py>),
    Listed(Items<Py<PyAny>>),
}

/// (what all graphs have in common, the population, the head, its threshold).
pub(crate) type RawActing<'py> = (RawForm, RawGenomes<'py>, String, f64);

/// The graphs of a call, before they are compiled.
pub(crate) struct Acting {
    shape: Shape,
    arithmetic: Arithmetic,
    genomes: Given,
    pub(crate) head: GraphHead,
}

enum Given {
    Arrays(Box<ArrayGenomes>),
    Listed(ListedGenomes),
}

impl Acting {
    pub(crate) fn of((form, genomes, head, threshold): RawActing<'_>) -> PyResult<Self> {
        let (shape, arithmetic) = form_of(&form)?;
        let genomes = match genomes {
            RawGenomes::Arrays(arrays) => Given::Arrays(Box::new(ArrayGenomes::of(&arrays)?)),
            RawGenomes::Listed(listed) => Given::Listed(ListedGenomes::new(listed.0)),
        };
        Ok(Self { shape, arithmetic, genomes, head: to_graph_head(&head, threshold)? })
    }

    /// The population, of which arrays are there from the start.
    pub(crate) fn programs(&self) -> Programs<'_> {
        let (genomes, count): (&dyn Genomes, _) = match &self.genomes {
            Given::Arrays(arrays) => (arrays.as_ref(), arrays.len()),
            Given::Listed(listed) => (listed, listed.len()),
        };
        let programs = Programs::new(genomes, count, self.shape, self.arithmetic);
        if matches!(self.genomes, Given::Arrays(_)) {
            programs.publish(count);
        }
        programs
    }

    /// Reads what is not there yet.
    pub(crate) fn read(&self, programs: &Programs<'_>) -> PyResult<()> {
        match &self.genomes {
            Given::Arrays(_) => Ok(()),
            Given::Listed(listed) => Python::attach(|py| listed.read(py, programs)),
        }
    }
}
