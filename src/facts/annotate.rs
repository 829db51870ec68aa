//! Annotation lines to a [`Schema`], with everything that is wrong with them (`E0420` to `E0439`).

use super::codes::CodeLists;
use super::nearest::{fold, nearest};
use super::normal::{self, Matching};
use super::schema::{ColumnSchema, Dimension, DimensionKind, Holidays, Kind, Reference, Schema, TableSchema};
use super::value;
use crate::lang::diagnostic::Diagnostic;
use crate::lang::program::{Note, Prim, Program, RelId, Relation, Span, TypeDef, TypeId};

/// Annotations that make sense before an input table only.
const TABLE_KEYS: [&str; 8] = ["needed", "must", "key", "ref", "default", "order", "holidays", "changeable"];
/// Annotations of which a declaration has at most one.
const ONCE: [&str; 6] = ["input", "needed", "key", "dimension", "zh", "en"];

pub(super) fn read(program: &Program, codes: &CodeLists) -> (Schema, Vec<Diagnostic>) {
    let mut r = Reader { program, codes, out: Vec::new() };
    let mut schema = Schema::default();
    for t in &program.types {
        r.type_notes(t);
    }
    for (i, rel) in program.relations.iter().enumerate() {
        let id = RelId(i as u32);
        for key in ONCE {
            let mut with = rel.notes.0.iter().filter(|n| n.key == key);
            if let (Some(first), Some(second)) = (with.next(), with.next()) {
                r.out.push(
                    Diagnostic::error("E0433", format!("{} has two annotations {key}", rel.name), second.span)
                        .also(first.span, "the first"),
                );
            }
        }
        let dimension = rel.notes.0.iter().find(|n| n.key == "dimension");
        match (rel.notes.0.iter().find(|n| n.key == "input"), dimension) {
            (Some(input), Some(d)) => r.out.push(
                Diagnostic::error("E0433", format!("{} is both input and dimension", rel.name), d.span)
                    .also(input.span, "declared input here")
                    .note("a dimension is filled by the loader, an input by a file"),
            ),
            (Some(_), None) => schema.tables.push(r.table(id, rel)),
            (None, Some(d)) => schema.dimensions.extend(r.dimension(id, rel, d)),
            (None, None) => r.outside(rel),
        }
    }
    let mut holidays: Vec<(&TableSchema, Span)> = Vec::new();
    for t in &schema.tables {
        if t.holidays.is_some() {
            holidays.push((t, program.rel(t.rel).span));
        }
    }
    for (t, span) in holidays.iter().skip(1) {
        r.out.push(
            Diagnostic::error("E0435", format!("{} is a second table of days off", t.name), *span)
                .also(holidays[0].1, "the first"),
        );
    }
    (schema, r.out)
}

struct Reader<'a> {
    program: &'a Program,
    codes: &'a CodeLists,
    out: Vec<Diagnostic>,
}

impl Reader<'_> {
    /// The first annotation of that key on a type or the types it is a subtype of.
    fn inherited(&self, mut ty: TypeId, key: &str) -> Option<&Note> {
        loop {
            let t = self.program.types.get(ty.index())?;
            if let Some(n) = t.notes.0.iter().find(|n| n.key == key) {
                return Some(n);
            }
            ty = t.parent?;
        }
    }

    fn type_notes(&mut self, t: &TypeDef) {
        for n in &t.notes.0 {
            let text_only = matches!(n.key.as_str(), "codes" | "pattern" | "plain" | "names" | "matching");
            if text_only && t.prim != Prim::Symbol {
                let message = format!("{} is for types of text, and {} is none", n.key, t.name);
                self.out.push(Diagnostic::error("E0434", message, n.span));
                continue;
            }
            match n.key.as_str() {
                "codes" if !self.codes.lists.contains_key(&n.value) => {
                    let lists = self.codes.lists.keys().map(String::as_str);
                    let d = Diagnostic::error("E0421", format!("there is no code list {}", n.value), n.span);
                    self.out.push(suggest(d, &n.value, lists));
                }
                "pattern" => {
                    if let Err(e) = regex::Regex::new(&n.value) {
                        let why = e.to_string();
                        let why = why.lines().last().unwrap_or("").trim().to_owned();
                        self.out.push(Diagnostic::error("E0429", "no regular expression", n.span).note(why));
                    }
                }
                "names" => self.names(n),
                "matching" if Matching::of(&n.value).is_none() => {
                    let d = Diagnostic::error("E0434", format!("there is no matching {}", n.value), n.span);
                    self.out.push(d.help("there is: case-number"));
                }
                _ => {}
            }
        }
    }

    /// `//@ names people.person people.name`
    fn names(&mut self, n: &Note) {
        let words: Vec<&str> = n.value.split_whitespace().collect();
        let [key, name] = words[..] else {
            self.out.push(
                Diagnostic::error("E0434", "names needs a key column and a column to show", n.span)
                    .help("such as: names people.person people.name"),
            );
            return;
        };
        for word in [key, name] {
            let Some((table, column)) = word.split_once('.') else {
                self.out.push(Diagnostic::error("E0434", format!("{word} is not of the form table.column"), n.span));
                continue;
            };
            if let Some(rel) = self.relation(table, n.span) {
                self.column(self.program.rel(rel), column, n.span);
            }
        }
    }

    fn relation(&mut self, name: &str, span: Span) -> Option<RelId> {
        let found = self.program.relation(name);
        if found.is_none() {
            let all = self.program.relations.iter().map(|r| r.name.as_str());
            let d = Diagnostic::error("E0423", format!("there is no relation {name}"), span);
            self.out.push(suggest(d, name, all));
        }
        found
    }

    fn column(&mut self, rel: &Relation, name: &str, span: Span) -> Option<usize> {
        let found = rel.columns.iter().position(|c| c.name == name);
        if found.is_none() {
            let all = rel.columns.iter().map(|c| c.name.as_str());
            let d = Diagnostic::error("E0420", format!("{} has no column {name}", rel.name), span);
            self.out.push(suggest(d, name, all));
        }
        found
    }

    fn columns(&mut self, rel: &Relation, note: &Note) -> Vec<usize> {
        if note.value.is_empty() {
            let d = Diagnostic::error("E0420", format!("{} names no column", note.key), note.span);
            self.out.push(d);
        }
        let mut found: Vec<usize> = Vec::new();
        for name in note.value.split_whitespace() {
            let Some(c) = self.column(rel, name, note.span) else { continue };
            if found.contains(&c) {
                self.out.push(Diagnostic::error("E0438", format!("{name} is named twice"), note.span));
            } else {
                found.push(c);
            }
        }
        found
    }

    fn kind(&self, ty: TypeId) -> Kind {
        let Some(t) = self.program.types.get(ty.index()) else { return Kind::Symbol };
        match t.prim {
            Prim::Number if t.date => Kind::Date,
            Prim::Number => Kind::Number,
            Prim::Unsigned => Kind::Unsigned,
            Prim::Float => Kind::Float,
            Prim::Symbol => {
                if self.inherited(ty, "plain").is_some() {
                    return Kind::Plain;
                }
                if let Some(list) = self.inherited(ty, "codes").filter(|n| self.codes.lists.contains_key(&n.value)) {
                    return Kind::Code(list.value.clone());
                }
                match self.inherited(ty, "pattern").and_then(|n| regex::Regex::new(&n.value).ok()) {
                    Some(p) => Kind::Pattern(p),
                    None => Kind::Symbol,
                }
            }
        }
    }

    fn table(&mut self, id: RelId, rel: &Relation) -> TableSchema {
        let label = |key: &str| rel.notes.get(key).map(str::to_owned);
        let mut t = TableSchema {
            rel: id,
            name: rel.name.clone(),
            zh: label("zh"),
            en: label("en"),
            needed: rel.notes.has("needed"),
            columns: rel
                .columns
                .iter()
                .map(|c| ColumnSchema {
                    name: c.name.clone(),
                    zh: None,
                    en: None,
                    aliases: Vec::new(),
                    hint: Default::default(),
                    kind: self.kind(c.ty),
                    matching: normal::matching(self.program, c.ty),
                    must: false,
                    default: None,
                    changeable: false,
                })
                .collect(),
            key: Vec::new(),
            references: Vec::new(),
            orders: Vec::new(),
            holidays: None,
        };
        if rel.columns.is_empty() {
            self.out.push(Diagnostic::error("E0436", format!("the input table {} has no columns", rel.name), rel.span));
        }
        for n in &rel.notes.0 {
            match n.key.as_str() {
                "col" => self.col(rel, n, &mut t),
                "hint" => self.hint(rel, n, &mut t),
                "must" => self.columns(rel, n).into_iter().for_each(|c| t.columns[c].must = true),
                "key" => t.key = self.columns(rel, n),
                "default" => self.default(rel, n, &mut t),
                "order" => t.orders.extend(self.order(rel, n, &t)),
                "ref" => t.references.extend(self.reference(rel, n)),
                "holidays" => t.holidays = self.holidays(rel, n, &t),
                "changeable" if n.value.is_empty() => t.columns.iter_mut().for_each(|c| c.changeable = true),
                "changeable" => self.columns(rel, n).into_iter().for_each(|c| t.columns[c].changeable = true),
                _ => self.mistyped(n),
            }
        }
        t
    }

    /// Annotations of a table before a declaration that is none.
    fn outside(&mut self, rel: &Relation) {
        for n in rel.notes.0.iter().filter(|n| TABLE_KEYS.contains(&n.key.as_str())) {
            let message = format!("{} means nothing here: {} is no input table", n.key, rel.name);
            self.out.push(Diagnostic::warning("W0436", message, n.span).help("add a line: //@ input"));
        }
    }

    /// Other rooms have keys of their own, so only a word that is nearly one of ours is worth a warning.
    fn mistyped(&mut self, n: &Note) {
        let others = ["input", "zh", "en", "say.zh", "say.en", "not.zh", "not.en", "mute", "mark", "constraint", "id"];
        if TABLE_KEYS.contains(&n.key.as_str()) || others.contains(&n.key.as_str()) {
            return;
        }
        if let Some(meant) = nearest(&n.key, TABLE_KEYS.into_iter().chain(["col", "hint"])) {
            let d = Diagnostic::warning("W0437", format!("an annotation {} is not known", n.key), n.span);
            self.out.push(d.help(format!("did you mean {meant}?")));
        }
    }

    /// `//@ col name zh-label;further words | en-label;further words`
    fn col(&mut self, rel: &Relation, n: &Note, t: &mut TableSchema) {
        let (name, labels) = n.value.split_once(char::is_whitespace).unwrap_or((&n.value, ""));
        let Some(c) = self.column(rel, name, n.span) else { return };
        let (zh, en) = labels.split_once('|').unwrap_or((labels, ""));
        let words = |s: &str| -> Vec<String> {
            s.split([';', '；']).map(|w| w.trim().to_owned()).filter(|w| !w.is_empty()).collect()
        };
        let (zh, en) = (words(zh), words(en));
        if t.columns[c].zh.is_some() || t.columns[c].en.is_some() {
            self.out.push(Diagnostic::error("E0438", format!("{name} is labelled twice"), n.span));
        }
        (t.columns[c].zh, t.columns[c].en) = (zh.first().cloned(), en.first().cloned());
        for w in zh.iter().chain(&en) {
            let other = t.columns.iter().enumerate().find(|(i, o)| *i != c && o.words().any(|o| fold(o) == fold(w)));
            if let Some((_, other)) = other {
                let message = format!("{w} would mean both {name} and {}", other.name);
                self.out.push(Diagnostic::error("E0438", message, n.span));
            }
        }
        t.columns[c].aliases = zh.into_iter().skip(1).chain(en.into_iter().skip(1)).collect();
    }

    /// `//@ hint name zh | en`
    fn hint(&mut self, rel: &Relation, n: &Note, t: &mut TableSchema) {
        let (name, text) = n.value.split_once(char::is_whitespace).unwrap_or((&n.value, ""));
        let Some(c) = self.column(rel, name, n.span) else { return };
        let (zh, en) = text.split_once('|').unwrap_or((text, ""));
        t.columns[c].hint = (zh.trim().to_owned(), en.trim().to_owned());
    }

    /// `//@ default col value`
    fn default(&mut self, rel: &Relation, n: &Note, t: &mut TableSchema) {
        let (name, text) = n.value.split_once(char::is_whitespace).unwrap_or((&n.value, ""));
        let Some(c) = self.column(rel, name, n.span) else { return };
        let text = text.trim();
        if let Err(why) = value::fits(&t.columns[c].kind, self.codes, text) {
            let message = format!("the default \"{text}\" of {name} is no value of its type");
            self.out.push(Diagnostic::error("E0428", message, n.span).note(why));
        } else {
            t.columns[c].default = Some(text.to_owned());
        }
    }

    /// `//@ order from to`
    fn order(&mut self, rel: &Relation, n: &Note, t: &TableSchema) -> Option<(usize, usize)> {
        let found = self.columns(rel, n);
        if n.value.split_whitespace().count() == found.len() && found.len() != 2 {
            self.out.push(Diagnostic::error("E0430", "order needs two columns", n.span));
        }
        let &[a, b] = &found[..] else { return None };
        for c in [a, b] {
            if !matches!(t.columns[c].kind, Kind::Date | Kind::Number) {
                let message = format!("order is for dates and numbers; {} holds text", t.columns[c].name);
                self.out.push(Diagnostic::error("E0430", message, n.span));
                return None;
            }
        }
        Some((a, b))
    }

    /// `//@ ref col,col -> table.col,col`
    fn reference(&mut self, rel: &Relation, n: &Note) -> Option<Reference> {
        let form = n.value.split_once("->").and_then(|(from, to)| Some((from, to.trim().split_once('.')?)));
        let Some((from, (table, to))) = form else {
            let d = Diagnostic::error("E0422", "a reference is written: ref column -> table.column", n.span)
                .note("several columns are separated by commas: ref a,b -> table.a,b");
            self.out.push(d);
            return None;
        };
        let target = self.relation(table.trim(), n.span)?;
        let there = self.program.rel(target);
        let names = |side: &str| side.split(',').map(|s| s.trim().to_owned()).collect::<Vec<_>>();
        let (from, to) = (names(from), names(to));
        let columns: Vec<Option<usize>> = from.iter().map(|c| self.column(rel, c, n.span)).collect();
        let targets: Vec<Option<usize>> = to.iter().map(|c| self.column(there, c, n.span)).collect();
        let columns: Vec<usize> = columns.into_iter().collect::<Option<_>>()?;
        let target_columns: Vec<usize> = targets.into_iter().collect::<Option<_>>()?;
        if columns.len() != target_columns.len() {
            let message = format!("{} columns refer to {}", columns.len(), target_columns.len());
            self.out.push(Diagnostic::error("E0425", message, n.span));
            return None;
        }
        for (a, b) in columns.iter().zip(&target_columns) {
            let (a, b) = (&rel.columns[*a], &there.columns[*b]);
            if a.prim != b.prim {
                let message = format!("{} and {}.{} have different machine types", a.name, there.name, b.name);
                self.out.push(Diagnostic::error("E0426", message, n.span));
                return None;
            }
        }
        let given = there.notes.has("input") || self.program.facts.iter().any(|f| f.rel == target);
        if !given {
            let message =
                format!("{} has no given rows: it is no input table and no fact of it is written", there.name);
            self.out.push(Diagnostic::error("E0427", message, n.span).also(there.span, "declared here"));
            return None;
        }
        Some(Reference { columns, target, target_columns })
    }

    /// `//@ holidays date kind off-value work-value`
    fn holidays(&mut self, rel: &Relation, n: &Note, t: &TableSchema) -> Option<Holidays> {
        let words: Vec<&str> = n.value.split_whitespace().collect();
        let [d, k, off, work] = words[..] else {
            let d = Diagnostic::error("E0431", "holidays needs a date column, a kind column and two values", n.span)
                .help("such as: holidays date kind off work");
            self.out.push(d);
            return None;
        };
        let (d, k) = (self.column(rel, d, n.span), self.column(rel, k, n.span));
        let (date, kind) = (d?, k?);
        if !matches!(t.columns[date].kind, Kind::Date) || !t.columns[kind].kind.is_text() {
            let d = Diagnostic::error("E0431", "holidays needs a column of dates and a column of text", n.span);
            self.out.push(d);
            return None;
        }
        for text in [off, work] {
            if let Err(why) = value::fits(&t.columns[kind].kind, self.codes, text) {
                let d = Diagnostic::error("E0431", format!("{text} is no value of the column"), n.span).note(why);
                self.out.push(d);
            }
        }
        if off == work {
            self.out.push(Diagnostic::error("E0431", "the value for a day off is that for a working day", n.span));
        }
        Some(Holidays { date, kind, off: off.to_owned(), work: work.to_owned() })
    }

    /// `//@ dimension NAME args`
    fn dimension(&mut self, id: RelId, rel: &Relation, n: &Note) -> Option<Dimension> {
        use Prim::{Number, Symbol};
        let mut words = n.value.split_whitespace();
        let name = words.next().unwrap_or("");
        let args: Vec<&str> = words.collect();
        let (kind, prims): (DimensionKind, Vec<Prim>) = match name {
            "calendar" => {
                (DimensionKind::Calendar, vec![Number, Number, Number, Number, Number, Symbol, Number, Number])
            }
            "add_months" => {
                let months: Vec<i32> = args.iter().filter_map(|a| a.parse().ok()).collect();
                let far = months.iter().any(|m| m.abs() > 1200);
                if months.len() != args.len() || months.is_empty() || far {
                    let d = Diagnostic::error("E0432", "add_months needs numbers of months, -1200 to 1200", n.span)
                        .help("such as: dimension add_months 12 24");
                    self.out.push(d);
                    return None;
                }
                (DimensionKind::AddMonths(months), vec![Number, Number, Number])
            }
            "reference_date" => (DimensionKind::ReferenceDate, vec![Number]),
            _ => {
                let d = Diagnostic::error("E0432", format!("there is no dimension \"{name}\""), n.span);
                self.out.push(suggest(d, name, ["calendar", "add_months", "reference_date"]));
                return None;
            }
        };
        if !args.is_empty() && !matches!(kind, DimensionKind::AddMonths(_)) {
            self.out.push(Diagnostic::error("E0432", format!("the dimension {name} takes no arguments"), n.span));
        }
        let have: Vec<Prim> = rel.columns.iter().map(|c| c.prim).collect();
        if have != prims {
            let show = |p: &[Prim]| p.iter().map(|p| format!("{p:?}").to_lowercase()).collect::<Vec<_>>().join(", ");
            let message = format!("the columns of {} do not fit the dimension {name}", rel.name);
            let d = Diagnostic::error("E0432", message, rel.span).note(format!(
                "it needs columns of type {}; found {}",
                show(&prims),
                show(&have)
            ));
            self.out.push(d);
            return None;
        }
        Some(Dimension { rel: id, kind })
    }
}

fn suggest<'a>(d: Diagnostic, word: &str, known: impl IntoIterator<Item = &'a str>) -> Diagnostic {
    match nearest(word, known) {
        Some(k) => d.help(format!("did you mean {k}?")),
        None => d,
    }
}
