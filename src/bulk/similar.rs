//! The nearest conclusion with a different result: inconsistent treatment is what auditors look for.
//!
//! Two rows of the verdict relation are compared by the facts of their entity (the first key column, a case): for every given
//! table with a column of that type, the codes in its coded columns, apart for rows that name the same further key (the
//! person). Nearness is the share of codes that both have (Jaccard, over multisets).

use crate::engine::store::Database;
use crate::engine::value::Word;
use crate::lang::program::{Program, RelId, TypeId};
use rustc_hash::FxHashMap;

/// A row with how near it is.
#[derive(Clone, Debug, PartialEq)]
pub struct Near {
    /// The row of the verdict relation.
    pub row: Vec<Word>,
    /// Codes in common, and codes of either.
    pub shared: (usize, usize),
}

/// What is known of an entity, or of a person in it: how often each code stands in each column.
type Features = FxHashMap<(u32, u32, Word), u32>;

/// The rows of the verdict relation nearest to one of its rows whose result (the columns that are no key) differs, nearest
/// first, ties by value. Key columns after the second must agree (the instrument).
#[must_use]
pub fn nearest(
    program: &Program,
    all: &Database,
    verdict: RelId,
    keys: &[usize],
    row: &[Word],
    most: usize,
) -> Vec<Near> {
    let relation = program.rel(verdict);
    let (Some(entity), person) = (keys.first(), keys.get(1)) else { return Vec::new() };
    let ty = relation.columns[*entity].ty;
    let person_ty = person.map(|c| relation.columns[*c].ty);
    let result: Vec<usize> = (0..row.len()).filter(|c| !keys.contains(c)).collect();
    let candidates: Vec<&[Word]> = all
        .table(verdict)
        .rows()
        .filter(|r| r[*entity] != row[*entity])
        .filter(|r| keys.iter().skip(2).all(|c| r[*c] == row[*c]))
        .filter(|r| result.iter().any(|c| r[*c] != row[*c]))
        .collect();
    let mut of: FxHashMap<Word, (Features, FxHashMap<Word, Features>)> = FxHashMap::default();
    of.insert(row[*entity], Default::default());
    candidates.iter().for_each(|r| {
        of.entry(r[*entity]).or_default();
    });
    gather(program, all, ty, person_ty, &mut of);
    let bag = |r: &[Word]| -> Option<(Features, Features)> {
        let (case, people) = of.get(&r[*entity])?;
        let own = person.and_then(|c| people.get(&r[*c])).cloned().unwrap_or_default();
        Some((case.clone(), own))
    };
    let Some((case, own)) = bag(row) else { return Vec::new() };
    let mut out: Vec<Near> = Vec::new();
    for r in candidates {
        let Some((c, o)) = bag(r) else { continue };
        let (a, b) = (overlap(&case, &c), overlap(&own, &o));
        // What the person did and was weighs as much as everything else in the case.
        out.push(Near { row: r.to_vec(), shared: (a.0 + 2 * b.0, a.1 + 2 * b.1) });
    }
    let text = |w: &Near| w.row.clone();
    out.sort_by(|x, y| (y.shared.0 * x.shared.1).cmp(&(x.shared.0 * y.shared.1)).then_with(|| text(x).cmp(&text(y))));
    out.truncate(most);
    out
}

/// Common and united size of two multisets.
fn overlap(a: &Features, b: &Features) -> (usize, usize) {
    let common: u32 = a.iter().map(|(k, n)| (*n).min(b.get(k).copied().unwrap_or(0))).sum();
    let total: u32 = a.values().sum::<u32>() + b.values().sum::<u32>();
    (common as usize, (total - common) as usize)
}

fn gather(
    program: &Program,
    all: &Database,
    entity: TypeId,
    person: Option<TypeId>,
    of: &mut FxHashMap<Word, (Features, FxHashMap<Word, Features>)>,
) {
    for (i, relation) in program.relations.iter().enumerate() {
        if relation.inputs.is_empty() || relation.notes.has("dimension") {
            continue;
        }
        let column = |ty: TypeId| relation.columns.iter().position(|c| c.ty == ty);
        let Some(at) = column(entity) else { continue };
        let who = person.and_then(column);
        let coded: Vec<usize> = (0..relation.arity())
            .filter(|c| program.types[relation.columns[*c].ty.index()].notes.has("codes"))
            .collect();
        for row in all.tables[i].rows() {
            let Some((case, people)) = of.get_mut(&row[at]) else { continue };
            for c in &coded {
                let key = (i as u32, *c as u32, row[*c]);
                *case.entry(key).or_default() += 1;
                if let Some(w) = who {
                    *people.entry(row[w]).or_default().entry(key).or_default() += 1;
                }
            }
        }
    }
}
