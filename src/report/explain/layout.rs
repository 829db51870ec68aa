//! Layered layout, left to right: columns by longest way from the roots, order within a column against crossings, and
//! heights that bring nodes near their neighbours.

/// A box to place.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// Width.
    pub w: f64,
    /// Height.
    pub h: f64,
}

/// A placed graph.
#[derive(Clone, Debug)]
pub struct Placed {
    /// Left edge and middle of each box.
    pub boxes: Vec<(f64, f64)>,
    /// For each edge the points it passes: right edge of the upper box, both ends of each column it crosses, left edge of
    /// the lower box.
    pub edges: Vec<Vec<(f64, f64)>>,
    /// Total width.
    pub width: f64,
    /// Total height.
    pub height: f64,
}

const COLUMN_GAP: f64 = 54.0;
const ROW_GAP: f64 = 14.0;
const PASS_GAP: f64 = 8.0;
const ORDER_SWEEPS: usize = 12;
const HEIGHT_SWEEPS: usize = 10;

/// A place in a column: a box, or an edge passing through.
struct Slot {
    h: f64,
    y: f64,
    left: Vec<usize>,
    right: Vec<usize>,
    pass: bool,
}

/// Places boxes joined by acyclic edges.
#[must_use]
pub fn place(sizes: &[Size], edges: &[(usize, usize)]) -> Placed {
    let column_of = columns(sizes.len(), edges);
    let count = column_of.iter().max().map_or(0, |m| m + 1);
    let mut slots: Vec<Slot> =
        sizes.iter().map(|s| Slot { h: s.h, y: 0.0, left: vec![], right: vec![], pass: false }).collect();
    let mut columns: Vec<Vec<usize>> = vec![Vec::new(); count];
    for i in depth_first(sizes.len(), edges) {
        columns[column_of[i]].push(i);
    }
    // Edges over several columns pass through slots of their own.
    let mut ways: Vec<Vec<usize>> = Vec::new();
    for (a, b) in edges {
        let mut way = vec![*a];
        let at = columns[column_of[*a]].iter().position(|s| s == a).unwrap_or(0);
        for column in &mut columns[column_of[*a] + 1..column_of[*b]] {
            let s = slots.len();
            slots.push(Slot { h: 0.0, y: 0.0, left: vec![], right: vec![], pass: true });
            let at = at.min(column.len());
            column.insert(at, s);
            way.push(s);
        }
        way.push(*b);
        for pair in way.windows(2) {
            slots[pair[0]].right.push(pair[1]);
            slots[pair[1]].left.push(pair[0]);
        }
        ways.push(way);
    }
    order(&mut columns, &slots);
    heights(&columns, &mut slots);

    let mut x = 0.0;
    let (mut lefts, mut widths) = (Vec::new(), Vec::new());
    for column in &columns {
        let w = column.iter().filter(|s| !slots[**s].pass).map(|s| sizes[*s].w).fold(0.0, f64::max);
        lefts.push(x);
        widths.push(w);
        x += w + COLUMN_GAP;
    }
    let top = slots.iter().map(|s| s.y - s.h / 2.0).fold(f64::INFINITY, f64::min);
    let top = if top.is_finite() { top } else { 0.0 };
    let bottom = slots.iter().map(|s| s.y + s.h / 2.0).fold(0.0, f64::max);
    let boxes: Vec<(f64, f64)> = (0..sizes.len()).map(|i| (lefts[column_of[i]], slots[i].y - top)).collect();
    let paths = ways.iter().map(|way| {
        let (a, b) = (way[0], way[way.len() - 1]);
        let mut path = vec![(boxes[a].0 + sizes[a].w, boxes[a].1)];
        for (k, s) in way.iter().enumerate().skip(1).take(way.len() - 2) {
            let c = column_of[a] + k;
            path.push((lefts[c], slots[*s].y - top));
            path.push((lefts[c] + widths[c], slots[*s].y - top));
        }
        path.push(boxes[b]);
        path
    });
    let paths = paths.collect();
    Placed { boxes, edges: paths, width: (x - COLUMN_GAP).max(0.0), height: bottom - top }
}

/// The column of each box: its longest way from a root.
#[must_use]
pub fn columns(n: usize, edges: &[(usize, usize)]) -> Vec<usize> {
    let mut below: Vec<Vec<usize>> = vec![Vec::new(); n];
    let mut above = vec![0usize; n];
    for (a, b) in edges {
        below[*a].push(*b);
        above[*b] += 1;
    }
    let mut column = vec![0; n];
    let mut ready: Vec<usize> = (0..n).filter(|i| above[*i] == 0).collect();
    while let Some(i) = ready.pop() {
        for b in &below[i] {
            column[*b] = column[*b].max(column[i] + 1);
            above[*b] -= 1;
            if above[*b] == 0 {
                ready.push(*b);
            }
        }
    }
    column
}

fn depth_first(n: usize, edges: &[(usize, usize)]) -> Vec<usize> {
    let mut below: Vec<Vec<usize>> = vec![Vec::new(); n];
    for (a, b) in edges {
        below[*a].push(*b);
    }
    let mut seen = vec![false; n];
    let mut out = Vec::with_capacity(n);
    for root in 0..n {
        let mut stack = vec![root];
        while let Some(i) = stack.pop() {
            if !std::mem::replace(&mut seen[i], true) {
                out.push(i);
                stack.extend(below[i].iter().rev());
            }
        }
    }
    out
}

/// Barycentre sweeps; the order with the fewest crossings stays.
fn order(columns: &mut Vec<Vec<usize>>, slots: &[Slot]) {
    let mut best = columns.clone();
    let mut fewest = crossings(columns, slots);
    for sweep in 0..ORDER_SWEEPS {
        if fewest == 0 {
            break;
        }
        let forward = sweep % 2 == 0;
        let n = columns.len();
        for k in 1..n {
            let (here, there) = if forward { (k, k - 1) } else { (n - 1 - k, n - k) };
            let mut at = vec![0.0; slots.len()];
            for (i, s) in columns[there].iter().enumerate() {
                at[*s] = i as f64;
            }
            let mut keyed: Vec<(f64, usize)> = Vec::new();
            for (i, s) in columns[here].iter().enumerate() {
                let near = if forward { &slots[*s].left } else { &slots[*s].right };
                let sum: f64 = near.iter().map(|b| at[*b]).sum();
                keyed.push((if near.is_empty() { i as f64 } else { sum / near.len() as f64 }, *s));
            }
            keyed.sort_by(|a, b| a.0.total_cmp(&b.0));
            columns[here] = keyed.into_iter().map(|(_, s)| s).collect();
        }
        let now = crossings(columns, slots);
        if now < fewest {
            fewest = now;
            best.clone_from(columns);
        }
    }
    *columns = best;
}

/// Number of crossings between neighbouring columns.
fn crossings(columns: &[Vec<usize>], slots: &[Slot]) -> usize {
    let mut at = vec![0usize; slots.len()];
    for column in columns {
        for (i, s) in column.iter().enumerate() {
            at[*s] = i;
        }
    }
    let mut total = 0;
    for column in columns {
        let mut ends: Vec<usize> = Vec::new();
        for s in column {
            let mut right: Vec<usize> = slots[*s].right.iter().map(|b| at[*b]).collect();
            right.sort_unstable();
            ends.extend(right);
        }
        // Inversions, with a tree of counts.
        let size = ends.iter().max().map_or(0, |m| m + 1);
        let mut tree = vec![0usize; size + 1];
        for (seen, e) in ends.iter().enumerate() {
            let mut below = 0;
            let mut i = e + 1;
            while i > 0 {
                below += tree[i];
                i -= i & i.wrapping_neg();
            }
            total += seen - below;
            let mut i = e + 1;
            while i <= size {
                tree[i] += 1;
                i += i & i.wrapping_neg();
            }
        }
    }
    total
}

/// Brings each slot near the mean of its neighbours, alternately to the right and to the left.
fn heights(columns: &[Vec<usize>], slots: &mut [Slot]) {
    for column in columns {
        let mut y = 0.0;
        for s in column {
            y += slots[*s].h / 2.0;
            slots[*s].y = y;
            y += slots[*s].h / 2.0 + ROW_GAP;
        }
    }
    for sweep in 0..HEIGHT_SWEEPS {
        let rightward = sweep % 2 == 1;
        let n = columns.len();
        for k in 0..n {
            let column = &columns[if rightward { k } else { n - 1 - k }];
            let wanted: Vec<f64> = column
                .iter()
                .map(|s| {
                    let slot = &slots[*s];
                    let near = if rightward { &slot.left } else { &slot.right };
                    if near.is_empty() {
                        return slot.y;
                    }
                    near.iter().map(|b| slots[*b].y).sum::<f64>() / near.len() as f64
                })
                .collect();
            settle(column, &wanted, slots);
        }
    }
}

/// The positions nearest to the wanted ones (least squares) that keep order and distance: blocks that would overlap are
/// pooled.
fn settle(column: &[usize], wanted: &[f64], slots: &mut [Slot]) {
    let mut offset = 0.0;
    let mut offsets = Vec::with_capacity(column.len());
    let mut blocks: Vec<(f64, usize)> = Vec::new();
    for (i, s) in column.iter().enumerate() {
        if i > 0 {
            let before = &slots[column[i - 1]];
            let gap = if before.pass || slots[*s].pass { PASS_GAP } else { ROW_GAP };
            offset += before.h / 2.0 + gap + slots[*s].h / 2.0;
        }
        offsets.push(offset);
        let mut block = (wanted[i] - offset, 1usize);
        while let Some(last) = blocks.last().copied() {
            if last.0 <= block.0 {
                break;
            }
            blocks.pop();
            let n = last.1 + block.1;
            block = ((last.0 * last.1 as f64 + block.0 * block.1 as f64) / n as f64, n);
        }
        blocks.push(block);
    }
    let mut i = 0;
    for (mean, n) in blocks {
        for _ in 0..n {
            slots[column[i]].y = mean + offsets[i];
            i += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_do_not_overlap_and_crossings_are_undone() {
        let sizes = vec![Size { w: 100.0, h: 30.0 }; 7];
        // Two parents whose children come crossed, and a long edge.
        let edges = [(0, 1), (0, 2), (1, 4), (2, 3), (3, 5), (4, 6), (0, 6)];
        let p = place(&sizes, &edges);
        for a in 0..7 {
            for b in 0..a {
                if p.boxes[a].0 == p.boxes[b].0 {
                    assert!((p.boxes[a].1 - p.boxes[b].1).abs() >= 30.0, "{a} over {b}");
                }
            }
        }
        let above = |a: usize, b: usize| p.boxes[a].1 < p.boxes[b].1;
        assert_eq!(above(1, 2), above(4, 3), "the edges 1-4 and 2-3 cross");
        for ((a, b), path) in edges.iter().zip(&p.edges) {
            assert!(p.boxes[*a].0 < p.boxes[*b].0);
            assert!(path.windows(2).all(|w| w[0].0 <= w[1].0));
        }
        assert_eq!(p.edges[6].len(), 6, "start, both ends of two columns, end");
        assert!(place(&[], &[]).boxes.is_empty());
    }
}
