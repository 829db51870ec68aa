//! Names, provisions and sentences of rules, settled and checked once.

use super::outline::Outline;
use super::phrase::Phrase;
use crate::lang::diagnostic::Diagnostic;
use crate::lang::program::{Note, Notes, Program, RelationKind, Rule};
use std::collections::BTreeMap;

/// A provision of an instrument.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cite {
    /// Instrument folder.
    pub instrument: String,
    /// Such as `8.4`.
    pub cite: String,
}

impl std::fmt::Display for Cite {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.instrument, self.cite)
    }
}

/// What is known of a rule beyond its logic.
#[derive(Clone, Debug)]
pub struct RuleInfo {
    /// Stable name: the `id` annotation, or head relation and ordinal among its clauses (`liable#2`).
    pub id: String,
    /// Its provisions; the first is the one shown.
    pub cites: Vec<Cite>,
    /// Sentence in Chinese.
    pub zh: Option<Phrase>,
    /// Sentence in English.
    pub en: Option<Phrase>,
    /// Entries of the ambiguity register that decide here.
    pub readings: Vec<String>,
    /// Hidden unless asked for.
    pub mute: bool,
}

const TYPE_KEYS: &[&str] = &["codes", "names", "pattern", "plain", "provision", "title", "matching", "zh", "en"];
const DECL_KEYS: &[&str] = &[
    "input",
    "needed",
    "zh",
    "en",
    "col",
    "hint",
    "hidden",
    "must",
    "key",
    "ref",
    "default",
    "order",
    "changeable",
    "holidays",
    "dimension",
    "constraint",
    "mute",
    "mark",
    "say.zh",
    "say.en",
    "not.zh",
    "not.en",
    "summary",
    "verdict",
    "leaf",
    "quiet",
    "through",
    "lack",
    "part",
    "context",
    "doubt",
    "beside",
    "stat",
    "named",
];
/// Sections of a narrative.
const PARTS: &[&str] = &["case", "role", "basis", "reason", "exception", "result", "warning", "none"];
/// Why something on file does not count.
const DOUBTS: &[&str] = &["alleged", "otherwise"];
const RULE_KEYS: &[&str] = &["id", "cite", "say.zh", "say.en", "reading", "mute", "assume"];

fn check_keys(notes: &Notes, known: &[&str], what: &str, out: &mut Vec<Diagnostic>) {
    for n in &notes.0 {
        if !known.contains(&n.key.as_str()) {
            let d = Diagnostic::warning("W0401", format!("unknown annotation `{}` before a {what}", n.key), n.span);
            out.push(match crate::lang::suggest::nearest(&n.key, known.iter().copied()) {
                Some(near) => d.help(format!("did you mean `{near}`?")),
                None => d.note(format!("known here: {}", known.join(", "))),
            });
        }
    }
}

fn phrase(notes: &Notes, key: &str, places: &[&str], out: &mut Vec<Diagnostic>) -> Option<Phrase> {
    let note: &Note = notes.0.iter().find(|n| n.key == key)?;
    match Phrase::parse(&note.value) {
        Err(why) => {
            out.push(Diagnostic::error("E0412", format!("the sentence has {why}"), note.span));
            None
        }
        Ok(p) => {
            for name in p.places() {
                if !places.contains(&name) {
                    let d = Diagnostic::error(
                        "E0413",
                        format!("the sentence names `{{{name}}}`, which is not there"),
                        note.span,
                    );
                    out.push(match crate::lang::suggest::nearest(name, places.iter().copied()) {
                        Some(near) => d.help(format!("did you mean `{{{near}}}`?")),
                        None => d.note(format!("there are: {}", places.join(", "))),
                    });
                }
            }
            Some(p)
        }
    }
}

/// What a relation says of its place in a narrative.
fn story(program: &Program, notes: &Notes, columns: &[&str], out: &mut Vec<Diagnostic>) {
    for n in &notes.0 {
        let mut words = n.value.split_whitespace();
        let fine = match n.key.as_str() {
            "part" => {
                let known = words.next().is_some_and(|w| PARTS.contains(&w));
                known && words.next().is_none_or(|rank| rank.parse::<u32>().is_ok()) && words.next().is_none()
            }
            "context" => {
                let names: Vec<&str> = words.map(|w| w.split('=').next().unwrap_or(w)).collect();
                !names.is_empty() && names.iter().all(|c| columns.contains(c))
            }
            "doubt" => {
                let tests = words.next().is_some_and(|w| DOUBTS.contains(&w))
                    && words.next().and_then(|w| w.split_once('=')).is_some_and(|(c, _)| columns.contains(&c));
                tests && n.value.split('|').count() == 3
            }
            "named" => {
                let names = |t: &&str| program.types.iter().any(|d| d.name == **t && d.notes.has("names"));
                let words: Vec<&str> = words.collect();
                words.len() > 1 && columns.contains(&words[0]) && words[1..].iter().all(names)
            }
            "beside" => {
                let there = words.next().and_then(|w| program.relation(w));
                let there: Vec<&str> =
                    there.map_or(Vec::new(), |r| program.rel(r).columns.iter().map(|c| c.name.as_str()).collect());
                let pair =
                    |w: &str| w.split_once('=').map_or((w.to_owned(), w.to_owned()), |(a, b)| (a.into(), b.into()));
                words.map(pair).all(|(a, b)| columns.contains(&a.as_str()) && there.contains(&b.as_str()))
                    && !there.is_empty()
            }
            _ => true,
        };
        if !fine {
            let want = match n.key.as_str() {
                "part" => format!("`part NAME [RANK]` with one of {}", PARTS.join(", ")),
                "context" => {
                    format!("`context COLUMN[=VALUE]...` with columns of this relation: {}", columns.join(", "))
                }
                "named" => {
                    "`named COLUMN TYPE...`: a column, and types annotated `names` whose keys it may hold".to_owned()
                }
                "beside" => "`beside RELATION COLUMN[=COLUMN]...`: a relation, and columns here with their like there"
                    .to_owned(),
                _ => format!("`doubt {} COLUMN=VALUE | zh | en`", DOUBTS.join("|")),
            };
            out.push(Diagnostic::error("E0429", format!("`{}` is not understood", n.value), n.span).help(want));
        }
    }
}

fn cites(folder: &str, rule_notes: &Notes, outline: &Outline, out: &mut Vec<Diagnostic>) -> Vec<Cite> {
    let mut found = Vec::new();
    for note in rule_notes.0.iter().filter(|n| n.key == "cite") {
        for word in note.value.split_whitespace() {
            let (instrument, cite) = word.split_once(':').unwrap_or((folder, word));
            let Some(units) = outline.instruments.get(instrument) else {
                // Said once for each instrument.
                let message = format!("no outline of an instrument `{instrument}`");
                if out.iter().any(|d| d.code == "E0414" && d.message == message) {
                    continue;
                }
                let d = Diagnostic::error("E0414", message, note.span);
                out.push(
                    match crate::lang::suggest::nearest(instrument, outline.instruments.keys().map(String::as_str)) {
                        Some(near) => d.help(format!("did you mean `{near}`?")),
                        None => d,
                    },
                );
                continue;
            };
            if !units.iter().any(|u| u.cite == cite) {
                let d = Diagnostic::error("E0415", format!("`{instrument}` has no provision `{cite}`"), note.span);
                out.push(match crate::lang::suggest::nearest(cite, units.iter().map(|u| u.cite.as_str())) {
                    Some(near) => d.help(format!("did you mean `{near}`?")),
                    None => d,
                });
                continue;
            }
            found.push(Cite { instrument: instrument.to_owned(), cite: cite.to_owned() });
        }
    }
    found
}

/// Folder of the file a rule stands in.
fn folder<'a>(program: &'a Program, rule: &Rule) -> &'a str {
    program.files.get(rule.span.file as usize).and_then(|f| f.name.split_once('/')).map_or("", |(d, _)| d)
}

/// Settles every rule, reporting what is wrong with annotations.
pub(super) fn settle(program: &Program, outline: &Outline, out: &mut Vec<Diagnostic>) -> Vec<RuleInfo> {
    for t in &program.types {
        check_keys(&t.notes, TYPE_KEYS, "type", out);
    }
    for r in &program.relations {
        check_keys(&r.notes, DECL_KEYS, "relation", out);
        let columns: Vec<&str> = r.columns.iter().map(|c| c.name.as_str()).collect();
        // A constraint's sentence names variables of its rules; a table's names its columns.
        let row = if r.notes.has("input") { &["say.zh", "say.en"][..] } else { &[] };
        for key in ["not.zh", "not.en"].iter().chain(row) {
            phrase(&r.notes, key, &columns, out);
        }
        story(program, &r.notes, &columns, out);
    }
    let mut ordinal: BTreeMap<&str, (u32, usize)> = BTreeMap::new();
    let mut infos: Vec<RuleInfo> = Vec::with_capacity(program.rules.len());
    let mut seen: BTreeMap<u32, usize> = BTreeMap::new();
    for (index, rule) in program.rules.iter().enumerate() {
        let notes = &program.clauses[rule.clause.index()].notes;
        let head = program.rel(rule.head);
        let entry = ordinal.entry(head.name.as_str()).or_insert((u32::MAX, 0));
        if entry.0 != rule.clause.0 {
            *entry = (rule.clause.0, entry.1 + 1);
        }
        let id = notes.get("id").map_or_else(|| format!("{}#{}", head.name, entry.1), str::to_owned);
        // The rule of an aggregate's body stands under the clause that it was written in.
        if head.kind == RelationKind::Aggregate {
            infos.push(RuleInfo { id, cites: Vec::new(), zh: None, en: None, readings: Vec::new(), mute: true });
            continue;
        }
        // A clause that became several rules is checked once.
        let first = *seen.entry(rule.clause.0).or_insert(index);
        if first != index {
            let mut info = infos[first].clone();
            info.id = id;
            infos.push(info);
            continue;
        }
        check_keys(notes, RULE_KEYS, "rule", out);
        let vars: Vec<&str> = rule.vars.iter().map(|v| v.name.as_str()).collect();
        let folder = folder(program, rule);
        let cites = cites(folder, notes, outline, out);
        let mute = notes.has("mute") || head.notes.has("mute");
        let excused = mute || notes.has("cite") || notes.has("reading");
        if cites.is_empty() && !excused && outline.instruments.contains_key(folder) {
            out.push(
                Diagnostic::error("E0416", format!("rule for `{}` without a cite", head.name), rule.span)
                    .note("every rule of an instrument names its provision: `//@ cite 8.4` before it")
                    .help("a helper that only renames may be `//@ mute`, a choice between readings names its entry: `//@ reading A11`"),
            );
        }
        let say = |key: &str, out: &mut Vec<Diagnostic>| phrase(notes, key, &vars, out);
        let (zh, en) = (say("say.zh", out), say("say.en", out));
        infos.push(RuleInfo {
            id,
            cites,
            zh,
            en,
            readings: notes.all("reading").flat_map(str::split_whitespace).map(str::to_owned).collect(),
            mute,
        });
    }
    infos
}

/// Whether a finding that a variable is used only once is beside the point, because the clause's sentence names it.
pub(super) fn named_in_sentence(program: &Program, d: &Diagnostic) -> bool {
    let (code, Some(at)) = (d.code, &d.primary) else { return false };
    if code != crate::lang::codes::UNUSED_VARIABLE {
        return false;
    }
    let text = |s: crate::lang::program::Span| {
        program.files.get(s.file as usize).and_then(|f| f.text.get(s.start as usize..s.end as usize)).unwrap_or("")
    };
    let place = format!("{{{}}}", text(at.span));
    program.clauses.iter().any(|c| {
        c.span.file == at.span.file
            && c.span.start <= at.span.start
            && at.span.end <= c.span.end
            && c.notes.0.iter().any(|n| n.key.starts_with("say.") && n.value.contains(&place))
    })
}
