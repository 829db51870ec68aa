//! Rule text to a checked [`program::Program`]: token, parse, ast, annotate, types, check, lower, stratify.
//!
//! Nothing in here reads files or knows any law. [`compile`] reports every error of every file in one pass.

mod annotate;
mod ast;
mod check;
pub mod codes;
pub mod date;
pub mod diagnostic;
mod lower;
mod open;
pub mod overflow;
pub mod parse;
pub mod pattern;
pub mod program;
pub mod query;
pub mod render;
mod stratify;
pub mod suggest;
mod token;
mod types;

pub(crate) use types::prim_name;

use diagnostic::{Diagnostic, Severity};
use program::{Program, SourceFile, Span};

/// What the caller knows that the text does not say.
#[derive(Clone, Debug)]
pub struct Options {
    /// Annotation keys of a `.decl` that say that the rows come from outside, as `.input` does.
    pub given_by: Vec<String>,
    /// What whole-number arithmetic does on overflow; `None` leaves it to the program's pragma.
    pub overflow: Option<overflow::Overflow>,
}

impl Default for Options {
    fn default() -> Self {
        Self { given_by: vec![String::from("input"), String::from("dimension")], overflow: None }
    }
}

/// Result of [`compile`]. With errors the program is what could be understood, and must not be run.
#[derive(Clone, Debug, Default)]
pub struct Compiled {
    /// The program.
    pub program: Program,
    /// Everything there is to say, by place.
    pub diagnostics: Vec<Diagnostic>,
}

impl Compiled {
    /// Whether a diagnostic is an error.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(|d| d.severity == Severity::Error)
    }
}

/// Compiles all files together.
#[must_use]
pub fn compile(sources: Vec<SourceFile>) -> Compiled {
    compile_with(sources, &Options::default())
}

/// [`compile`] with options.
#[must_use]
pub fn compile_with(sources: Vec<SourceFile>, options: &Options) -> Compiled {
    let mut diagnostics = Vec::new();
    let mut ast = ast::Ast::default();
    let mut strings = rustc_hash::FxHashMap::default();
    for (i, f) in sources.iter().enumerate() {
        if f.text.len() >= u32::MAX as usize {
            let span = Span { file: i as u32, start: 0, end: 0 };
            diagnostics.push(
                Diagnostic::error(codes::FILE_TOO_LARGE, format!("`{}` is larger than 4 GiB", f.name), span)
                    .help("put large tables in CSV files"),
            );
            continue;
        }
        parse::parse_file(i as u32, &f.text, &mut strings, &mut ast, &mut diagnostics);
    }
    let mut program = check::check(ast, &sources, options, &mut diagnostics);
    program.files = sources;
    diagnostics.sort_by_key(|d| d.primary.as_ref().map(|p| (p.span.file, p.span.start, p.span.end)));
    Compiled { program, diagnostics }
}
