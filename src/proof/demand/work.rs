//! The work on questions: tasks go from premise to premise, answers wake those that wait for them.

use super::Prover;
use super::plan::{Asked, Operand, Plan, Slot, Step};
use crate::engine::functor::{self, Fault};
use crate::engine::limit::Limit;
use crate::engine::naive::body::{self, Source};
use crate::engine::naive::heap::Heap;
use crate::engine::symbol::Symbols;
use crate::engine::value::Word;
use crate::lang::program::{RelId, Span, VarId};
use std::rc::Rc;

/// A partial match of a rule's body that goes on at a step of its plan.
#[derive(Clone, Debug)]
pub(super) struct Task<'p> {
    plan: Rc<Plan<'p>>,
    depth: usize,
    vars: Rc<[Option<Word>]>,
}

/// A task that waits for answers to its next premise.
#[derive(Debug)]
pub(super) struct Consumer<'p> {
    task: Task<'p>,
    fed: bool,
}

/// The questions of one shape that were asked.
#[derive(Debug)]
pub(super) struct Calls {
    keys: Heap,
    /// By number of the key, the number of the question.
    numbers: Vec<usize>,
}

impl Calls {
    fn find(&self, key: &[Word]) -> Option<usize> {
        self.keys.find(key).map(|i| self.numbers[i as usize])
    }
}

impl<'p> Task<'p> {
    /// The task after its next premise is matched with a row, if the row agrees.
    fn advance(&self, asked: &Asked, row: &[Word]) -> Option<Self> {
        if asked.equal.iter().any(|(a, b)| row[*a] != row[*b]) {
            return None;
        }
        let vars = if asked.fresh.is_empty() {
            Rc::clone(&self.vars)
        } else {
            let mut vars: Rc<[Option<Word>]> = Rc::from(&*self.vars);
            let slots = Rc::make_mut(&mut vars);
            asked.fresh.iter().for_each(|(c, v)| slots[v.index()] = Some(row[*c]));
            vars
        };
        Some(Self { plan: Rc::clone(&self.plan), depth: self.depth + 1, vars })
    }

    fn next(self) -> Self {
        Self { depth: self.depth + 1, ..self }
    }

    fn bind(mut self, v: VarId, word: Word, stack: &mut Vec<Self>) {
        match self.vars[v.index()] {
            Some(w) if w != word => return,
            Some(_) => {}
            None => Rc::make_mut(&mut self.vars)[v.index()] = Some(word),
        }
        stack.push(self.next());
    }

    fn operand(&self, operand: Operand<'p>, symbols: &mut Symbols) -> Result<Word, Fault> {
        match operand {
            Operand::Slot(Slot::Word(w)) => Ok(w),
            Operand::Slot(Slot::Var(v)) => {
                self.vars[v.index()].ok_or_else(|| Fault::Undefined { operation: "an unbound variable".into() })
            }
            Operand::Term(t) => body::eval(t, &self.vars, symbols),
        }
    }
}

impl<'p> Prover<'p> {
    /// Given and concluded rows with those values in those columns; what was given is noted as looked at.
    pub(super) fn rows(&mut self, rel: RelId, columns: &[usize], key: &[Word], out: &mut Vec<u32>) {
        let i = rel.index();
        let from = out.len();
        self.reach(rel, columns, key);
        self.given[i].matching(columns, key, out);
        self.touched[i].extend(out[from..].iter().copied());
        let offset = self.given[i].numbers() as u32;
        let from = out.len();
        self.derived[i].matching(columns, key, out);
        for n in &mut out[from..] {
            *n += offset;
        }
    }

    fn push(&mut self, task: Task<'p>) {
        let s = self.fixed.stage_of[self.program.rule(task.plan.rule).head.index()];
        self.low = self.low.min(s);
        self.agenda[s].push(task);
    }

    /// Asks for the rows of a relation with those values in those columns.
    pub(super) fn question(&mut self, rel: RelId, columns: &[usize], key: &[Word]) {
        let (shape, columns) = self.plans.borrow_mut().shape(rel, columns);
        self.ask(rel, shape, &columns, key);
    }

    /// Asks a question: activates the rules that could answer it, unless it or a wider one was asked before. The answer
    /// is complete when the lists of its stratum and all lower ones are empty. Returns the question's number.
    fn ask(&mut self, rel: RelId, shape: usize, columns: &[usize], key: &[Word]) -> usize {
        let i = rel.index();
        if let Some(call) = self.calls[i].get(shape).and_then(|c| c.as_ref()?.find(key)) {
            return call;
        }
        if !columns.is_empty() && self.asked[i] >= self.most_calls && !self.fixed.open[i] {
            self.question(rel, &[], &[]);
        }
        let wider = !columns.is_empty() && self.wider(rel, columns, key);
        let call = self.consumers.len();
        self.consumers.push(Vec::new());
        if self.calls[i].len() <= shape {
            self.calls[i].resize_with(shape + 1, || None);
        }
        let calls =
            self.calls[i][shape].get_or_insert_with(|| Calls { keys: Heap::new(columns.len()), numbers: Vec::new() });
        calls.keys.insert(key);
        calls.numbers.push(call);
        self.asked[i] += 1;
        if !wider {
            for entry in self.entries(rel, shape).iter() {
                if let Some(vars) = entry.start(key) {
                    self.push(Task { plan: Rc::clone(&entry.plan), depth: 0, vars });
                }
            }
        }
        call
    }

    /// Whether a question was asked that this one is part of.
    fn wider(&self, rel: RelId, columns: &[usize], key: &[Word]) -> bool {
        let plans = self.plans.borrow();
        let mut narrow = Vec::new();
        self.calls[rel.index()].iter().zip(&plans.shapes[rel.index()]).any(|(calls, shape)| {
            let Some(calls) = calls.as_ref().filter(|_| shape.columns.len() < columns.len()) else { return false };
            narrow.clear();
            narrow.extend(shape.columns.iter().filter_map(|c| columns.binary_search(c).ok().map(|i| key[i])));
            narrow.len() == shape.columns.len() && calls.find(&narrow).is_some()
        })
    }

    /// Works until nothing waits; false when it took too many steps.
    pub(super) fn drain(&mut self) -> Result<bool, Limit> {
        let mut stack = Vec::new();
        while self.low < self.agenda.len() {
            let Some(task) = self.agenda[self.low].pop() else {
                self.low += 1;
                continue;
            };
            let stratum = self.low;
            stack.push(task);
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

    fn step(&mut self, task: Task<'p>, stratum: usize, stack: &mut Vec<Task<'p>>) -> Result<(), Limit> {
        let program = self.program;
        if !task.plan.whole {
            let span = program.rule(task.plan.rule).span;
            return Err(Limit::Internal { what: format!("the rule at {} is not safe", program.place(span)) });
        }
        let plan = Rc::clone(&task.plan);
        let Some(step) = plan.steps.get(task.depth) else {
            return self.conclude(&task);
        };
        match step {
            Step::Atom(asked) => self.premise(task, asked, stratum, stack),
            Step::Not(asked) => {
                let (mut key, mut rows) = self.spare.pop().unwrap_or_default();
                asked.key(&task.vars, &mut key);
                if !self.settled(asked, &key, stratum) {
                    self.push(task);
                } else {
                    self.rows(asked.rel, &asked.columns, &key, &mut rows);
                    if rows.is_empty() {
                        stack.push(task.next());
                    }
                }
                self.put_back(key, rows);
                Ok(())
            }
            Step::Assign(v, operand, span) => {
                let word = task.operand(*operand, &mut self.symbols);
                if let Some(word) = self.valued(word, *span)? {
                    task.bind(*v, word, stack);
                }
                Ok(())
            }
            Step::Test { op, prim, left, right, span } => {
                let a = task.operand(*left, &mut self.symbols);
                let b = task.operand(*right, &mut self.symbols);
                let holds = a.and_then(|a| functor::compare(*op, *prim, a, b?, &self.symbols));
                if self.valued(holds, *span)? == Some(true) {
                    stack.push(task.next());
                }
                Ok(())
            }
            Step::Range { var, prim, from, to, step, span } => {
                let mut value = |t| body::eval(t, &task.vars, &mut self.symbols);
                let ends = (|| Ok((value(from)?, value(to)?, step.map(&mut value).transpose()?)))();
                if let Some((a, b, s)) = self.valued(ends, *span)? {
                    for word in body::range(*prim, a, b, s) {
                        task.clone().bind(*var, word, stack);
                    }
                }
                Ok(())
            }
            Step::Aggregate(asked, literal, result) => {
                let (mut key, rows) = self.spare.pop().unwrap_or_default();
                asked.key(&task.vars, &mut key);
                let settled = self.settled(asked, &key, stratum);
                self.put_back(key, rows);
                if !settled {
                    self.push(task);
                    return Ok(());
                }
                // Settled: the source only reads.
                let word = match body::aggregate(program, literal, &task.vars, &mut Reader(self)) {
                    Err(l @ Limit::Fault { .. }) => self.fault(l).map(|()| None)?,
                    other => other?.0,
                };
                if let Some(word) = word {
                    task.bind(*result, word, stack);
                }
                Ok(())
            }
        }
    }

    fn put_back(&mut self, mut key: Vec<Word>, mut rows: Vec<u32>) {
        key.clear();
        rows.clear();
        self.spare.push((key, rows));
    }

    /// Asks a question of a lower stratum; true when its answer is complete.
    fn settled(&mut self, asked: &Asked, key: &[Word], stratum: usize) -> bool {
        if !asked.derived {
            return true;
        }
        self.ask(asked.rel, asked.shape, &asked.columns, key);
        self.settled_below(stratum)
    }

    fn premise(
        &mut self,
        task: Task<'p>,
        asked: &Asked,
        stratum: usize,
        stack: &mut Vec<Task<'p>>,
    ) -> Result<(), Limit> {
        let (mut key, mut rows) = self.spare.pop().unwrap_or_default();
        asked.key(&task.vars, &mut key);
        let call = asked.derived.then(|| self.ask(asked.rel, asked.shape, &asked.columns, &key));
        self.rows(asked.rel, &asked.columns, &key, &mut rows);
        let mut fed = false;
        for number in &rows {
            let Some(next) = task.advance(asked, self.row(asked.rel, *number)) else { continue };
            fed = true;
            stack.push(next);
            if asked.once() {
                break;
            }
        }
        self.put_back(key, rows);
        if let Some(call) = call
            && !(fed && asked.once())
        {
            let done = self.fixed.stage_of[asked.rel.index()] < stratum && self.settled_below(stratum);
            if !done {
                self.consumers[call].push(Consumer { task, fed });
            }
        }
        Ok(())
    }

    fn conclude(&mut self, task: &Task<'p>) -> Result<(), Limit> {
        let program = self.program;
        let rule = program.rule(task.plan.rule);
        let row = rule.args.iter().map(|t| body::eval(t, &task.vars, &mut self.symbols));
        let row = row.collect::<Result<Vec<Word>, Fault>>().map_err(|f| Limit::fault(program, rule.span, f))?;
        let i = rule.head.index();
        if self.given[i].find(&row).is_some() || !self.derived[i].insert(&row).1 {
            return Ok(());
        }
        let mut ready = Vec::new();
        let mut key = Vec::new();
        for (calls, shape) in self.calls[i].iter().zip(&self.plans.borrow().shapes[i]) {
            let Some(calls) = calls else { continue };
            key.clear();
            key.extend(shape.columns.iter().map(|c| row[*c]));
            let Some(call) = calls.find(&key) else { continue };
            for consumer in &mut self.consumers[call] {
                let task = &consumer.task;
                let Some(Step::Atom(asked)) = task.plan.steps.get(task.depth) else { continue };
                if consumer.fed && asked.once() {
                    continue;
                }
                if let Some(next) = task.advance(asked, &row) {
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
