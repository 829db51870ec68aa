//! An explanation as JSON. The types here are the file format; `version` changes when they do.

use super::view::View;
use super::words::Language;
use crate::proof::Explanation;
use serde::Serialize;

/// Version of the format.
pub const VERSION: u32 = 2;

#[derive(Serialize)]
struct File<'a> {
    format: &'static str,
    version: u32,
    language: &'static str,
    holds: bool,
    answers: Vec<Answer>,
    #[serde(skip_serializing_if = "Option::is_none")]
    absence: Option<String>,
    more_answers: usize,
    facts_seen: usize,
    circular_steps: usize,
    notes: &'a [String],
    nodes: Vec<Node<'a>>,
    edges: Vec<Edge>,
}

#[derive(Serialize)]
struct Answer {
    node: String,
    /// As text: the number can exceed what JSON readers hold.
    proofs: String,
    proofs_exact: bool,
    levels: u32,
    size: String,
}

#[derive(Serialize)]
struct Node<'a> {
    id: String,
    kind: &'static str,
    text: &'a str,
    holds: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    relation: Option<&'a str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    values: &'a [Option<String>],
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cite: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    place: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    origin: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    bindings: Vec<Binding<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    proofs: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lack: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cost: Option<u32>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    notes: &'a [String],
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    folded: bool,
}

#[derive(Serialize)]
struct Binding<'a> {
    name: &'a str,
    value: Option<&'a str>,
}

#[derive(Serialize)]
struct Edge {
    from: String,
    to: String,
    holds: bool,
}

fn id(n: usize) -> String {
    format!("n{n}")
}

/// Writes the graph.
///
/// # Errors
/// Never in practice: the types hold nothing that JSON cannot.
pub fn render(explanation: &Explanation, view: &View) -> Result<String, serde_json::Error> {
    serde_json::to_string_pretty(&file(explanation, view)).map(|mut s| {
        s.push('\n');
        s
    })
}

/// The graph as a part of another document.
///
/// # Errors
/// Never in practice: the types hold nothing that JSON cannot.
pub fn value(explanation: &Explanation, view: &View) -> Result<serde_json::Value, serde_json::Error> {
    serde_json::to_value(file(explanation, view))
}

fn file<'a>(explanation: &Explanation, view: &'a View) -> File<'a> {
    let answers = explanation.answers.iter().map(|a| Answer {
        node: id(a.node.index()),
        proofs: a.proofs.number.to_string(),
        proofs_exact: a.proofs.exact,
        levels: a.levels,
        size: a.size.to_string(),
    });
    let nodes = view.nodes.iter().map(|n| Node {
        id: id(n.id),
        kind: n.kind.name(),
        text: &n.text,
        holds: n.holds,
        relation: n.relation.as_deref(),
        values: &n.values,
        rule: n.rule.as_deref(),
        cite: n.cite.as_deref(),
        place: n.place.as_deref(),
        origin: n.origin.as_deref(),
        bindings: n.bindings.iter().map(|(name, value)| Binding { name, value: value.as_deref() }).collect(),
        lack: n.lack.as_deref(),
        cost: n.cost,
        proofs: n.proofs.map(|p| p.number.to_string()),
        notes: &n.notes,
        folded: n.folded,
    });
    let edges = view.nodes.iter().flat_map(|n| {
        n.below.iter().map(|(b, holds)| Edge { from: id(n.id), to: id(view.nodes[*b].id), holds: *holds })
    });
    File {
        format: "zhuize.explanation",
        version: VERSION,
        language: match view.language {
            Language::Zh => "zh",
            Language::En => "en",
        },
        holds: !explanation.answers.is_empty(),
        answers: answers.collect(),
        absence: explanation.absence.map(|n| id(n.index())),
        more_answers: explanation.more_answers,
        facts_seen: explanation.facts_seen,
        circular_steps: explanation.circular,
        notes: &view.notes,
        nodes: nodes.collect(),
        edges: edges.collect(),
    }
}
