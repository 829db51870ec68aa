//! The summary that `run` prints: figures per instrument, as the `//@ summary` annotations of the rulebook ask for them.
//!
//! `//@ summary [count COL,COL] [split COL] [where COL VALUE,VALUE] | Chinese label | English label`: distinct values of the
//! columns (all columns if none are named), per value of the `instrument` column, split by the codes of a column.

use super::table;
use crate::engine::store::Database;
use crate::engine::value::Word;
use crate::facts::codes::CodeLists;
use crate::lang::program::{Program, RelId};
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

/// One figure asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Ask {
    rel: RelId,
    group: usize,
    count: Vec<usize>,
    split: Option<usize>,
    filter: Option<(usize, Vec<String>)>,
    zh: String,
    en: String,
}

/// A line of the summary: a label and a number, or a label and one number per code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Chinese label.
    pub zh: String,
    /// English label.
    pub en: String,
    /// The number, when not split.
    pub total: usize,
    /// Per code in the order of its list: code, Chinese, English, number.
    pub split: Option<Vec<(String, String, String, usize)>>,
}

/// Figures of one instrument (or other value of the grouping column).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// The grouping value.
    pub group: String,
    /// The figures, in the order of the relations.
    pub lines: Vec<Line>,
}

fn parse(program: &Program, rel: RelId, text: &str) -> Option<Ask> {
    let relation = program.rel(rel);
    let column = |name: &str| relation.columns.iter().position(|c| c.name == name);
    let mut parts = text.split('|').map(str::trim);
    let mut words = parts.next()?.split_whitespace();
    let (zh, en) = (parts.next()?.to_owned(), parts.next()?.to_owned());
    let mut ask = Ask { rel, group: column("instrument")?, count: Vec::new(), split: None, filter: None, zh, en };
    while let Some(w) = words.next() {
        match w {
            "count" => ask.count = words.next()?.split(',').map(column).collect::<Option<_>>()?,
            "split" => ask.split = Some(column(words.next()?)?),
            "where" => {
                let c = column(words.next()?)?;
                ask.filter = Some((c, words.next()?.split(',').map(str::to_owned).collect()));
            }
            _ => return None,
        }
    }
    if ask.count.is_empty() {
        ask.count = (0..relation.arity()).collect();
    }
    Some(ask)
}

/// Summary annotations that make no sense, as `relation: text`.
#[must_use]
pub fn faults(program: &Program) -> Vec<String> {
    let mut bad = Vec::new();
    for (i, r) in program.relations.iter().enumerate() {
        for text in r.notes.all("summary") {
            if parse(program, RelId(i as u32), text).is_none() {
                bad.push(format!("{}: {text}", r.name));
            }
        }
    }
    bad
}

/// A number of distinct values: counted where no other piece of a run can hold them, else kept.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Count {
    Number(usize),
    Values(BTreeSet<Vec<String>>),
}

impl Count {
    fn len(&self) -> usize {
        match self {
            Count::Number(n) => *n,
            Count::Values(v) => v.len(),
        }
    }

    fn merge(&mut self, other: Self) {
        match (self, other) {
            (Count::Number(a), Count::Number(b)) => *a += b,
            (Count::Values(a), Count::Values(b)) => a.extend(b),
            _ => unreachable!("one figure is counted in one way"),
        }
    }
}

/// Texts of a case, a person and an instrument.
type Triple = (String, String, String);

/// What is to be said of a piece of a run in the end; pieces add up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// By figure, in the order of the relations: group, value of the split, number.
    figures: Vec<BTreeMap<String, BTreeMap<String, Count>>>,
    marked: BTreeSet<String>,
    /// Of the verdicts: their state, how many, and the first by text.
    states: BTreeMap<Vec<String>, (usize, Triple)>,
}

fn asks(program: &Program) -> Vec<Ask> {
    let all = program.relations.iter().enumerate();
    all.flat_map(|(i, r)| r.notes.all("summary").filter_map(move |t| parse(program, RelId(i as u32), t))).collect()
}

impl Tally {
    /// The tally of these relations of a database. `keys` says in which column of a relation stands what no other piece holds.
    #[must_use]
    pub fn of(program: &Program, db: &Database, here: &[bool], keys: &[Option<usize>]) -> Self {
        let mut tally = Self::default();
        let text = |w: Word| db.symbols.resolve(w).to_owned();
        let shown = |rel: RelId, c: usize, w: Word| {
            table::show(table::look(program, &program.rel(rel).columns[c]), w, &db.symbols)
        };
        for ask in asks(program) {
            let mut found: BTreeMap<String, BTreeMap<String, Count>> = BTreeMap::new();
            if here[ask.rel.index()] {
                let alone = keys[ask.rel.index()].is_some_and(|k| ask.count.contains(&k));
                let wanted: Option<(usize, Vec<Option<Word>>)> =
                    ask.filter.as_ref().map(|(c, v)| (*c, v.iter().map(|v| db.symbols.get(v)).collect()));
                let rows = db.table(ask.rel);
                // Every group gets every line, so that a nought is seen as a nought.
                let groups: BTreeSet<Word> = rows.rows().map(|r| r[ask.group]).collect();
                groups.into_iter().for_each(|g| drop(found.insert(text(g), BTreeMap::new())));
                let width = 2 + ask.count.len();
                let mut flat: Vec<Word> = Vec::new();
                for row in rows.rows() {
                    if wanted.as_ref().is_none_or(|(c, values)| values.contains(&Some(row[*c]))) {
                        flat.extend([row[ask.group], ask.split.map_or(0, |c| row[c])]);
                        flat.extend(ask.count.iter().map(|c| row[*c]));
                    }
                }
                crate::engine::rows::normalise(width, &mut flat);
                let distinct = flat.chunks_exact(width).collect::<Vec<_>>();
                for part in distinct.chunk_by(|a, b| a[..2] == b[..2]) {
                    let count = if alone {
                        Count::Number(part.len())
                    } else {
                        let values = |r: &&[Word]| {
                            ask.count.iter().zip(&r[2..]).map(|(c, w)| shown(ask.rel, *c, *w)).collect::<Vec<_>>()
                        };
                        Count::Values(part.iter().map(values).collect())
                    };
                    found.entry(text(part[0][0])).or_default().insert(text(part[0][1]), count);
                }
            }
            tally.figures.push(found);
        }
        for (i, r) in program.relations.iter().enumerate() {
            if r.notes.has("mark")
                && here[i]
                && let Some(c) = r.columns.iter().position(|c| c.name == "instrument")
            {
                tally.marked.extend(db.tables[i].rows().map(|row| text(row[c])));
            }
        }
        if let Some((rel, at)) = verdict(program).filter(|(rel, _)| here[rel.index()]) {
            let rest: Vec<usize> = (0..program.rel(rel).arity()).filter(|i| !at.contains(i)).collect();
            let mut states: BTreeMap<Vec<Word>, (usize, [Word; 3])> = BTreeMap::new();
            for row in db.table(rel).rows() {
                let key = at.map(|c| row[c]);
                let state = states.entry(rest.iter().map(|c| row[*c]).collect()).or_insert((0, key));
                state.0 += 1;
                let less = || key.iter().zip(&state.1).map(|(a, b)| db.symbols.compare(*a, *b)).find(|o| o.is_ne());
                if less().is_some_and(std::cmp::Ordering::is_lt) {
                    state.1 = key;
                }
            }
            for (state, (n, [a, b, c])) in states {
                let state = state.iter().zip(&rest).map(|(w, c)| shown(rel, *c, *w)).collect();
                tally.states.insert(state, (n, (text(a), text(b), text(c))));
            }
        }
        tally
    }

    /// Adds another piece.
    pub fn merge(&mut self, other: Self) {
        if self.figures.is_empty() {
            self.figures.resize(other.figures.len(), BTreeMap::new());
        }
        for (mine, theirs) in self.figures.iter_mut().zip(other.figures) {
            for (group, parts) in theirs {
                let of = mine.entry(group).or_default();
                for (part, count) in parts {
                    match of.entry(part) {
                        Entry::Vacant(e) => drop(e.insert(count)),
                        Entry::Occupied(mut e) => e.get_mut().merge(count),
                    }
                }
            }
        }
        self.marked.extend(other.marked);
        for (state, (n, first)) in other.states {
            let of = self.states.entry(state).or_insert((0, first.clone()));
            of.0 += n;
            of.1 = first.min(of.1.clone());
        }
    }

    /// The figures, by instrument in order of its id.
    #[must_use]
    pub fn blocks(&self, program: &Program, codes: &CodeLists) -> Vec<Block> {
        let groups: BTreeSet<&String> = self.figures.iter().flat_map(BTreeMap::keys).collect();
        let nothing = BTreeMap::new();
        let line = |group: &String, ask: &Ask, figure: &BTreeMap<String, BTreeMap<String, Count>>| {
            let parts = figure.get(group).unwrap_or(&nothing);
            let split = ask.split.map(|c| {
                let ty = &program.types[program.rel(ask.rel).columns[c].ty.index()];
                let list = ty.notes.get("codes").and_then(|l| codes.lists.get(l)).map_or(&[][..], Vec::as_slice);
                let named = |(code, count): (&String, &Count)| {
                    let at = list.iter().position(|c| c.code == *code).unwrap_or(usize::MAX);
                    let (zh, en) = list.get(at).map_or((code, code), |c| (&c.zh, &c.en));
                    (at, code.clone(), zh.clone(), en.clone(), count.len())
                };
                let mut rows: Vec<_> = parts.iter().map(named).collect();
                rows.sort();
                rows.into_iter().map(|(_, code, zh, en, n)| (code, zh, en, n)).collect()
            });
            let total = parts.values().map(Count::len).sum();
            Line { zh: ask.zh.clone(), en: ask.en.clone(), total, split }
        };
        let asks = asks(program);
        let lines = |group: &String| asks.iter().zip(&self.figures).map(|(a, f)| line(group, a, f)).collect();
        groups.into_iter().map(|group| Block { group: group.clone(), lines: lines(group) }).collect()
    }

    /// Groups with marked rows.
    #[must_use]
    pub fn marked(&self) -> &BTreeSet<String> {
        &self.marked
    }

    /// A case, person and instrument worth asking about: the first verdict by text whose state is the rarest.
    #[must_use]
    pub fn example(&self) -> Option<&Triple> {
        self.states.values().min_by_key(|(n, first)| (*n, first)).map(|(_, first)| first)
    }
}

/// The relation annotated `verdict` with the columns that it names: what `why` asks for a case, a person, an instrument.
#[must_use]
pub fn verdict(program: &Program) -> Option<(RelId, [usize; 3])> {
    program.relations.iter().enumerate().find_map(|(i, r)| {
        let names: Vec<&str> = r.notes.get("verdict")?.split_whitespace().collect();
        let at = |n: usize| r.columns.iter().position(|c| Some(&c.name.as_str()) == names.get(n));
        Some((RelId(i as u32), [at(0)?, at(1)?, at(2)?]))
    })
}
