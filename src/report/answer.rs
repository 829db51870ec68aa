//! Rows of a question as an aligned table, CSV or JSON.

use super::explain::words::{Language, Words};
use super::layout;
use super::table;
use crate::facts::date;
use crate::lang::program::{Const, Program, Relation};
use crate::proof::graph::Value;
use crate::query::question::Op;
use crate::query::{Answer, Asked, ColumnOf, Marked};
use serde_json::{Value as Json, json};

/// The label of a column: of the table's column, else of its type, else its own name. Two columns of one label bear their
/// names as well.
#[must_use]
pub fn labels(program: &Program, asked: &Asked, language: Language) -> Vec<String> {
    let columns: Vec<&ColumnOf> = asked.show.iter().map(|c| &asked.columns[*c]).collect();
    let plain: Vec<String> = columns.iter().map(|c| label(program, c, language)).collect();
    let twice = |l: &String| plain.iter().filter(|p| *p == l).count() > 1;
    let own =
        |(l, c): (&String, &&ColumnOf)| if twice(l) && *l != c.name { format!("{l} {}", c.name) } else { l.clone() };
    plain.iter().zip(&columns).map(own).collect()
}

/// What people call a mark: the label of the relation that it comes from.
#[must_use]
pub fn mark_label(program: &Program, asked: &Asked, name: &str, language: Language) -> String {
    let of = |r: &&Relation| r.notes.get("mark") == Some(name);
    let relation = program.relations.iter().find(of);
    debug_assert!(asked.marks.iter().any(|m| m.name == name));
    relation.and_then(|r| r.notes.get(language.pick("zh", "en"))).unwrap_or(name).to_owned()
}

fn label(program: &Program, column: &ColumnOf, language: Language) -> String {
    let inner = inner_label(program, column, language);
    match (column.aggregate, inner) {
        (None, inner) => inner.unwrap_or_else(|| column.name.clone()),
        (Some(op), inner) => {
            let word = match op {
                Op::Count => language.pick("数量", "number"),
                Op::Sum => language.pick("合计", "sum"),
                Op::Min => language.pick("最小", "least"),
                Op::Max => language.pick("最大", "greatest"),
                Op::Avg => language.pick("平均", "average"),
            };
            match (inner, language) {
                (None, _) => word.to_owned(),
                (Some(i), Language::Zh) => format!("{i}{word}"),
                (Some(i), Language::En) => format!("{word} of {i}"),
            }
        }
    }
}

fn inner_label(program: &Program, column: &ColumnOf, language: Language) -> Option<String> {
    let (rel, c) = column.from?;
    let relation = program.rel(rel);
    let name = &relation.columns[c].name;
    let noted = relation.notes.all("col").find_map(|n| {
        let (own, labels) = n.split_once(' ')?;
        let (zh, en) = labels.split_once('|')?;
        let first = language.pick(zh, en).split(';').next()?.trim();
        (own == name && !first.is_empty()).then(|| first.to_owned())
    });
    let mut ty = Some(relation.columns[c].ty);
    let mut of_type = None;
    while let (Some(t), None) = (ty, &of_type) {
        let def = &program.types[t.index()];
        of_type = def.notes.get(language.pick("zh", "en")).map(str::to_owned);
        ty = def.parent;
    }
    noted.or(of_type).or_else(|| Some(name.clone()))
}

/// A value as a file holds it: codes and ids raw, days as days, blank as nothing.
#[must_use]
pub fn raw(program: &Program, v: &Value) -> String {
    match &v.value {
        Const::Symbol(s) => s.to_string(),
        Const::Number(date::BLANK) => String::new(),
        Const::Number(n) if program.types[v.ty.index()].date => date::iso(*n),
        Const::Number(n) => n.to_string(),
        Const::Unsigned(n) => n.to_string(),
        Const::Float(f) => f.to_string(),
    }
}

/// A value as people read it; with `codes`, its code behind it.
#[must_use]
pub fn worded(program: &Program, words: &dyn Words, v: &Value, codes: bool) -> String {
    let plain = raw(program, v);
    if plain.is_empty() {
        return String::new();
    }
    let text = words.value(v);
    let listed = super::wording::list(program, v.ty).is_some() || program.types[v.ty.index()].notes.has("provision");
    if codes && listed && text != plain { format!("{text} [{plain}]") } else { text }
}

/// Whether a column is set to the right.
fn right(program: &Program, column: &ColumnOf) -> bool {
    let def = &program.types[column.ty.index()];
    def.prim != crate::lang::program::Prim::Symbol && !def.date
}

/// The aligned table, with the number of rows below; a question without variables is answered by yes or no.
#[must_use]
pub fn text(program: &Program, asked: &Asked, answer: &Answer, words: &dyn Words, codes: bool) -> String {
    let language = words.language();
    if asked.columns.is_empty() {
        let yes = !answer.rows.is_empty();
        return format!("{}\n", if yes { language.pick("是", "yes") } else { language.pick("否", "no") });
    }
    let mut headers: Vec<String> = labels(program, asked, language).iter().map(|l| layout::plain(l)).collect();
    headers.extend(answer.marks.iter().map(|m| layout::plain(&mark_label(program, asked, &m.name, language))));
    let cell = |v: &Value| layout::plain(&worded(program, words, v, codes));
    let marked = |r: usize| {
        let cell = move |m: &Marked| if m.rows[r] { language.pick("是", "yes") } else { "" }.to_owned();
        answer.marks.iter().map(cell)
    };
    let rows = answer.rows.iter().enumerate();
    let rows: Vec<Vec<String>> = rows.map(|(r, row)| row.iter().map(cell).chain(marked(r)).collect()).collect();
    let mut widths: Vec<usize> = headers.iter().map(|h| layout::width(h)).collect();
    for row in &rows {
        for (w, c) in widths.iter_mut().zip(row) {
            *w = (*w).max(layout::width(c));
        }
    }
    let to_right: Vec<bool> = asked.show.iter().map(|c| right(program, &asked.columns[*c])).collect();
    let mut out = String::new();
    let mut line = |cells: &[String]| {
        let mut one = String::new();
        for (i, c) in cells.iter().enumerate() {
            one.push_str(if i > 0 { "  " } else { "" });
            if to_right.get(i) == Some(&true) {
                one.extend(std::iter::repeat_n(' ', widths[i] - layout::width(c)));
                one.push_str(c);
            } else {
                one.push_str(&layout::pad(c, widths[i]));
            }
        }
        out.push_str(one.trim_end());
        out.push('\n');
    };
    if !rows.is_empty() {
        line(&headers);
        line(&widths.iter().map(|w| "─".repeat(*w)).collect::<Vec<_>>());
        rows.iter().for_each(|r| line(r));
    }
    out.push_str(&count(answer, language));
    out
}

fn count(answer: &Answer, language: Language) -> String {
    let (shown, total) = (answer.rows.len(), answer.total);
    match (language, shown == total, total) {
        (Language::Zh, true, _) => format!("共 {total} 行\n"),
        (Language::Zh, false, _) => format!("共 {total} 行，列出前 {shown} 行\n"),
        (Language::En, true, 1) => "1 row\n".to_owned(),
        (Language::En, true, _) => format!("{total} rows\n"),
        (Language::En, false, _) => format!("{total} rows, the first {shown} shown\n"),
    }
}

/// CSV with the names of the question as its header; values raw.
#[must_use]
pub fn csv(program: &Program, asked: &Asked, answer: &Answer) -> Vec<u8> {
    let mut out = Vec::new();
    let mut line = |cells: &mut dyn Iterator<Item = String>| {
        for (i, c) in cells.enumerate() {
            if i > 0 {
                out.push(b',');
            }
            table::field(&mut out, &c);
        }
        out.push(b'\n');
    };
    if asked.columns.is_empty() {
        line(&mut std::iter::once("holds".to_owned()));
        line(&mut std::iter::once(if answer.rows.is_empty() { "no" } else { "yes" }.to_owned()));
        return out;
    }
    let names = asked.show.iter().map(|c| asked.columns[*c].name.clone());
    line(&mut names.chain(answer.marks.iter().map(|m| m.name.clone())));
    for (r, row) in answer.rows.iter().enumerate() {
        let marked = answer.marks.iter().map(|m| if m.rows[r] { "yes" } else { "" }.to_owned());
        line(&mut row.iter().map(|v| raw(program, v)).chain(marked));
    }
    out
}

/// The result as data.
#[must_use]
pub fn json(program: &Program, asked: &Asked, answer: &Answer, words: &dyn Words) -> Json {
    let labels = labels(program, asked, words.language());
    let marks = answer.marks.iter().map(|m| {
        let label = mark_label(program, asked, &m.name, words.language());
        json!({"name": m.name, "label": label, "type": "mark"})
    });
    let columns: Vec<Json> = asked
        .show
        .iter()
        .zip(&labels)
        .map(|(c, label)| {
            let column = &asked.columns[*c];
            json!({"name": column.name, "label": label, "type": program.types[column.ty.index()].name})
        })
        .chain(marks)
        .collect();
    let one = |v: &Value| match &v.value {
        Const::Number(date::BLANK) => Json::Null,
        Const::Symbol(s) if s.is_empty() => Json::Null,
        Const::Number(n) if !program.types[v.ty.index()].date => json!(n),
        Const::Unsigned(n) => json!(n),
        Const::Float(f) => json!(f),
        _ => json!(raw(program, v)),
    };
    let marked = |r: usize| answer.marks.iter().map(move |m| if m.rows[r] { json!("yes") } else { Json::Null });
    let rows = answer.rows.iter().enumerate();
    let rows: Vec<Json> = rows.map(|(r, row)| Json::Array(row.iter().map(one).chain(marked(r)).collect())).collect();
    json!({"columns": columns, "rows": rows, "total": answer.total})
}
