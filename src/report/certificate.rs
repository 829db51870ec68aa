//! A certificate: a derivation, or an absence, as JSON that somebody can check who trusts none of this crate's evaluators.
//!
//! It says which question it answers and how many answers it leaves out. One given fact or step to a line. The layout is versioned; `zhuize verify` reads exactly this one.

use crate::lang::date;
use crate::lang::program::{Arg, Const, Literal, Program, RelId, Rule, TypeId};
use crate::proof::derivation::{Derivation, Premise, Row, Step};
use crate::proof::typed::of_comparison;
use serde_json::{Map, Value, json};
use std::fmt::Write as _;

/// What `format` says.
pub const FORMAT: &str = "zhuize.certificate";
/// Version of the layout.
pub const VERSION: u32 = 1;

/// `file:line` of a given fact, if it comes from a file.
pub type Origin<'a> = dyn Fn(RelId, &[Const]) -> Option<String> + 'a;

fn value(program: &Program, ty: TypeId, c: &Const) -> Value {
    match c {
        Const::Symbol(s) => json!(s.as_ref()),
        Const::Number(n) => {
            let text = if program.types[ty.index()].date { date::iso(*n) } else { String::new() };
            // Days that have no name of ten characters stay numbers.
            if date::parse_iso(&text) == Some(*n) { json!({ "date": text }) } else { json!(n) }
        }
        Const::Unsigned(n) => json!({ "unsigned": n }),
        Const::Float(f) => json!({ "float": f.to_string() }),
    }
}

struct Writer<'a> {
    program: &'a Program,
    derivation: &'a Derivation,
    names: Vec<(String, u32)>,
}

impl Writer<'_> {
    fn column(&self, rel: RelId, c: usize, v: &Const) -> Value {
        value(self.program, self.program.rel(rel).columns[c].ty, v)
    }

    fn values(&self, row: &Row) -> Value {
        row.values.iter().enumerate().map(|(c, v)| self.column(row.rel, c, v)).collect()
    }

    fn name(&self, rel: RelId) -> &str {
        &self.program.rel(rel).name
    }

    fn id(&self, number: usize) -> String {
        let given = self.derivation.given.len();
        if number < given { format!("g{}", number + 1) } else { format!("s{}", number - given + 1) }
    }

    fn claims(&self) -> Vec<Value> {
        let d = self.derivation;
        if !d.answers.is_empty() {
            let claim = |n: &usize| {
                let row = d.fact(*n);
                json!({ "relation": self.name(row.rel), "values": self.values(row), "holds": true, "fact": self.id(*n) })
            };
            return d.answers.iter().map(claim).collect();
        }
        vec![json!({ "relation": self.name(d.goal.rel), "values": self.asked(), "holds": false })]
    }

    /// The pattern that was asked about.
    fn asked(&self) -> Value {
        let goal = &self.derivation.goal;
        let slot = |(c, arg): (usize, &Arg)| match arg {
            Arg::Const(v) => self.column(goal.rel, c, v),
            Arg::Wild => Value::Null,
            Arg::Var(_) => match goal.args[..c].iter().position(|a| a == arg) {
                Some(first) => json!({ "same": first }),
                None => Value::Null,
            },
        };
        goal.args.iter().enumerate().map(slot).collect()
    }

    /// What the claims answer, and how many further answers there are. An absence is its own question.
    fn question(&self) -> Option<Value> {
        let d = self.derivation;
        let answered = !d.answers.is_empty();
        answered
            .then(|| json!({ "relation": self.name(d.goal.rel), "values": self.asked(), "left_out": d.more_answers }))
    }

    fn step(&self, number: usize, step: &Step) -> Value {
        let program = self.program;
        let rule = program.rule(step.rule);
        let (name, part) = &self.names[step.rule.index()];
        let clause = blake3::hash(program.clause_text(rule).as_bytes()).to_hex().to_string();
        let bindings: Map<String, Value> =
            rule.vars.iter().zip(&step.vars).map(|(v, c)| (v.name.clone(), value(program, v.ty, c))).collect();
        let premises: Vec<Value> =
            rule.body.iter().zip(&step.premises).map(|(l, p)| self.premise(rule, l, p)).collect();
        json!({
            "id": self.id(number),
            "relation": self.name(step.head.rel),
            "values": self.values(&step.head),
            "rule": { "name": name, "place": program.place(rule.span), "part": part, "clause": clause },
            "bindings": bindings,
            "premises": premises,
        })
    }

    fn premise(&self, rule: &Rule, literal: &Literal, premise: &Premise) -> Value {
        // The values of ranges and aggregates are shown by their machine types.
        let plain = |c: &Const| value(self.program, TypeId(1), c);
        match premise {
            Premise::Fact(n) => json!({ "fact": self.id(*n) }),
            Premise::Absent { rel, pattern } => {
                let values: Value = pattern
                    .iter()
                    .enumerate()
                    .map(|(c, v)| v.as_ref().map_or(Value::Null, |v| self.column(*rel, c, v)))
                    .collect();
                json!({ "absent": { "relation": self.name(*rel), "values": values } })
            }
            Premise::Compare { left, right } => {
                let Literal::Compare { op, prim, left: l, right: r, .. } = literal else { return Value::Null };
                let ty = of_comparison(self.program, rule, *prim, l, r);
                let side = |c: &Const| value(self.program, ty, c);
                json!({ "compare": { "op": op.sign(), "left": side(left), "right": side(right) } })
            }
            Premise::Range { value, from, to, step } => {
                let mut out = json!({ "value": plain(value), "from": plain(from), "to": plain(to) });
                if let Some(s) = step {
                    out["step"] = plain(s);
                }
                json!({ "range": out })
            }
            Premise::Aggregate { group, rows, result } => {
                let Literal::Aggregate { op, rel, .. } = literal else { return Value::Null };
                let group: Value = group.iter().enumerate().map(|(c, v)| self.column(*rel, c, v)).collect();
                let rows: Vec<String> = rows.iter().map(|n| self.id(*n)).collect();
                json!({ "aggregate": { "op": op.word(), "group": group, "rows": rows, "result": plain(result) } })
            }
        }
    }
}

/// The certificate of a derivation.
#[must_use]
pub fn render(program: &Program, derivation: &Derivation, origin: &Origin<'_>) -> String {
    let w = Writer { program, derivation, names: program.rule_names() };
    let mut out = format!("{{\n\"format\": \"{FORMAT}\",\n\"version\": {VERSION},\n");
    if let Some(question) = w.question() {
        let _ = writeln!(out, "\"question\": {question},");
    }
    let mut list = |name: &str, rows: Vec<Value>, last: bool| {
        let lines: Vec<String> = rows.iter().map(|v| format!("  {v}")).collect();
        let body = if lines.is_empty() { String::new() } else { format!("\n{}\n", lines.join(",\n")) };
        let _ = writeln!(out, "\"{name}\": [{body}]{}", if last { "" } else { "," });
    };
    let hash = |text: &str| blake3::hash(text.as_bytes()).to_hex().to_string();
    let files = program.files.iter().map(|f| json!({ "file": f.name, "blake3": hash(&f.text) })).collect();
    list("rules", files, false);
    list("claims", w.claims(), false);
    let given = derivation.given.iter().enumerate().map(|(n, row)| {
        let mut fact = json!({ "id": w.id(n), "relation": w.name(row.rel), "values": w.values(row) });
        if let Some(place) = origin(row.rel, &row.values) {
            fact["origin"] = json!(place);
        }
        fact
    });
    list("given", given.collect(), false);
    let first = derivation.given.len();
    list("steps", derivation.steps.iter().enumerate().map(|(i, s)| w.step(first + i, s)).collect(), true);
    out.push_str("}\n");
    out
}

/// `file:line` of a fact of the program's text.
#[must_use]
pub fn origin_in_text(program: &Program, rel: RelId, values: &[Const]) -> Option<String> {
    program.facts.iter().find(|f| f.rel == rel && f.values == values).map(|f| program.place(f.span))
}
