//! The table of proof skeletons: how often, an example, the provisions it goes through.

use super::answer::raw;
use super::explain::measure::width;
use super::explain::words::{Language, Words};
use crate::bulk::patterns::Pattern;
use crate::lang::program::RelId;
use crate::rulebook::Rulebook;
use serde::Serialize;
use std::io::{self, Write};

/// Version of the JSON format.
pub const VERSION: u32 = 1;

/// Provisions of the rules of a pattern, each once, from the conclusion down.
#[must_use]
pub fn cites(book: &Rulebook, pattern: &Pattern) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    for rule in &pattern.rules {
        for c in &book.rules[rule.index()].cites {
            let text = c.to_string();
            if !out.contains(&text) {
                out.push(text);
            }
        }
    }
    out
}

fn share(count: usize, total: usize) -> String {
    let parts = (count as u128 * 100_000 + total as u128 / 2) / (total.max(1) as u128);
    format!("{}.{:03}", parts / 1000, parts % 1000)
}

/// As CSV: pattern, count, share in percent, the columns of the first conclusion, provisions, rules.
///
/// # Errors
/// When writing fails.
pub fn csv(book: &Rulebook, rel: RelId, patterns: &[Pattern], out: &mut dyn Write) -> io::Result<()> {
    let total: usize = patterns.iter().map(|p| p.count).sum();
    let mut w = csv::Writer::from_writer(out);
    let mut head = vec!["pattern".to_owned(), "count".to_owned(), "share".to_owned()];
    head.extend(book.program.rel(rel).columns.iter().map(|c| c.name.clone()));
    head.extend(["cites".to_owned(), "rules".to_owned()]);
    w.write_record(&head)?;
    for p in patterns {
        let mut row = vec![p.id.clone(), p.count.to_string(), share(p.count, total)];
        row.extend(p.exemplar.iter().map(|v| raw(&book.program, v)));
        row.push(cites(book, p).join("; "));
        row.push(p.rules.iter().map(|r| book.rules[r.index()].id.as_str()).collect::<Vec<_>>().join("; "));
        w.write_record(&row)?;
    }
    w.flush()
}

/// As an aligned table of the most frequent and, below, the rarest.
#[must_use]
pub fn text(book: &Rulebook, rel: RelId, patterns: &[Pattern], most: usize, words: &dyn Words) -> String {
    let language = words.language();
    let total: usize = patterns.iter().map(|p| p.count).sum();
    let mut out = match language {
        Language::Zh => format!("{total} 个结论归为 {} 种推导型式：\n", patterns.len()),
        Language::En => format!("{total} conclusions fall into {} patterns:\n", patterns.len()),
    };
    let head = match language {
        Language::Zh => ["型式", "数量", "占比%"],
        Language::En => ["pattern", "count", "share %"],
    };
    out.push_str(&format!("{}  {}  {}\n", pad(head[0], 12, false), pad(head[1], 9, true), pad(head[2], 8, true)));
    let n = patterns.len();
    for (i, p) in patterns.iter().enumerate() {
        if i >= most && i + most.min(3) < n {
            if i == most {
                out.push_str(language.pick("  ……\n", "  …\n"));
            }
            continue;
        }
        let count = p.count.to_string();
        out.push_str(&format!("{}  {}  {}\n", p.id, pad(&count, 9, true), pad(&share(p.count, total), 8, true)));
        let example = words.fact(rel, &p.exemplar);
        out.push_str(&format!("    {}{example}\n", language.pick("例：", "e.g. ")));
        let cites = cites(book, p);
        let shown: Vec<&str> = cites.iter().take(8).map(String::as_str).collect();
        let more = if cites.len() > 8 { " …" } else { "" };
        out.push_str(&format!("    {}{}{more}\n", language.pick("依据：", "under "), shown.join(", ")));
    }
    out
}

fn pad(text: &str, cells: usize, right: bool) -> String {
    let space = " ".repeat(cells.saturating_sub(width(text)));
    if right { format!("{space}{text}") } else { format!("{text}{space}") }
}

#[derive(Serialize)]
struct File {
    format: &'static str,
    version: u32,
    relation: String,
    total: usize,
    patterns: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    pattern: String,
    count: usize,
    example: Vec<String>,
    cites: Vec<String>,
    rules: Vec<String>,
}

/// As JSON.
///
/// # Errors
/// Never in practice: the types hold nothing that JSON cannot.
pub fn json(book: &Rulebook, rel: RelId, patterns: &[Pattern]) -> Result<String, serde_json::Error> {
    let row = |p: &Pattern| Row {
        pattern: p.id.clone(),
        count: p.count,
        example: p.exemplar.iter().map(|v| raw(&book.program, v)).collect(),
        cites: cites(book, p),
        rules: p.rules.iter().map(|r| book.rules[r.index()].id.clone()).collect(),
    };
    let file = File {
        format: "zhuize.patterns",
        version: VERSION,
        relation: book.program.rel(rel).name.clone(),
        total: patterns.iter().map(|p| p.count).sum(),
        patterns: patterns.iter().map(row).collect(),
    };
    serde_json::to_string_pretty(&file).map(|s| s + "\n")
}
