//! The summary that `run` prints: figures per instrument, as the `//@ summary` annotations of the rulebook ask for them.
//!
//! `//@ summary [count COL,COL] [split COL] [where COL VALUE,VALUE] | Chinese label | English label`: distinct values of the
//! columns (all columns if none are named), per value of the `instrument` column, split by the codes of a column.

use crate::engine::store::Database;
use crate::engine::value::Word;
use crate::facts::codes::CodeLists;
use crate::lang::program::{Program, RelId};
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

/// Figures of a finished run, by instrument in order of its id.
#[must_use]
pub fn summary(program: &Program, codes: &CodeLists, db: &Database) -> Vec<Block> {
    let mut blocks: BTreeMap<String, Vec<Line>> = BTreeMap::new();
    let mut asks = Vec::new();
    for (i, r) in program.relations.iter().enumerate() {
        asks.extend(r.notes.all("summary").filter_map(|t| parse(program, RelId(i as u32), t)));
    }
    // Every group gets every line, so that a nought is seen as a nought.
    let mut groups = BTreeSet::new();
    for ask in &asks {
        groups.extend(db.table(ask.rel).rows().map(|r| r[ask.group]));
    }
    for ask in &asks {
        let table = db.table(ask.rel);
        let wanted: Option<(usize, Vec<Option<Word>>)> =
            ask.filter.as_ref().map(|(c, v)| (*c, v.iter().map(|v| db.symbols.get(v)).collect()));
        let mut seen: BTreeMap<Word, BTreeMap<Word, BTreeSet<Vec<Word>>>> = BTreeMap::new();
        for row in table.rows() {
            if let Some((c, values)) = &wanted
                && !values.contains(&Some(row[*c]))
            {
                continue;
            }
            let part = ask.split.map_or(0, |c| row[c]);
            let key = ask.count.iter().map(|c| row[*c]).collect();
            seen.entry(row[ask.group]).or_default().entry(part).or_default().insert(key);
        }
        for g in &groups {
            let parts = seen.remove(g).unwrap_or_default();
            let total = parts.values().map(BTreeSet::len).sum();
            let split = ask.split.map(|c| {
                let ty = &program.types[program.rel(ask.rel).columns[c].ty.index()];
                let list = ty.notes.get("codes").and_then(|l| codes.lists.get(l)).map_or(&[][..], Vec::as_slice);
                let mut rows: Vec<(usize, String, String, String, usize)> = parts
                    .iter()
                    .map(|(w, keys)| {
                        let code = db.symbols.resolve(*w).to_owned();
                        let at = list.iter().position(|c| c.code == code).unwrap_or(usize::MAX);
                        let (zh, en) =
                            list.get(at).map_or((code.clone(), code.clone()), |c| (c.zh.clone(), c.en.clone()));
                        (at, code, zh, en, keys.len())
                    })
                    .collect();
                rows.sort();
                rows.into_iter().map(|(_, code, zh, en, n)| (code, zh, en, n)).collect()
            });
            let line = Line { zh: ask.zh.clone(), en: ask.en.clone(), total, split };
            blocks.entry(db.symbols.resolve(*g).to_owned()).or_default().push(line);
        }
    }
    blocks.into_iter().map(|(group, lines)| Block { group, lines }).collect()
}

/// Values of the first `instrument`-like last column of relations that mark others: groups with marked rows.
#[must_use]
pub fn marked(program: &Program, db: &Database) -> BTreeSet<String> {
    let mut out = BTreeSet::new();
    for (i, r) in program.relations.iter().enumerate() {
        if r.notes.has("mark")
            && let Some(c) = r.columns.iter().position(|c| c.name == "instrument")
        {
            out.extend(db.tables[i].rows().map(|row| db.symbols.resolve(row[c]).to_owned()));
        }
    }
    out
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

/// A case, person and instrument worth asking about: the first verdict by text whose state is the rarest but one seen.
#[must_use]
pub fn example(program: &Program, db: &Database) -> Option<(String, String, String)> {
    let (rel, at) = verdict(program)?;
    let mut states: BTreeMap<Vec<Word>, Vec<&[Word]>> = BTreeMap::new();
    for row in db.table(rel).rows() {
        let rest: Vec<Word> = (0..row.len()).filter(|i| !at.contains(i)).map(|i| row[i]).collect();
        states.entry(rest).or_default().push(row);
    }
    let text = |w: Word| db.symbols.resolve(w).to_owned();
    let triple = |r: &[Word]| (text(r[at[0]]), text(r[at[1]]), text(r[at[2]]));
    let rows = states.into_values().min_by_key(|v| (v.len(), v.iter().map(|r| triple(r)).min()))?;
    rows.into_iter().map(triple).min()
}
