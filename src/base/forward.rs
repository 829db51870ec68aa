//! The conclusions that come and go with rows of a base, found by going forward from these rows only.
//!
//! What changed rows lead to is the union of what each of them leads to, given that all of them changed. So the cases are
//! dealt out to threads, each with two provers of its own over all of the changes.

use super::Trouble;
use super::change::{Rows, order};
use super::pack;
use super::store::{Base, Row};
use crate::bulk::{self, Request};
use crate::engine::limit::Limit;
use crate::engine::naive::body::Source as _;
use crate::engine::store::Database;
use crate::engine::value::Word;
use crate::facts::{Loaded, Origins, Standing};
use crate::lang::date;
use crate::lang::program::{Const, RelId};
use crate::proof::demand::{Change, Prover};
use crate::proof::given::Source;
use crate::proof::{typed, what_if};
use crate::rulebook::Rulebook;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Conclusions that come and those that go with rows that come and go, by relation in order. All changes are followed
/// together: what two cases lead to, one after the other, is not what they lead to at once.
pub(super) fn conclusions(
    book: &Rulebook,
    base: &Arc<Base>,
    (came, went): (&Rows, &Rows),
) -> Result<(Rows, Rows), Trouble> {
    let program = &book.program;
    let own = base.manifest();
    let as_of = date::parse_iso(&own.as_of).unwrap_or_default();
    let request = Request { set: own.options.clone(), origins: true, threads: 0, ..Request::new(base.dir(), as_of) };
    let mut loaded = base.loaded(book, &request)?;
    let mut changes: Vec<Change> = Vec::new();
    let mut changed = Vec::new();
    for (rows, comes) in [(went, false), (came, true)] {
        for (rel, row) in rows.iter().flat_map(|(rel, rows)| rows.iter().map(move |row| (*rel, row))) {
            let words: Vec<Word> = row.values.iter().map(|v| loaded.database.word(v)).collect();
            changed.push((rel, words.clone()));
            changes.push((rel, words, comes));
        }
    }
    let far: Arc<dyn Source> = base.clone();
    let mut before = Prover::reaching(program, loaded.database.clone(), u64::MAX, Some(far));
    let mut after = before.fork();
    after.change(&changes);
    let flips = what_if::outcome(&mut before, &mut after, &changed).map(|o| o.flips);
    if let Some(e) = base.failure() {
        return Err(e);
    }
    let flips = flips?;
    let violated = |f: &&what_if::Flip| f.gained && program.rel(f.rel).notes.has("constraint");
    let contradicted: Vec<&what_if::Flip> = flips.iter().filter(violated).collect();
    if !contradicted.is_empty() {
        return Err(contradictions(book, &contradicted, after, &loaded, came)?);
    }
    let outputs: BTreeSet<RelId> = pack::outputs(program).collect();
    let (mut gained, mut lost): (Rows, Rows) = (BTreeMap::new(), BTreeMap::new());
    for flip in flips.into_iter().filter(|f| outputs.contains(&f.rel)) {
        let row = Row { values: flip.values.into_iter().map(|v| v.value).collect(), place: Standing::default() };
        if flip.gained { &mut gained } else { &mut lost }.entry(flip.rel).or_default().push(row);
    }
    for rows in gained.values_mut().chain(lost.values_mut()) {
        rows.sort_by(order);
    }
    Ok((gained, lost))
}

/// The contradictions after changes, with the rows they rest on.
fn contradictions(
    book: &Rulebook,
    found: &[&what_if::Flip],
    mut after: Prover<'_>,
    loaded: &Loaded,
    came: &Rows,
) -> Result<Trouble, Limit> {
    let program = &book.program;
    for f in found {
        let row: Vec<Word> = f.values.iter().map(|v| after.symbols().word(&v.value)).collect();
        after.holds(f.rel, &row)?;
    }
    // The rows looked at are those of the contradiction.
    let mut given = after.slice();
    let mut all = Database::new(program);
    all.symbols = given.symbols.clone();
    for f in found {
        let row: Vec<Word> = f.values.iter().map(|v| all.word(&v.value)).collect();
        all.tables[f.rel.index()].add(row);
    }
    given.symbols = all.symbols.clone();
    let mut origins = Origins::default();
    for (i, table) in given.tables.iter().enumerate() {
        let rel = RelId(i as u32);
        let place = |row: &[Word]| {
            let values: Vec<Const> = typed::row(program, &given.symbols, rel, row.iter().map(|w| Some(*w)))
                .into_iter()
                .flatten()
                .map(|v| v.value)
                .collect();
            let new = came.get(&rel).and_then(|rows| rows.iter().find(|r| r.values == values));
            new.map(|r| r.place.clone()).unwrap_or_else(|| {
                let words: Option<Vec<Word>> = values.iter().map(|v| loaded.database.known_word(v)).collect();
                let old = words.and_then(|w| loaded.origins.of(&loaded.database, rel, &w));
                old.map_or_else(Standing::default, |o| Standing {
                    file: Arc::from(o.file),
                    line: o.line,
                    shipped: o.shipped,
                    source: Arc::from(""),
                })
            })
        };
        origins.place(rel, table.rows().map(place).collect());
    }
    let list = bulk::violated(book, &given, &all, &origins);
    Ok(bulk::Trouble::Contradictions(list).into())
}
