//! Two conclusions laid beside each other, in words and as JSON.

use super::words::{Language, Words, operator};
use crate::proof::contrast::{Contrast, Part, Point};
use crate::proof::graph::Value;
use serde::Serialize;

/// Version of the JSON format.
pub const VERSION: u32 = 1;

fn pattern(p: &Point, words: &dyn Words) -> String {
    let values: Option<Vec<Value>> = p.here.iter().cloned().collect();
    if let Some(step) = p.rule.filter(|_| !p.bindings.is_empty()).and_then(|r| words.step(r, &p.bindings)) {
        return step;
    }
    match values {
        Some(v) if !matches!(p.part, Part::Blocked { .. }) => words.fact(p.rel, &v),
        _ => words.absence(p.rel, &p.here),
    }
}

/// The sentence for a point: what holds here, and how it stands there.
fn sentences(p: &Point, words: &dyn Words) -> (String, String) {
    let language = words.language();
    let cite = |r: Option<crate::lang::program::RuleId>| match r {
        None => language.pick("已知事实", "a given fact").to_owned(),
        Some(r) => words.cite(r).unwrap_or_else(|| words.rule_name(r)),
    };
    let optional = |v: &Option<Value>| v.as_ref().map_or_else(|| "—".to_owned(), |v| words.value(v));
    match &p.part {
        Part::Alike { there } => (pattern(p, words), words.fact(p.rel, there)),
        Part::OtherRule { there, rules } => (
            format!("{} [{}]", pattern(p, words), cite(rules.0)),
            format!("{} [{}]", words.fact(p.rel, there), cite(rules.1)),
        ),
        Part::Lacking { there, .. } => (pattern(p, words), words.absence(p.rel, there)),
        Part::Blocked { there } => (
            pattern(p, words),
            match language {
                Language::Zh => format!("{}（此事实成立，故不能适用）", words.fact(p.rel, there)),
                Language::En => format!("{} (this holds, which blocks the rule)", words.fact(p.rel, there)),
            },
        ),
        Part::Test { op, here, there } => {
            (words.comparison(*op, &here.0, &here.1, true), words.comparison(*op, &there.0, &there.1, false))
        }
        Part::Count { here, there } => (format!("Σ {}", optional(here)), format!("Σ {}", optional(there))),
    }
}

/// Points at which the two part first: differing points with nothing below that differs.
fn first(contrast: &Contrast) -> Vec<usize> {
    let ends = |i: &usize| {
        let p = &contrast.points[*i];
        p.differs && !p.below.iter().any(|b| contrast.points[*b].differs)
    };
    (0..contrast.points.len()).filter(ends).collect()
}

/// As lines of text: the way down from the conclusions to the points at which they part; what agrees is counted.
#[must_use]
pub fn text(contrast: &Contrast, words: &dyn Words) -> String {
    let language = words.language();
    let mut out = String::new();
    if contrast.points.is_empty() {
        return language
            .pick("前一结论未能成立，无从对比。\n", "The first conclusion does not follow: nothing to contrast.\n")
            .to_owned();
    }
    let ends = first(contrast);
    if ends.is_empty() {
        out.push_str(language.pick(
            "两者依同样的规则、同样种类的事实成立，没有分歧。\n",
            "Both follow by the same rules from the same kinds of facts; they do not part.\n",
        ));
        return out;
    }
    let mut stack: Vec<(usize, usize)> = vec![(0, 0)];
    let mut drawn = vec![false; contrast.points.len()];
    while let Some((at, depth)) = stack.pop() {
        let p = &contrast.points[at];
        // A helper on the way down says nothing that what lies below does not.
        let parting: Vec<usize> = p.below.iter().copied().filter(|b| contrast.points[*b].differs).collect();
        if words.mute_relation(p.rel) && !parting.is_empty() && at > 0 {
            if !std::mem::replace(&mut drawn[at], true) {
                stack.extend(parting.iter().rev().map(|b| (*b, depth)));
            }
            continue;
        }
        let indent = "   ".repeat(depth.min(12));
        let (here, there) = sentences(p, words);
        let again = std::mem::replace(&mut drawn[at], true);
        let mark = if ends.contains(&at) { "◆" } else { "·" };
        out.push_str(&format!("{indent}{mark} {}{here}\n", language.pick("此：", "here:  ")));
        out.push_str(&format!("{indent}  {}{there}\n", language.pick("彼：", "there: ")));
        if again {
            continue;
        }
        if let Some(cite) = p.rule.and_then(|r| words.cite(r)).filter(|_| !matches!(p.part, Part::OtherRule { .. })) {
            out.push_str(&format!("{indent}  [{cite}]\n"));
        }
        let same = p.below.iter().filter(|b| !contrast.points[**b].differs).count();
        if same > 0 {
            out.push_str(&match language {
                Language::Zh => format!("{indent}  （另有 {same} 项前提两者相同）\n"),
                Language::En => format!("{indent}  ({same} premises agree)\n"),
            });
        }
        stack.extend(parting.iter().rev().map(|b| (*b, depth + 1)));
    }
    out
}

#[derive(Serialize)]
struct File {
    format: &'static str,
    version: u32,
    comparable: bool,
    parts: Vec<usize>,
    points: Vec<PointRow>,
}

#[derive(Serialize)]
struct PointRow {
    id: usize,
    kind: &'static str,
    relation: String,
    here: String,
    there: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cite: Option<String>,
    differs: bool,
    below: Vec<usize>,
}

/// As JSON.
///
/// # Errors
/// Never in practice: the types hold nothing that JSON cannot.
pub fn json(contrast: &Contrast, words: &dyn Words) -> Result<String, serde_json::Error> {
    let points = contrast.points.iter().enumerate().map(|(id, p)| {
        let (here, there) = sentences(p, words);
        PointRow {
            id,
            kind: match &p.part {
                Part::Alike { .. } => "alike",
                Part::OtherRule { .. } => "other_rule",
                Part::Lacking { .. } => "lacking",
                Part::Blocked { .. } => "blocked",
                Part::Test { op, .. } => operator(*op),
                Part::Count { .. } => "count",
            },
            relation: words.program().rel(p.rel).name.clone(),
            here,
            there,
            rule: p.rule.map(|r| words.rule_name(r)),
            cite: p.rule.and_then(|r| words.cite(r)),
            differs: p.differs,
            below: p.below.clone(),
        }
    });
    let file = File {
        format: "zhuize.contrast",
        version: VERSION,
        comparable: !contrast.points.is_empty(),
        parts: first(contrast),
        points: points.collect(),
    };
    serde_json::to_string_pretty(&file).map(|s| s + "\n")
}
