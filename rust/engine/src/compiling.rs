//! A population of graphs that threads compile as its genes come, and may play before the last of them have come.
//!
//! Individuals are compiled in parts, and may be played once everything before them is compiled, too: so a genome that is
//! none is found, and nothing behind it matters. Depends on `graph`.

use crate::threads::{self, Team};
use graph::{Arithmetic, Compiler, Genome, GraphError, Program, Shape};
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering::Acquire, Ordering::Relaxed, Ordering::Release};
use std::sync::{Mutex, OnceLock, PoisonError};

/// How many individuals a thread compiles at a time: some 20 us of work.
pub const PART: usize = 16;

/// Where the genes of a population are.
pub trait Genomes: Sync {
    /// Those of an individual that is there: see [`Programs::publish`].
    fn genome(&self, individual: usize) -> Genome<'_>;
}

/// The programs of some individuals, or the first of them that is no graph, and why.
type Compiled = Result<Vec<Program>, (usize, GraphError)>;

/// A population of programs, compiled or to be compiled.
pub struct Programs<'a> {
    genomes: Option<&'a dyn Genomes>,
    population: usize,
    shape: Shape,
    arithmetic: Arithmetic,
    /// The individuals whose genes are there are those before this one.
    published: AtomicUsize,
    /// The next part that nobody has taken.
    next: AtomicUsize,
    parts: Vec<OnceLock<Compiled>>,
    /// The parts that are compiled are these first ones, and others behind the first that is not.
    leading: Mutex<usize>,
    /// The same in individuals, for those who only look.
    ready: AtomicUsize,
}

impl<'a> Programs<'a> {
    /// A population of which nothing is there yet.
    #[must_use]
    pub fn new(genomes: &'a dyn Genomes, population: usize, shape: Shape, arithmetic: Arithmetic) -> Self {
        Self {
            genomes: Some(genomes),
            population,
            shape,
            arithmetic,
            published: AtomicUsize::new(0),
            next: AtomicUsize::new(0),
            parts: (0..population.div_ceil(PART)).map(|_| OnceLock::new()).collect(),
            leading: Mutex::new(0),
            ready: AtomicUsize::new(0),
        }
    }

    /// A population that is compiled already, all of it of this shape and for this arithmetic.
    #[must_use]
    pub fn compiled(programs: Vec<Program>, shape: Shape, arithmetic: Arithmetic) -> Self {
        let population = programs.len();
        let mut programs = programs.into_iter();
        let parts: Vec<_> = (0..population.div_ceil(PART))
            .map(|_| OnceLock::from(Ok(programs.by_ref().take(PART).collect())))
            .collect();
        Self {
            genomes: None,
            population,
            shape,
            arithmetic,
            published: AtomicUsize::new(population),
            next: AtomicUsize::new(parts.len()),
            leading: Mutex::new(parts.len()),
            parts,
            ready: AtomicUsize::new(population),
        }
    }

    /// How many individuals there will be.
    #[must_use]
    pub fn population(&self) -> usize {
        self.population
    }

    /// What all of them have in common.
    #[must_use]
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// Whose arithmetic they are compiled for.
    #[must_use]
    pub fn arithmetic(&self) -> Arithmetic {
        self.arithmetic
    }

    /// The genes of the first `count` individuals are there.
    pub fn publish(&self, count: usize) {
        self.published.store(count, Release);
    }

    /// Compiles a part that is there and that nobody has taken, and shows its individuals to `look`; whether all of them are
    /// graphs, or nothing if there is no such part.
    pub(crate) fn compile_next(
        &self,
        compiler: &mut Compiler,
        look: impl Fn(usize, &Program),
    ) -> Option<bool> {
        let part = self.take_part()?;
        let individuals = self.individuals_of(part);
        let genomes = self.genomes.expect("only what is not compiled yet is taken");
        let programs: Compiled = individuals
            .clone()
            .map(|individual| {
                let program = compiler.program(genomes.genome(individual), self.shape, self.arithmetic);
                program.map_err(|error| (individual, error))
            })
            .collect();
        match &programs {
            Ok(programs) => {
                individuals.zip(programs).for_each(|(individual, program)| look(individual, program))
            }
            // Those before it are compiled all the same: parts are taken in order.
            Err(_) => self.next.store(self.parts.len(), Relaxed),
        }
        let are_graphs = programs.is_ok();
        let is_new = self.parts[part].set(programs).is_ok();
        debug_assert!(is_new);
        // Under a lock, so that of two threads that end neighbours one sees both.
        let mut leading = self.leading.lock().unwrap_or_else(PoisonError::into_inner);
        while self.parts.get(*leading).is_some_and(|part| matches!(part.get(), Some(Ok(_)))) {
            *leading += 1;
        }
        self.ready.store(self.population.min(*leading * PART), Release);
        Some(are_graphs)
    }

    fn take_part(&self) -> Option<usize> {
        self.next.fetch_update(Relaxed, Relaxed, |part| self.is_there(part).then_some(part + 1)).ok()
    }

    fn is_there(&self, part: usize) -> bool {
        part < self.parts.len() && self.individuals_of(part).end <= self.published.load(Acquire)
    }

    /// Whether there is a part to compile, or more to play than `ready` individuals.
    pub(crate) fn has_news(&self, ready: usize) -> bool {
        self.ready() != ready || self.is_there(self.next.load(Relaxed))
    }

    fn individuals_of(&self, part: usize) -> Range<usize> {
        part * PART..self.population.min((part + 1) * PART)
    }

    /// The individuals before this one may be played.
    pub(crate) fn ready(&self) -> usize {
        self.ready.load(Acquire)
    }

    /// An individual that is compiled.
    ///
    /// # Panics
    ///
    /// If it is not, or is none.
    pub(crate) fn get(&self, individual: usize) -> &Program {
        match self.parts[individual / PART].get() {
            Some(Ok(programs)) => &programs[individual % PART],
            _ => panic!("graphs[{individual}] is not compiled"),
        }
    }

    /// The first individual that is no such graph, and why, once everything before it is compiled.
    pub(crate) fn error(&self) -> Option<(usize, &GraphError)> {
        self.parts.iter().find_map(|part| match part.get() {
            Some(Err((individual, error))) => Some((*individual, error)),
            _ => None,
        })
    }
}

/// Compiles a whole population on `threads` threads, or as many as the system starts.
///
/// # Errors
///
/// The first individual that is no such graph, and why; whatever the number of threads.
pub fn compile(
    genomes: &dyn Genomes,
    population: usize,
    shape: Shape,
    arithmetic: Arithmetic,
    threads: usize,
) -> Result<Vec<Program>, (usize, GraphError)> {
    let programs = Programs::new(genomes, population, shape, arithmetic);
    programs.publish(population);
    let work = |_| {
        let mut compiler = Compiler::default();
        while programs.compile_next(&mut compiler, |_, _| {}).is_some() {}
    };
    Team::of(threads.min(programs.parts.len()), &threads::start).run(&work, || work(0));
    let mut compiled = Vec::with_capacity(population);
    for part in programs.parts {
        // Behind an error there are some that nobody has taken.
        compiled.extend(part.into_inner().unwrap_or_else(|| Ok(Vec::new()))?);
    }
    Ok(compiled)
}

#[cfg(test)]
mod tests {
    use super::*;
    use graph::{InputNumbers, Summation};

    /// Individuals that are all the same, but for one that has no output.
    struct Same {
        bad: usize,
    }

    impl Genomes for Same {
        fn genome(&self, individual: usize) -> Genome<'_> {
            Genome {
                nodes: if individual == self.bad { &[7] } else { &[0] },
                activations: &[0],
                aggregations: &[6],
                biases: &[0.5],
                responses: &[1.0],
                sources: &[],
                targets: &[],
                weights: &[],
                enabled: &[],
            }
        }
    }

    const SAME: Same = Same { bad: usize::MAX };
    const SHAPE: Shape = Shape { inputs: 1, outputs: 1, is_recurrent: false };
    const ARITHMETIC: Arithmetic = Arithmetic { inputs: InputNumbers::Python, summation: Summation::Plain };

    #[test]
    fn what_is_there_is_compiled_and_ready_from_the_first_on() {
        let programs = Programs::new(&SAME, PART + 3, SHAPE, ARITHMETIC);
        let mut compiler = Compiler::default();
        let seen = Mutex::new(Vec::new());
        let mut next =
            || programs.compile_next(&mut compiler, |individual, _| seen.lock().unwrap().push(individual));
        assert_eq!(next(), None);
        programs.publish(PART - 1);
        assert_eq!((next(), programs.has_news(0)), (None, false));
        programs.publish(PART + 2);
        assert!(programs.has_news(0));
        assert_eq!([next(), next()], [Some(true), None]);
        assert!(programs.has_news(0) && !programs.has_news(PART));
        assert_eq!((programs.ready(), seen.lock().unwrap().len()), (PART, PART));
        programs.publish(PART + 3);
        assert_eq!([next(), next()], [Some(true), None]);
        assert_eq!((programs.ready(), programs.error().is_none()), (PART + 3, true));
        assert_eq!(*seen.lock().unwrap(), (0..PART + 3).collect::<Vec<_>>());
        assert_eq!(programs.get(PART + 2).n_nodes(), 1);
    }

    #[test]
    fn a_part_that_is_late_holds_back_those_behind_it() {
        let programs = Programs::new(&SAME, 3 * PART, SHAPE, ARITHMETIC);
        programs.publish(3 * PART);
        let late = programs.take_part().unwrap();
        let mut compiler = Compiler::default();
        assert_eq!(programs.compile_next(&mut compiler, |_, _| {}), Some(true));
        assert_eq!((late, programs.ready()), (0, 0));
        programs.parts[late].set(Ok(Vec::new())).unwrap();
        assert_eq!(programs.compile_next(&mut compiler, |_, _| {}), Some(true));
        assert_eq!(programs.ready(), 3 * PART);
    }

    #[test]
    fn behind_an_individual_that_is_none_nothing_is_ready() {
        let bad = PART + 1;
        let genomes = Same { bad };
        let programs = Programs::new(&genomes, 4 * PART, SHAPE, ARITHMETIC);
        programs.publish(4 * PART);
        let mut compiler = Compiler::default();
        let found: Vec<_> = std::iter::from_fn(|| programs.compile_next(&mut compiler, |_, _| {})).collect();
        assert_eq!((found, programs.ready()), (vec![true, false], PART));
        let (individual, error) = programs.error().unwrap();
        assert_eq!(
            (individual, error.to_string()),
            (bad, "node 0: expected a node for each output, got none".into())
        );
        for threads in [1, 3] {
            let found = compile(&Same { bad }, 4 * PART, SHAPE, ARITHMETIC, threads);
            assert_eq!(found.unwrap_err().0, bad);
        }
        assert_eq!(compile(&SAME, PART + 1, SHAPE, ARITHMETIC, 2).unwrap().len(), PART + 1);
    }
}
