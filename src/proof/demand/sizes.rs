//! Rough sizes, to choose the order in which premises are asked.
//!
//! Given tables are measured, column by column. What rules conclude is estimated from what they read: a variable has at most
//! as many values as the narrowest column it stands in.

use crate::engine::store::{Database, Table};
use crate::engine::value::Word;
use crate::lang::program::{Arg, Atom, CmpOp, Const, Literal, Program, RelId, Rule, Term};
use crate::proof::given::Source;

/// Estimates of sizes and of how much a bound column narrows.
#[derive(Debug)]
pub struct Sizes {
    given: Vec<Measured>,
    /// What rules conclude: rows, and distinct values by column.
    concluded: Vec<Option<(f64, Vec<f64>)>>,
}

/// A table.
#[derive(Clone, Debug)]
struct Measured {
    rows: f64,
    /// By column, distinct values.
    distinct: Vec<f64>,
    /// By number of columns, from the first on, distinct keys.
    leading: Vec<f64>,
}

const DERIVED: f64 = 2.0;
const RECURSIVE: f64 = 50.0;
/// Rounds over the rules of a recursive stratum.
const ROUNDS: usize = 3;

/// What is known of a relation while the strata are gone through.
#[derive(Clone, Debug, Default)]
struct Estimate {
    rows: f64,
    distinct: Vec<f64>,
    /// Constants that rules put into a column.
    constants: Vec<Vec<Const>>,
}

impl Sizes {
    /// A relation has about as many rows as the largest that a rule for it reads (a sum over rules would explode over many
    /// strata), but no more than its columns have values for. Tables of the program's text and tables annotated `dimension`
    /// add columns to rows, not rows.
    #[must_use]
    pub fn of(program: &Program, facts: &Database, far: Option<&dyn Source>) -> Self {
        let side = |i: usize| program.relations[i].inputs.is_empty() || program.relations[i].notes.has("dimension");
        let measure = |(i, table): (usize, &Table)| {
            let rel = RelId(i as u32);
            let there = far.filter(|f| f.keeps(rel));
            there.map_or_else(|| Measured::of(table), |f| Measured::there(f, rel, table.width()))
        };
        let given: Vec<Measured> = facts.tables.iter().enumerate().map(measure).collect();
        let begin = |(i, m): (usize, &Measured)| {
            let rows = if side(i) { 1.0 } else { m.rows };
            Estimate { rows, distinct: m.distinct.clone(), constants: vec![Vec::new(); m.distinct.len()] }
        };
        let mut known: Vec<Estimate> = given.iter().enumerate().map(begin).collect();
        for stratum in &program.strata {
            for _ in 0..if stratum.recursive { ROUNDS } else { 1 } {
                for id in &stratum.rules {
                    conclude(program.rule(*id), &mut known);
                }
            }
        }
        // What has to be concluded first costs more than what is there, most of all what rests on itself.
        let mut concluded: Vec<Option<(f64, Vec<f64>)>> = vec![None; known.len()];
        for stratum in &program.strata {
            let price = if stratum.recursive { RECURSIVE } else { DERIVED };
            for head in stratum.rules.iter().map(|r| program.rule(*r).head.index()) {
                concluded[head].get_or_insert_with(|| {
                    let Estimate { rows, distinct, .. } = std::mem::take(&mut known[head]);
                    (rows * price, distinct)
                });
            }
        }
        Self { given, concluded }
    }

    /// The sizes of finished tables.
    #[must_use]
    pub fn known<'t>(all: impl Iterator<Item = &'t Table>) -> Self {
        let given: Vec<Measured> = all.map(Measured::of).collect();
        Self { concluded: vec![None; given.len()], given }
    }

    /// Roughly how many rows agree with a key of those columns (ascending).
    #[must_use]
    pub fn fan_out(&self, rel: RelId, columns: &[usize]) -> f64 {
        let given = self.given[rel.index()].fan_out(columns);
        let Some((rows, distinct)) = &self.concluded[rel.index()] else { return given };
        if columns.len() == distinct.len() && !distinct.is_empty() {
            return given + 0.5;
        }
        let narrow = columns.iter().fold(1.0, |n, c| n * distinct[*c].max(1.0));
        given + (rows / narrow).max(0.1)
    }
}

/// Adds what a rule concludes to what is known of its head.
fn conclude(rule: &Rule, known: &mut [Estimate]) {
    let mut most: f64 = 1.0;
    let mut values = vec![f64::INFINITY; rule.vars.len()];
    for literal in &rule.body {
        match literal {
            Literal::Atom(a) => {
                let of = &known[a.rel.index()];
                most = most.max(matching(a, of));
                for (arg, distinct) in a.args.iter().zip(&of.distinct) {
                    // Nothing is known yet of what the stratum itself concludes later.
                    if let (Arg::Var(v), true) = (arg, *distinct > 0.0) {
                        values[v.index()] = values[v.index()].min(*distinct);
                    }
                }
            }
            Literal::Compare { op: CmpOp::Eq, left, right, .. } => {
                for (a, b) in [(left, right), (right, left)] {
                    match (a, b) {
                        (Term::Var(v), Term::Const(_)) => values[v.index()] = 1.0,
                        (Term::Var(v), Term::Var(w)) => {
                            values[v.index()] = values[v.index()].min(values[w.index()]);
                        }
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    let head = &mut known[rule.head.index()];
    let mut possible = 1.0;
    for (at, term) in rule.args.iter().enumerate() {
        let distinct = match term {
            Term::Const(c) => {
                if !head.constants[at].contains(c) {
                    head.constants[at].push(c.clone());
                }
                head.constants[at].len() as f64
            }
            Term::Var(v) => values[v.index()].min(most),
            Term::Apply { .. } => most,
        };
        possible *= distinct;
        head.distinct[at] = head.distinct[at].max(distinct);
    }
    head.rows = head.rows.max(most.min(possible));
}

/// Rows of an estimate that agree with the constants of an atom.
fn matching(atom: &Atom, of: &Estimate) -> f64 {
    let constants = atom.args.iter().zip(&of.distinct).filter(|(arg, _)| matches!(arg, Arg::Const(_)));
    of.rows / constants.fold(1.0, |n, (_, d)| n * d.max(1.0))
}

impl Measured {
    fn of(table: &Table) -> Self {
        let leading: Vec<f64> = table.leading().into_iter().map(|n| n as f64).collect();
        let mut marks = Vec::new();
        let distinct = (0..table.width()).map(|c| if c == 0 { leading[1] } else { distinct(table, c, &mut marks) });
        Self { rows: table.len() as f64, distinct: distinct.collect(), leading }
    }

    /// A table whose rows lie in a source.
    fn there(far: &dyn Source, rel: RelId, width: usize) -> Self {
        let distinct = (0..width).map(|c| far.distinct(rel, c) as f64).collect();
        let leading = (0..=width).map(|n| far.leading(rel, n) as f64).collect();
        Self { rows: far.rows(rel) as f64, distinct, leading }
    }

    fn fan_out(&self, columns: &[usize]) -> f64 {
        let lead = columns.iter().enumerate().take_while(|(i, c)| i == *c).count();
        let rest = columns[lead..].iter().fold(1.0, |n, c| n * self.distinct[*c].max(1.0));
        (self.rows / self.leading[lead].max(1.0) / rest).max(self.rows.min(1.0))
    }
}

/// About how many distinct values a column has, counted by marks of hashed values (linear counting): within a few per cent,
/// and no index is needed.
fn distinct(table: &Table, column: usize, marks: &mut Vec<u64>) -> f64 {
    let bits = table.len().next_power_of_two().max(64);
    marks.clear();
    marks.resize(bits / 64, 0);
    let mut last: Option<Word> = None;
    for row in table.rows() {
        if last == Some(row[column]) {
            continue;
        }
        last = Some(row[column]);
        let hash = u64::from(row[column]).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20;
        let bit = hash as usize & (bits - 1);
        marks[bit / 64] |= 1 << (bit % 64);
    }
    let set: u32 = marks.iter().map(|m| m.count_ones()).sum();
    let free = bits.saturating_sub(set as usize).max(1) as f64;
    (-(bits as f64) * (free / bits as f64).ln()).min(table.len() as f64)
}
