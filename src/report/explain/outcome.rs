//! What a change of facts leads to, and the least changes, in words and as JSON.

use super::supports::{Fact, fact};
use super::words::{Language, Words};
use crate::lang::program::{Const, RelId};
use crate::proof::graph::Value;
use crate::proof::least_change::{Found, PlainEdit};
use crate::proof::what_if::Outcome;
use serde::Serialize;

/// Version of both JSON formats.
pub const VERSION: u32 = 1;

/// What is shown of an outcome: rows by relation, given facts apart.
#[derive(Clone, Debug, Default)]
pub struct Shown {
    /// Given facts that come or go: relation, values, whether they come.
    pub given: Vec<(RelId, Vec<Value>, bool)>,
    /// Conclusions that come.
    pub gained: Vec<(RelId, Vec<Value>)>,
    /// Conclusions that go.
    pub lost: Vec<(RelId, Vec<Value>)>,
    /// Conclusions that stay though a step that led to them is gone.
    pub kept: Vec<(RelId, Vec<Value>)>,
}

impl Shown {
    /// The rows of an outcome that are given, or of relations that `shown` picks.
    #[must_use]
    pub fn of(outcome: &Outcome, given: &dyn Fn(RelId) -> bool, shown: &dyn Fn(RelId) -> bool) -> Self {
        let mut out = Self::default();
        for f in &outcome.flips {
            if given(f.rel) {
                out.given.push((f.rel, f.values.clone(), f.gained));
            } else if shown(f.rel) {
                if f.gained { &mut out.gained } else { &mut out.lost }.push((f.rel, f.values.clone()));
            }
        }
        out.kept = outcome.kept.iter().filter(|(r, _)| shown(*r)).cloned().collect();
        out
    }
}

fn line(sign: &str, rel: RelId, values: &[Value], words: &dyn Words) -> String {
    let mut out = format!("  {sign} {}", words.fact(rel, values));
    match (words.origin(rel, values), words.language()) {
        (Some(o), Language::Zh) => out.push_str(&format!("（{o}）")),
        (Some(o), Language::En) => out.push_str(&format!(" ({o})")),
        (None, _) => {}
    }
    out.push('\n');
    out
}

/// An outcome as lines of text.
#[must_use]
pub fn text(shown: &Shown, words: &dyn Words) -> String {
    let language = words.language();
    let mut out = String::new();
    let block = |title: String, sign: &str, rows: &[(RelId, Vec<Value>)], out: &mut String| {
        if !rows.is_empty() {
            out.push_str(&title);
            rows.iter().for_each(|(r, v)| out.push_str(&line(sign, *r, v, words)));
        }
    };
    if !shown.given.is_empty() {
        out.push_str(language.pick("事实的改变：\n", "Facts changed:\n"));
        for (rel, values, added) in &shown.given {
            out.push_str(&line(if *added { "＋" } else { "－" }, *rel, values, words));
        }
    }
    let (g, l, k) = (shown.gained.len(), shown.lost.len(), shown.kept.len());
    let title = |zh: String, en: String| language.pick(&zh, &en).to_owned();
    let gained = title(format!("新成立的结论（{g}）：\n"), format!("Conclusions gained ({g}):\n"));
    let lost = title(format!("不再成立的结论（{l}）：\n"), format!("Conclusions lost ({l}):\n"));
    let kept = title(
        format!("仍成立而少了一种理由的结论（{k}）：\n"),
        format!("Conclusions that stand, with one reason less ({k}):\n"),
    );
    block(gained, "＋", &shown.gained, &mut out);
    block(lost, "－", &shown.lost, &mut out);
    block(kept, "＝", &shown.kept, &mut out);
    if g + l + k == 0 {
        out.push_str(language.pick("没有结论因此改变。\n", "No conclusion changes.\n"));
    }
    out
}

#[derive(Serialize)]
struct OutcomeFile {
    format: &'static str,
    version: u32,
    added: Vec<Fact>,
    removed: Vec<Fact>,
    gained: Vec<Fact>,
    lost: Vec<Fact>,
    kept: Vec<Fact>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    explanations: Vec<serde_json::Value>,
}

/// An outcome as JSON; `explanations` are those of single conclusions, as [`super::json`] writes them.
///
/// # Errors
/// Never in practice: the types hold nothing that JSON cannot.
pub fn json(
    shown: &Shown,
    explanations: Vec<serde_json::Value>,
    words: &dyn Words,
) -> Result<String, serde_json::Error> {
    let plain = |rows: &[(RelId, Vec<Value>)]| rows.iter().map(|(r, v)| fact(*r, v, words)).collect::<Vec<_>>();
    let given = |added: bool| {
        let rows = shown.given.iter().filter(|g| g.2 == added);
        rows.map(|(r, v, _)| fact(*r, v, words)).collect::<Vec<_>>()
    };
    let file = OutcomeFile {
        format: "zhuize.what-if",
        version: VERSION,
        added: given(true),
        removed: given(false),
        gained: plain(&shown.gained),
        lost: plain(&shown.lost),
        kept: plain(&shown.kept),
        explanations,
    };
    serde_json::to_string_pretty(&file).map(|s| s + "\n")
}

/// An edit as a sentence: what is added, taken away, or which cells change.
#[must_use]
pub fn edit(e: &PlainEdit, words: &dyn Words) -> String {
    let language = words.language();
    let colon = language.pick("：", ": ");
    match (&e.old, &e.new) {
        (None, Some(new)) => {
            format!("{}{colon}{}", language.pick("如果补充", "if there were"), words.fact(e.rel, new))
        }
        (Some(old), None) => {
            let origin = words.origin(e.rel, old).map(|o| match language {
                Language::Zh => format!("（{o}）"),
                Language::En => format!(" ({o})"),
            });
            let without = language.pick("如果没有", "if there were not");
            format!("{without}{colon}{}{}", words.fact(e.rel, old), origin.unwrap_or_default())
        }
        (Some(old), Some(new)) => {
            let columns = &words.program().rel(e.rel).columns;
            let cells = old.iter().zip(new).zip(columns).filter(|((a, b), _)| a != b);
            let cells: Vec<String> = cells
                .map(|((a, b), c)| format!("{} {} → {}", words.column(e.rel, &c.name), words.value(a), words.value(b)))
                .collect();
            let cells = cells.join(language.pick("，", ", "));
            let what = language.pick("如果改变", "if it were changed");
            match language {
                Language::Zh => format!("{what}{colon}{}（{cells}）", words.fact(e.rel, old)),
                Language::En => format!("{what}{colon}{} ({cells})", words.fact(e.rel, old)),
            }
        }
        (None, None) => String::new(),
    }
}

/// Least changes as lines of text.
#[must_use]
pub fn least_text(found: &Found, to: bool, cost: usize, words: &dyn Words) -> String {
    let language = words.language();
    let mut out = String::new();
    if found.already {
        return match (language, to) {
            (Language::Zh, true) => "所问结论本来就成立。\n".to_owned(),
            (Language::Zh, false) => "所问结论本来就不成立。\n".to_owned(),
            (Language::En, true) => "It follows as things are.\n".to_owned(),
            (Language::En, false) => "It does not follow as things are.\n".to_owned(),
        };
    }
    let n = found.sets.len();
    out.push_str(&match (language, to) {
        (Language::Zh, true) => format!("可使其成立的最小改变 {n} 组（每组均已重新推导核实）：\n"),
        (Language::Zh, false) => format!("可使其不再成立的最小改变 {n} 组（每组均已重新推导核实）：\n"),
        (Language::En, true) => format!("{n} least changes that would make it follow, each confirmed by replay:\n"),
        (Language::En, false) => {
            format!("{n} least changes after which it would not follow, each confirmed by replay:\n")
        }
    });
    for (i, set) in found.sets.iter().enumerate() {
        for (k, e) in set.iter().enumerate() {
            let lead = if k == 0 { format!("{:>3}. ", i + 1) } else { "     ".to_owned() };
            out.push_str(&lead);
            if k > 0 {
                out.push_str(language.pick("并且", "and "));
            }
            out.push_str(&edit(e, words));
            out.push('\n');
        }
    }
    if !found.fresh.is_empty() {
        let names: Vec<String> = found.fresh.iter().map(name).collect();
        out.push_str(&match language {
            Language::Zh => format!("{} 代表尚未登记过的新编号（新值），同一名称即同一个值。\n", names.join("、")),
            Language::En => {
                format!(
                    "{}: made up, for any value that is on file nowhere; the same name is the same value.\n",
                    names.join(", ")
                )
            }
        });
    }
    out.push_str(&completeness(found, cost, language));
    out
}

fn name(c: &Const) -> String {
    match c {
        Const::Symbol(s) => s.to_string(),
        Const::Number(n) => n.to_string(),
        Const::Unsigned(n) => n.to_string(),
        Const::Float(n) => n.to_string(),
    }
}

fn completeness(found: &Found, cost: usize, language: Language) -> String {
    let states = found.states;
    let many = format!("{cost} {}", if cost == 1 { "change" } else { "changes" });
    match (language, found.open) {
        (Language::Zh, _) if found.cut => format!("检索到 {states} 种情形时截止，可能还有其他改变。\n"),
        (Language::En, _) if found.cut => format!("Cut at {states} states: there may be others.\n"),
        (Language::Zh, _) if found.bounded => {
            format!("{cost} 项以内的改变已检索（{states} 种情形），但检索的深度或者广度到了上限，可能还有其他改变。\n")
        }
        (Language::En, _) if found.bounded => format!(
            "Searched up to {many} ({states} states), but not to every depth and breadth: there may be others.\n"
        ),
        (Language::Zh, false) => format!("{cost} 项以内的改变已全部检索（{states} 种情形）。\n"),
        (Language::Zh, true) => format!(
            "{cost} 项以内的改变已检索（{states} 种情形）；涉及取值、计数的改变未逐一尝试，去掉事实的改变均已列出。\n"
        ),
        (Language::En, false) => format!("Complete up to {many} ({states} states looked at).\n"),
        (Language::En, true) => format!(
            "Searched up to {many} ({states} states); changes of values and counts were not all tried, those \
             that take facts away are complete.\n"
        ),
    }
}

#[derive(Serialize)]
struct LeastFile {
    format: &'static str,
    version: u32,
    to: bool,
    already: bool,
    complete: bool,
    cut: bool,
    states: usize,
    /// Values that are made up, for any that is on file nowhere.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    made_up: Vec<String>,
    changes: Vec<Vec<EditRow>>,
}

#[derive(Serialize)]
struct EditRow {
    #[serde(skip_serializing_if = "Option::is_none")]
    remove: Option<Fact>,
    #[serde(skip_serializing_if = "Option::is_none")]
    add: Option<Fact>,
    text: String,
}

/// Least changes as JSON.
///
/// # Errors
/// Never in practice: the types hold nothing that JSON cannot.
pub fn least_json(found: &Found, to: bool, words: &dyn Words) -> Result<String, serde_json::Error> {
    let row = |e: &PlainEdit| EditRow {
        remove: e.old.as_ref().map(|v| fact(e.rel, v, words)),
        add: e.new.as_ref().map(|v| fact(e.rel, v, words)),
        text: edit(e, words),
    };
    let file = LeastFile {
        format: "zhuize.least-change",
        version: VERSION,
        to,
        already: found.already,
        complete: !found.cut && !found.bounded && !found.open,
        cut: found.cut || found.bounded,
        states: found.states,
        made_up: found.fresh.iter().map(name).collect(),
        changes: found.sets.iter().map(|s| s.iter().map(row).collect()).collect(),
    };
    serde_json::to_string_pretty(&file).map(|s| s + "\n")
}
