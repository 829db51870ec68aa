//! Proof skeletons of many conclusions: which rules, on which kinds of facts, led to each; constants left out.
//!
//! The skeleton of a conclusion is that of its lowest proof (`super::shape`): a given fact is its relation, a step its rule with
//! the skeletons of its premises, each different one once. Millions of conclusions fall into a few hundred; the rare ones are the audit list.

use super::shape::Shapes;
use crate::engine::limit::Limit;
use crate::engine::naive::body::Source;
use crate::lang::program::{Prim, RelId, RuleId};
use crate::proof::graph::Value;
use crate::proof::record::Ground;
use crate::proof::typed;
use crate::proof::what_if::order;
use crate::proof::whole::Whole;
use crate::rulebook::Rulebook;
use rayon::prelude::*;
use rustc_hash::FxHashMap;
use std::collections::BTreeMap;

/// A pattern with the conclusions that have it.
#[derive(Clone, Debug, PartialEq)]
pub struct Pattern {
    /// Stable name: the first 12 hexadecimal digits of the hash of its skeleton.
    pub id: String,
    /// Number of conclusions.
    pub count: usize,
    /// Row of the verdict relation that stands first, by text.
    pub exemplar: Vec<Value>,
    /// Rules of the proof, from the conclusion down, each once.
    pub rules: Vec<RuleId>,
    /// Rows of the verdict relation, as numbers in its table, when asked for.
    pub rows: Vec<u32>,
}

/// The patterns of all rows of a relation, most frequent first. Rows with the same value of the column `entity` are
/// looked at one after the other. The tables are given back unchanged by [`Whole::into_database`].
///
/// # Errors
/// When a stated limit is met.
pub fn patterns(
    book: &Rulebook,
    whole: &Whole<'_>,
    rel: RelId,
    entity: usize,
    keep_rows: bool,
    threads: usize,
) -> Result<Vec<Pattern>, Limit> {
    let table = whole.table(rel);
    let mut sorted: Vec<u32> = (0..table.len() as u32).collect();
    if entity > 0 {
        sorted.sort_by_key(|n| (table.row(*n as usize)[entity], *n));
    }
    let pieces = if threads == 1 { 1 } else { rayon::current_num_threads() };
    let size = sorted.len().div_ceil(pieces.max(1)).max(1);
    let one = |rows: &[u32]| -> Result<BTreeMap<String, Found>, Limit> {
        let mut shapes = Shapes::new(book, whole.clone());
        let mut by_number: FxHashMap<u32, (usize, Vec<u32>, u32)> = FxHashMap::default();
        for row in rows {
            let Some(shape) = shapes.of(rel, *row)? else { continue };
            let slot = by_number.entry(shape).or_insert((0, Vec::new(), *row));
            slot.0 += 1;
            if keep_rows {
                slot.1.push(*row);
            }
            if before(whole, rel, *row, slot.2) {
                slot.2 = *row;
            }
        }
        let mut out = BTreeMap::new();
        for (number, (count, rows, first)) in by_number {
            let (id, rules) = shapes.describe(number);
            out.insert(id, Found { count, rows, first, rules });
        }
        Ok(out)
    };
    let parts: Vec<_> = sorted.par_chunks(size).map(one).collect::<Result<_, _>>()?;
    let mut all: BTreeMap<String, Found> = BTreeMap::new();
    for (id, found) in parts.into_iter().flatten() {
        match all.get_mut(&id) {
            None => {
                all.insert(id, found);
            }
            Some(known) => {
                known.count += found.count;
                known.rows.extend(found.rows);
                if before(whole, rel, found.first, known.first) {
                    known.first = found.first;
                }
            }
        }
    }
    let pattern = |(id, mut f): (String, Found)| {
        f.rows.sort_unstable();
        let rows = if keep_rows { f.rows } else { Vec::new() };
        Pattern { id, count: f.count, exemplar: shown(whole, rel, f.first), rules: f.rules, rows }
    };
    let mut out: Vec<Pattern> = all.into_iter().map(pattern).collect();
    out.sort_by(|a, b| {
        b.count.cmp(&a.count).then_with(|| order(&a.exemplar, &b.exemplar)).then_with(|| a.id.cmp(&b.id))
    });
    Ok(out)
}

#[derive(Debug)]
struct Found {
    count: usize,
    rows: Vec<u32>,
    first: u32,
    rules: Vec<RuleId>,
}

/// A row as values.
fn shown(whole: &Whole<'_>, rel: RelId, number: u32) -> Vec<Value> {
    let words = whole.row(rel, number).iter().map(|w| Some(*w));
    typed::row(whole.program(), whole.text(), rel, words).into_iter().flatten().collect()
}

/// Whether a row stands before another, by what they show. Text is compared where it stands.
fn before(whole: &Whole<'_>, rel: RelId, a: u32, b: u32) -> bool {
    if a == b {
        return false;
    }
    let (x, y) = (whole.row(rel, a), whole.row(rel, b));
    for (column, (u, v)) in whole.program().rel(rel).columns.iter().zip(x.iter().zip(y)) {
        if u == v {
            continue;
        }
        let text = |w: u32| whole.text().resolve(w);
        match column.prim {
            Prim::Symbol => return text(*u) < text(*v),
            _ => break,
        }
    }
    order(&shown(whole, rel, a), &shown(whole, rel, b)).is_lt()
}
