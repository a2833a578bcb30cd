//! Places a directed graph in layers from left to right: callers before callees, few crossings,
//! straight edges where possible. Small graphs only; equal graphs get equal pictures.

/// How often the order and the positions are improved.
const ROUNDS: usize = 12;

/// Distances, in the picture's units.
pub struct Spacing {
    pub column: f64,
    /// From the middle of a node to the middle of the next.
    pub node: f64,
    /// The same for an edge that passes a column.
    pub pass: f64,
}

/// Middles of the nodes, and for each edge the points it goes through, its ends included.
pub struct Layout {
    pub nodes: Vec<(f64, f64)>,
    pub routes: Vec<Vec<(f64, f64)>>,
    pub height: f64,
    pub columns: usize,
}

/// `edges` are pairs of node numbers below `nodes`; loops are not drawn and get an empty route.
pub fn layout(nodes: usize, edges: &[(usize, usize)], spacing: &Spacing) -> Layout {
    let forward = without_cycles(nodes, edges);
    let layers = layers(nodes, &forward);
    let mut grid = Grid::new(nodes, &forward, &layers);
    grid.order();
    let ys = grid.positions(spacing);
    let top = ys.iter().copied().reduce(f64::min).unwrap_or(0.0);
    let low = ys.iter().copied().reduce(f64::max).unwrap_or(0.0);
    let point = |cell: usize| (grid.layer[cell] as f64 * spacing.column, ys[cell] - top);
    let route = |(index, &(src, dst)): (usize, &(usize, usize))| {
        let mut route: Vec<_> = grid.chains[index].iter().map(|&cell| point(cell)).collect();
        if forward[index] != (src, dst) {
            route.reverse();
        }
        route
    };
    Layout {
        nodes: (0..nodes).map(point).collect(),
        routes: edges.iter().enumerate().map(route).collect(),
        height: low - top,
        columns: grid.columns.len(),
    }
}

/// The edges with those turned around that would close a cycle.
fn without_cycles(nodes: usize, edges: &[(usize, usize)]) -> Vec<(usize, usize)> {
    #[derive(Clone, Copy, PartialEq)]
    enum Seen {
        No,
        Open,
        Done,
    }
    let mut seen = vec![Seen::No; nodes];
    let mut forward = edges.to_vec();
    let has_caller = |node: usize| edges.iter().any(|&(src, dst)| dst == node && src != node);
    let (inner, roots): (Vec<_>, Vec<_>) = (0..nodes).partition(|&node| has_caller(node));
    for root in roots.into_iter().chain(inner) {
        let mut stack = vec![(root, 0)];
        while let Some((node, next)) = stack.pop() {
            seen[node] = Seen::Open;
            let Some(at) = (next..edges.len()).find(|&at| edges[at].0 == node) else {
                seen[node] = Seen::Done;
                continue;
            };
            stack.push((node, at + 1));
            let dst = edges[at].1;
            match seen[dst] {
                Seen::No => stack.push((dst, 0)),
                Seen::Open => forward[at] = (dst, node),
                Seen::Done => {}
            }
        }
    }
    forward
}

/// Each node one layer behind its last caller.
fn layers(nodes: usize, edges: &[(usize, usize)]) -> Vec<usize> {
    let mut layers = vec![0; nodes];
    for _ in 0..nodes {
        let mut changed = false;
        for &(src, dst) in edges {
            if src != dst && layers[dst] <= layers[src] {
                layers[dst] = layers[src] + 1;
                changed = true;
            }
        }
        if !changed {
            break;
        }
    }
    layers
}

/// Cells are the nodes and, behind them, the places where an edge passes a column.
struct Grid {
    nodes: usize,
    layer: Vec<usize>,
    /// Cells of each column from top to bottom.
    columns: Vec<Vec<usize>>,
    /// Neighbours in the column before and behind.
    before: Vec<Vec<usize>>,
    behind: Vec<Vec<usize>>,
    /// The cells of each edge.
    chains: Vec<Vec<usize>>,
}

impl Grid {
    fn new(nodes: usize, edges: &[(usize, usize)], layers: &[usize]) -> Grid {
        let mut layer = layers.to_vec();
        let mut chains = Vec::with_capacity(edges.len());
        for &(src, dst) in edges {
            let mut chain = vec![src];
            for passed in layers[src] + 1..layers[dst] {
                chain.push(layer.len());
                layer.push(passed);
            }
            chain.push(dst);
            chains.push(if src == dst { Vec::new() } else { chain });
        }
        let mut columns = vec![Vec::new(); layer.iter().max().map_or(0, |last| last + 1)];
        for (cell, &at) in layer.iter().enumerate() {
            columns[at].push(cell);
        }
        let (mut before, mut behind) =
            (vec![Vec::new(); layer.len()], vec![Vec::new(); layer.len()]);
        for pair in chains.iter().flat_map(|chain| chain.windows(2)) {
            behind[pair[0]].push(pair[1]);
            before[pair[1]].push(pair[0]);
        }
        Grid { nodes, layer, columns, before, behind, chains }
    }

    /// Sorts columns by the mean place of their neighbours, there and back, and keeps the order
    /// with the fewest crossings.
    fn order(&mut self) {
        let mut best = (self.crossings(), self.columns.clone());
        for round in 0..ROUNDS {
            let count = self.columns.len();
            for step in 0..count {
                let at = if round % 2 == 0 { step } else { count - 1 - step };
                self.sort_column(at, round % 2 == 0);
            }
            let crossings = self.crossings();
            if crossings < best.0 {
                best = (crossings, self.columns.clone());
            }
        }
        self.columns = best.1;
    }

    fn sort_column(&mut self, at: usize, by_before: bool) {
        let places = self.places();
        let neighbours = if by_before { &self.before } else { &self.behind };
        let key = |cell: usize| {
            let places: Vec<_> = neighbours[cell].iter().map(|&n| places[n] as f64).collect();
            mean(&places).unwrap_or(places_of(cell, &self.columns[at]))
        };
        let mut keyed: Vec<_> = self.columns[at].iter().map(|&cell| (key(cell), cell)).collect();
        keyed.sort_by(|a, b| a.0.total_cmp(&b.0));
        self.columns[at] = keyed.into_iter().map(|(_, cell)| cell).collect();
    }

    fn places(&self) -> Vec<usize> {
        let mut places = vec![0; self.layer.len()];
        for column in &self.columns {
            for (place, &cell) in column.iter().enumerate() {
                places[cell] = place;
            }
        }
        places
    }

    fn crossings(&self) -> usize {
        let places = self.places();
        let mut crossings = 0;
        for column in &self.columns {
            let mut ends = Vec::new();
            for &cell in column {
                ends.extend(self.behind[cell].iter().map(|&to| (places[cell], places[to])));
            }
            for (index, a) in ends.iter().enumerate() {
                let crosses =
                    |b: &&(usize, usize)| (a.0 < b.0 && a.1 > b.1) || (a.0 > b.0 && a.1 < b.1);
                crossings += ends[index + 1..].iter().filter(crosses).count();
            }
        }
        crossings
    }

    /// Heights: every cell is drawn to the mean of its neighbours as far as its column's order
    /// and the distances allow.
    fn positions(&self, spacing: &Spacing) -> Vec<f64> {
        let mut ys = vec![0.0; self.layer.len()];
        for column in &self.columns {
            let middle = (column.len() as f64 - 1.0) / 2.0;
            for (place, &cell) in column.iter().enumerate() {
                ys[cell] = (place as f64 - middle) * spacing.node;
            }
        }
        for round in 0..ROUNDS {
            for column in &self.columns {
                let wanted = |&cell: &usize| {
                    let around = [&self.before[cell], &self.behind[cell]];
                    let near = if round % 2 == 0 { around[0] } else { around[1] };
                    let ys: Vec<_> = near.iter().map(|&n| ys[n]).collect();
                    mean(&ys)
                };
                let wanted: Vec<_> = column.iter().map(|c| wanted(c).unwrap_or(ys[*c])).collect();
                for (&cell, y) in column.iter().zip(self.spread(column, wanted, spacing)) {
                    ys[cell] = y;
                }
            }
        }
        ys
    }

    /// The wanted heights moved apart: pushed down, then up, and the mean of both.
    fn spread(&self, column: &[usize], wanted: Vec<f64>, spacing: &Spacing) -> Vec<f64> {
        let half =
            |cell: usize| if cell < self.nodes { spacing.node / 2.0 } else { spacing.pass / 2.0 };
        let gap = |place: usize| half(column[place - 1]) + half(column[place]);
        let (mut down, mut up) = (wanted.clone(), wanted);
        for place in 1..down.len() {
            down[place] = down[place].max(down[place - 1] + gap(place));
        }
        for place in (1..up.len()).rev() {
            up[place - 1] = up[place - 1].min(up[place] - gap(place));
        }
        down.iter().zip(&up).map(|(a, b)| (a + b) / 2.0).collect()
    }
}

fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

fn places_of(cell: usize, column: &[usize]) -> f64 {
    column.iter().position(|&c| c == cell).unwrap_or(0) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPACING: Spacing = Spacing { column: 100.0, node: 50.0, pass: 20.0 };

    #[test]
    fn callers_stand_left_of_callees() {
        let edges = [(0, 1), (1, 2), (0, 2), (2, 3)];
        let layout = layout(4, &edges, &SPACING);
        for &(src, dst) in &edges {
            assert!(layout.nodes[src].0 < layout.nodes[dst].0);
        }
        assert_eq!(layout.routes[2].len(), 3, "the long edge passes one column");
        assert_eq!(layout.columns, 4);
    }

    #[test]
    fn cycles_and_loops_end() {
        let edges = [(0, 1), (1, 2), (2, 0), (1, 1)];
        let layout = layout(3, &edges, &SPACING);
        assert_eq!(layout.columns, 3);
        assert!(layout.routes[3].is_empty());
        let (first, last) = (layout.routes[2][0], layout.routes[2][layout.routes[2].len() - 1]);
        assert_eq!(
            (first, last),
            (layout.nodes[2], layout.nodes[0]),
            "drawn from caller to callee"
        );
    }

    #[test]
    fn nodes_of_a_column_keep_their_distance() {
        let edges: Vec<_> = (1..8).map(|dst| (0, dst)).collect();
        let layout = layout(8, &edges, &SPACING);
        let mut ys: Vec<_> = layout.nodes[1..].iter().map(|node| node.1).collect();
        ys.sort_by(f64::total_cmp);
        assert!(ys.windows(2).all(|pair| pair[1] - pair[0] >= 49.9), "{ys:?}");
        assert!(layout.nodes.iter().all(|node| node.1 >= -0.1 && node.1 <= layout.height + 0.1));
    }

    #[test]
    fn crossings_are_removed() {
        let layout = layout(4, &[(0, 3), (1, 2)], &SPACING);
        let (a, b) = (layout.nodes[0].1 < layout.nodes[1].1, layout.nodes[3].1 < layout.nodes[2].1);
        assert_eq!(a, b);
    }

    #[test]
    fn nothing_is_a_picture_too() {
        assert!(layout(0, &[], &SPACING).nodes.is_empty());
    }
}
