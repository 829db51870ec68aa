//! Minimal supports, in words and as JSON.

use super::words::{Language, Words};
use crate::lang::program::RelId;
use crate::proof::Supported;
use crate::proof::graph::Value;
use crate::report::answer::raw;
use serde::Serialize;

/// Version of the JSON format.
pub const VERSION: u32 = 1;

/// As lines of text: for each answer its sets, each fact with the place where it stands.
#[must_use]
pub fn text(rel: RelId, found: &[Supported], words: &dyn Words) -> String {
    let language = words.language();
    let mut out = String::new();
    for answer in found {
        out.push_str(&format!("◆ {}\n", words.fact(rel, &answer.values)));
        let n = answer.sets.len();
        let cut = match (language, answer.cut) {
            (_, false) => String::new(),
            (Language::Zh, true) => "（达到上限，可能还有）".to_owned(),
            (Language::En, true) => " (a bound was met: there may be more)".to_owned(),
        };
        out.push_str(&match language {
            Language::Zh => format!("  最小事实组合 {n} 个{cut}：其中任何一个，在其余未见之事仍未见时，即足以推出\n"),
            Language::En => format!(
                "  {n} minimal {} of given facts{cut}: each is enough, as long as what is absent stays absent\n",
                if n == 1 { "set" } else { "sets" }
            ),
        });
        for (i, set) in answer.sets.iter().enumerate() {
            out.push_str(&match language {
                Language::Zh => format!("  第 {} 组（{} 项）\n", i + 1, set.len()),
                Language::En => format!("  set {} ({} facts)\n", i + 1, set.len()),
            });
            for (rel, values) in set {
                out.push_str(&format!("    ● {}", words.fact(*rel, values)));
                match (words.origin(*rel, values), language) {
                    (Some(o), Language::Zh) => out.push_str(&format!("（{o}）")),
                    (Some(o), Language::En) => out.push_str(&format!(" ({o})")),
                    (None, _) => {}
                }
                out.push('\n');
            }
        }
    }
    out
}

#[derive(Serialize)]
struct File {
    format: &'static str,
    version: u32,
    answers: Vec<Answer>,
}

#[derive(Serialize)]
struct Answer {
    relation: String,
    values: Vec<String>,
    cut: bool,
    supports: Vec<Vec<Fact>>,
}

/// A fact as data.
#[derive(Clone, Debug, Serialize)]
pub struct Fact {
    /// Relation.
    pub relation: String,
    /// Values as a program writes them, texts without quotes.
    pub values: Vec<String>,
    /// Where it stands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
    /// In words.
    pub text: String,
}

/// A fact as data.
#[must_use]
pub fn fact(rel: RelId, values: &[Value], words: &dyn Words) -> Fact {
    Fact {
        relation: words.program().rel(rel).name.clone(),
        values: values.iter().map(|v| raw(words.program(), v)).collect(),
        origin: words.origin(rel, values),
        text: words.fact(rel, values),
    }
}

/// As JSON.
///
/// # Errors
/// Never in practice: the types hold nothing that JSON cannot.
pub fn json(rel: RelId, found: &[Supported], words: &dyn Words) -> Result<String, serde_json::Error> {
    let answers = found.iter().map(|a| Answer {
        relation: words.program().rel(rel).name.clone(),
        values: a.values.iter().map(|v| raw(words.program(), v)).collect(),
        cut: a.cut,
        supports: a.sets.iter().map(|s| s.iter().map(|(r, v)| fact(*r, v, words)).collect()).collect(),
    });
    let file = File { format: "zhuize.supports", version: VERSION, answers: answers.collect() };
    serde_json::to_string_pretty(&file).map(|s| s + "\n")
}
