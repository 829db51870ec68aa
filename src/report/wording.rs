//! The words of a rulebook for a derivation graph: sentences of rules, labels of codes, names of persons and bodies, rows of
//! the casebase.

use super::explain::words::{self, Doubt, Language, Provision, Reading, Row, Words};
use crate::engine::store::Database;
use crate::facts::Origins;
use crate::lang::program::{Arg, Const, Literal, Program, RelId, RuleId, TypeId};
use crate::proof::graph::{Binding, Value};
use crate::rulebook::names::{self, Names};
use crate::rulebook::{Cite, Phrase, Rulebook};
use std::collections::HashMap;

/// Longest name that is set beside an id, in terminal columns.
const NAME_WIDTH: usize = 44;

/// A day that rules put where a period has no end.
const OPEN_END: i32 = 1_000_000;

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

pub(super) use crate::query::list_of as list;

impl<'a> BookWords<'a> {
    /// Words for one casebase; `given` are the given facts, `origins` their rows.
    #[must_use]
    pub fn new(book: &'a Rulebook, given: &'a Database, origins: &'a Origins, language: Language) -> Self {
        let program = &book.program;
        let text = |w: u32| given.symbols.resolve(w).to_owned();
        let of = |at: Names| given.table(at.table).rows().map(|r| (text(r[at.key]), text(r[at.name]))).collect();
        let names = (0..).zip(names::all(program)).filter_map(|(ty, at)| Some((ty, of(at?)))).collect();
        let mut tables: Vec<bool> =
            program.relations.iter().map(|r| !r.notes.has("input") && !r.notes.has("dimension")).collect();
        for rule in &program.rules {
            tables[rule.head.index()] = false;
        }
        Self { book, given, origins, language, names, tables }
    }

    fn label(&self, ty: TypeId, text: &str) -> String {
        if self.book.program.types[ty.index()].notes.has("provision") {
            let cite = Cite { instrument: String::new(), cite: text.to_owned() };
            return match self.language {
                Language::Zh => cite.chinese(),
                Language::En => cite.english(),
            };
        }
        if let Some(list) = list(&self.book.program, ty)
            && let Some(code) = self.book.codes.find(list, text)
        {
            let label = short(self.language.pick(&code.zh, &code.en));
            let title = self.language == Language::Zh && self.book.program.types[ty.index()].notes.has("title");
            return if title { format!("《{label}》") } else { label.to_owned() };
        }
        self.with_name(ty, text).unwrap_or_else(|| text.to_owned())
    }

    /// A key with the name that a table gives it.
    fn with_name(&self, ty: TypeId, text: &str) -> Option<String> {
        Some(match self.names.get(&ty.0).and_then(|n| n.get(text)) {
            Some(name) if name != text && super::layout::width(name) <= NAME_WIDTH => match self.language {
                Language::Zh => format!("{name}（{text}）"),
                Language::En => format!("{name} ({text})"),
            },
            Some(_) => text.to_owned(),
            None => return None,
        })
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

    /// The value chosen for an option: on the command line, in the casebase, or the default of the rules.
    fn chosen(&self, option: &str) -> Option<String> {
        let program = &self.book.program;
        let text = |w: u32| self.given.symbols.resolve(w).to_owned();
        let from = |table: &str| {
            let rel = program.relation(table)?;
            self.given.table(rel).rows().find(|r| r.len() == 2 && text(r[0]) == option).map(|r| text(r[1]))
        };
        let default = || {
            let rel = program.relation("option_default")?;
            program.facts.iter().filter(|f| f.rel == rel).find_map(|f| match f.values.as_slice() {
                [Const::Symbol(o), Const::Symbol(v)] if &**o == option => Some(v.to_string()),
                _ => None,
            })
        };
        from("option_set").or_else(|| from("options")).or_else(default)
    }

    /// The readings of an entry. Of an entry with several options, those that the rule tests are told.
    fn ways(&self, id: &str, rule: RuleId) -> Reading {
        let all = self.book.readings.entries.get(id).map_or(&[][..], Vec::as_slice);
        let tested = |option: &str| {
            self.book.program.rule(rule).body.iter().any(|l| match l {
                Literal::Atom(a) | Literal::Not(a) => {
                    a.args.iter().any(|x| matches!(x, Arg::Const(Const::Symbol(s)) if &**s == option))
                }
                _ => false,
            })
        };
        let narrowed = all.iter().any(|w| tested(&w.option));
        let mut option: Option<&str> = None;
        let mut reading = Reading { id: id.to_owned(), taken: String::new(), others: Vec::new() };
        // An entry may have a choice for some rules and none for the rest.
        let fixed = !narrowed && all.iter().any(|w| w.option.is_empty());
        let fits = |w: &&crate::rulebook::Way| if narrowed { tested(&w.option) } else { !fixed || w.option.is_empty() };
        for way in all.iter().filter(fits) {
            // One choice at a time.
            if *option.get_or_insert(&way.option) != way.option {
                continue;
            }
            let text = self.language.pick(&way.zh, &way.en).to_owned();
            let taken = match way.option.as_str() {
                "" => reading.taken.is_empty(),
                o => self.chosen(o).as_deref() == Some(&way.value),
            };
            if taken {
                reading.taken = text;
            } else {
                let choice = (!way.option.is_empty()).then(|| format!("{}={}", way.option, way.value));
                reading.others.push((text, choice));
            }
        }
        if let (true, Some(o)) = (reading.taken.is_empty(), option.filter(|o| !o.is_empty())) {
            reading.taken = format!("{o} = {}", self.chosen(o).unwrap_or_default());
        }
        reading
    }

    /// A cell of a row: the value, with its name where the column may hold keys of other tables (`//@ named COLUMN TYPE...`).
    fn cell(&self, rel: RelId, column: usize, v: &Value) -> String {
        let program = &self.book.program;
        let r = program.rel(rel);
        if let (Const::Symbol(text), Some(c)) = (&v.value, r.columns.get(column))
            && let Some(types) = r.notes.all("named").find_map(|n| n.strip_prefix(&*c.name)?.strip_prefix(' '))
        {
            let of = |name: &str| {
                let at = program.types.iter().position(|t| t.name == name)?;
                self.with_name(TypeId(at as u32), text)
            };
            if let Some(named) = types.split_whitespace().find_map(of) {
                return named;
            }
        }
        self.listed(v)
    }

    /// A value in a list of values: a provision says that it is one.
    fn listed(&self, v: &Value) -> String {
        let provision = self.book.program.types[v.ty.index()].notes.has("provision");
        match (provision, self.language) {
            (true, Language::Zh) => format!("条款{}", self.value(v)),
            _ => self.value(v),
        }
    }

    /// What was asked for that the sentence of an absence does not name: a provision, or further columns of a table. Without
    /// it the sentence would say more than is known.
    fn unnamed(&self, rel: RelId, pattern: &[Option<Value>], phrase: &Phrase) -> String {
        let r = self.book.program.rel(rel);
        let table = r.notes.has("input");
        let context = r.notes.get("context").unwrap_or("");
        let mut found = Vec::new();
        for (i, (v, c)) in pattern.iter().zip(&r.columns).enumerate() {
            let Some(v) = v else { continue };
            if phrase.places().any(|n| n == c.name) {
                continue;
            }
            if table && i > 0 && !context.split_whitespace().any(|n| n == c.name) {
                let label = r.notes.all("col").find_map(|n| {
                    let (name, labels) = n.split_once(' ')?;
                    let (zh, en) = labels.split_once('|')?;
                    let first = self.language.pick(zh, en).split(';').next()?;
                    (name == c.name).then(|| first.trim().to_owned())
                });
                let label = label.unwrap_or_else(|| c.name.clone());
                found.push(match self.language {
                    Language::Zh => format!("{label}为“{}”", self.value(v)),
                    Language::En => format!("{label}: {}", self.value(v)),
                });
            } else if !table && self.book.program.types[c.ty.index()].notes.has("provision") {
                found.push(self.value(v));
            }
        }
        match (found.is_empty(), table, self.language) {
            (true, ..) => String::new(),
            (_, true, Language::Zh) => format!("（条件：{}）", found.join("，")),
            (_, true, Language::En) => format!(" (with {})", found.join(", ")),
            (_, false, Language::Zh) => format!("（就{}而言）", found.join("、")),
            (_, false, Language::En) => format!(" (as to {})", found.join(", ")),
        }
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
            Const::Number(n) if *n >= OPEN_END => self.language.pick("无截止日", "no end date").to_owned(),
            _ => words::plain_value(&self.book.program, v),
        }
    }

    fn fact(&self, rel: RelId, values: &[Value]) -> String {
        let shown = values.iter().enumerate().filter(|(_, v)| !self.blank(v));
        let shown: Vec<String> = shown.map(|(i, v)| self.cell(rel, i, v)).collect();
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
            let mut text = p.fill(|name| {
                let at = r.columns.iter().position(|c| c.name == name);
                match at.and_then(|i| pattern.get(i)) {
                    Some(Some(v)) => self.value(v),
                    _ => any(at),
                }
            });
            text.push_str(&self.unnamed(rel, pattern, &p));
            return text;
        }
        if self.tables[rel.index()] && r.notes.get(self.language.pick("zh", "en")).is_none() {
            let shown: Vec<String> = pattern.iter().flatten().map(|v| self.listed(v)).collect();
            return match self.language {
                Language::Zh => format!("“{}”不在规定所列之内", shown.join("、")),
                Language::En => format!("\"{}\" is not among what is listed", shown.join(", ")),
            };
        }
        let shown: Vec<String> = pattern.iter().flatten().map(|v| self.listed(v)).collect();
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

    fn provisions(&self, rule: RuleId) -> Vec<Provision> {
        let cites = &self.book.rules[rule.index()].cites;
        let provision = |c: &Cite| {
            let gist = self.book.outline.unit(&c.instrument, &c.cite);
            let instrument = self.book.codes.find("instrument", &c.instrument);
            Provision {
                key: c.to_string(),
                instrument: instrument
                    .map_or(c.instrument.as_str(), |i| short(self.language.pick(&i.zh, &i.en)))
                    .to_owned(),
                text: match self.language {
                    Language::Zh => c.chinese(),
                    Language::En => c.english(),
                },
                gist: gist.map_or("", |u| self.language.pick(&u.gist_zh, &u.gist_en)).to_owned(),
            }
        };
        cites.iter().map(provision).collect()
    }

    fn readings(&self, rule: RuleId) -> Vec<Reading> {
        self.book.rules[rule.index()].readings.iter().map(|r| self.ways(r, rule)).collect()
    }

    fn row(&self, rel: RelId, values: &[Value]) -> Option<String> {
        let r = self.book.program.rel(rel);
        if !r.notes.has("input") {
            return None;
        }
        let phrase = Phrase::parse(r.notes.get(self.language.pick("say.zh", "say.en"))?).ok()?;
        Some(phrase.fill_row(self.language.pick("（空）", "(blank)"), |name| {
            let at = r.columns.iter().position(|c| c.name == name)?;
            values.get(at).filter(|v| !self.blank(v)).map(|v| self.value(v))
        }))
    }

    fn words_absence(&self, rel: RelId) -> bool {
        let notes = &self.book.program.rel(rel).notes;
        notes.has(self.language.pick("not.zh", "not.en")) && !notes.has("through")
    }

    fn context(&self, of: &[(RelId, Vec<Option<Value>>)]) -> Vec<Row> {
        let program = &self.book.program;
        let mut out = Vec::new();
        for (i, r) in program.relations.iter().enumerate() {
            let Some(names) = r.notes.get("context") else { continue };
            let rel = RelId(i as u32);
            let columns: Vec<usize> =
                names.split_whitespace().filter_map(|n| r.columns.iter().position(|c| c.name == n)).collect();
            // Values of the same type anywhere in what was asked.
            let wanted: Vec<Vec<u32>> = columns
                .iter()
                .map(|c| {
                    let ty = r.columns[*c].ty;
                    let values = of.iter().flat_map(|(_, values)| values).flatten().filter(|v| v.ty == ty);
                    let mut words: Vec<u32> = values.filter_map(|v| self.given.known_word(&v.value)).collect();
                    words.sort_unstable();
                    words.dedup();
                    words
                })
                .collect();
            for row in self.given.table(rel).rows() {
                if columns.iter().zip(&wanted).all(|(c, w)| w.binary_search(&row[*c]).is_ok()) {
                    let value = |(c, w): (&crate::lang::program::Column, &u32)| Value {
                        value: crate::proof::graph::constant(c.prim, *w, &self.given.symbols),
                        ty: c.ty,
                    };
                    out.push((rel, r.columns.iter().zip(row).map(value).collect()));
                }
            }
        }
        out
    }

    fn doubt(&self, rel: RelId, pattern: &[Option<Value>]) -> Option<(Doubt, String)> {
        let r = self.book.program.rel(rel);
        r.notes.all("doubt").find_map(|note| {
            let mut parts = note.split('|').map(str::trim);
            let (test, zh, en) = (parts.next()?, parts.next()?, parts.next()?);
            let (kind, test) = test.split_once(' ')?;
            let (column, value) = test.split_once('=')?;
            let at = r.columns.iter().position(|c| c.name == column)?;
            let is = pattern.get(at)?.as_ref()?;
            if !matches!(&is.value, Const::Symbol(s) if &**s == value.trim()) {
                return None;
            }
            let kind = if kind == "alleged" { Doubt::Alleged } else { Doubt::Otherwise };
            Some((kind, self.language.pick(zh, en).to_owned()))
        })
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
