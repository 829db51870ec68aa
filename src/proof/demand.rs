//! Answers by demand: only what a question needs is concluded, from only the given facts it can depend on.
//!
//! Tabled top-down evaluation. A question is a relation with some columns bound; it activates the rules that could answer
//! it; each positive premise on a derived relation is a further question whose answers, present and future, go on with the
//! rule. Work waits on a list per stratum and the lowest stratum goes first, so that a negated or aggregated premise, which
//! always lies lower, is fully answered before it is read. No call stack grows with the data.
//!
//! Given facts that were looked at are remembered: they are the slice of the question.

mod plan;
pub(super) mod sizes;
mod state;
mod work;

use super::given::{Given, Source as Far};
use super::record::Ground;
use crate::engine::limit::Limit;
use crate::engine::naive::body::Source;
use crate::engine::naive::heap::Heap;
use crate::engine::store::{Database, Table};
use crate::engine::symbol::Symbols;
use crate::engine::value::Word;
use crate::lang::program::{Program, RelId, RuleId};
use plan::Plans;
use rustc_hash::FxHashSet;
use sizes::Sizes;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use work::{Calls, Consumer, Task};

/// What the program says, for all provers over it.
#[derive(Debug)]
struct Fixed {
    rules_of: Vec<Vec<RuleId>>,
    stratum_of: Vec<usize>,
    /// Order of evaluation, see [`Program::stages`].
    stage_of: Vec<usize>,
    /// Whether a relation is the body of an aggregate inside recursion.
    open: Vec<bool>,
}

/// A change of given facts: relation, row, and whether it is added (else taken away).
pub type Change = (RelId, Vec<Word>, bool);

/// Evaluates by demand and remembers everything it concluded.
#[derive(Debug)]
pub struct Prover<'p> {
    program: &'p Program,
    symbols: Symbols,
    fixed: Rc<Fixed>,
    plans: Rc<RefCell<Plans<'p>>>,
    given: Vec<Given>,
    derived: Vec<Heap>,
    touched: Vec<FxHashSet<u32>>,
    /// By relation and shape.
    calls: Vec<Vec<Option<Calls>>>,
    /// By relation, number of questions.
    asked: Vec<usize>,
    consumers: Vec<Vec<Consumer<'p>>>,
    agenda: Vec<Vec<Task<'p>>>,
    low: usize,
    /// Keys and row numbers, emptied, to be used again.
    spare: Vec<(Vec<Word>, Vec<u32>)>,
    sizes: Arc<Sizes>,
    /// Where given rows lie that are not here yet.
    far: Option<Arc<dyn Far>>,
    most_calls: usize,
    steps: u64,
    most_steps: u64,
    complete: bool,
    /// A functor had no value for a match that might have failed elsewhere.
    faulted: bool,
}

impl<'p> Prover<'p> {
    /// A prover over given facts (facts of the program's text are added). After `most_steps` steps it gives up working by
    /// demand and concludes everything.
    #[must_use]
    pub fn new(program: &'p Program, facts: Database, most_steps: u64) -> Self {
        Self::reaching(program, facts, most_steps, None)
    }

    /// A prover that takes further given rows from a source when it needs them.
    #[must_use]
    pub fn reaching(program: &'p Program, mut facts: Database, most_steps: u64, far: Option<Arc<dyn Far>>) -> Self {
        facts.add_program_facts(program);
        let n = program.relations.len();
        let mut rules_of = vec![Vec::new(); n];
        let settled = |rel: RelId| far.as_ref().is_some_and(|f| f.settles(rel));
        for (i, rule) in program.rules.iter().enumerate().filter(|(_, r)| !settled(r.head)) {
            rules_of[rule.head.index()].push(RuleId(i as u32));
        }
        let mut stratum_of = vec![0; n];
        for (s, stratum) in program.strata.iter().enumerate() {
            for r in &stratum.relations {
                stratum_of[r.index()] = s;
            }
        }
        let stage_of = program.stages();
        let stages = stage_of.iter().max().map_or(1, |m| m + 1);
        let mut total: usize = facts.tables.iter().map(Table::len).sum();
        let sizes = Arc::new(Sizes::of(program, &facts, far.as_deref()));
        let mut given: Vec<Given> = std::mem::take(&mut facts.tables).into_iter().map(Given::new).collect();
        if let Some(far) = &far {
            total += state::reach_out(&**far, &mut given, &mut facts.symbols);
        }
        // Forks share the texts, and with plans the words of constants.
        facts.add_program_texts(program);
        facts.symbols.share();
        Self {
            program,
            symbols: facts.symbols,
            fixed: Rc::new(Fixed { rules_of, stratum_of, stage_of, open: program.open_aggregates() }),
            plans: Rc::new(RefCell::new(Plans::new(n))),
            given,
            derived: program.relations.iter().map(|r| Heap::new(r.arity())).collect(),
            touched: vec![FxHashSet::default(); n],
            calls: (0..n).map(|_| Vec::new()).collect(),
            asked: vec![0; n],
            consumers: Vec::new(),
            agenda: vec![Vec::new(); stages],
            low: 0,
            spare: Vec::new(),
            sizes,
            far,
            most_calls: (1000 + 8 * total).min(2_000_000),
            steps: 0,
            most_steps,
            complete: false,
            faulted: false,
        }
    }

    /// The program.
    #[must_use]
    pub fn program(&self) -> &'p Program {
        self.program
    }

    /// The symbol table, to show values.
    #[must_use]
    pub fn text(&self) -> &Symbols {
        &self.symbols
    }

    /// Rules that conclude a relation.
    #[must_use]
    pub fn rules_of(&self, rel: RelId) -> &[RuleId] {
        &self.fixed.rules_of[rel.index()]
    }

    /// Whether a row, by its number, was given (it may be derivable as well).
    #[must_use]
    pub fn is_given(&self, rel: RelId, number: u32) -> bool {
        (number as usize) < self.given[rel.index()].numbers()
    }

    /// Number of a row that is given or has been concluded.
    #[must_use]
    pub fn number(&self, rel: RelId, row: &[Word]) -> Option<u32> {
        let given = &self.given[rel.index()];
        let derived = || self.derived[rel.index()].find(row).map(|i| i + given.numbers() as u32);
        given.find(row).or_else(derived)
    }

    /// Whether a row is given or concluded.
    ///
    /// # Errors
    /// When a stated limit is met.
    pub fn holds(&mut self, rel: RelId, row: &[Word]) -> Result<bool, Limit> {
        let columns: Vec<usize> = (0..row.len()).collect();
        let mut rows = Vec::new();
        self.matching(rel, &columns, row, &mut rows)?;
        Ok(!rows.is_empty())
    }

    /// Whether working by demand was given up because it took too many steps.
    #[must_use]
    pub fn gave_up(&self) -> bool {
        self.complete
    }

    /// Number of the stratum of a relation; premises of a rule lie at or below its head, negated ones below.
    #[must_use]
    pub fn stratum(&self, rel: RelId) -> usize {
        self.fixed.stratum_of[rel.index()]
    }

    /// Number of given facts looked at so far.
    #[must_use]
    pub fn seen(&self) -> usize {
        self.touched.iter().map(FxHashSet::len).sum()
    }

    /// The given facts looked at so far, as a database of their own over the same symbols.
    #[must_use]
    pub fn slice(&self) -> Database {
        let tables = self.given.iter().zip(&self.touched).map(|(g, touched)| {
            if self.complete {
                return g.table();
            }
            let mut numbers: Vec<u32> = touched.iter().copied().collect();
            numbers.sort_unstable_by(|a, b| g.row(*a as usize).cmp(g.row(*b as usize)));
            match g.width() {
                0 if numbers.is_empty() => Table::new(0),
                0 => Table::unit(),
                width => {
                    let rows = numbers.iter().flat_map(|i| g.row(*i as usize)).copied().collect();
                    Table::from_sorted(width, rows)
                }
            }
        });
        Database { symbols: self.symbols.clone(), tables: tables.collect() }
    }

    /// Whether facts under which a functor had no value for some match, here or elsewhere, can be asked at all: only a run of
    /// everything can say.
    ///
    /// # Errors
    /// When that run meets a limit.
    pub(in crate::proof) fn judge(&mut self, elsewhere: bool) -> Result<(), Limit> {
        if self.complete || !(self.faulted || elsewhere) { Ok(()) } else { self.conclude_all() }
    }

    /// Gives up working by demand: concludes everything from all given facts.
    fn conclude_all(&mut self) -> Result<(), Limit> {
        self.reach_all();
        let tables = self.given.iter().map(Given::table).collect();
        let facts = Database { symbols: self.symbols.clone(), tables };
        // What was taken away of the text's facts stays away.
        let options = crate::engine::Options { complete: true, ..crate::engine::Options::single() };
        let (all, _) = crate::engine::evaluate(self.program, facts, &options)?;
        self.symbols = all.symbols;
        for (i, table) in all.tables.iter().enumerate() {
            for row in table.rows() {
                if self.given[i].find(row).is_none() {
                    self.derived[i].insert(row);
                }
            }
        }
        self.agenda.iter_mut().for_each(Vec::clear);
        self.complete = true;
        Ok(())
    }
}

impl Source for Prover<'_> {
    fn matching(&mut self, rel: RelId, columns: &[usize], key: &[Word], out: &mut Vec<u32>) -> Result<(), Limit> {
        if !self.complete && !self.fixed.rules_of[rel.index()].is_empty() {
            self.question(rel, columns, key);
            if !self.drain()? {
                self.conclude_all()?;
            }
        }
        self.rows(rel, columns, key, out);
        Ok(())
    }

    fn row(&self, rel: RelId, number: u32) -> &[Word] {
        let given = &self.given[rel.index()];
        let (n, rows) = (number as usize, given.numbers());
        if n < rows { given.row(n) } else { self.derived[rel.index()].row((n - rows) as u32) }
    }

    fn fan_out(&mut self, rel: RelId, columns: &[usize]) -> f64 {
        self.sizes.fan_out(rel, columns)
    }

    /// A run that concluded everything met no fault, so a match that meets one in this order fails at another literal.
    fn fault(&mut self, _: Limit) -> Result<(), Limit> {
        self.faulted = true;
        Ok(())
    }

    fn symbols(&mut self) -> &mut Symbols {
        &mut self.symbols
    }
}

impl<'p> Ground<'p> for Prover<'p> {
    fn program(&self) -> &'p Program {
        self.program
    }

    fn rules_of(&self, rel: RelId) -> &[RuleId] {
        Prover::rules_of(self, rel)
    }

    fn number(&self, rel: RelId, row: &[Word]) -> Option<u32> {
        Prover::number(self, rel, row)
    }

    fn is_given(&self, rel: RelId, number: u32) -> bool {
        Prover::is_given(self, rel, number)
    }
}
