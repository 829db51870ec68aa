//! The words of a program that is no rulebook: atoms as it writes them, the sentences that its own rules bring (`//@ say.zh`,
//! `//@ say.en`), and where its facts stand.

use super::certificate::origin_in_text;
use super::explain::words::{Language, Words, plain_value};
use crate::engine::store::Database;
use crate::facts::Origins;
use crate::lang::program::{Const, Program, RelId, RuleId};
use crate::proof::graph::{Binding, Value};
use crate::rulebook::Phrase;

/// Words of a program over its facts.
#[derive(Debug)]
pub struct ProgramWords<'a> {
    program: &'a Program,
    given: &'a Database,
    origins: &'a Origins,
    language: Language,
}

impl<'a> ProgramWords<'a> {
    /// Words for one program; `given` are the facts that it was given, `origins` their places.
    #[must_use]
    pub fn new(program: &'a Program, given: &'a Database, origins: &'a Origins, language: Language) -> Self {
        Self { program, given, origins, language }
    }
}

impl Words for ProgramWords<'_> {
    fn program(&self) -> &Program {
        self.program
    }

    fn language(&self) -> Language {
        self.language
    }

    fn step(&self, rule: RuleId, bindings: &[Binding]) -> Option<String> {
        let notes = &self.program.clauses.get(self.program.rule(rule).clause.index())?.notes;
        let phrase = Phrase::parse(notes.get(self.language.pick("say.zh", "say.en"))?).ok()?;
        Some(phrase.fill(|name| match bindings.iter().find(|b| b.name == name) {
            Some(Binding { value: Some(v), ty, .. }) => plain_value(self.program, &Value { value: v.clone(), ty: *ty }),
            _ => self.language.pick("（未知）", "(unknown)").to_owned(),
        }))
    }

    fn origin(&self, rel: RelId, values: &[Value]) -> Option<String> {
        let words: Option<Vec<u32>> = values.iter().map(|v| self.given.known_word(&v.value)).collect();
        if let Some(o) = words.and_then(|w| self.origins.of(self.given, rel, &w)) {
            return Some(format!("{}:{}", o.file, o.line));
        }
        let plain: Vec<Const> = values.iter().map(|v| v.value.clone()).collect();
        origin_in_text(self.program, rel, &plain)
    }
}
