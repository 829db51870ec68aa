//! What is wrong with a rulebook as a map of the law, beyond what makes it fail to load: `zhuize coverage` prints these.

use super::coverage::{Golden, MANIFEST, RuleRef, constant, symbols};
use super::order;
use super::outline::Status;
use super::{Cite, Rulebook};
use crate::lang::diagnostic::{Diagnostic, Severity};
use crate::lang::program::{Arg, Const, Literal, Program, RelId, RelationKind, Span};
use std::collections::{BTreeMap, BTreeSet};

/// Type of columns that hold provisions, and of those that hold instruments.
const CITE: &str = "Cite";
const INSTRUMENT: &str = "Instrument";

impl Rulebook {
    /// Every finding, in a fixed order. Golden cases are looked at if they are given.
    #[must_use]
    pub fn lint(&self, golden: Option<&Golden>) -> Vec<Diagnostic> {
        let mut out = Vec::new();
        let clauses = self.clauses();
        self.units(&clauses, golden, &mut out);
        cites_of_facts(self, &clauses, &mut out);
        constants(self, &mut out);
        unused(&self.program, &mut out);
        unordered(self, &mut out);
        out
    }

    fn units(
        &self,
        clauses: &BTreeMap<(String, String), Vec<RuleRef>>,
        golden: Option<&Golden>,
        out: &mut Vec<Diagnostic>,
    ) {
        for (instrument, units) in &self.outline.instruments {
            for u in units {
                let place = format!("{instrument}/outline.csv:{}", u.line);
                let rules = clauses.get(&(instrument.clone(), u.cite.clone())).map_or(0, Vec::len);
                let computed = u.status != Status::Declaratory;
                if computed && rules == 0 {
                    out.push(
                        Diagnostic::new(
                            "E0421",
                            Severity::Error,
                            format!("{place}: `{}` is {} and no rule names it", u.cite, u.status.word()),
                            None,
                        )
                        .help(format!(
                            "put `//@ cite {}` before the rule that computes it, or say why it is declaratory",
                            u.cite
                        )),
                    );
                }
                if !computed
                    && let Some(first) = clauses.get(&(instrument.clone(), u.cite.clone())).and_then(|l| l.first())
                {
                    out.push(
                        Diagnostic::error(
                            "E0422",
                            format!("`{}` of `{instrument}` is declaratory, but a clause computes it", u.cite),
                            first.span,
                        )
                        .note(format!("{place} says: {}", u.why)),
                    );
                }
                if let Some(g) = golden
                    && u.status == Status::Encoded
                    && g.of(instrument, &u.cite, units).is_empty()
                {
                    out.push(
                        Diagnostic::new(
                            "E0423",
                            Severity::Error,
                            format!("{place}: `{}` is encoded and no golden case exercises it", u.cite),
                            None,
                        )
                        .help(format!("a row of an expectation with basis {}, or NOTES.md names it", u.cite)),
                    );
                }
            }
        }
    }
}

/// Cites before facts: `settle` has looked at those before rules.
fn cites_of_facts(book: &Rulebook, clauses: &BTreeMap<(String, String), Vec<RuleRef>>, out: &mut Vec<Diagnostic>) {
    for ((instrument, cite), list) in clauses {
        if book.outline.unit(instrument, cite).is_none() {
            for r in list {
                out.push(missing(book, instrument, cite, r.span));
            }
        }
    }
}

fn missing(book: &Rulebook, instrument: &str, cite: &str, span: Span) -> Diagnostic {
    let d = Diagnostic::error("E0424", format!("`{instrument}` has no provision `{cite}`"), span);
    let units = book.outline.instruments.get(instrument).into_iter().flatten();
    match crate::lang::suggest::nearest(cite, units.map(|u| u.cite.as_str())) {
        Some(near) => d.help(format!("did you mean `{near}`?")),
        None => d.note(format!("the provisions stand in {instrument}/outline.csv")),
    }
}

/// Whether a column has the type of that name or one below it.
fn of_type(program: &Program, rel: RelId, column: usize, name: &str) -> bool {
    let mut at = Some(program.rel(rel).columns[column].ty);
    while let Some(t) = at {
        let def = &program.types[t.index()];
        if def.name == name {
            return true;
        }
        at = def.parent;
    }
    false
}

/// Provisions written as constants where an instrument stands as a constant beside them.
fn constants(book: &Rulebook, out: &mut Vec<Diagnostic>) {
    let program = &book.program;
    let mut seen = BTreeSet::new();
    let mut look = |rel: RelId, values: &[Option<&Const>], span: Span| {
        let text = |i: usize| match values[i] {
            Some(Const::Symbol(s)) => Some(s.to_string()),
            _ => None,
        };
        let columns = 0..values.len();
        let Some(instrument) = columns.clone().filter(|i| of_type(program, rel, *i, INSTRUMENT)).find_map(text) else {
            return;
        };
        if !book.outline.instruments.contains_key(&instrument) {
            return;
        }
        for cite in columns.filter(|i| of_type(program, rel, *i, CITE)).filter_map(text) {
            if book.outline.unit(&instrument, &cite).is_none() && seen.insert((instrument.clone(), cite.clone(), span))
            {
                out.push(missing(book, &instrument, &cite, span));
            }
        }
    };
    for f in &program.facts {
        look(f.rel, &f.values.iter().map(Some).collect::<Vec<_>>(), f.span);
    }
    for r in &program.rules {
        look(r.head, &r.args.iter().map(constant).collect::<Vec<_>>(), r.span);
        for l in &r.body {
            if let Literal::Atom(a) | Literal::Not(a) = l {
                let values: Vec<_> =
                    a.args.iter().map(|a| if let Arg::Const(c) = a { Some(c) } else { None }).collect();
                look(a.rel, &values, a.span);
            }
        }
    }
}

/// Relations that are declared and that nothing reads: no rule of another relation, no output, no annotation.
fn unused(program: &Program, out: &mut Vec<Diagnostic>) {
    let mut read = BTreeSet::new();
    for rule in &program.rules {
        read.extend(rule.reads().filter(|r| *r != rule.head));
    }
    let mut named = BTreeSet::from([MANIFEST]);
    let notes = program.relations.iter().map(|r| &r.notes).chain(program.types.iter().map(|t| &t.notes));
    for n in notes.flat_map(|n| &n.0) {
        if n.key == "ref" || n.key == "names" {
            named.extend(n.value.split([' ', '.', ',']));
        }
    }
    for (i, r) in program.relations.iter().enumerate() {
        let told = ["constraint", "mark", "holidays", "context"].iter().any(|k| r.notes.has(k));
        let speaks = !r.outputs.is_empty() || r.printsize || told;
        if r.kind == RelationKind::Declared
            && !speaks
            && !read.contains(&RelId(i as u32))
            && !named.contains(r.name.as_str())
        {
            out.push(
                Diagnostic::error("E0425", format!("relation `{}` is declared and never used", r.name), r.span)
                    .help("use it in a rule, write it with `.output`, or take it away"),
            );
        }
    }
}

fn unordered(book: &Rulebook, out: &mut Vec<Diagnostic>) {
    let program = &book.program;
    let (pairs, bad) = order::unordered(program);
    for (rel, word) in bad {
        let r = program.rel(rel);
        out.push(Diagnostic::error("E0427", format!("`verdict` of `{}` names no column `{word}`", r.name), r.span));
    }
    for p in pairs {
        let (a, b) = (program.rule(p.rules.0), program.rule(p.rules.1));
        let says = |r: &crate::lang::program::Rule| {
            let values: Vec<_> = r.args.iter().filter_map(constant).cloned().collect();
            symbols(&values).map_or_else(String::new, |v| v.join(", "))
        };
        out.push(
            Diagnostic::error(
                "E0426",
                format!("nothing orders two conclusions on one key: `{}` and `{}`", says(a), says(b)),
                a.span,
            )
            .note(format!("the other rule stands at {}", program.place(b.span)))
            .help("let one of them test by negation (`!...`) what the other needs"),
        );
    }
}

impl Cite {
    /// A provision of an instrument.
    #[must_use]
    pub fn new(instrument: &str, cite: &str) -> Self {
        Self { instrument: instrument.to_owned(), cite: cite.to_owned() }
    }
}
