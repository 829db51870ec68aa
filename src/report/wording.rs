//! The words of a rulebook for a derivation graph: sentences of rules, labels of codes, names of persons and bodies, rows of
//! the casebase.

use super::explain::words::{self, Language, Words};
use crate::engine::store::Database;
use crate::facts::Origins;
use crate::lang::program::{Const, Program, RelId, RuleId, TypeId};
use crate::proof::graph::{Binding, Value};
use crate::rulebook::{Cite, Phrase, Rulebook};
use std::collections::HashMap;

/// Longest name that is set beside an id, in terminal columns.
const NAME_WIDTH: usize = 44;

/// Words of a rulebook over a casebase.
#[derive(Debug)]
pub struct BookWords<'a> {
    book: &'a Rulebook,
    given: &'a Database,
    origins: &'a Origins,
    language: Language,
    /// Per type with a table of names: name by id.
    names: HashMap<u32, HashMap<String, String>>,
    /// Tables of the rule text: facts only, no row of the casebase.
    tables: Vec<bool>,
}

/// A code's label without the explanation in brackets that the vocabulary gives.
fn short(label: &str) -> &str {
    label.split(['（', '(']).next().unwrap_or(label).trim()
}

impl<'a> BookWords<'a> {
    /// Words for one casebase; `given` are the given facts, `origins` their rows.
    #[must_use]
    pub fn new(book: &'a Rulebook, given: &'a Database, origins: &'a Origins, language: Language) -> Self {
        let program = &book.program;
        let mut names = HashMap::new();
        for (i, t) in program.types.iter().enumerate() {
            let Some(note) = t.notes.get("names") else { continue };
            let columns: Vec<Option<(RelId, usize)>> = note
                .split_whitespace()
                .map(|w| {
                    let (table, column) = w.split_once('.')?;
                    let rel = program.relation(table)?;
                    Some((rel, program.rel(rel).columns.iter().position(|c| c.name == column)?))
                })
                .collect();
            if let [Some((rel, id)), Some((other, name))] = columns[..]
                && rel == other
            {
                let text = |w: u32| given.symbols.resolve(w).to_owned();
                let rows = given.table(rel).rows().map(|r| (text(r[id]), text(r[name])));
                names.insert(i as u32, rows.collect());
            }
        }
        let mut tables: Vec<bool> =
            program.relations.iter().map(|r| !r.notes.has("input") && !r.notes.has("dimension")).collect();
        for rule in &program.rules {
            tables[rule.head.index()] = false;
        }
        Self { book, given, origins, language, names, tables }
    }

    /// Code list of a type or of the types above it.
    fn list(&self, ty: TypeId) -> Option<&str> {
        let mut at = Some(ty);
        while let Some(t) = at {
            let def = self.book.program.types.get(t.index())?;
            if let Some(list) = def.notes.get("codes") {
                return Some(list);
            }
            at = def.parent;
        }
        None
    }

    fn label(&self, ty: TypeId, text: &str) -> String {
        if self.book.program.types[ty.index()].notes.has("provision") {
            let cite = Cite { instrument: String::new(), cite: text.to_owned() };
            return match self.language {
                Language::Zh => cite.chinese(),
                Language::En => cite.english(),
            };
        }
        if let Some(list) = self.list(ty)
            && let Some(code) = self.book.codes.find(list, text)
        {
            return short(self.language.pick(&code.zh, &code.en)).to_owned();
        }
        match self.names.get(&ty.0).and_then(|n| n.get(text)) {
            Some(name) if name != text && super::layout::width(name) <= NAME_WIDTH => match self.language {
                Language::Zh => format!("{name}（{text}）"),
                Language::En => format!("{name} ({text})"),
            },
            _ => text.to_owned(),
        }
    }

    fn blank(&self, v: &Value) -> bool {
        matches!(&v.value, Const::Symbol(s) if s.is_empty())
            || matches!(v.value, Const::Number(crate::lang::date::BLANK))
    }

    fn relation_label(&self, rel: RelId) -> String {
        let r = self.book.program.rel(rel);
        r.notes.get(self.language.pick("zh", "en")).unwrap_or(&r.name).to_owned()
    }

    fn fill(&self, phrase: &Phrase, bindings: &[Binding]) -> String {
        phrase.fill(|name| match bindings.iter().find(|b| b.name == name) {
            Some(Binding { value: Some(v), ty, .. }) => self.value(&Value { value: v.clone(), ty: *ty }),
            _ => self.language.pick("（未知）", "(unknown)").to_owned(),
        })
    }

    fn words_of(&self, values: &[Value]) -> Option<Vec<u32>> {
        values.iter().map(|v| self.given.known_word(&v.value)).collect()
    }
}

impl Words for BookWords<'_> {
    fn program(&self) -> &Program {
        &self.book.program
    }

    fn language(&self) -> Language {
        self.language
    }

    fn value(&self, v: &Value) -> String {
        match &v.value {
            Const::Symbol(s) if s.is_empty() => self.language.pick("（空）", "(blank)").to_owned(),
            Const::Symbol(s) => self.label(v.ty, s),
            Const::Number(crate::lang::date::BLANK) => self.language.pick("（空）", "(blank)").to_owned(),
            Const::Number(n) if !self.book.program.types[v.ty.index()].date => n.to_string(),
            _ => words::plain_value(&self.book.program, v),
        }
    }

    fn fact(&self, rel: RelId, values: &[Value]) -> String {
        let shown: Vec<String> = values.iter().filter(|v| !self.blank(v)).map(|v| self.value(v)).collect();
        let (colon, comma) = (self.language.pick("：", ": "), self.language.pick("，", ", "));
        format!("{}{colon}{}", self.relation_label(rel), shown.join(comma))
    }

    fn step(&self, rule: RuleId, bindings: &[Binding]) -> Option<String> {
        let info = &self.book.rules[rule.index()];
        let phrase = match self.language {
            Language::Zh => info.zh.as_ref(),
            Language::En => info.en.as_ref(),
        };
        phrase.map(|p| self.fill(p, bindings))
    }

    fn absence(&self, rel: RelId, pattern: &[Option<Value>]) -> String {
        let r = self.book.program.rel(rel);
        let any = |column: Option<usize>| {
            let ty = column.map(|c| &self.book.program.types[r.columns[c].ty.index()]);
            let noun = ty.and_then(|t| t.notes.get(self.language.pick("zh", "en")));
            match (self.language, noun) {
                (Language::Zh, Some(n)) => format!("任何{n}"),
                (Language::Zh, None) => "任何".to_owned(),
                (Language::En, Some(n)) => format!("any {n}"),
                (Language::En, None) => "any".to_owned(),
            }
        };
        if let Some(p) = r.notes.get(self.language.pick("not.zh", "not.en")).and_then(|t| Phrase::parse(t).ok()) {
            return p.fill(|name| {
                let at = r.columns.iter().position(|c| c.name == name);
                match at.and_then(|i| pattern.get(i)) {
                    Some(Some(v)) => self.value(v),
                    _ => any(at),
                }
            });
        }
        let shown: Vec<String> =
            pattern.iter().zip(&r.columns).filter_map(|(v, _)| v.as_ref()).map(|v| self.value(v)).collect();
        let (colon, comma) = (self.language.pick("：", ": "), self.language.pick("，", ", "));
        let label = self.relation_label(rel);
        match self.language {
            Language::Zh => format!("未见“{label}”{colon}{}", shown.join(comma)),
            Language::En => format!("not shown: {label}{colon}{}", shown.join(comma)),
        }
    }

    fn cite(&self, rule: RuleId) -> Option<String> {
        let cites = &self.book.rules[rule.index()].cites;
        let shown: Vec<String> = cites
            .iter()
            .map(|c| match self.language {
                Language::Zh => format!("{c}（{}）", c.chinese()),
                Language::En => format!("{c} ({})", c.english()),
            })
            .collect();
        (!shown.is_empty()).then(|| shown.join("、"))
    }

    fn remarks(&self, rule: RuleId) -> Vec<String> {
        let readings = &self.book.rules[rule.index()].readings;
        readings
            .iter()
            .map(|r| match self.language {
                Language::Zh => format!("读法 {r}"),
                Language::En => format!("reading {r}"),
            })
            .collect()
    }

    fn rule_name(&self, rule: RuleId) -> String {
        self.book.rules[rule.index()].id.clone()
    }

    fn origin(&self, rel: RelId, values: &[Value]) -> Option<String> {
        if let Some(o) = self.words_of(values).and_then(|w| self.origins.of(self.given, rel, &w)) {
            let mut text = format!("{}:{}", o.file, o.line);
            if let Some(source) = o.source {
                match self.language {
                    Language::Zh => text.push_str(&format!("（{source}）")),
                    Language::En => text.push_str(&format!(" ({source})")),
                }
            }
            return Some(text);
        }
        let program = &self.book.program;
        let fact = program.facts.iter().find(|f| {
            f.rel == rel && f.values.len() == values.len() && f.values.iter().zip(values).all(|(a, b)| *a == b.value)
        })?;
        Some(program.place(fact.span))
    }

    fn quiet(&self, rel: RelId) -> bool {
        self.tables[rel.index()] || self.book.program.rel(rel).notes.has("quiet")
    }

    fn mute_rule(&self, rule: RuleId) -> bool {
        self.book.rules[rule.index()].mute
    }
}
