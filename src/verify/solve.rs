//! All rows of a pattern that follow from a store: by demand, so that a question about one case does not work through all.
//!
//! A question is a relation with a value, or none, in each column. It is answered by the rows of the store and by what the
//! rules that could conclude such a row give; a premise of a rule is a further question. Questions are remembered with
//! their answers. Work that waits lies in one heap per stratum and the lowest goes first: when a negated or aggregated
//! premise is read, everything below is finished. Nothing recurses with the data.

use super::store::{Cell, Store};
use super::term::{self, NoValue, Range};
use crate::lang::program::{Arg, Atom, CmpOp, Const, Literal, Program, RelId, Rule, Term, VarId};
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

/// A row.
pub(super) type Row = Rc<[Cell]>;
/// A question: a value, or none, in each column.
type Pattern = Box<[Option<Cell>]>;

/// The check needs more work than is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooMuch;

/// A body matched in part, which goes on at a place of its order.
#[derive(Clone, Debug)]
struct Task {
    rule: usize,
    /// The question that it helps to answer.
    call: usize,
    order: Rc<[usize]>,
    at: usize,
    vars: Rc<[Option<Cell>]>,
    /// A term met on the way had no value: if all else holds, the question cannot be decided.
    faulty: bool,
}

#[derive(Debug)]
struct Waiting {
    task: Task,
    /// The premise binds nothing new, so that one answer is enough.
    once: bool,
    fed: bool,
}

#[derive(Debug, Default)]
struct Call {
    pattern: Pattern,
    rows: Vec<Row>,
    known: HashSet<Row>,
    waiting: Vec<Waiting>,
}

/// Answers questions over a store.
#[derive(Debug)]
pub(super) struct Solver<'p, 's> {
    program: &'p Program,
    /// The rows.
    pub store: &'s mut Store,
    rules_of: Vec<Vec<usize>>,
    /// Order of evaluation, see [`Program::stages`].
    stratum: Vec<usize>,
    open: Vec<bool>,
    calls: Vec<Call>,
    number: HashMap<(RelId, Pattern), usize>,
    asked: Vec<usize>,
    most_calls: usize,
    heaps: Vec<Vec<Task>>,
    low: usize,
    orders: HashMap<(usize, Vec<bool>), Rc<[usize]>>,
    sizes: Vec<f64>,
    steps: u64,
    most_steps: u64,
    /// Rules that met a term without a value while all else held, with the term.
    pub faults: Vec<(usize, String)>,
}

impl<'p, 's> Solver<'p, 's> {
    /// Over these rows, at most so many steps of work.
    pub fn new(program: &'p Program, store: &'s mut Store, most_steps: u64) -> Self {
        let n = program.relations.len();
        let mut rules_of = vec![Vec::new(); n];
        for (i, rule) in program.rules.iter().enumerate() {
            rules_of[rule.head.index()].push(i);
        }
        let stratum = program.stages();
        let stages = stratum.iter().max().map_or(1, |m| m + 1);
        let open = program.open_aggregates();
        // A rough size of each relation: of a derived one, the largest that its rules read.
        let mut sizes: Vec<f64> = (0..n).map(|r| store.count(RelId(r as u32)) as f64).collect();
        for id in program.strata.iter().flat_map(|s| &s.rules) {
            let rule = program.rule(*id);
            let reads = rule.body.iter().filter_map(|l| if let Literal::Atom(a) = l { Some(a.rel) } else { None });
            let most = reads.map(|r| sizes[r.index()]).fold(1.0, f64::max);
            let head = &mut sizes[rule.head.index()];
            *head = head.max(most);
        }
        let most_calls = (1000 + 8 * store.size()).min(1_000_000);
        Self {
            program,
            store,
            rules_of,
            stratum,
            open,
            calls: Vec::new(),
            number: HashMap::new(),
            asked: vec![0; n],
            most_calls,
            heaps: vec![Vec::new(); stages],
            low: 0,
            orders: HashMap::new(),
            sizes,
            steps: 0,
            most_steps,
            faults: Vec::new(),
        }
    }

    fn derived(&self, rel: RelId) -> bool {
        !self.rules_of[rel.index()].is_empty()
    }

    /// All rows of a pattern.
    pub fn solve(&mut self, rel: RelId, pattern: &[Option<Cell>]) -> Result<Vec<Row>, TooMuch> {
        if !self.derived(rel) {
            let mut known = HashSet::new();
            let mut rows = self.given(rel, pattern);
            rows.retain(|r| known.insert(Rc::clone(r)));
            return Ok(rows);
        }
        let call = self.ask(rel, pattern);
        while self.low < self.heaps.len() {
            let Some(task) = self.heaps[self.low].pop() else {
                self.low += 1;
                continue;
            };
            self.steps += 1;
            if self.steps > self.most_steps {
                return Err(TooMuch);
            }
            self.step(task);
        }
        if self.steps > self.most_steps {
            return Err(TooMuch);
        }
        Ok(self.calls[call].rows.iter().filter(|r| agrees(pattern, r)).map(Rc::clone).collect())
    }

    fn given(&mut self, rel: RelId, pattern: &[Option<Cell>]) -> Vec<Row> {
        let numbers = self.store.matching(rel, pattern);
        numbers.into_iter().map(|n| self.store.row(rel, n).into()).collect()
    }

    fn push(&mut self, task: Task) {
        let s = self.stratum[self.program.rules[task.rule].head.index()];
        self.low = self.low.min(s);
        self.heaps[s].push(task);
    }

    /// Whether nothing waits below a stratum.
    fn settled(&self, stratum: usize) -> bool {
        self.heaps[self.low.min(stratum)..stratum].iter().all(Vec::is_empty)
    }

    /// The number of a question, asked now if it is new.
    fn ask(&mut self, rel: RelId, pattern: &[Option<Cell>]) -> usize {
        let mut key = (rel, Pattern::from(pattern));
        if let Some(call) = self.number.get(&key) {
            return *call;
        }
        self.asked[rel.index()] += 1;
        if self.asked[rel.index()] > self.most_calls && !self.open[rel.index()] {
            // Questions that make ever new questions would not end: one that asks for everything does.
            key.1.iter_mut().for_each(|c| *c = None);
            if let Some(call) = self.number.get(&key) {
                return *call;
            }
        }
        let call = self.calls.len();
        let pattern = key.1.clone();
        self.number.insert(key, call);
        self.calls.push(Call { pattern: pattern.clone(), ..Call::default() });
        for row in self.given(rel, &pattern) {
            self.answer(call, row);
        }
        for at in 0..self.rules_of[rel.index()].len() {
            let id = self.rules_of[rel.index()][at];
            let Some(vars) = self.heads(&self.program.rules[id], &pattern) else { continue };
            let order = self.order(id, &vars);
            self.push(Task { rule: id, call, order, at: 0, vars: vars.into(), faulty: false });
        }
        call
    }

    /// The variables of a rule when its head is to be of a pattern; `None` when it cannot be.
    fn heads(&mut self, rule: &Rule, pattern: &[Option<Cell>]) -> Option<Vec<Option<Cell>>> {
        let mut vars = vec![None; rule.vars.len()];
        for (t, want) in rule.args.iter().zip(pattern) {
            match (t, want) {
                (Term::Var(v), Some(w)) if *vars[v.index()].get_or_insert(*w) != *w => return None,
                (Term::Const(c), Some(w)) if self.store.cell(c) != *w => return None,
                _ => {}
            }
        }
        Some(vars)
    }

    fn answer(&mut self, call: usize, row: Row) {
        if !self.calls[call].known.insert(Rc::clone(&row)) {
            return;
        }
        self.calls[call].rows.push(Rc::clone(&row));
        let mut waiting = std::mem::take(&mut self.calls[call].waiting);
        for w in &mut waiting {
            if w.once && w.fed {
                continue;
            }
            let Literal::Atom(atom) = &self.program.rules[w.task.rule].body[w.task.order[w.task.at]] else { continue };
            if let Some(next) = self.advance(&w.task, atom, &row) {
                w.fed = true;
                self.push(next);
            }
        }
        self.calls[call].waiting = waiting;
    }

    fn step(&mut self, task: Task) {
        let program = self.program;
        let rule = &program.rules[task.rule];
        let Some(i) = task.order.get(task.at).copied() else { return self.conclude(&task) };
        match &rule.body[i] {
            Literal::Atom(atom) => self.premise(task, atom),
            Literal::Not(atom) => {
                if !vars_of(&atom.args).all(|v| task.vars[v.index()].is_some()) {
                    // Only after a term without value.
                    return self.push(next(task));
                }
                let pattern = self.pattern(&atom.args, &task.vars);
                let Some(rows) = self.below(atom.rel, &pattern, &task) else { return self.push(task) };
                if rows.is_empty() {
                    self.push(next(task));
                }
            }
            Literal::Compare { op, left, right, .. } => {
                let target = match (left, right) {
                    (Term::Var(v), t) | (t, Term::Var(v)) if *op == CmpOp::Eq && task.vars[v.index()].is_none() => {
                        Some((*v, t))
                    }
                    _ => None,
                };
                if let Some((v, t)) = target {
                    match self.value(t, &task) {
                        Ok(c) => {
                            let cell = self.store.cell(&c);
                            self.bind(task, v, cell);
                        }
                        Err(_) => self.push(faulty(task)),
                    }
                    return;
                }
                let holds = match (self.value(left, &task), self.value(right, &task)) {
                    (Ok(a), Ok(b)) => term::compare(*op, &a, &b),
                    _ => None,
                };
                match holds {
                    Some(true) => self.push(next(task)),
                    Some(false) => {}
                    None => self.push(faulty(task)),
                }
            }
            Literal::Range { var, from, to, step, .. } => {
                let mut value = |t: &Term| self.value(t, &task);
                let ends =
                    (|| Ok::<_, NoValue>((value(from)?, value(to)?, step.as_ref().map(&mut value).transpose()?)))();
                let Ok((a, b, s)) = ends else { return self.push(faulty(task)) };
                let range = Range::new(&a, &b, s.as_ref());
                if let Some(w) = task.vars[var.index()] {
                    if range.contains(&self.store.value(w)) {
                        self.push(next(task));
                    }
                    return;
                }
                for c in range {
                    self.steps += 1;
                    if self.steps > self.most_steps {
                        return;
                    }
                    let cell = self.store.cell(&c);
                    self.bind(task.clone(), *var, cell);
                }
            }
            Literal::Aggregate { op, rel, group, value, result, .. } => {
                if !vars_of(group).all(|v| task.vars[v.index()].is_some()) {
                    return self.push(next(task));
                }
                let mut pattern = self.pattern(group, &task.vars).into_vec();
                pattern.resize(program.rel(*rel).arity(), None);
                let Some(rows) = self.below(*rel, &pattern, &task) else { return self.push(task) };
                let values: Vec<Const> = rows.iter().map(|r| self.of_aggregate(r, *value)).collect();
                let prim = value.map_or(crate::lang::program::Prim::Number, |c| program.rel(*rel).columns[c].prim);
                match term::fold(*op, prim, &values) {
                    Ok(Some(c)) => {
                        let cell = self.store.cell(&c);
                        self.bind(task, *result, cell);
                    }
                    Ok(None) => {}
                    Err(_) => self.push(faulty(task)),
                }
            }
        }
    }

    /// What a row gives to an aggregate over a column, or over none.
    pub fn of_aggregate(&self, row: &[Cell], column: Option<usize>) -> Const {
        column.map_or(Const::Number(0), |c| self.store.value(row[c]))
    }

    fn value(&self, t: &Term, task: &Task) -> Result<Const, NoValue> {
        term::eval(t, &|v| task.vars[v.index()].map(|c| self.store.value(c)))
    }

    fn pattern(&mut self, args: &[Arg], vars: &[Option<Cell>]) -> Pattern {
        let cell = |arg: &Arg| match arg {
            Arg::Var(v) => vars[v.index()],
            Arg::Const(c) => Some(self.store.cell(c)),
            Arg::Wild => None,
        };
        args.iter().map(cell).collect()
    }

    /// The rows of a premise that lies in a lower stratum than the task; `None` while it is not answered.
    fn below(&mut self, rel: RelId, pattern: &[Option<Cell>], task: &Task) -> Option<Vec<Row>> {
        if !self.derived(rel) {
            return Some(self.given(rel, pattern));
        }
        let call = self.ask(rel, pattern);
        let stratum = self.stratum[self.program.rules[task.rule].head.index()];
        let settled = self.settled(stratum);
        settled.then(|| self.calls[call].rows.iter().filter(|r| agrees(pattern, r)).map(Rc::clone).collect())
    }

    fn premise(&mut self, task: Task, atom: &Atom) {
        let once = vars_of(&atom.args).all(|v| task.vars[v.index()].is_some());
        let pattern = self.pattern(&atom.args, &task.vars);
        let mut fed = false;
        let mut asked = None;
        let rows = if self.derived(atom.rel) {
            let head = self.program.rules[task.rule].head;
            if self.stratum[atom.rel.index()] < self.stratum[head.index()] {
                let Some(rows) = self.below(atom.rel, &pattern, &task) else { return self.push(task) };
                rows
            } else {
                let call = self.ask(atom.rel, &pattern);
                asked = Some(call);
                self.calls[call].rows.clone()
            }
        } else {
            self.given(atom.rel, &pattern)
        };
        // Rows that differ only where the premise does not look lead to the same.
        let wild = atom.args.contains(&Arg::Wild);
        let mut seen: HashSet<Rc<[Option<Cell>]>> = HashSet::new();
        for row in rows {
            if once && fed {
                break;
            }
            if let Some(next) = self.advance(&task, atom, &row) {
                fed = true;
                if !wild || seen.insert(Rc::clone(&next.vars)) {
                    self.push(next);
                }
            }
        }
        if let Some(call) = asked {
            self.calls[call].waiting.push(Waiting { task, once, fed });
        }
    }

    /// The task after a premise is matched with a row; `None` when they do not agree.
    fn advance(&mut self, task: &Task, atom: &Atom, row: &[Cell]) -> Option<Task> {
        let mut vars: Option<Vec<Option<Cell>>> = None;
        for (arg, cell) in atom.args.iter().zip(row) {
            match arg {
                Arg::Wild => {}
                Arg::Const(c) => {
                    if self.store.cell(c) != *cell {
                        return None;
                    }
                }
                Arg::Var(v) => match vars.as_ref().map_or(task.vars[v.index()], |l| l[v.index()]) {
                    Some(w) if w != *cell => return None,
                    Some(_) => {}
                    None => vars.get_or_insert_with(|| task.vars.to_vec())[v.index()] = Some(*cell),
                },
            }
        }
        let vars = vars.map_or_else(|| Rc::clone(&task.vars), Rc::from);
        Some(Task { vars, at: task.at + 1, order: Rc::clone(&task.order), ..*task })
    }

    fn bind(&mut self, task: Task, v: VarId, cell: Cell) {
        match task.vars[v.index()] {
            Some(w) if w != cell => {}
            Some(_) => self.push(next(task)),
            None => {
                let mut vars = task.vars.to_vec();
                vars[v.index()] = Some(cell);
                self.push(Task { vars: vars.into(), ..next(task) });
            }
        }
    }

    fn conclude(&mut self, task: &Task) {
        let rule = &self.program.rules[task.rule];
        let values: Result<Vec<Const>, NoValue> = rule.args.iter().map(|t| self.value(t, task)).collect();
        let fault = match (&values, task.faulty) {
            (Ok(_), false) => None,
            (Ok(_), true) => Some(String::new()),
            (Err(e), _) => Some(e.0.clone()),
        };
        if let Some(what) = fault {
            if !self.faults.iter().any(|f| f.0 == task.rule) {
                self.faults.push((task.rule, what));
            }
            return;
        }
        let row: Row = values.unwrap_or_default().iter().map(|c| self.store.cell(c)).collect();
        if agrees(&self.calls[task.call].pattern, &row) {
            self.answer(task.call, row);
        }
    }

    /// An order in which every literal finds what it needs, what costs least next.
    fn order(&mut self, id: usize, vars: &[Option<Cell>]) -> Rc<[usize]> {
        let mut bound: Vec<bool> = vars.iter().map(Option::is_some).collect();
        let key = (id, bound.clone());
        if let Some(order) = self.orders.get(&key) {
            return Rc::clone(order);
        }
        let rule = &self.program.rules[id];
        let mut left: Vec<usize> = (0..rule.body.len()).collect();
        let mut out = Vec::with_capacity(left.len());
        while !left.is_empty() {
            let mut best: Option<(f64, usize)> = None;
            for (at, i) in left.iter().enumerate() {
                if let Some(cost) = self.cost(&rule.body[*i], &bound)
                    && best.is_none_or(|(c, _)| cost < c)
                {
                    best = Some((cost, at));
                }
            }
            // A checked rule has a next literal; of any other the rest is taken as it stands and meets an open variable.
            let i = left.remove(best.map_or(0, |b| b.1));
            binds(&rule.body[i], &mut bound);
            out.push(i);
        }
        if self.open[rule.head.index()] {
            let known: Vec<bool> = vars.iter().map(Option::is_some).collect();
            let needless = rule.needless(&known);
            out.retain(|i| !needless.contains(i));
        }
        let order: Rc<[usize]> = out.into();
        self.orders.insert(key, Rc::clone(&order));
        order
    }

    /// What a literal costs when these variables are bound; `None` when it cannot be decided yet.
    fn cost(&mut self, literal: &Literal, bound: &[bool]) -> Option<f64> {
        let all = |args: &[Arg]| vars_of(args).all(|v| bound[v.index()]);
        let functor = |t: &Term| matches!(t, Term::Apply { .. });
        match literal {
            Literal::Compare { op, left, right, .. } => {
                let open = |t: &Term| matches!(t, Term::Var(v) if !bound[v.index()]);
                let price = if functor(left) || functor(right) { 0.6 } else { 0.0 };
                match (known(left, bound), known(right, bound)) {
                    (true, true) => Some(price),
                    (true, false) if *op == CmpOp::Eq && open(right) => Some(price + 0.1),
                    (false, true) if *op == CmpOp::Eq && open(left) => Some(price + 0.1),
                    _ => None,
                }
            }
            Literal::Not(a) => all(&a.args).then(|| if self.derived(a.rel) { 3.0 } else { 0.5 }),
            Literal::Atom(a) => {
                let fixed: Vec<usize> = (0..a.args.len())
                    .filter(|c| match &a.args[*c] {
                        Arg::Var(v) => bound[v.index()],
                        Arg::Const(_) => true,
                        Arg::Wild => false,
                    })
                    .collect();
                let whole = all(&a.args);
                if !self.derived(a.rel) {
                    let rows = self.store.fan_out(a.rel, fixed.iter().copied());
                    return Some(if whole { 0.5 + rows.min(1e6) * 1e-6 } else { 1.0 + rows });
                }
                let share = 1.0 - fixed.len() as f64 / a.args.len().max(1) as f64;
                Some(if whole { 2.0 } else { 3.0 + self.sizes[a.rel.index()].powf(share) })
            }
            Literal::Aggregate { group, .. } => all(group).then_some(4.0),
            Literal::Range { from, to, step, .. } => {
                let ready = known(from, bound) && known(to, bound) && step.as_ref().is_none_or(|s| known(s, bound));
                ready.then_some(16.0)
            }
        }
    }
}

fn next(task: Task) -> Task {
    Task { at: task.at + 1, ..task }
}

fn faulty(task: Task) -> Task {
    Task { faulty: true, ..next(task) }
}

fn agrees(pattern: &[Option<Cell>], row: &[Cell]) -> bool {
    pattern.iter().zip(row).all(|(p, c)| p.is_none_or(|p| p == *c))
}

fn vars_of(args: &[Arg]) -> impl Iterator<Item = VarId> + '_ {
    args.iter().filter_map(|a| if let Arg::Var(v) = a { Some(*v) } else { None })
}

/// Whether all variables of a term are bound.
fn known(t: &Term, bound: &[bool]) -> bool {
    match t {
        Term::Var(v) => bound[v.index()],
        Term::Const(_) => true,
        Term::Apply { args, .. } => args.iter().all(|t| known(t, bound)),
    }
}

fn binds(literal: &Literal, bound: &mut [bool]) {
    match literal {
        Literal::Atom(a) => vars_of(&a.args).for_each(|v| bound[v.index()] = true),
        Literal::Compare { op: CmpOp::Eq, left, right, .. } => {
            for t in [left, right] {
                if let Term::Var(v) = t {
                    bound[v.index()] = true;
                }
            }
        }
        Literal::Range { var, .. } => bound[var.index()] = true,
        Literal::Aggregate { result, .. } => bound[result.index()] = true,
        Literal::Compare { .. } | Literal::Not(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lang::program::SourceFile;

    #[test]
    fn every_rule_that_met_no_value_is_named_once() {
        let text = ".decl a(x: number)\na(0).\na(1).\na(2).\n.decl h(x: number)\n\
                    h(10 / (x - 1)) :- a(x).\nh(10 / (x - 2) + 10 / x) :- a(x).\n";
        let program = crate::lang::compile(vec![SourceFile { name: "t.dl".into(), text: text.into() }]).program;
        let mut store = Store::new(&program);
        for f in &program.facts {
            let row: Vec<Cell> = f.values.iter().map(|c| store.cell(c)).collect();
            store.push(f.rel, &row);
        }
        let mut solver = Solver::new(&program, &mut store, 10_000);
        let rows = solver.solve(RelId(1), &[None]);
        let mut at: Vec<usize> = solver.faults.iter().map(|f| f.0).collect();
        at.sort_unstable();
        assert_eq!((rows.map(|r| r.len()), at), (Ok(3), vec![0, 1]));
    }
}
