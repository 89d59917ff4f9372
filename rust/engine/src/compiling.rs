//! A population of graphs compiled on a call's threads.

use crate::threads::{self, Team};
use graph::{Arithmetic, Compiler, Genome, GraphError, Program, Shape};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// How many individuals a thread takes at a time: some 20 us of work.
const AT_ONCE: usize = 16;

/// Compiles `count` genomes, which `genome` finds by their positions, on `threads` threads or as many as the system starts.
///
/// # Errors
///
/// The first individual that is no such graph, and why; whatever the number of threads.
pub fn compile<'a>(
    count: usize,
    genome: &(impl Fn(usize) -> Genome<'a> + Sync),
    shape: Shape,
    arithmetic: Arithmetic,
    threads: usize,
) -> Result<Vec<Program>, (usize, GraphError)> {
    let parts = count.div_ceil(AT_ONCE);
    let next = AtomicUsize::new(0);
    let compiled = Mutex::new(Vec::with_capacity(parts));
    let work = |_| {
        let mut compiler = Compiler::default();
        loop {
            let part = next.fetch_add(1, Relaxed);
            if part >= parts {
                return;
            }
            let individuals = part * AT_ONCE..count.min((part + 1) * AT_ONCE);
            let programs: Result<Vec<Program>, _> = individuals
                .map(|index| {
                    compiler.program(genome(index), shape, arithmetic).map_err(|error| (index, error))
                })
                .collect();
            let is_last = programs.is_err();
            let mut compiled = compiled.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            compiled.push((part, programs));
            if is_last {
                // Those before it are compiled all the same: a thread takes them in order.
                next.store(parts, Relaxed);
            }
        }
    };
    Team::of(threads.min(parts), &threads::start).run(&work, || work(0));
    let mut compiled = compiled.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    compiled.sort_unstable_by_key(|&(part, _)| part);
    let mut programs = Vec::with_capacity(count);
    for (_, part) in compiled {
        programs.extend(part?);
    }
    Ok(programs)
}
