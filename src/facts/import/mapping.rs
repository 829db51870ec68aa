//! A mapping as its TOML says it, checked against the schema: all that is wrong with it in one pass.

use crate::facts::codes::CodeLists;
use crate::facts::message::Lang;
use crate::facts::nearest::nearest;
use crate::facts::schema::{Kind, Schema, TableSchema};
use crate::facts::value;
use regex::Regex;
use toml::{Table, Value};

/// Something wrong with a mapping, in Chinese and English.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Stable code.
    pub code: &'static str,
    /// Where in the mapping.
    pub place: String,
    zh: String,
    en: String,
    near: Option<String>,
}

impl Fault {
    fn new(code: &'static str, place: impl Into<String>, zh: String, en: String) -> Self {
        Self { code, place: place.into(), zh, en, near: None }
    }

    fn near<'a>(mut self, word: &str, known: impl IntoIterator<Item = &'a str>) -> Self {
        self.near = nearest(word, known).map(str::to_owned);
        self
    }

    /// One line.
    #[must_use]
    pub fn render(&self, lang: Lang) -> String {
        let hint =
            |before: &str, after: &str| self.near.as_ref().map_or_else(String::new, |n| format!("{before}{n}{after}"));
        match lang {
            Lang::Zh => format!("{}：[{}] {}。{}", self.place, self.code, self.zh, hint("是否应为 ", "？")),
            Lang::En => format!("{}: [{}] {}{}", self.place, self.code, self.en, hint("; did you mean ", "?")),
        }
    }
}

/// Where the value of a target column comes from.
#[derive(Clone, Debug, Default)]
pub(super) struct Cell {
    /// Target column; `None` for the free column of sources.
    pub column: Option<usize>,
    pub value: Option<String>,
    /// Source columns, each with its alternatives.
    pub from: Vec<Vec<String>>,
    pub join: String,
    pub regex: Option<Regex>,
    pub map: Vec<(String, String)>,
    pub otherwise: Option<String>,
    pub times: Option<i64>,
    pub key: Option<String>,
}

/// One target table.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub table: usize,
    /// Source columns with alternatives, and what their text must match.
    pub when: Option<(Vec<String>, Regex)>,
    pub each: Option<(Vec<String>, Regex)>,
    pub cells: Vec<Cell>,
}

/// How foreign rows become rows of a casebase.
#[derive(Clone, Debug)]
pub struct Mapping {
    pub(super) targets: Vec<Target>,
}

const CELL_KEYS: [&str; 8] = ["value", "from", "join", "regex", "map", "otherwise", "times", "key"];

struct Reader<'a> {
    schema: &'a Schema,
    codes: &'a CodeLists,
    faults: Vec<Fault>,
}

impl Mapping {
    /// Reads a mapping. `name` is what people call its file.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn read(name: &str, text: &str, schema: &Schema, codes: &CodeLists) -> Result<Self, Vec<Fault>> {
        let top: Table = match text.parse() {
            Ok(t) => t,
            Err(e) => {
                let e: toml::de::Error = e;
                let before = e.span().and_then(|s| text.get(..s.start)).unwrap_or("");
                let place = format!("{name}:{}", before.matches('\n').count() + 1);
                let why = e.message().to_owned();
                return Err(vec![Fault::new("E0570", place, format!("不是 TOML：{why}"), format!("no TOML: {why}"))]);
            }
        };
        let mut r = Reader { schema, codes, faults: Vec::new() };
        r.keys(name, &top, &["title", "table"]);
        let mut targets = Vec::new();
        let entries = top.get("table").and_then(Value::as_array);
        for (i, entry) in entries.into_iter().flatten().enumerate() {
            let place = format!("{name}, table {}", i + 1);
            match entry.as_table() {
                Some(t) => targets.extend(r.target(&place, t)),
                None => r.form(&place, "[[table]]"),
            }
        }
        if entries.is_none_or(Vec::is_empty) {
            r.form(name, "[[table]]");
        }
        if r.faults.is_empty() { Ok(Self { targets }) } else { Err(r.faults) }
    }
}

impl Reader<'_> {
    fn form(&mut self, place: &str, wanted: &str) {
        let (zh, en) = (format!("应写作 {wanted}"), format!("expected {wanted}"));
        self.faults.push(Fault::new("E0571", place, zh, en));
    }

    fn keys(&mut self, place: &str, table: &Table, known: &[&str]) {
        for key in table.keys().filter(|k| !known.contains(&k.as_str())) {
            let (zh, en) = (format!("没有 {key} 这一项"), format!("there is no setting {key}"));
            self.faults.push(Fault::new("E0572", place, zh, en).near(key, known.iter().copied()));
        }
    }

    fn regex(&mut self, place: &str, value: Option<&Value>) -> Option<Regex> {
        let text = value?.as_str().unwrap_or("(");
        match Regex::new(text) {
            Ok(r) => Some(r),
            Err(e) => {
                let why = e.to_string().lines().last().unwrap_or("").trim().to_owned();
                self.faults.push(Fault::new(
                    "E0573",
                    place,
                    format!("正则表达式有误：{why}"),
                    format!("no regular expression: {why}"),
                ));
                None
            }
        }
    }

    fn target(&mut self, place: &str, t: &Table) -> Option<Target> {
        self.keys(place, t, &["to", "when", "each", "columns"]);
        let Some(to) = t.get("to").and_then(Value::as_str) else {
            self.form(place, "to = \"TABLE\"");
            return None;
        };
        let place = format!("{}, {to}", place);
        let Some(table) = self.schema.tables.iter().position(|s| s.name == to) else {
            let (zh, en) = (format!("没有 {to} 这张表"), format!("there is no table {to}"));
            let names = self.schema.tables.iter().map(|t| t.name.as_str());
            self.faults.push(Fault::new("E0574", &place, zh, en).near(to, names));
            return None;
        };
        let mut pair = |key: &str, second: &str| -> Option<(Vec<String>, Regex)> {
            let t = t.get(key)?.as_table();
            let from = t.and_then(|t| t.get("from")).and_then(Value::as_str).map(alternatives);
            if let Some(t) = t {
                self.keys(&format!("{place}.{key}"), t, &["from", second]);
            }
            let regex = self.regex(&format!("{place}.{key}"), t.and_then(|t| t.get(second)));
            match (from, regex) {
                (Some(from), Some(regex)) => Some((from, regex)),
                _ => {
                    self.form(&place, &format!("{key} = {{ from = \"COLUMN\", {second} = \"REGEX\" }}"));
                    None
                }
            }
        };
        let (when, each) = (pair("when", "regex"), pair("each", "split"));
        let schema = &self.schema.tables[table];
        let mut cells = Vec::new();
        let columns = t.get("columns").and_then(Value::as_table);
        for (name, value) in columns.into_iter().flatten() {
            cells.extend(self.cell(&format!("{place}.{name}"), schema, name, value));
        }
        for (c, column) in schema.columns.iter().enumerate() {
            if column.must && column.default.is_none() && !cells.iter().any(|x| x.column == Some(c)) {
                let (zh, en) = (
                    format!("必填的列 {} 没有来源", column.name),
                    format!("the column {} is needed and nothing is mapped to it", column.name),
                );
                self.faults.push(Fault::new("E0575", &place, zh, en));
            }
        }
        Some(Target { table, when, each, cells })
    }

    fn cell(&mut self, place: &str, schema: &TableSchema, name: &str, value: &Value) -> Option<Cell> {
        let column = schema.column(name);
        if column.is_none() && name != "source" {
            let (zh, en) = (
                format!("表 {} 没有 {name} 这一列", schema.name),
                format!("the table {} has no column {name}", schema.name),
            );
            let names = schema.columns.iter().map(|c| c.name.as_str());
            self.faults.push(Fault::new("E0574", place, zh, en).near(name, names));
            return None;
        }
        let mut cell = Cell { column, join: " ".to_owned(), ..Cell::default() };
        let t = match value {
            Value::String(s) => {
                cell.from = vec![alternatives(s)];
                return Some(cell);
            }
            Value::Table(t) => t,
            _ => {
                self.form(place, "\"COLUMN\" | { from = ..., value = ... }");
                return None;
            }
        };
        self.keys(place, t, &CELL_KEYS);
        let text = |key: &str| t.get(key).and_then(Value::as_str).map(str::to_owned);
        cell.from = match t.get("from") {
            Some(Value::String(s)) => vec![alternatives(s)],
            Some(Value::Array(a)) => a.iter().filter_map(Value::as_str).map(alternatives).collect(),
            _ => Vec::new(),
        };
        cell.value = text("value");
        cell.join = text("join").unwrap_or(cell.join);
        cell.regex = self.regex(place, t.get("regex"));
        cell.otherwise = text("otherwise");
        cell.times = t.get("times").and_then(Value::as_integer);
        cell.key = text("key");
        if cell.from.is_empty() == cell.value.is_none() {
            self.form(place, "from | value");
        }
        for (from, to) in t.get("map").and_then(Value::as_table).into_iter().flatten() {
            match to.as_str() {
                Some(to) => cell.map.push((from.clone(), to.to_owned())),
                None => self.form(place, "map = { \"...\" = \"...\" }"),
            }
        }
        if let Some(column) = column {
            let kind = &schema.columns[column].kind;
            let constants = cell.map.iter().map(|m| &m.1).chain(&cell.otherwise).chain(&cell.value);
            for text in constants.filter(|t| !t.is_empty()) {
                if value::held(kind, None, self.codes, text).is_none() {
                    let (zh, en) = (format!("“{text}”不是该列的值"), format!("\"{text}\" is no value of the column"));
                    let codes = match kind {
                        Kind::Code(list) => self.codes.lists.get(list).map_or(&[][..], Vec::as_slice),
                        _ => &[],
                    };
                    self.faults
                        .push(Fault::new("E0576", place, zh, en).near(text, codes.iter().map(|c| c.code.as_str())));
                }
            }
        }
        Some(cell)
    }
}

fn alternatives(text: &str) -> Vec<String> {
    text.split('|').map(|c| c.trim().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lang::program::SourceFile;

    #[test]
    fn all_that_is_wrong_is_told_at_once() {
        let text = "//@ codes colour\n.type Colour <: symbol\n//@ input\n//@ must id\n.decl pot(id: symbol, colour: Colour)\n.input pot\n";
        let source = SourceFile { name: "t.dl".into(), text: text.into() };
        let program = crate::lang::compile(vec![source]).program;
        let mut codes = CodeLists::default();
        codes.add("colour", crate::facts::codes::Code::new("green", "绿", "green"));
        let (schema, _) = Schema::of(&program, &codes);
        let read = |t: &str| Mapping::read("m.toml", t, &schema, &codes).map(|m| m.targets.len());
        let told =
            |t: &str| read(t).expect_err("wrong").iter().map(|f| f.render(Lang::En)).collect::<Vec<_>>().join("\n");
        assert_eq!(
            read("[[table]]\nto = \"pot\"\ncolumns = { id = \"Nr\", colour = { value = \"绿\" } }").ok(),
            Some(1)
        );
        assert!(told("a = [").starts_with("m.toml:1: [E0570] no TOML:"));
        let all = told(
            "[[table]]\nto = \"pots\"\n[[table]]\nto = \"pot\"\nwhen = { from = \"x\", regexp = \"a\" }\n[table.columns]\n\
             color = \"c\"\ncolour = { form = \"c\", map = { a = \"grene\" } }\n",
        );
        for want in [
            "m.toml, table 1, pots: [E0574] there is no table pots; did you mean pot?",
            "m.toml, table 2, pot.when: [E0572] there is no setting regexp; did you mean regex?",
            "[E0574] the table pot has no column color; did you mean colour?",
            "m.toml, table 2, pot.colour: [E0572] there is no setting form; did you mean from?",
            "[E0576] \"grene\" is no value of the column; did you mean green?",
            "[E0575] the column id is needed and nothing is mapped to it",
        ] {
            assert!(all.contains(want), "{want}\n{all}");
        }
    }
}
