//! The charts of `stats`: what the `//@ stat` annotations of the rulebook ask, as bars on a terminal, SVG, CSV or JSON.
//!
//! `//@ stat QUESTION | Chinese title | English title`: the last column of the question is the number, those before it name
//! the bar; of several, the first heads a group of bars.

use super::answer::{raw, worded};
use super::explain::markup::escape;
use super::explain::words::{Language, Words};
use super::layout::{pad, plain, width};
use super::table;
use crate::lang::program::Program;
use crate::query::{Answer, Asked};
use serde_json::{Value as Json, json};
use std::fmt::Write as _;

/// What an annotation asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// The question.
    pub question: String,
    /// Chinese title.
    pub zh: String,
    /// English title.
    pub en: String,
}

/// The annotations of a program, in the order of its relations; `Err` is one that has no titles.
pub fn asks(program: &Program) -> Vec<Result<Ask, String>> {
    let mut out = Vec::new();
    for r in &program.relations {
        for note in r.notes.all("stat") {
            let mut parts = note.rsplitn(3, '|').map(|p| p.trim().to_owned());
            out.push(match (parts.next(), parts.next(), parts.next()) {
                (Some(en), Some(zh), Some(question)) => Ok(Ask { question, zh, en }),
                _ => Err(format!("{}: {note}", r.name)),
            });
        }
    }
    out
}

/// A bar.
#[derive(Clone, Debug, PartialEq)]
pub struct Bar {
    /// What heads its group; blank if there are no groups.
    pub group: String,
    /// What it counts.
    pub label: String,
    /// The values behind both, raw.
    pub keys: Vec<String>,
    /// Its length, as text and as a number.
    pub shown: String,
    /// Its length.
    pub value: f64,
}

/// A chart.
#[derive(Clone, Debug, PartialEq)]
pub struct Chart {
    /// Title.
    pub title: String,
    /// The question behind it.
    pub question: String,
    /// The bars, in order.
    pub bars: Vec<Bar>,
    /// Bars that the question left out by its limit.
    pub more: usize,
}

/// The chart of an answered question.
#[must_use]
pub fn chart(program: &Program, ask: &Ask, asked: &Asked, answer: &Answer, words: &dyn Words) -> Chart {
    let mut bars = Vec::new();
    for row in &answer.rows {
        let Some((number, names)) = row.split_last() else { continue };
        let text: Vec<String> = names.iter().map(|v| plain(&worded(program, words, v, false))).collect();
        let (group, rest) = if text.len() > 1 { (text[0].clone(), &text[1..]) } else { (String::new(), &text[..]) };
        let shown = raw(program, number);
        bars.push(Bar {
            group,
            label: rest.join(" · "),
            keys: names.iter().map(|v| raw(program, v)).collect(),
            value: shown.parse().unwrap_or(0.0),
            shown,
        });
    }
    let title = words.language().pick(&ask.zh, &ask.en).to_owned();
    debug_assert!(asked.columns.len() > names_of(answer));
    Chart { title, question: ask.question.clone(), bars, more: answer.total - answer.rows.len() }
}

fn names_of(answer: &Answer) -> usize {
    answer.rows.first().map_or(0, |r| r.len().saturating_sub(1))
}

/// Text cut to so many cells.
fn cut(text: &str, cells: usize) -> String {
    if width(text) <= cells {
        return text.to_owned();
    }
    let mut out = String::new();
    for c in text.chars() {
        if width(&out) + width(c.encode_utf8(&mut [0; 4])) + 1 > cells {
            break;
        }
        out.push(c);
    }
    out + "…"
}

/// A bar of block characters, in eighths of a cell; a number above nought is always seen.
fn blocks(value: f64, most: f64, cells: usize) -> String {
    let eighths = if most > 0.0 { (value / most * cells as f64 * 8.0).round().max(0.0) as usize } else { 0 };
    let eighths = if value > 0.0 { eighths.max(1) } else { 0 };
    let mut out = "█".repeat(eighths / 8);
    out.extend(['▏', '▎', '▍', '▌', '▋', '▊', '▉'].get((eighths % 8).wrapping_sub(1)));
    out
}

fn left_out(n: usize, language: Language) -> String {
    match language {
        Language::Zh => format!("另有 {n} 项未列出"),
        Language::En => format!("{n} more not shown"),
    }
}

/// Charts for a terminal of so many cells.
#[must_use]
pub fn text(charts: &[Chart], cells: usize, language: Language) -> String {
    let cells = cells.max(40);
    let mut out = String::new();
    for (i, chart) in charts.iter().enumerate() {
        let _ = writeln!(out, "{}{}", if i > 0 { "\n" } else { "" }, chart.title);
        if chart.bars.is_empty() {
            let _ = writeln!(out, "  {}", language.pick("（无）", "(none)"));
        }
        let most = chart.bars.iter().map(|b| b.value).fold(0.0, f64::max);
        let numbers = chart.bars.iter().map(|b| width(&b.shown)).max().unwrap_or(0);
        let grouped = chart.bars.iter().any(|b| !b.group.is_empty());
        let indent = if grouped { 4 } else { 2 };
        let labels = chart.bars.iter().map(|b| width(&b.label)).max().unwrap_or(0).min(cells * 2 / 5);
        let room = cells.saturating_sub(indent + labels + numbers + 4);
        let mut group = None;
        for b in &chart.bars {
            if grouped && group != Some(&b.group) {
                let _ = writeln!(out, "  {}", cut(&b.group, cells - 2));
                group = Some(&b.group);
            }
            let label = pad(&cut(&b.label, labels), labels);
            let gap = " ".repeat(numbers - width(&b.shown));
            let line = format!("{:indent$}{label}  {gap}{}  {}", "", b.shown, blocks(b.value, most, room));
            let _ = writeln!(out, "{}", line.trim_end());
        }
        if chart.more > 0 {
            let _ = writeln!(out, "  {}", left_out(chart.more, language));
        }
    }
    out
}

/// All bars as one table: chart, group, label, keys, number.
#[must_use]
pub fn csv(charts: &[Chart]) -> Vec<u8> {
    let mut out = b"chart,group,label,keys,value\n".to_vec();
    for c in charts {
        for b in &c.bars {
            for (i, cell) in [&c.title, &b.group, &b.label, &b.keys.join(" "), &b.shown].into_iter().enumerate() {
                if i > 0 {
                    out.push(b',');
                }
                table::field(&mut out, cell);
            }
            out.push(b'\n');
        }
    }
    out
}

/// The charts as data.
#[must_use]
pub fn json(charts: &[Chart]) -> Json {
    let bar = |b: &Bar| {
        let whole = b.shown.parse::<i64>().map_or_else(|_| json!(b.value), |n| json!(n));
        json!({"group": b.group, "label": b.label, "keys": b.keys, "value": whole})
    };
    let one = |c: &Chart| {
        let bars: Vec<Json> = c.bars.iter().map(bar).collect();
        json!({"title": c.title, "question": c.question, "bars": bars, "more": c.more})
    };
    json!({"format": 1, "charts": charts.iter().map(one).collect::<Vec<_>>()})
}

const PICTURE: f64 = 820.0;
const MARGIN: f64 = 20.0;
const ROW: f64 = 22.0;
const CELL: f64 = 6.9;

/// The charts as one picture. Length and number say everything; the one tint is dark enough for grey print.
#[must_use]
pub fn svg(charts: &[Chart], language: Language) -> String {
    let mut body = String::new();
    let mut y = MARGIN;
    for chart in charts {
        y += 18.0;
        let title = escape(&chart.title);
        let _ = writeln!(body, r#"<text x="{MARGIN}" y="{y}" font-size="15" font-weight="bold">{title}</text>"#);
        y += 8.0;
        let grouped = chart.bars.iter().any(|b| !b.group.is_empty());
        let x = MARGIN + if grouped { 16.0 } else { 0.0 };
        let labels = chart.bars.iter().map(|b| width(&b.label)).max().unwrap_or(0).min(48);
        let numbers = chart.bars.iter().map(|b| width(&b.shown)).max().unwrap_or(0);
        let from = x + labels as f64 * CELL + 10.0;
        let room = PICTURE - MARGIN - from - numbers as f64 * CELL - 8.0;
        let most = chart.bars.iter().map(|b| b.value).fold(0.0, f64::max);
        let mut group = None;
        let line = |body: &mut String, x: f64, y: f64, text: &str| {
            let _ = writeln!(body, r#"<text x="{x:.1}" y="{y:.1}">{}</text>"#, escape(text));
        };
        for b in &chart.bars {
            if grouped && group != Some(&b.group) {
                y += ROW;
                line(&mut body, MARGIN, y - 6.0, &cut(&b.group, 110));
                group = Some(&b.group);
            }
            y += ROW;
            line(&mut body, x, y - 6.0, &cut(&b.label, labels));
            let long = if most > 0.0 { (b.value / most * room).max(1.0) } else { 0.0 };
            let top = y - 18.0;
            let name = escape(&format!("{} {}", b.label, b.shown));
            let _ = writeln!(
                body,
                r##"<rect x="{from:.1}" y="{top:.1}" width="{long:.1}" height="15" fill="#4a5d73"><title>{name}</title></rect>"##
            );
            line(&mut body, from + long + 6.0, y - 6.0, &b.shown);
        }
        let note = match (chart.bars.is_empty(), chart.more) {
            (true, _) => language.pick("（无）", "(none)").to_owned(),
            (_, 0) => String::new(),
            (_, n) => left_out(n, language),
        };
        if !note.is_empty() {
            y += ROW;
            line(&mut body, x, y - 6.0, &note);
        }
        y += 14.0;
    }
    let height = y + MARGIN;
    let (name, lang) = (language.pick("统计", "statistics"), language.pick("zh", "en"));
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{PICTURE}\" height=\"{height:.0}\" viewBox=\"0 0 {PICTURE} \
         {height:.0}\" role=\"img\" xml:lang=\"{lang}\" font-size=\"13\" font-family=\"'Noto Sans CJK SC','Source Han Sans \
         SC','Microsoft YaHei','PingFang SC',sans-serif\" fill=\"#111\">\n<title>{name}</title>\n<rect width=\"100%\" \
         height=\"100%\" fill=\"#fff\"/>\n{body}</svg>\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_keep_their_measure() {
        assert_eq!(blocks(8.0, 8.0, 2), "██");
        assert_eq!(blocks(3.0, 16.0, 2), "▍");
        assert_eq!(blocks(1.0, 100_000.0, 10), "▏", "what is there is seen");
        assert_eq!(blocks(0.0, 9.0, 10), "");
        assert_eq!(cut("承办人员", 5), "承办…");
        assert_eq!(cut("abc", 3), "abc");
    }
}
