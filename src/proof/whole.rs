//! A run's finished tables as ground to explain from: everything is there, nothing is concluded again.

use super::demand::sizes::Sizes;
use super::given::{Given, Lookup};
use super::record::Ground;
use crate::engine::limit::Limit;
use crate::engine::naive::body::Source;
use crate::engine::store::{Database, Table};
use crate::engine::symbol::Symbols;
use crate::engine::value::Word;
use crate::lang::program::{Program, RelId, RuleId};
use rustc_hash::FxHashSet;
use std::sync::{Arc, OnceLock};

/// Finished tables with the indexes that explaining them has needed so far. Clones share tables and indexes.
#[derive(Clone, Debug)]
pub struct Whole<'p> {
    program: &'p Program,
    symbols: Symbols,
    rules_of: Arc<Vec<Vec<RuleId>>>,
    tables: Vec<Given>,
    /// Facts of the text of relations that have rules as well.
    text: Arc<FxHashSet<(RelId, Vec<Word>)>>,
    /// Measured when first asked for.
    sizes: Arc<OnceLock<Sizes>>,
}

impl<'p> Whole<'p> {
    /// Takes the tables of a finished run.
    #[must_use]
    pub fn new(program: &'p Program, mut all: Database) -> Self {
        let mut rules_of = vec![Vec::new(); program.relations.len()];
        for (i, rule) in program.rules.iter().enumerate() {
            rules_of[rule.head.index()].push(RuleId(i as u32));
        }
        let facts = program.facts.iter().filter(|f| !rules_of[f.rel.index()].is_empty());
        let text = facts.map(|f| (f.rel, f.values.iter().map(|v| all.word(v)).collect())).collect();
        Self {
            program,
            rules_of: Arc::new(rules_of),
            text: Arc::new(text),
            sizes: Arc::default(),
            tables: all.tables.into_iter().map(Given::new).collect(),
            symbols: all.symbols,
        }
    }

    /// The same, but the rows of some relations are taken as they are: no rule for them is looked at.
    #[must_use]
    pub fn ending(mut self, ends: &[bool]) -> Self {
        let rules = Arc::make_mut(&mut self.rules_of);
        rules.iter_mut().zip(ends).filter(|(_, ends)| **ends).for_each(|(rules, _)| rules.clear());
        self
    }

    /// Gives the tables back.
    #[must_use]
    pub fn into_database(self) -> Database {
        Database { symbols: self.symbols, tables: self.tables.into_iter().map(Given::into_table).collect() }
    }

    /// The rows of a relation.
    #[must_use]
    pub fn table(&self, rel: RelId) -> &Table {
        self.tables[rel.index()].base()
    }

    /// A way to find rows of a relation by these columns.
    #[must_use]
    pub fn lookup(&self, rel: RelId, columns: &[usize]) -> Lookup {
        self.tables[rel.index()].lookup(columns)
    }

    /// Whether rows of a relation are concluded only: no file and no text of the program gives any.
    #[must_use]
    pub fn concluded(&self, rel: RelId) -> bool {
        let stated = || self.text.iter().any(|(of, _)| *of == rel);
        !self.rules_of[rel.index()].is_empty() && self.program.rel(rel).inputs.is_empty() && !stated()
    }

    /// The symbol table, to show values.
    #[must_use]
    pub fn text(&self) -> &Symbols {
        &self.symbols
    }
}

impl Source for Whole<'_> {
    fn matching(&mut self, rel: RelId, columns: &[usize], key: &[Word], out: &mut Vec<u32>) -> Result<(), Limit> {
        self.tables[rel.index()].matching(columns, key, out);
        Ok(())
    }

    fn row(&self, rel: RelId, number: u32) -> &[Word] {
        self.tables[rel.index()].row(number as usize)
    }

    fn fan_out(&mut self, rel: RelId, columns: &[usize]) -> f64 {
        let tables = || self.tables.iter().map(Given::base);
        self.sizes.get_or_init(|| Sizes::known(tables())).fan_out(rel, columns)
    }

    /// The run met no fault, so a match that meets one in this order fails at another literal.
    fn fault(&mut self, _: Limit) -> Result<(), Limit> {
        Ok(())
    }

    fn symbols(&mut self) -> &mut Symbols {
        &mut self.symbols
    }
}

impl<'p> Ground<'p> for Whole<'p> {
    fn program(&self) -> &'p Program {
        self.program
    }

    fn rules_of(&self, rel: RelId) -> &[RuleId] {
        &self.rules_of[rel.index()]
    }

    fn number(&self, rel: RelId, row: &[Word]) -> Option<u32> {
        self.tables[rel.index()].find(row)
    }

    fn is_given(&self, rel: RelId, number: u32) -> bool {
        self.rules_of[rel.index()].is_empty() || {
            let row = self.row(rel, number).to_vec();
            !self.program.rel(rel).inputs.is_empty() || self.text.contains(&(rel, row))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lang::program::SourceFile;

    #[test]
    fn what_is_given_and_what_is_concluded() {
        let text = ".decl a(x: number)\n.input a\na(0).\na(x + 1) :- a(x), x < 2.\n.decl b(x: number)\nb(7).\n\
                    b(x) :- a(x).\n.decl c(x: number)\nc(x) :- b(x).\n.decl d(x: number)\n.input d\nd(x) :- a(x).\n\
                    .decl e(x: number)\n";
        let program = crate::lang::compile(vec![SourceFile { name: "t.dl".into(), text: text.into() }]).program;
        let all = crate::engine::naive::evaluate(&program, Database::new(&program)).expect("within limits");
        let whole = Whole::new(&program, all);
        let told = |name: &str| {
            let rel = program.relation(name).expect("declared");
            let given = (0..whole.table(rel).len() as u32).filter(|n| whole.is_given(rel, *n)).count();
            let found =
                whole.table(rel).rows().all(|row| whole.number(rel, row).is_some_and(|n| whole.row(rel, n) == row));
            (whole.concluded(rel), given, whole.table(rel).len(), found)
        };
        // What a file may have said is given, whoever concludes it too.
        assert_eq!(["a", "b", "c"].map(told), [(false, 3, 3, true), (false, 1, 4, true), (true, 0, 4, true)]);
        assert_eq!(["d", "e"].map(told), [(false, 3, 3, true), (false, 0, 0, true)]);
    }
}
