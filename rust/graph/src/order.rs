//! Which nodes are computed, and in what order: what neat-python's `feed_forward_layers`, `required_for_output` and
//! `RecurrentNetwork.create` choose, without what no output depends on.

use crate::error::GraphError;
use crate::genome::{Connection, Resolved, Source};

/// The connections that play, by the node that they go to.
#[derive(Debug)]
pub(crate) struct Order<'a> {
    /// The nodes that are computed, in an order in which they can be.
    pub(crate) nodes: &'a [usize],
    incoming: Incoming<'a>,
}

/// Memory of an order, for the next one.
#[derive(Debug, Default)]
pub(crate) struct OrderBuffers {
    nodes: Vec<usize>,
    links: LinkBuffers,
    is_entered: Vec<bool>,
    is_done: Vec<bool>,
    path: Vec<usize>,
}

#[derive(Debug, Default)]
struct LinkBuffers {
    starts: Vec<u32>,
    connections: Vec<u32>,
}

impl Order<'_> {
    /// The connections that play to `node`, in the genome's order.
    pub(crate) fn inputs<'a>(
        &'a self,
        resolved: &'a Resolved<'_>,
        node: usize,
    ) -> impl ExactSizeIterator<Item = Connection> + 'a {
        self.incoming.of(node).iter().map(|&connection| resolved.connections[connection as usize])
    }

    pub(crate) fn n_inputs(&self, node: usize) -> usize {
        self.incoming.of(node).len()
    }
}

/// Positions of connections, those of each node together.
#[derive(Debug)]
struct Incoming<'a> {
    starts: &'a [u32],
    connections: &'a [u32],
}

impl<'a> Incoming<'a> {
    fn new(
        resolved: &Resolved<'_>,
        plays: impl Fn(&Connection) -> bool,
        buffers: &'a mut LinkBuffers,
    ) -> Self {
        let LinkBuffers { starts, connections } = buffers;
        let n = resolved.genome.nodes.len();
        starts.clear();
        starts.resize(n + 2, 0);
        for connection in resolved.connections.iter().filter(|connection| plays(connection)) {
            starts[connection.target as usize + 2] += 1;
        }
        for node in 2..n + 2 {
            starts[node] += starts[node - 1];
        }
        connections.clear();
        connections.resize(starts[n + 1] as usize, 0);
        for (position, connection) in resolved.connections.iter().enumerate() {
            if plays(connection) {
                let start = &mut starts[connection.target as usize + 1];
                connections[*start as usize] = position as u32;
                *start += 1;
            }
        }
        Self { starts, connections }
    }

    fn of(&self, node: usize) -> &[u32] {
        &self.connections[self.starts[node] as usize..self.starts[node + 1] as usize]
    }

    /// The nodes that `node` sees.
    fn nodes(&self, resolved: &Resolved<'_>, node: usize) -> impl Iterator<Item = usize> {
        self.of(node).iter().filter_map(|&connection| {
            match resolved.connections[connection as usize].source {
                Source::Node(source) => Some(source as usize),
                Source::Input(_) => None,
            }
        })
    }

    /// Which nodes `roots` depend on, the roots included.
    fn required(&self, resolved: &Resolved<'_>, roots: impl IntoIterator<Item = usize>) -> Vec<bool> {
        let mut required = vec![false; resolved.genome.nodes.len()];
        let mut left: Vec<usize> = roots.into_iter().collect();
        while let Some(node) = left.pop() {
            if !std::mem::replace(&mut required[node], true) {
                left.extend(self.nodes(resolved, node));
            }
        }
        required
    }
}

/// Every node that an output depends on through enabled connections, each after those that it sees. One that nothing leads to
/// is among them: it gives what its bias makes of it.
///
/// # Errors
///
/// A circle among them, of which neat-python leaves out every node.
pub(crate) fn feed_forward<'a>(
    resolved: &Resolved<'_>,
    buffers: &'a mut OrderBuffers,
) -> Result<Order<'a>, GraphError> {
    let OrderBuffers { nodes, links, is_entered, is_done, path } = buffers;
    let incoming = Incoming::new(resolved, |connection| connection.enabled, links);
    for marks in [&mut *is_entered, &mut *is_done] {
        marks.clear();
        marks.resize(resolved.genome.nodes.len(), false);
    }
    nodes.clear();
    path.clear();
    for &output in resolved.outputs {
        path.push(output);
        while let Some(&node) = path.last() {
            if is_done[node] {
                path.pop();
                continue;
            }
            if is_entered[node] {
                // All that it sees has been computed.
                is_done[node] = true;
                nodes.push(node);
                path.pop();
                continue;
            }
            is_entered[node] = true;
            for source in incoming.nodes(resolved, node) {
                if is_entered[source] && !is_done[source] {
                    return Err(circle(resolved, &incoming, source));
                }
                path.push(source);
            }
        }
    }
    Ok(Order { nodes, incoming })
}

/// Names a circle through `start` by the keys of its nodes.
fn circle(resolved: &Resolved<'_>, incoming: &Incoming<'_>, start: usize) -> GraphError {
    let keys = resolved.genome.nodes;
    // Backwards, from each node to one that it sees, by the shortest way.
    let mut seen_from = vec![None; keys.len()];
    let mut front = std::collections::VecDeque::from([start]);
    'search: while let Some(node) = front.pop_front() {
        for source in incoming.nodes(resolved, node) {
            if seen_from[source].is_none() {
                seen_from[source] = Some(node);
                front.push_back(source);
            }
            if source == start {
                break 'search;
            }
        }
    }
    let mut names = keys[start].to_string();
    let mut node = seen_from[start].unwrap_or(start);
    while node != start {
        names = format!("{names} to {}", keys[node]);
        node = seen_from[node].unwrap_or(start);
    }
    let key = keys[start];
    GraphError::new(format!("node {key}: expected no circle in a feed-forward graph, got {names} to {key}"))
}

/// Every node that `RecurrentNetwork` computes and that an output depends on, or that Python may raise an error of.
pub(crate) fn recurrent<'a>(resolved: &Resolved<'_>, buffers: &'a mut OrderBuffers) -> Order<'a> {
    let OrderBuffers { nodes, links, .. } = buffers;
    // Connections that are disabled count here, and only here.
    let all = Incoming::new(resolved, |_| true, links);
    let required = all.required(resolved, resolved.outputs.iter().copied());
    let is_required = |source: Source| matches!(source, Source::Node(node) if required[node as usize]);
    let plays = |connection: &Connection| {
        connection.enabled && (required[connection.target as usize] || is_required(connection.source))
    };
    let incoming = Incoming::new(resolved, plays, links);
    // One that nothing leads to is not computed: it stays 0.
    let is_computed = |node: &usize| !incoming.of(*node).is_empty();
    let n = resolved.genome.nodes.len();
    let raising = (0..n).filter(|&node| resolved.activation(node).may_raise()).filter(is_computed);
    let alive = incoming.required(resolved, resolved.outputs.iter().copied().chain(raising));
    nodes.clear();
    nodes.extend((0..n).filter(|&node| alive[node]).filter(is_computed));
    Order { nodes, incoming }
}
