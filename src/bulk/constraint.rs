//! Contradictions: rows of relations annotated `constraint`, with the given rows that they rest on.

use crate::engine::store::Database;
use crate::facts::Origins;
use crate::lang::date;
use crate::lang::program::{Arg, Const, Program, RelId, TypeId};
use crate::proof::demand::Prover;
use crate::proof::graph::{self, Node};
use crate::proof::{self, Goal};
use crate::rulebook::Rulebook;

/// A given row.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Row {
    /// File.
    pub file: String,
    /// Line.
    pub line: u32,
}

/// Data that contradict themselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contradiction {
    /// The constraint relation.
    pub relation: String,
    /// What is wrong, in Chinese and in English.
    pub zh: String,
    /// English.
    pub en: String,
    /// The rows that contradict each other.
    pub rows: Vec<Row>,
    /// Further contradictions of the same kind that are not listed.
    pub more: usize,
}

impl Contradiction {
    /// One message: places, code, sentence.
    #[must_use]
    pub fn render(&self, zh: bool) -> String {
        let places: Vec<String> = self.rows.iter().map(|r| format!("{}:{}", r.file, r.line)).collect();
        let (text, more) = if zh { (&self.zh, "处同类问题未列出") } else { (&self.en, " more of this kind") };
        let tail = if self.more > 0 { format!("\n  … {}{more}", self.more) } else { String::new() };
        format!("{}: E0560 {text} [{}]{tail}", places.join(", "), self.relation)
    }
}

/// How many of a kind are described.
const LISTED: usize = 20;

fn text(program: &Program, value: Option<&Const>, ty: TypeId) -> String {
    match value {
        None => "?".to_owned(),
        Some(Const::Number(n)) if program.types[ty.index()].date => date::iso(*n),
        Some(Const::Number(n)) => n.to_string(),
        Some(Const::Unsigned(n)) => n.to_string(),
        Some(Const::Float(n)) => n.to_string(),
        Some(Const::Symbol(s)) => s.to_string(),
    }
}

/// Whether any constraint of these relations is violated.
pub(super) fn any(program: &Program, db: &Database, among: impl Fn(RelId) -> bool) -> bool {
    let rows = program.relations.iter().zip(&db.tables).enumerate();
    rows.into_iter().any(|(i, (r, t))| r.notes.has("constraint") && !t.is_empty() && among(RelId(i as u32)))
}

/// All violated constraints; `given` holds the given facts alone.
pub(crate) fn contradictions(
    book: &Rulebook,
    given: &Database,
    db: &Database,
    origins: &Origins,
) -> Vec<Contradiction> {
    let program = &book.program;
    let options = proof::Options::default();
    let mut prover = Prover::new(program, given.clone(), options.most_steps);
    let mut found = Vec::new();
    for (i, relation) in program.relations.iter().enumerate() {
        let table = &db.tables[i];
        if !relation.notes.has("constraint") || table.is_empty() {
            continue;
        }
        for row in table.rows().take(LISTED) {
            let goal = Goal {
                rel: RelId(i as u32),
                args: row
                    .iter()
                    .zip(&relation.columns)
                    .map(|(w, c)| Arg::Const(graph::constant(c.prim, *w, &db.symbols)))
                    .collect(),
            };
            let (mut zh, mut en) = (relation.name.clone(), relation.name.clone());
            let mut rows = Vec::new();
            if let Ok(e) = proof::explain_with(&mut prover, &goal, &options) {
                for node in e.graph.node_weights() {
                    match node {
                        Node::Rule { rule, bindings } if program.rule(*rule).head == goal.rel => {
                            let value = |name: &str| {
                                bindings
                                    .iter()
                                    .find(|b| b.name == name)
                                    .map_or_else(String::new, |b| text(program, b.value.as_ref(), b.ty))
                            };
                            let notes = &relation.notes;
                            let info = &book.rules[rule.index()];
                            for (own, key, out) in [(&info.zh, "say.zh", &mut zh), (&info.en, "say.en", &mut en)] {
                                let phrase = own
                                    .clone()
                                    .or_else(|| notes.get(key).and_then(|t| crate::rulebook::Phrase::parse(t).ok()));
                                if let Some(p) = phrase {
                                    *out = p.fill(value);
                                }
                            }
                        }
                        Node::Fact { rel, values, given: true, .. } => {
                            let words: Option<Vec<u32>> = values.iter().map(|v| given.known_word(&v.value)).collect();
                            if let Some(o) = words.and_then(|w| origins.of(given, *rel, &w))
                                && !o.shipped
                            {
                                rows.push(Row { file: o.file.to_owned(), line: o.line });
                            }
                        }
                        _ => {}
                    }
                }
            }
            rows.sort();
            rows.dedup();
            found.push(Contradiction { relation: relation.name.clone(), zh, en, rows, more: 0 });
        }
        if let Some(last) = found.last_mut() {
            last.more = table.len().saturating_sub(LISTED);
        }
    }
    found
}
