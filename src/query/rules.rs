//! A question as clauses behind the rulebook's own: what it asks is checked and evaluated as every other rule is.

use super::build::{self, Builder};
use super::question::Op;
use super::read;
use super::settle::Settler;
use crate::engine::tally::Tally;
use crate::facts::Lang;
use crate::lang;
use crate::lang::diagnostic::{Diagnostic, Severity};
use crate::lang::program::{AggOp, Literal, Program, RelId, SourceFile, TypeId};
use crate::rulebook::Rulebook;

/// A column of a result.
#[derive(Clone, Debug, PartialEq)]
pub struct ColumnOf {
    /// The variable, or the aggregate: `count`, `sum N`.
    pub name: String,
    /// Its type.
    pub ty: TypeId,
    /// The column of a relation from which its values are.
    pub from: Option<(RelId, usize)>,
    /// The aggregate.
    pub aggregate: Option<Op>,
}

/// A question that has been compiled.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The relation that holds its rows.
    pub rel: RelId,
    /// The columns of that relation.
    pub columns: Vec<ColumnOf>,
    /// Columns to show, in order.
    pub show: Vec<usize>,
    /// Columns to order by, and whether falling.
    pub order: Vec<(usize, bool)>,
    /// Most rows.
    pub limit: Option<usize>,
    /// Whether it names something of which there are many, so that working by demand is worth while.
    pub named: bool,
    /// Texts that it names, and that are no codes.
    pub texts: Vec<String>,
    /// What qualifies its rows.
    pub marks: Vec<MarkOf>,
    /// How its aggregates come from its answers, if it has any.
    pub tally: Option<Tally>,
}

/// A mark on rows of a result: a row bears it if its values in `columns` stand in a relation.
#[derive(Clone, Debug, PartialEq)]
pub struct MarkOf {
    /// Its name.
    pub name: String,
    /// The relation.
    pub rel: RelId,
    /// Columns of the result.
    pub columns: Vec<usize>,
}

/// The result of [`compile`]: with errors the program must not be run.
#[derive(Debug, Default)]
pub struct Compiled {
    /// The rulebook's program with the clauses of the questions.
    pub program: Program,
    /// The questions, in order.
    pub asked: Vec<Asked>,
    /// Relations of the further rules that are marked `.output`.
    pub outputs: Vec<RelId>,
    /// Everything there is to say.
    pub diagnostics: Vec<Diagnostic>,
    /// What the diagnostics point into.
    pub files: Vec<SourceFile>,
}

impl Compiled {
    /// Whether a diagnostic is an error.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(|d| d.severity == Severity::Error)
    }
}

/// Compiles questions, and further rules if there are any, behind the rules of a rulebook. A question is a name for
/// diagnostics and a text.
#[must_use]
pub fn compile(book: &Rulebook, extra: Option<SourceFile>, questions: &[(&str, &str)], lang: Lang) -> Compiled {
    let mut out = Compiled::default();
    let mut files = book.program.files.clone();
    let extra_file = extra.as_ref().map(|_| files.len() as u32);
    files.extend(extra);
    let own;
    let base = match extra_file {
        None => &book.program,
        Some(file) => {
            let compiled = lang::compile(files.clone());
            let errors = compiled.has_errors();
            let about = |d: &Diagnostic| d.primary.as_ref().is_some_and(|p| p.span.file == file);
            out.diagnostics
                .extend(compiled.diagnostics.into_iter().filter(|d| d.severity == Severity::Error || about(d)));
            out.files = files.clone();
            if errors {
                return out;
            }
            own = compiled.program;
            &own
        }
    };
    let mut prefix = String::from("query_");
    while base.relations.iter().any(|r| r.name.starts_with(&prefix)) {
        prefix.push('_');
    }
    let first = files.len() as u32;
    let mut sheets = Vec::new();
    let mut asked = Vec::new();
    out.files.clone_from(&files);
    for (i, (name, text)) in questions.iter().enumerate() {
        let file = first + i as u32;
        out.files.push(SourceFile { name: (*name).to_owned(), text: (*text).into() });
        let q = match read::read(text, file, lang) {
            Ok(q) => q,
            Err(d) => {
                out.diagnostics.push(*d);
                continue;
            }
        };
        let mut b = Builder::new(Settler { program: base, codes: &book.codes, lang }, file);
        let built = b.build(&q, text, &format!("{prefix}{i}_"));
        out.diagnostics.append(&mut b.diagnostics);
        if let Some(build::Built { sheet, result, asked: shape, marks, counted }) = built {
            files.push(SourceFile { name: (*name).to_owned(), text: sheet.text.as_str().into() });
            sheets.push((sheet, text.len()));
            asked.push((result, shape, marks, counted));
        }
    }
    if out.has_errors() {
        return out;
    }
    let compiled = lang::compile(files);
    // Of the questions errors alone: that a variable stands once is no mistake there. Conditions that stand again for marks are
    // found fault with where they stand first.
    let mut again = Vec::new();
    for d in compiled.diagnostics.into_iter().filter(|d| d.severity == Severity::Error) {
        let Some(span) = d.primary.as_ref().map(|p| p.span).filter(|s| s.file >= first) else { continue };
        let (sheet, whole) = &sheets[(span.file - first) as usize];
        let second = sheet.again > 0 && span.start as usize >= sheet.again;
        let to = if second { &mut again } else { &mut out.diagnostics };
        to.push(sheet.moved(d, span.file, *whole));
    }
    if !out.has_errors() {
        out.diagnostics.append(&mut again);
    }
    out.program = compiled.program;
    for (name, shape, marks, counted) in asked {
        if let Some(rel) = out.program.relation(&name) {
            let columns: Vec<usize> = (0..shape.columns.len()).collect();
            let mark = |(name, rel): (String, String)| {
                Some(MarkOf { name, rel: out.program.relation(&rel)?, columns: columns.clone() })
            };
            let marks = marks.into_iter().filter_map(mark).collect();
            let tally = shape.tally.zip(counted).and_then(|(tally, [answers, into])| {
                let (answers, into) = (out.program.relation(&answers)?, out.program.relation(&into)?);
                // In a program that asks for it sums wrap.
                let wraps = |l: &Literal| matches!(l, Literal::Aggregate { op: AggOp::WrapSum, .. });
                let own = out.program.rules.iter().filter(|r| r.head == into);
                let wraps = own.flat_map(|r| &r.body).any(wraps);
                (!wraps).then_some(Tally { answers, into, ..tally })
            });
            out.asked.push(Asked { rel, marks, tally, ..shape });
        }
    }
    let relations = out.program.relations.iter().enumerate();
    let from_file = relations.filter(|(_, r)| Some(r.span.file) == extra_file && !r.outputs.is_empty());
    out.outputs = from_file.map(|(i, _)| RelId(i as u32)).collect();
    out
}
