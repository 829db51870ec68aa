//! Rows of a compiled question, ordered, cut, projected.

use super::rules::{Asked, MarkOf};
use super::settle;
use crate::engine::limit::{Limit, Options};
use crate::engine::naive::body::Source;
use crate::engine::store::Database;
use crate::engine::symbol::Symbols;
use crate::engine::value::{self, Word};
use crate::engine::{self};
use crate::facts::codes::CodeLists;
use crate::lang::program::{Const, Prim, Program, RelId, TypeId};
use crate::proof::demand::Prover;
use crate::proof::given::Source as Far;
use crate::proof::graph::Value;
use crate::rulebook::marks;
use rustc_hash::FxHashMap;
use std::cmp::Ordering;
use std::sync::Arc;

/// Steps by demand before everything is concluded instead.
const MOST_STEPS: u64 = 20_000_000;

/// How a question is evaluated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// By demand if it names something.
    Auto,
    /// By demand.
    Demand,
    /// By the engine, as far as it needs.
    Engine,
}

/// The rows of a result.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The rows, in order.
    pub rows: Vec<Vec<Value>>,
    /// Number of rows before the limit.
    pub total: usize,
    /// The marks that a row bears, shown or not.
    pub marks: Vec<Marked>,
}

/// A mark, and which of the rows bear it.
#[derive(Clone, Debug, PartialEq)]
pub struct Marked {
    /// Its name.
    pub name: String,
    /// For each row.
    pub rows: Vec<bool>,
}

/// What questions are asked of.
#[derive(Debug)]
pub struct Given {
    /// The given facts. Those of the program's text are added, unless something is done.
    pub database: Database,
    /// Where further ones lie.
    pub far: Option<Arc<dyn Far>>,
    /// Relations of which all rows are in the database.
    pub done: Vec<RelId>,
}

/// Evaluates questions. Rows that a question by demand needs are fetched; the engine takes those that are in the tables, and
/// runs no rules of relations that the source settles or that are done.
///
/// # Errors
/// When a stated limit is met.
pub fn answer(
    program: &Program,
    codes: &CodeLists,
    Given { database, far, done }: Given,
    asked: &[Asked],
    mode: Mode,
    options: &Options,
) -> Result<Vec<Answer>, Limit> {
    let demand = match mode {
        Mode::Auto => asked.iter().all(|a| a.named),
        Mode::Demand => true,
        Mode::Engine => false,
    };
    if demand {
        let mut prover = Prover::reaching(program, database, MOST_STEPS, far);
        let mut out = Vec::new();
        for a in asked {
            let mut all = |rel: RelId| {
                let mut numbers = Vec::new();
                prover.matching(rel, &[], &[], &mut numbers)?;
                Ok(numbers.iter().map(|n| prover.row(rel, *n).to_vec()).collect::<Vec<_>>())
            };
            let rows = all(a.rel)?;
            let marks = a.marks.iter().map(|m| Ok(all(m.rel)?.into_iter().collect())).collect::<Result<_, Limit>>()?;
            out.push(arrange(program, codes, prover.text(), a, rows, marks));
        }
        return Ok(out);
    }
    let wanted = Some(asked.iter().flat_map(|a| a.marks.iter().map(|m| m.rel).chain([a.rel])).collect());
    let settled = |rel: RelId| done.contains(&rel) || far.as_ref().is_some_and(|far| far.settles(rel));
    let unsettled = Some(Arc::new(program.rules.iter().map(|r| !settled(r.head)).collect()));
    let options = Options { wanted, rules: unsettled, complete: !done.is_empty(), ..options.clone() };
    let (all, _) = engine::evaluate(program, database, &options)?;
    let rows = |rel: RelId| all.table(rel).rows().map(<[Word]>::to_vec);
    let marks = |a: &Asked| a.marks.iter().map(|m| rows(m.rel).collect()).collect();
    let one = |a: &Asked| arrange(program, codes, &all.symbols, a, rows(a.rel).collect(), marks(a));
    Ok(asked.iter().map(one).collect())
}

/// All rows of relations, in the order of their columns.
///
/// # Errors
/// When a stated limit is met.
pub fn relations(
    program: &Program,
    codes: &CodeLists,
    given: Given,
    wanted: &[RelId],
    options: &Options,
) -> Result<Vec<(Asked, Answer)>, Limit> {
    let column = |rel: RelId, c: usize| super::ColumnOf {
        name: program.rel(rel).columns[c].name.clone(),
        ty: program.rel(rel).columns[c].ty,
        from: Some((rel, c)),
        aggregate: None,
    };
    let whole = |rel: &RelId| {
        let n = program.rel(*rel).arity();
        Asked {
            rel: *rel,
            columns: (0..n).map(|c| column(*rel, c)).collect(),
            show: (0..n).collect(),
            order: Vec::new(),
            limit: None,
            named: false,
            texts: Vec::new(),
            marks: marks::on(program, *rel)
                .map(|(m, name, columns)| MarkOf { name: name.to_owned(), rel: m, columns })
                .collect(),
            tally: None,
        }
    };
    let asked: Vec<Asked> = wanted.iter().map(whole).collect();
    let answers = answer(program, codes, given, &asked, Mode::Engine, options)?;
    Ok(asked.into_iter().zip(answers).collect())
}

/// The order of text in a column: codes as their list has them, else by text.
fn ranks<'r>(
    program: &Program,
    codes: &CodeLists,
    symbols: &Symbols,
    ty: TypeId,
    words: impl Iterator<Item = &'r Word>,
) -> FxHashMap<Word, u32> {
    let mut distinct: Vec<Word> = words.copied().collect();
    distinct.sort_unstable();
    distinct.dedup();
    let list = settle::list(program, ty).and_then(|l| codes.lists.get(l)).map_or(&[][..], Vec::as_slice);
    let place: FxHashMap<&str, usize> = list.iter().enumerate().map(|(i, c)| (c.code.as_str(), i)).collect();
    let key = |w: &Word| {
        let text = symbols.resolve(*w);
        (place.get(text).copied().unwrap_or(usize::MAX), text)
    };
    distinct.sort_by(|a, b| key(a).cmp(&key(b)));
    distinct.into_iter().zip(0..).collect()
}

type Rows = rustc_hash::FxHashSet<Vec<Word>>;

fn arrange(
    program: &Program,
    codes: &CodeLists,
    symbols: &Symbols,
    asked: &Asked,
    mut rows: Vec<Vec<Word>>,
    marking: Vec<Rows>,
) -> Answer {
    let prims: Vec<Prim> = asked.columns.iter().map(|c| program.types[c.ty.index()].prim).collect();
    let ranks: Vec<Option<FxHashMap<Word, u32>>> = prims
        .iter()
        .enumerate()
        .map(|(c, p)| {
            let words = rows.iter().map(|r| &r[c]);
            (*p == Prim::Symbol).then(|| ranks(program, codes, symbols, asked.columns[c].ty, words))
        })
        .collect();
    let key = |c: usize, w: Word| ranks[c].as_ref().map_or(w, |r| r.get(&w).copied().unwrap_or(u32::MAX));
    let shown_first = asked.show.iter().copied().chain(0..asked.columns.len());
    let order: Vec<(usize, bool)> = asked.order.iter().copied().chain(shown_first.map(|c| (c, false))).collect();
    rows.sort_unstable_by(|a, b| {
        let by = |(c, falling): &(usize, bool)| {
            let o = key(*c, a[*c]).cmp(&key(*c, b[*c]));
            if *falling { o.reverse() } else { o }
        };
        order.iter().map(by).find(|o| *o != Ordering::Equal).unwrap_or(Ordering::Equal)
    });
    let narrow = asked.show.len() < asked.columns.len();
    let mut seen: FxHashMap<Vec<Word>, usize> = FxHashMap::default();
    let mut out = Vec::new();
    let mut marks: Vec<Marked> =
        asked.marks.iter().map(|m| Marked { name: m.name.clone(), rows: Vec::new() }).collect();
    let mut some = vec![false; marks.len()];
    let mut total = 0;
    for row in rows {
        let picked: Vec<Word> = asked.show.iter().map(|c| row[*c]).collect();
        // A row that is shown bears a mark if one of the answers behind it does.
        let at = if narrow { *seen.entry(picked.clone()).or_insert(total) } else { total };
        for (k, (m, of)) in marks.iter_mut().zip(&asked.marks).enumerate() {
            let key: Vec<Word> = of.columns.iter().map(|c| row[*c]).collect();
            let marked = !marking[k].is_empty() && marking[k].contains(&key);
            some[k] |= marked;
            if at == m.rows.len() {
                m.rows.push(marked);
            } else {
                m.rows[at] |= marked;
            }
        }
        if at < total {
            continue;
        }
        total += 1;
        if asked.limit.is_none_or(|l| out.len() < l) {
            let value = |(w, c): (Word, &usize)| {
                let value = match prims[*c] {
                    Prim::Symbol => Const::Symbol(symbols.resolve(w).into()),
                    Prim::Number => Const::Number(value::to_number(w)),
                    Prim::Unsigned => Const::Unsigned(w),
                    Prim::Float => Const::Float(value::to_float(w)),
                };
                Value { value, ty: asked.columns[*c].ty }
            };
            out.push(picked.into_iter().zip(&asked.show).map(value).collect());
        }
    }
    marks.iter_mut().for_each(|m| m.rows.truncate(out.len()));
    let mut some = some.into_iter();
    marks.retain(|_| some.next().unwrap_or_default());
    Answer { rows: out, total, marks }
}
