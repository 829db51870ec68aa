//! What is told around a proof: rows that belong to the story, what hangs on the answer, and the readings that decided it.

use super::super::words::{Language, Part, Reading};
use super::tell::Teller;
use super::{Sentence, Tone};
use crate::lang::program::RuleId;
use crate::proof::graph::{Node, NodeIndex, below};
use std::collections::HashMap;

impl Teller<'_> {
    /// Rows that belong to the story whether or not the proof rests on them.
    pub(super) fn context(&mut self) {
        let of = self.explanation.roots().into_iter().filter_map(|r| match &self.graph[r] {
            Node::Fact { rel, values, .. } => Some((*rel, values.iter().cloned().map(Some).collect())),
            Node::Absent { rel, pattern, .. } => Some((*rel, pattern.clone())),
            _ => None,
        });
        let rows = self.words.context(&of.collect::<Vec<_>>());
        let mut at: HashMap<_, Vec<NodeIndex>> = HashMap::new();
        for node in self.graph.node_indices() {
            if let Node::Fact { rel, given: true, .. } = &self.graph[node] {
                at.entry(*rel).or_default().push(node);
            }
        }
        for (rel, row) in rows {
            let same = |n: &&NodeIndex| matches!(&self.graph[**n], Node::Fact { values, .. } if *values == row);
            let node = at.get(&rel).and_then(|list| list.iter().find(same)).copied();
            let Some(text) = self.words.row(rel, &row) else { continue };
            let mut s = Sentence::new(text, Tone::Holds);
            s.sources.extend(self.words.origin(rel, &row));
            if let Some(n) = node {
                s.nodes.push(n.index());
                self.told.insert(n);
            }
            let (part, rank) = self.words.part(rel).unwrap_or((Part::Case, 5));
            self.put(part, rank, Some(s), Vec::new());
        }
    }

    /// Other ways to an answer, where they were asked for: their last steps.
    pub(super) fn further_proofs(&mut self, root: NodeIndex) {
        let steps: Vec<NodeIndex> =
            self.below(root).into_iter().filter(|n| matches!(self.graph[*n], Node::Rule { .. })).skip(1).collect();
        let mut items = Vec::new();
        for step in steps {
            let Node::Rule { rule, bindings } = &self.graph[step] else { continue };
            let rule = *rule;
            let text = self.words.step(rule, bindings).unwrap_or_else(|| self.by_rule(&self.fact_text(root), step));
            let mut s = Sentence::new(text, Tone::Holds);
            s.nodes = vec![step.index()];
            s.rule = Some(self.rule(rule));
            s.provisions = self.words.provisions(rule).iter().map(|p| self.provision(p)).collect();
            items.push(s);
        }
        if !items.is_empty() {
            let text = self.language.pick("另有其他途径得出同一结论", "the same follows in other ways as well");
            self.put(Part::Reason, 9, Some(Sentence::new(text, Tone::Remark)), items);
        }
    }

    /// What hangs on an answer, from graphs of their own.
    pub(super) fn hangs_on(&mut self, answer: usize) {
        let mut items: Vec<Sentence> = Vec::new();
        for e in self.beside.get(answer).into_iter().flatten() {
            let part = self.words.part(e.goal.rel);
            for a in &e.answers {
                let Node::Fact { rel, values, .. } = &e.graph[a.node] else { continue };
                let step = below(&e.graph, a.node).into_iter().map(|(n, _)| &e.graph[n]);
                let step = step.into_iter().find_map(|n| match n {
                    Node::Rule { rule, bindings } => Some((*rule, self.words.step(*rule, bindings))),
                    _ => None,
                });
                let (rule, text) = step.unzip();
                let mut s = Sentence::new(text.flatten().unwrap_or_else(|| self.words.fact(*rel, values)), Tone::Holds);
                if let Some(rule) = rule {
                    s.rule = Some(self.rule(rule));
                    s.provisions = self.words.provisions(rule).iter().map(|p| self.provision(p)).collect();
                }
                match part {
                    Some((Part::Warning, _)) => self.warn(rule, s),
                    // What belongs to the story has its place there.
                    Some((part, rank)) if part != Part::Result => self.put(part, rank, Some(s), Vec::new()),
                    _ if items.iter().all(|i| i.text != s.text) => items.push(s),
                    _ => {}
                }
            }
        }
        if !items.is_empty() {
            let text =
                self.language.pick("与此结论相连的处理、机关和期限", "measures, bodies and limits that go with it");
            self.put(Part::Result, 9, Some(Sentence::new(text, Tone::Remark)), items);
        }
    }

    /// A warning, told with the readings that it is about.
    fn warn(&mut self, rule: Option<RuleId>, s: Sentence) {
        let readings = rule.map_or_else(Vec::new, |r| self.words.readings(r));
        for r in &readings {
            self.readings.entry(r.id.clone()).or_insert_with(|| (r.clone(), Vec::new()));
            let said = self.warned.entry(r.id.clone()).or_default();
            if !said.contains(&s.text) {
                said.push(s.text.clone());
            }
        }
        if readings.is_empty() && self.flags.iter().all(|f| f.text != s.text) {
            self.flags.push(Sentence { tone: Tone::Warning, ..s });
        }
    }

    pub(super) fn warnings(&self) -> Vec<Sentence> {
        let order = |id: &str| (id.len(), id.to_owned());
        let mut all: Vec<&(Reading, Vec<usize>)> = self.readings.values().collect();
        all.sort_by_key(|(r, _)| order(&r.id));
        let say = |(r, nodes): &(Reading, Vec<usize>)| {
            let others: Vec<String> = r
                .others
                .iter()
                .map(|(text, choice)| match (choice, self.language) {
                    (Some(c), Language::Zh) => format!("{text}（选项 {c}）"),
                    (Some(c), Language::En) => format!("{text} (option {c})"),
                    (None, _) => text.clone(),
                })
                .collect();
            let text = match (self.language, r.taken.is_empty(), others.is_empty()) {
                (Language::Zh, true, true) => format!("{}：此处条文有不同理解", r.id),
                (Language::En, true, true) => format!("{}: the text admits more than one reading here", r.id),
                (Language::Zh, _, true) => format!("{}：{}", r.id, r.taken),
                (Language::En, _, true) => format!("{}: {}", r.id, r.taken),
                (Language::Zh, _, false) => {
                    format!("{}：采用的理解是，{}；另一种理解是，{}", r.id, r.taken, others.join("，或者"))
                }
                (Language::En, _, false) => {
                    format!(
                        "{}: the reading taken is that {}; another is that {}",
                        r.id,
                        r.taken,
                        others.join(", or that ")
                    )
                }
            };
            let text = match self.warned.get(&r.id) {
                Some(said) => {
                    let said = said.join(self.language.pick("；", "; "));
                    let (id, reading) = text.split_at(r.id.len());
                    let reading = reading.trim_start_matches(['：', ':', ' ']);
                    match self.language {
                        Language::Zh => format!("{id}：{said}。{reading}"),
                        Language::En => format!("{id}: {said}. {}", capital(reading)),
                    }
                }
                None => text,
            };
            let mut s = Sentence::new(text, Tone::Warning);
            s.nodes.clone_from(nodes);
            s
        };
        self.flags.iter().cloned().chain(all.into_iter().map(say)).collect()
    }
}

/// A sentence that begins with a capital letter.
fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |c| c.to_uppercase().chain(chars).collect())
}
