//! Which rules, options and golden cases stand behind each provision.
//!
//! A golden case *exercises* a provision when a row of one of its expectations has the cite in a column `basis` or `cite`
//! (of that row's `instrument`, or of the folder the case stands in), when a cell reads `instrument:cite`, or when its
//! `NOTES.md` names the cite. A head (the sentence before a list of items) is exercised by whatever exercises an item.

use super::Rulebook;
use super::outline::Unit;
use crate::lang::program::{Const, Literal, Program, RelId, RelationKind, Span, Term};
use regex::Regex;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The relation whose facts give each instrument its titles.
pub(super) const MANIFEST: &str = "manifest";
/// The relation by which rules ask for a choice between readings, and the tables of choices.
const OPTION: &str = "opt";
const OPTION_DEFAULT: &str = "option_default";
const OPTION_VALUE: &str = "option_value";

/// A clause that names a provision.
#[derive(Clone, Debug)]
pub struct RuleRef {
    /// Stable name of the rule, or the relation of a fact.
    pub id: String,
    /// File and line.
    pub place: String,
    /// The clause.
    pub span: Span,
    /// Relation of its head.
    pub head: RelId,
    /// A fact rather than a rule.
    pub fact: bool,
    /// Sentence in Chinese, with places.
    pub zh: Option<String>,
    /// Sentence in English, with places.
    pub en: Option<String>,
    /// Entries of the ambiguity register that decide here.
    pub readings: Vec<String>,
    /// Choices between readings that it asks for, directly or through helpers without a cite.
    pub options: BTreeSet<String>,
}

/// A choice between readings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// Name.
    pub name: String,
    /// Value if nobody chooses.
    pub default: Option<String>,
    /// Every value, in order of the text.
    pub values: Vec<String>,
}

/// What an instrument says of itself.
#[derive(Clone, Debug, Default)]
pub struct Instrument {
    /// Folder name.
    pub id: String,
    /// Title in Chinese.
    pub zh: String,
    /// Title in English.
    pub en: String,
    /// First and last day of validity, as shipped; blank is open.
    pub valid: (String, String),
    /// Whether it is switched on as shipped.
    pub enabled: bool,
}

/// Where a span's file stands: the folder under the rules folder.
pub(super) fn folder(program: &Program, span: Span) -> &str {
    program.files.get(span.file as usize).and_then(|f| f.name.split_once('/')).map_or("", |(d, _)| d)
}

/// Text constants of a fact of the text.
pub(super) fn symbols(values: &[Const]) -> Option<Vec<&str>> {
    values.iter().map(|v| if let Const::Symbol(s) = v { Some(&**s) } else { None }).collect()
}

fn facts<'a>(program: &'a Program, name: &str) -> impl Iterator<Item = Vec<&'a str>> {
    let rel = program.relation(name);
    program.facts.iter().filter(move |f| Some(f.rel) == rel).filter_map(|f| symbols(&f.values))
}

impl Rulebook {
    /// Every instrument, by name.
    #[must_use]
    pub fn instruments(&self) -> Vec<Instrument> {
        let mut out: Vec<Instrument> = self
            .outline
            .instruments
            .keys()
            .map(|id| Instrument { id: id.clone(), enabled: true, ..Instrument::default() })
            .collect();
        for values in facts(&self.program, MANIFEST) {
            if let [id, zh, en, ..] = values[..]
                && let Some(i) = out.iter_mut().find(|i| i.id == id)
            {
                (i.zh, i.en) = (zh.to_owned(), en.to_owned());
            }
        }
        for table in self.shipped.iter().filter(|s| s.table == "instruments") {
            let mut reader = csv::Reader::from_reader(table.text.as_bytes());
            let Ok(header) = reader.headers().cloned() else { continue };
            let at = |name: &str| header.iter().position(|h| h == name);
            for row in reader.records().flatten() {
                let cell = |name: &str| at(name).and_then(|i| row.get(i)).unwrap_or("").trim().to_owned();
                if let Some(i) = out.iter_mut().find(|i| i.id == cell("instrument")) {
                    i.valid = (cell("valid_from"), cell("valid_to"));
                    i.enabled = cell("enabled") != "no";
                }
            }
        }
        out
    }

    /// Number of rules in an instrument's folder, as written.
    #[must_use]
    pub fn rules_of(&self, instrument: &str) -> usize {
        let mut clauses = BTreeSet::new();
        for r in &self.program.rules {
            if self.program.rel(r.head).kind == RelationKind::Declared && folder(&self.program, r.span) == instrument {
                clauses.insert(r.clause);
            }
        }
        clauses.len()
    }

    /// Every choice between readings, by name.
    #[must_use]
    pub fn choices(&self) -> BTreeMap<String, Choice> {
        let mut out: BTreeMap<String, Choice> = BTreeMap::new();
        for values in facts(&self.program, OPTION_VALUE) {
            if let [name, value] = values[..] {
                let c = out.entry(name.to_owned()).or_insert_with(|| Choice {
                    name: name.to_owned(),
                    default: None,
                    values: Vec::new(),
                });
                c.values.push(value.to_owned());
            }
        }
        for values in facts(&self.program, OPTION_DEFAULT) {
            if let [name, value] = values[..]
                && let Some(c) = out.get_mut(name)
            {
                c.default = Some(value.to_owned());
            }
        }
        out
    }

    /// Choices that a rule asks for, directly or through helpers of its folder that carry no cite.
    fn options(&self, rule: usize) -> BTreeSet<String> {
        let program = &self.program;
        let option = program.relation(OPTION);
        let home = folder(program, program.rules[rule].span);
        let (mut seen, mut todo, mut out) = (BTreeSet::from([rule]), vec![rule], BTreeSet::new());
        while let Some(r) = todo.pop() {
            for l in &program.rules[r].body {
                if let Literal::Atom(a) | Literal::Not(a) = l
                    && Some(a.rel) == option
                    && let Some(crate::lang::program::Arg::Const(Const::Symbol(name))) = a.args.first()
                {
                    out.insert(name.to_string());
                }
            }
            for rel in program.rules[r].reads() {
                for (i, other) in program.rules.iter().enumerate() {
                    let helper = other.head == rel && self.rules[i].cites.is_empty();
                    if helper && folder(program, other.span) == home && seen.insert(i) {
                        todo.push(i);
                    }
                }
            }
        }
        out
    }

    /// Per instrument and cite: the clauses that name it, in order of the text. Rules of `common` may name provisions too.
    #[must_use]
    pub fn clauses(&self) -> BTreeMap<(String, String), Vec<RuleRef>> {
        let program = &self.program;
        let mut out: BTreeMap<(String, String), Vec<RuleRef>> = BTreeMap::new();
        let mut seen = BTreeSet::new();
        for (i, (rule, info)) in program.rules.iter().zip(&self.rules).enumerate() {
            if info.cites.is_empty() || !seen.insert(rule.clause) {
                continue;
            }
            let notes = &program.clauses[rule.clause.index()].notes;
            let entry = RuleRef {
                id: info.id.clone(),
                place: program.place(rule.span),
                span: rule.span,
                head: rule.head,
                fact: false,
                zh: notes.get("say.zh").map(str::to_owned),
                en: notes.get("say.en").map(str::to_owned),
                readings: info.readings.clone(),
                options: self.options(i),
            };
            for c in &info.cites {
                out.entry((c.instrument.clone(), c.cite.clone())).or_default().push(entry.clone());
            }
        }
        for fact in &program.facts {
            let notes = &program.clauses[fact.clause.index()].notes;
            let home = folder(program, fact.span);
            let entry = RuleRef {
                id: program.rel(fact.rel).name.clone(),
                place: program.place(fact.span),
                span: fact.span,
                head: fact.rel,
                fact: true,
                zh: notes.get("say.zh").map(str::to_owned),
                en: notes.get("say.en").map(str::to_owned),
                readings: notes.all("reading").flat_map(str::split_whitespace).map(str::to_owned).collect(),
                options: BTreeSet::new(),
            };
            for word in notes.all("cite").flat_map(str::split_whitespace) {
                let (instrument, cite) = word.split_once(':').unwrap_or((home, word));
                out.entry((instrument.to_owned(), cite.to_owned())).or_default().push(entry.clone());
            }
        }
        for list in out.values_mut() {
            list.sort_by_key(|r| r.span);
        }
        out
    }

    /// Relations derived under each provision whose rows carry a cite but no instrument: whose they are.
    #[must_use]
    pub fn heads_of(&self, instrument: &str, cite: &str) -> BTreeSet<RelId> {
        let named = |info: &super::RuleInfo| info.cites.iter().any(|c| c.instrument == instrument && c.cite == cite);
        self.program.rules.iter().zip(&self.rules).filter(|(_, i)| named(i)).map(|(r, _)| r.head).collect()
    }
}

/// Whether `cite` is `head` or stands below it: `5.2.1` is below `5.2`, `6p1.2` below `6`, `8.4s2` below `8.4`.
#[must_use]
pub fn below(head: &str, cite: &str) -> bool {
    cite.strip_prefix(head).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', 'p', 's']))
}

/// Whether `cite` is an item or paragraph of the list that `head` opens.
fn item_of(head: &str, cite: &str) -> bool {
    cite.strip_prefix(head).is_some_and(|rest| rest.starts_with(['.', 'p']))
}

/// Golden cases by provision. Cases are named by their paths under the rules folder.
#[derive(Clone, Debug, Default)]
pub struct Golden {
    cases: BTreeMap<(String, String), BTreeSet<String>>,
}

impl Golden {
    /// Reads the expectations and notes of the cases of a rulebook; `locate` says where a case stands on the disk.
    ///
    /// # Errors
    /// When a file cannot be read; the message names it.
    pub fn read(locate: impl Fn(&str) -> PathBuf, book: &Rulebook) -> Result<Self, String> {
        let mut out = Self::default();
        for case in &book.cases {
            let home = case.split('/').next().unwrap_or("");
            let dir = locate(case);
            let expect = dir.join("expect");
            let mut files: Vec<_> = std::fs::read_dir(&expect)
                .and_then(|d| d.map(|e| e.map(|e| e.path())).collect::<Result<Vec<_>, _>>())
                .map_err(|e| format!("{}: {e}", expect.display()))?;
            files.sort();
            for file in files.iter().filter(|f| f.extension().is_some_and(|x| x == "csv")) {
                out.expectation(file, home, case, book).map_err(|e| format!("{}: {e}", file.display()))?;
            }
            let notes = dir.join("NOTES.md");
            if notes.is_file() {
                let text = std::fs::read_to_string(&notes).map_err(|e| format!("{}: {e}", notes.display()))?;
                if let Some(units) = book.outline.instruments.get(home) {
                    for cite in named(&text, units) {
                        out.add(home, &cite, case);
                    }
                }
            }
        }
        Ok(out)
    }

    fn add(&mut self, instrument: &str, cite: &str, case: &str) {
        self.cases.entry((instrument.to_owned(), cite.to_owned())).or_default().insert(case.to_owned());
    }

    fn expectation(&mut self, file: &Path, home: &str, case: &str, book: &Rulebook) -> Result<(), csv::Error> {
        let mut reader = csv::Reader::from_path(file)?;
        let header = reader.headers()?.clone();
        let at = |name: &str| header.iter().position(|h| h == name);
        let (basis, instrument) = (at("basis").or_else(|| at("cite")), at("instrument"));
        for row in reader.records() {
            let row = row?;
            let whose = instrument.and_then(|i| row.get(i)).filter(|i| !i.is_empty()).unwrap_or(home);
            if let Some(cite) = basis.and_then(|b| row.get(b)) {
                self.add(whose, cite, case);
            }
            for cell in row.iter() {
                if let Some((i, cite)) = cell.split_once(':')
                    && book.outline.unit(i, cite).is_some()
                {
                    self.add(i, cite, case);
                }
            }
        }
        Ok(())
    }

    /// The cases that exercise a provision, in order of path.
    #[must_use]
    pub fn of(&self, instrument: &str, cite: &str, units: &[Unit]) -> BTreeSet<String> {
        let mut out = BTreeSet::new();
        for u in units.iter().filter(|u| u.cite == cite || item_of(cite, &u.cite)) {
            if let Some(list) = self.cases.get(&(instrument.to_owned(), u.cite.clone())) {
                out.extend(list.iter().cloned());
            }
        }
        out
    }
}

/// Provisions that a note names; `10` names `10s1` and `10s2` where there is no `10`. A bare number counts at the start of a line, after a word for article, or joined to a
/// provision just named (`2 and 12`, `5.1 to 5.11`): elsewhere it counts things.
fn named(text: &str, units: &[Unit]) -> BTreeSet<String> {
    let word = Regex::new(r"[0-9]+(?:p[0-9]+)?(?:\.[0-9]+)*(?:s[0-9]+)?").expect("a fixed pattern");
    let article = Regex::new(r"(?i)(?:\barticles?|\bart\.|第)\s*$").expect("a fixed pattern");
    let joined = Regex::new(r"^\s*(?:,|and|or|to|、|和|至|, and)\s*$").expect("a fixed pattern");
    let mut out = BTreeSet::new();
    for line in text.lines() {
        let mut last: Option<(usize, usize)> = None;
        for m in word.find_iter(line) {
            let (before, after) = (&line[..m.start()], &line[m.end()..]);
            let part = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_' || c == '.';
            let cut = before.ends_with(part)
                || after.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
                || after.strip_prefix('-').is_some_and(|r| r.starts_with(|c: char| c.is_ascii_digit()));
            let limb = |u: &Unit| u.cite.strip_prefix(m.as_str()).is_some_and(|r| r.is_empty() || r.starts_with('s'));
            let Some(unit) = units.iter().position(limb) else { continue };
            let joint = last.filter(|(end, _)| joined.is_match(&line[*end..m.start()]));
            let bare = m.as_str().bytes().all(|b| b.is_ascii_digit());
            if cut || (bare && joint.is_none() && !before.trim().is_empty() && !article.is_match(before)) {
                continue;
            }
            if let Some((end, from)) = joint
                && matches!(line[end..m.start()].trim(), "to" | "至")
                && from < unit
            {
                out.extend(units[from..unit].iter().map(|u| u.cite.clone()));
            }
            if units[unit].cite == m.as_str() {
                out.insert(m.as_str().to_owned());
            } else {
                out.extend(units.iter().filter(|u| limb(u)).map(|u| u.cite.clone()));
            }
            last = Some((m.end(), unit));
        }
    }
    out
}

/// Constants of a head term, if it is one.
pub(super) fn constant(term: &Term) -> Option<&Const> {
    if let Term::Const(c) = term { Some(c) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rulebook::Status;

    fn units(cites: &[&str]) -> Vec<Unit> {
        cites
            .iter()
            .map(|c| Unit {
                cite: (*c).to_owned(),
                kind: String::new(),
                modality: String::new(),
                status: Status::Encoded,
                gist_zh: String::new(),
                gist_en: String::new(),
                why: String::new(),
                reading: Vec::new(),
                depends_on: Vec::new(),
                line: 0,
            })
            .collect()
    }

    #[test]
    fn notes_name_provisions_and_not_numbers() {
        let u = units(&["2", "3", "5.1", "5.2", "5.3", "6p1.2", "8.4s2", "10s1", "10s2", "12", "60"]);
        let of = |t: &str| named(t, &u).into_iter().collect::<Vec<_>>().join(" ");
        assert_eq!(of("2 and 12: decided within 60 days of 3 events"), "12 2");
        assert_eq!(of("The items 5.1 to 5.3 and 6p1.2; x8.4s2 is no cite"), "5.1 5.2 5.3 6p1.2");
        assert_eq!(of("freed by 8.4s2, see article 3; on 2025-06-12"), "3 8.4s2");
        assert_eq!(of("60: sixty. Not 12."), "60");
        assert_eq!(of("10: both limbs of it"), "10s1 10s2");
    }

    #[test]
    fn what_stands_below() {
        assert!(below("5.2", "5.2.1") && below("6", "6p1.2") && below("8.4", "8.4s2") && below("8", "8"));
        assert!(!below("5.2", "5.21") && !below("1", "12"));
        assert!(item_of("13", "13.2") && item_of("6", "6p1") && !item_of("8.4", "8.4s2"));
    }
}
