//! Rough sizes, to choose the order in which premises are asked.

use crate::engine::store::{Database, Table};
use crate::lang::program::{Literal, Program, RelId};
use crate::proof::given::Source;

/// Estimates of sizes and of how much a bound column narrows.
#[derive(Debug)]
pub struct Sizes {
    rows: Vec<f64>,
    /// Distinct values, by type.
    distinct: Vec<f64>,
}

/// Distinct values of a type that begins no given table: such are codes.
const CODES: f64 = 8.0;

const DERIVED: f64 = 2.0;
const RECURSIVE: f64 = 50.0;

impl Sizes {
    /// A relation has about as many rows as the largest relation that a rule for it reads (a sum over rules would explode
    /// over many strata). Tables of the program's text and tables
    /// annotated `dimension` add columns to rows, not rows.
    #[must_use]
    pub fn of(program: &Program, facts: &Database, far: Option<&dyn Source>) -> Self {
        let side = |i: usize| program.relations[i].inputs.is_empty() || program.relations[i].notes.has("dimension");
        let mut rows: Vec<f64> =
            facts.tables.iter().enumerate().map(|(i, t)| if side(i) { 1.0 } else { t.len() as f64 }).collect();
        let kept = |i: usize| far.filter(|f| f.keeps(RelId(i as u32)));
        for (i, rows) in rows.iter_mut().enumerate() {
            *rows = kept(i).filter(|_| !side(i)).map_or(*rows, |f| f.rows(RelId(i as u32)) as f64);
        }
        for stratum in &program.strata {
            for id in &stratum.rules {
                let rule = program.rule(*id);
                let reads = rule.body.iter().filter_map(|l| match l {
                    Literal::Atom(a) => Some(rows[a.rel.index()]),
                    _ => None,
                });
                let most = reads.fold(1.0, f64::max);
                let head = &mut rows[rule.head.index()];
                *head = head.max(most);
            }
        }
        // What has to be concluded first costs more than what is there, most of all what rests on itself.
        for stratum in &program.strata {
            for r in stratum.relations.iter().filter(|r| stratum.rules.iter().any(|x| program.rule(*x).head == **r)) {
                rows[r.index()] *= if stratum.recursive { RECURSIVE } else { DERIVED };
            }
        }
        let mut distinct = distinct(program, facts);
        for (i, relation) in program.relations.iter().enumerate() {
            if let (Some(f), Some(c)) = (kept(i), relation.columns.first()) {
                let d = &mut distinct[c.ty.index()];
                *d = d.max(f.distinct(RelId(i as u32), 0) as f64);
            }
        }
        Self { rows, distinct }
    }

    /// The sizes of finished tables.
    #[must_use]
    pub fn known(program: &Program, all: &Database) -> Self {
        let rows = all.tables.iter().map(|t| t.len() as f64).collect();
        Self { rows, distinct: distinct(program, all) }
    }

    /// Roughly how many derived rows agree with a key of those columns.
    #[must_use]
    pub fn fan_out(&self, program: &Program, rel: RelId, columns: &[usize]) -> f64 {
        let of = &program.rel(rel).columns;
        if columns.len() == of.len() && !of.is_empty() {
            return 0.5;
        }
        let narrow = columns.iter().fold(1.0, |n, c| n * self.distinct[of[*c].ty.index()]);
        (self.rows[rel.index()] / narrow).max(0.1)
    }
}

fn distinct(program: &Program, facts: &Database) -> Vec<f64> {
    let mut distinct = vec![CODES; program.types.len()];
    for (relation, table) in program.relations.iter().zip(&facts.tables) {
        if let Some(c) = relation.columns.first().filter(|_| !relation.inputs.is_empty()) {
            let d = &mut distinct[c.ty.index()];
            *d = d.max(leading(table) as f64);
        }
    }
    distinct
}

/// Distinct values of the first column of a sorted table.
fn leading(table: &Table) -> usize {
    (0..table.len()).filter(|i| *i == 0 || table.row(i - 1)[0] != table.row(*i)[0]).count()
}
