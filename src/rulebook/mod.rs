//! A folder of rules to a rulebook: program, code lists, outline, shipped tables, phrases.
//!
//! A rules folder has one folder per instrument and `common/`; folders that begin with `_` and `examples/` are left out.
//! In each: `*.dl` (the program, all files together), `vocabulary.csv` (code lists), `aliases.csv` (further words for
//! codes), `outline.csv` (every provision), `readings.csv` (disputed readings in words), and further `*.csv`, which are
//! shipped rows of the input table of that name.

pub mod coverage;
mod legal;
mod lint;
pub mod marks;
pub mod names;
mod order;
mod outline;
mod phrase;
mod readings;
mod settle;
pub mod statute;
mod tree;

pub use outline::{Outline, Status, Unit};
pub use phrase::{Part, Phrase};
pub use readings::{Readings, Way};
pub use settle::{Cite, RuleInfo};
pub use tree::{RuleFile, RuleTree, TreeError};

use crate::facts::codes::CodeLists;
use crate::lang::diagnostic::{Diagnostic, Severity};
use crate::lang::program::{Program, SourceFile, Span};
use std::collections::BTreeSet;

/// A table shipped with the rules: input relation, where it comes from, CSV text.
#[derive(Clone, Debug)]
pub struct Shipped {
    /// The input relation.
    pub table: String,
    /// Path under the rules folder.
    pub path: String,
    /// CSV text with a header.
    pub text: String,
}

/// Everything that a rules folder says.
#[derive(Debug)]
pub struct Rulebook {
    /// The checked program.
    pub program: Program,
    /// Code lists with their Chinese and English words.
    pub codes: CodeLists,
    /// Every provision of every instrument.
    pub outline: Outline,
    /// Disputed readings in short sentences.
    pub readings: Readings,
    /// Shipped rows of input tables.
    pub shipped: Vec<Shipped>,
    /// Per rule: name, provision, sentence.
    pub rules: Vec<RuleInfo>,
    /// Number of the program's files that are the rulebook's own; those of a question come behind.
    pub files: usize,
    /// Relations that the rulebook's own files have written.
    pub outputs: BTreeSet<String>,
    /// Per file: path and blake3 hash, in order of path.
    pub hashes: Vec<(String, String)>,
    /// Golden cases shipped with the rules, as paths.
    pub cases: Vec<String>,
}

/// A rulebook, if there were no errors, and what there is to say about it; `files` are the texts that spans point into.
#[derive(Debug)]
pub struct Loaded {
    /// The rulebook; `None` after an error.
    pub rulebook: Option<Rulebook>,
    /// Errors and warnings.
    pub diagnostics: Vec<Diagnostic>,
    /// Texts for the diagnostics.
    pub files: Vec<SourceFile>,
}

impl Rulebook {
    /// The first 16 hexadecimal digits of a hash over all files: tells whether two answers rest on the same rules.
    #[must_use]
    pub fn hash(&self) -> String {
        let mut all = blake3::Hasher::new();
        for (file, hash) in &self.hashes {
            all.update(file.as_bytes());
            all.update(hash.as_bytes());
        }
        all.finalize().to_hex()[..16].to_owned()
    }

    /// Whether rules or facts of other files than the rulebook's own conclude something of its relations.
    #[must_use]
    pub fn is_extended(&self) -> bool {
        let own = |span: Span| (span.file as usize) < self.files;
        let program = &self.program;
        let rules = program.rules.iter().map(|r| (r.span, r.head));
        let mut all = rules.chain(program.facts.iter().map(|f| (f.span, f.rel)));
        all.any(|(span, head)| !own(span) && own(program.rel(head).span))
    }

    /// Reads a tree of rule files: compiles, settles cites and names, and reports every finding in one pass.
    #[must_use]
    pub fn load(tree: &RuleTree) -> Loaded {
        let mut diagnostics = Vec::new();
        let mut sources = Vec::new();
        let mut tables: Vec<(String, String)> = Vec::new();
        let mut hashes = Vec::new();
        for f in &tree.files {
            hashes.push((f.path.clone(), blake3::hash(&f.bytes).to_hex().to_string()));
            let text = match std::str::from_utf8(&f.bytes) {
                Ok(t) => t.strip_prefix('\u{feff}').unwrap_or(t),
                Err(e) => {
                    diagnostics.push(tree::not_utf8(&f.path, &f.bytes, e.valid_up_to()));
                    continue;
                }
            };
            if f.path.ends_with(".dl") {
                sources.push(SourceFile { name: f.path.clone(), text: text.into() });
            } else {
                tables.push((f.path.clone(), text.to_owned()));
            }
        }
        let compiled = crate::lang::compile(sources);
        diagnostics.extend(compiled.diagnostics);
        // A rule of law must not be off for a slip in its pattern: what is a warning in any program is an error here.
        let slips = diagnostics.iter_mut().filter(|d| d.code == crate::lang::codes::BAD_PATTERN);
        slips.for_each(|d| d.severity = Severity::Error);
        let program = compiled.program;
        diagnostics.retain(|d| !settle::named_in_sentence(&program, d));
        let mut codes = CodeLists::default();
        let mut outline = Outline::default();
        let mut readings = Readings::default();
        let mut shipped = Vec::new();
        // Vocabularies first: aliases speak of their codes.
        tables.sort_by_key(|(path, _)| !path.ends_with("vocabulary.csv"));
        for (path, text) in tables {
            let (folder, file) = path.rsplit_once('/').unwrap_or(("", path.as_str()));
            match file {
                "vocabulary.csv" => outline::read_vocabulary(&path, &text, &mut codes, &mut diagnostics),
                "aliases.csv" => outline::read_aliases(&path, &text, &mut codes, &mut diagnostics),
                "outline.csv" => outline.read(folder, &path, &text, &mut diagnostics),
                "readings.csv" => readings.read(&path, &text, &mut diagnostics),
                _ => {
                    let table = file.trim_end_matches(".csv").to_owned();
                    match program.relation(&table) {
                        Some(rel) if program.rel(rel).notes.has("input") => shipped.push(Shipped { table, path, text }),
                        _ => diagnostics.push(Diagnostic::new(
                            "E0404",
                            Severity::Error,
                            format!("{path}: there is no input table `{table}`"),
                            None,
                        )),
                    }
                }
            }
        }
        let files = program.files.clone();
        let rules = settle::settle(&program, &outline, &mut diagnostics);
        let failed = diagnostics.iter().any(|d| d.severity == Severity::Error);
        let written = program.relations.iter().filter(|r| !r.outputs.is_empty());
        let outputs = written.map(|r| r.name.clone()).collect();
        let rulebook = (!failed).then(|| Rulebook {
            files: program.files.len(),
            outputs,
            program,
            codes,
            outline,
            readings,
            shipped,
            rules,
            hashes,
            cases: tree.cases.clone(),
        });
        Loaded { rulebook, diagnostics, files }
    }
}
