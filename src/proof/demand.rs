//! Answers by demand: only what a question needs is concluded, from only the given facts it can depend on.
//!
//! Tabled top-down evaluation. A question is a relation with some columns bound; it activates the rules that could answer
//! it; each positive premise on a derived relation is a further question whose answers, present and future, go on with the
//! rule. Work waits on a list per stratum and the lowest stratum goes first, so that a negated or aggregated premise, which
//! always lies lower, is fully answered before it is read. No call stack grows with the data.
//!
//! Given facts that were looked at are remembered: they are the slice of the question.

pub(super) mod sizes;
mod state;

use super::given::Given;
use super::record::Ground;
use super::unify::unify;
use crate::engine::functor::{self, Fault};
use crate::engine::limit::Limit;
use crate::engine::naive::body::{self, Source};
use crate::engine::naive::heap::Heap;
use crate::engine::store::{Database, Table};
use crate::engine::symbol::Symbols;
use crate::engine::value::Word;
use crate::lang::program::{Arg, CmpOp, Literal, Program, RelId, RuleId, Span, Term, VarId};
use rustc_hash::{FxHashMap, FxHashSet};
use sizes::Sizes;
use std::rc::Rc;
use std::sync::Arc;

/// A partial match of a rule's body that goes on at a literal.
#[derive(Clone, Debug)]
struct Task {
    rule: RuleId,
    order: Rc<[usize]>,
    depth: usize,
    vars: Rc<[Option<Word>]>,
}

#[derive(Debug)]
struct Consumer {
    task: Task,
    /// The premise binds nothing new: one answer is enough.
    once: bool,
    fed: bool,
}

/// Questions of one relation with the same bound columns.
#[derive(Debug)]
struct Shape {
    columns: Vec<usize>,
    calls: FxHashMap<Box<[Word]>, usize>,
}

/// A change of given facts: relation, row, and whether it is added (else taken away).
pub type Change = (RelId, Vec<Word>, bool);

/// Evaluates by demand and remembers everything it concluded.
#[derive(Debug)]
pub struct Prover<'p> {
    program: &'p Program,
    symbols: Symbols,
    rules_of: Vec<Vec<RuleId>>,
    stratum_of: Vec<usize>,
    /// Order of evaluation, see [`Program::stages`].
    stage_of: Vec<usize>,
    open: Vec<bool>,
    given: Vec<Given>,
    derived: Vec<Heap>,
    touched: Vec<FxHashSet<u32>>,
    shapes: Vec<Vec<Shape>>,
    consumers: Vec<Vec<Consumer>>,
    agenda: Vec<Vec<Task>>,
    low: usize,
    orders: FxHashMap<(RuleId, Vec<bool>), Rc<[usize]>>,
    sizes: Arc<Sizes>,
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
    pub fn new(program: &'p Program, mut facts: Database, most_steps: u64) -> Self {
        facts.add_program_facts(program);
        let n = program.relations.len();
        let mut rules_of = vec![Vec::new(); n];
        for (i, rule) in program.rules.iter().enumerate() {
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
        let total: usize = facts.tables.iter().map(Table::len).sum();
        let sizes = Arc::new(Sizes::of(program, &facts));
        // Forks share the texts.
        facts.symbols.share();
        Self {
            program,
            symbols: facts.symbols,
            rules_of,
            stratum_of,
            stage_of,
            open: program.open_aggregates(),
            given: facts.tables.into_iter().map(Given::new).collect(),
            derived: program.relations.iter().map(|r| Heap::new(r.arity())).collect(),
            touched: vec![FxHashSet::default(); n],
            shapes: (0..n).map(|_| Vec::new()).collect(),
            consumers: Vec::new(),
            agenda: vec![Vec::new(); stages],
            low: 0,
            orders: FxHashMap::default(),
            sizes,
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
        &self.rules_of[rel.index()]
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

    /// Whether working by demand was given up because it took too many steps.
    #[must_use]
    pub fn gave_up(&self) -> bool {
        self.complete
    }

    /// Number of the stratum of a relation; premises of a rule lie at or below its head, negated ones below.
    #[must_use]
    pub fn stratum(&self, rel: RelId) -> usize {
        self.stratum_of[rel.index()]
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

    fn rows(&mut self, rel: RelId, columns: &[usize], key: &[Word], out: &mut Vec<u32>) {
        let i = rel.index();
        let from = out.len();
        self.given[i].matching(columns, key, out);
        self.touched[i].extend(out[from..].iter().copied());
        let offset = self.given[i].numbers() as u32;
        let from = out.len();
        self.derived[i].matching(columns, key, out);
        for n in &mut out[from..] {
            *n += offset;
        }
    }

    fn push(&mut self, task: Task) {
        let s = self.stage_of[self.program.rule(task.rule).head.index()];
        self.low = self.low.min(s);
        self.agenda[s].push(task);
    }

    /// Asks a question: activates the rules that could answer it, unless it or a wider one was asked before. The answer
    /// is complete when the lists of its stratum and all lower ones are empty. Returns the question's number.
    fn ask(&mut self, rel: RelId, columns: &[usize], key: &[Word]) -> usize {
        let i = rel.index();
        let known = |shapes: &[Shape], columns: &[usize], key: &[Word]| {
            shapes.iter().find(|s| s.columns == columns).and_then(|s| s.calls.get(key).copied())
        };
        if let Some(call) = known(&self.shapes[i], columns, key) {
            return call;
        }
        let asked: usize = self.shapes[i].iter().map(|s| s.calls.len()).sum();
        if !columns.is_empty() && asked >= self.most_calls && !self.open[i] {
            self.ask(rel, &[], &[]);
        }
        let wider = self.shapes[i].iter().any(|s| {
            s.columns.len() < columns.len()
                && project(&s.columns, columns, key).is_some_and(|k| s.calls.contains_key(k.as_slice()))
        });
        let call = self.consumers.len();
        self.consumers.push(Vec::new());
        match self.shapes[i].iter_mut().find(|s| s.columns == columns) {
            Some(s) => {
                s.calls.insert(key.into(), call);
            }
            None => {
                let calls = FxHashMap::from_iter([(key.into(), call)]);
                self.shapes[i].push(Shape { columns: columns.to_vec(), calls });
            }
        }
        if !wider {
            self.activate(rel, columns, key);
        }
        call
    }

    fn activate(&mut self, rel: RelId, columns: &[usize], key: &[Word]) {
        let mut pattern = vec![None; self.program.rel(rel).arity()];
        for (c, k) in columns.iter().zip(key) {
            pattern[*c] = Some(*k);
        }
        for at in 0..self.rules_of[rel.index()].len() {
            let id = self.rules_of[rel.index()][at];
            let rule = self.program.rule(id);
            let Some(vars) = unify(rule, &pattern, false, &mut self.symbols) else { continue };
            let bound: Vec<bool> = vars.iter().map(Option::is_some).collect();
            let order = match self.orders.get(&(id, bound.clone())) {
                Some(order) => Rc::clone(order),
                None => {
                    let mut order = body::order(rule, &bound, self);
                    if self.open[rel.index()] {
                        let needless = rule.needless(&bound);
                        order.retain(|i| !needless.contains(i));
                    }
                    let order: Rc<[usize]> = order.into();
                    self.orders.insert((id, bound), Rc::clone(&order));
                    order
                }
            };
            self.push(Task { rule: id, order, depth: 0, vars: vars.into() });
        }
    }

    /// Works until nothing waits; false when it took too many steps.
    fn drain(&mut self) -> Result<bool, Limit> {
        while self.low < self.agenda.len() {
            let Some(task) = self.agenda[self.low].pop() else {
                self.low += 1;
                continue;
            };
            let stratum = self.low;
            let mut stack = vec![task];
            while let Some(task) = stack.pop() {
                self.steps += 1;
                if self.steps > self.most_steps {
                    return Ok(false);
                }
                self.step(task, stratum, &mut stack)?;
            }
        }
        Ok(true)
    }

    /// Whether everything below a stratum is answered.
    fn settled_below(&self, stratum: usize) -> bool {
        self.low >= stratum || self.agenda[self.low..stratum].iter().all(Vec::is_empty)
    }

    fn step(&mut self, task: Task, stratum: usize, stack: &mut Vec<Task>) -> Result<(), Limit> {
        let program = self.program;
        let rule = program.rule(task.rule);
        if task.order.len() < rule.body.len() && !self.open[rule.head.index()] {
            return Err(Limit::Internal { what: format!("the rule at {} is not safe", program.place(rule.span)) });
        }
        let Some(i) = task.order.get(task.depth).copied() else {
            return self.conclude(&task);
        };
        match &rule.body[i] {
            Literal::Atom(atom) => self.premise(task, atom.rel, &atom.args, stratum, stack),
            Literal::Not(atom) => {
                let (columns, key) = body::key_of(&atom.args, &task.vars, &mut self.symbols);
                if !self.settled(atom.rel, &columns, &key, stratum) {
                    self.push(task);
                    return Ok(());
                }
                let mut rows = Vec::new();
                self.rows(atom.rel, &columns, &key, &mut rows);
                if rows.is_empty() {
                    stack.push(Task { depth: task.depth + 1, ..task });
                }
                Ok(())
            }
            Literal::Compare { op, prim, left, right, span } => {
                let bound: Vec<bool> = task.vars.iter().map(Option::is_some).collect();
                let free = |t: &Term| matches!(t, Term::Var(v) if !bound[v.index()]);
                if *op == CmpOp::Eq && (free(left) || free(right)) {
                    let (target, term) = if free(left) { (left, right) } else { (right, left) };
                    let word = body::eval(term, &task.vars, &mut self.symbols);
                    if let (Term::Var(v), Some(word)) = (target, self.valued(word, *span)?) {
                        bind(task, *v, word, stack);
                    }
                    return Ok(());
                }
                let a = body::eval(left, &task.vars, &mut self.symbols);
                let b = body::eval(right, &task.vars, &mut self.symbols);
                let holds = a.and_then(|a| functor::compare(*op, *prim, a, b?, &self.symbols));
                if self.valued(holds, *span)? == Some(true) {
                    stack.push(Task { depth: task.depth + 1, ..task });
                }
                Ok(())
            }
            Literal::Range { var, prim, from, to, step, span } => {
                let mut value = |t| body::eval(t, &task.vars, &mut self.symbols);
                let ends = (|| Ok((value(from)?, value(to)?, step.as_ref().map(&mut value).transpose()?)))();
                if let Some((a, b, s)) = self.valued(ends, *span)? {
                    for word in body::range(*prim, a, b, s) {
                        bind(task.clone(), *var, word, stack);
                    }
                }
                Ok(())
            }
            literal @ Literal::Aggregate { rel, group, result, .. } => {
                let (columns, key) = body::key_of(group, &task.vars, &mut self.symbols);
                if !self.settled(*rel, &columns, &key, stratum) {
                    self.push(task);
                    return Ok(());
                }
                // Settled: the source only reads.
                let word = match body::aggregate(program, literal, &task.vars, &mut Reader(self)) {
                    Err(l @ Limit::Fault { .. }) => self.fault(l).map(|()| None)?,
                    other => other?.0,
                };
                if let Some(word) = word {
                    bind(task, *result, word, stack);
                }
                Ok(())
            }
        }
    }

    /// Asks a question of a lower stratum; true when its answer is complete.
    fn settled(&mut self, rel: RelId, columns: &[usize], key: &[Word], stratum: usize) -> bool {
        if self.rules_of[rel.index()].is_empty() {
            return true;
        }
        self.ask(rel, columns, key);
        self.settled_below(stratum)
    }

    fn premise(
        &mut self,
        task: Task,
        rel: RelId,
        args: &[Arg],
        stratum: usize,
        stack: &mut Vec<Task>,
    ) -> Result<(), Limit> {
        let (columns, key) = body::key_of(args, &task.vars, &mut self.symbols);
        let once = !args.iter().any(|a| matches!(a, Arg::Var(v) if task.vars[v.index()].is_none()));
        let call = (!self.rules_of[rel.index()].is_empty()).then(|| self.ask(rel, &columns, &key));
        let mut rows = Vec::new();
        self.rows(rel, &columns, &key, &mut rows);
        let mut fed = false;
        for number in rows {
            let Some(next) = advance(&task, args, self.row(rel, number)) else { continue };
            fed = true;
            stack.push(next);
            if once {
                return Ok(());
            }
        }
        if let Some(call) = call {
            let done = self.stage_of[rel.index()] < stratum && self.settled_below(stratum);
            if !done {
                self.consumers[call].push(Consumer { task, once, fed });
            }
        }
        Ok(())
    }

    fn conclude(&mut self, task: &Task) -> Result<(), Limit> {
        let program = self.program;
        let rule = program.rule(task.rule);
        let row = rule.args.iter().map(|t| body::eval(t, &task.vars, &mut self.symbols));
        let row = row.collect::<Result<Vec<Word>, Fault>>().map_err(|f| Limit::fault(program, rule.span, f))?;
        let i = rule.head.index();
        if self.given[i].find(&row).is_some() || !self.derived[i].insert(&row).1 {
            return Ok(());
        }
        let mut ready = Vec::new();
        for shape in &self.shapes[i] {
            let key: Vec<Word> = shape.columns.iter().map(|c| row[*c]).collect();
            let Some(call) = shape.calls.get(key.as_slice()) else { continue };
            for consumer in &mut self.consumers[*call] {
                if consumer.once && consumer.fed {
                    continue;
                }
                let task = &consumer.task;
                let literal = &program.rule(task.rule).body[task.order[task.depth]];
                let Literal::Atom(atom) = literal else { continue };
                if let Some(next) = advance(task, &atom.args, &row) {
                    consumer.fed = true;
                    ready.push(next);
                }
            }
        }
        for task in ready {
            self.push(task);
        }
        Ok(())
    }

    fn valued<T>(&mut self, value: Result<T, Fault>, span: Span) -> Result<Option<T>, Limit> {
        match value {
            Ok(v) => Ok(Some(v)),
            Err(f) => self.fault(Limit::fault(self.program, span, f)).map(|()| None),
        }
    }

    /// Gives up working by demand: concludes everything from all given facts.
    fn conclude_all(&mut self) -> Result<(), Limit> {
        let tables = self.given.iter().map(Given::table).collect();
        let facts = Database { symbols: self.symbols.clone(), tables };
        let (all, _) = crate::engine::evaluate(self.program, facts, &crate::engine::Options::single())?;
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

/// The key of the narrower columns out of a wider key; `None` when a column is missing.
fn project(narrow: &[usize], columns: &[usize], key: &[Word]) -> Option<Vec<Word>> {
    narrow.iter().map(|c| columns.binary_search(c).ok().map(|i| key[i])).collect()
}

/// The task after a premise is matched with a row, if the row agrees.
fn advance(task: &Task, args: &[Arg], row: &[Word]) -> Option<Task> {
    let mut vars: Option<Vec<Option<Word>>> = None;
    for (arg, word) in args.iter().zip(row) {
        let Arg::Var(v) = arg else { continue };
        match vars.as_ref().map_or(task.vars[v.index()], |vars| vars[v.index()]) {
            Some(w) if w == *word => {}
            Some(_) => return None,
            None => vars.get_or_insert_with(|| task.vars.to_vec())[v.index()] = Some(*word),
        }
    }
    let vars = vars.map_or_else(|| Rc::clone(&task.vars), Rc::from);
    Some(Task { rule: task.rule, order: Rc::clone(&task.order), depth: task.depth + 1, vars })
}

fn bind(task: Task, v: VarId, word: Word, stack: &mut Vec<Task>) {
    match task.vars[v.index()] {
        Some(w) if w != word => {}
        Some(_) => stack.push(Task { depth: task.depth + 1, ..task }),
        None => {
            let mut vars = task.vars.to_vec();
            vars[v.index()] = Some(word);
            stack.push(Task { depth: task.depth + 1, vars: vars.into(), ..task });
        }
    }
}

/// Reads what is concluded so far, without asking for more.
struct Reader<'a, 'p>(&'a mut Prover<'p>);

impl Source for Reader<'_, '_> {
    fn matching(&mut self, rel: RelId, columns: &[usize], key: &[Word], out: &mut Vec<u32>) -> Result<(), Limit> {
        self.0.rows(rel, columns, key, out);
        Ok(())
    }

    fn row(&self, rel: RelId, number: u32) -> &[Word] {
        self.0.row(rel, number)
    }

    fn fan_out(&mut self, rel: RelId, columns: &[usize]) -> f64 {
        self.0.fan_out(rel, columns)
    }

    fn symbols(&mut self) -> &mut Symbols {
        &mut self.0.symbols
    }
}

impl Source for Prover<'_> {
    fn matching(&mut self, rel: RelId, columns: &[usize], key: &[Word], out: &mut Vec<u32>) -> Result<(), Limit> {
        if !self.complete && !self.rules_of[rel.index()].is_empty() {
            self.ask(rel, columns, key);
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
