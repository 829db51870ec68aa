//! What was looked for and not shown: exceptions that a proof relies on not holding, and the rules that came nearest to what
//! does not follow. "Not shown" is all that is said; that something is otherwise is said only where the file says so.

use super::super::view::{Detail, blank};
use super::super::words::{Doubt, Language, Part, operator};
use super::tell::Teller;
use super::{Sentence, Tone};
use crate::lang::program::{CmpOp, RelId};
use crate::proof::graph::{Node, NodeIndex, Value};
use std::collections::HashSet;

/// How deep below an absence the reason is looked for why something on file does not count.
const DOUBT_DEPTH: usize = 6;

/// What an attempt lacks, in words.
#[derive(Default)]
pub(super) struct Lack {
    texts: Vec<String>,
    tone: Option<Tone>,
    nodes: Vec<usize>,
    /// Worded absences that have attempts of their own.
    pub(super) deeper: Vec<NodeIndex>,
}

impl Lack {
    fn say(&mut self, text: String, tone: Tone, node: NodeIndex) {
        if !self.texts.contains(&text) {
            self.texts.push(text);
        }
        // What the file says otherwise weighs more than what is alleged, and that more than silence.
        self.tone = Some(self.tone.map_or(tone, |t| t.max(tone)));
        self.nodes.push(node.index());
    }
}

impl Teller<'_> {
    /// The lowest things an absence names: one sentence per provision that could have met it, else per rule.
    pub(super) fn lacks(&mut self, absence: NodeIndex, follow: &mut Vec<NodeIndex>) -> Vec<Sentence> {
        let mut out = Vec::new();
        let mut seen: HashSet<NodeIndex> = HashSet::from([absence]);
        let mut stack = vec![absence];
        while let Some(node) = stack.pop() {
            let mut below = Vec::new();
            for attempt in self.below(node) {
                let Node::Attempt { rule, met, .. } = &self.graph[attempt] else { continue };
                let (rule, met) = (*rule, *met);
                if !self.words.provisions(rule).is_empty() {
                    out.extend(self.item(attempt, follow));
                    continue;
                }
                if self.plain {
                    if met > 0 || node == absence {
                        out.extend(self.item(attempt, follow));
                    }
                    continue;
                }
                for child in self.below(attempt) {
                    match &self.graph[child] {
                        Node::Absent { .. } if seen.insert(child) => below.push(child),
                        Node::Fact { .. } if self.lacking(attempt, child) => out.extend(self.blocker(attempt, child)),
                        _ => {}
                    }
                }
            }
            stack.extend(below.into_iter().rev());
        }
        // Of one provision the nearest way is told.
        let mut named = HashSet::new();
        out.retain(|s| s.about.is_none_or(|p| named.insert(p)));
        let whole = self.whole;
        let key = |s: &Sentence| if s.about.is_some() && !whole { String::new() } else { s.text.clone() };
        out.retain(|s| self.said.insert((self.answer, s.about, key(s))));
        out
    }

    /// What the nearest attempt lacks, where no provision could have met the absence.
    pub(super) fn nearest(&mut self, absence: NodeIndex) -> Option<Sentence> {
        let attempt = *self.below(absence).first()?;
        let mut lack = Lack::default();
        self.flatten(attempt, &mut lack, &mut HashSet::new());
        self.sentence_of(attempt, lack)
    }

    fn item(&mut self, attempt: NodeIndex, follow: &mut Vec<NodeIndex>) -> Option<Sentence> {
        let Node::Attempt { rule, .. } = &self.graph[attempt] else { return None };
        let rule = *rule;
        let mut lack = Lack::default();
        self.flatten(attempt, &mut lack, &mut HashSet::new());
        follow.append(&mut lack.deeper);
        let mut sentence = self.sentence_of(attempt, lack)?;
        match self.words.provisions(rule).first() {
            Some(p) => sentence.about = Some(self.provision(p)),
            None => {
                let name = self.words.rule_name(rule);
                sentence.text = match self.language {
                    Language::Zh => format!("规则{name}还缺：{}", sentence.text),
                    Language::En => format!("rule {name} lacks: {}", sentence.text),
                };
            }
        }
        sentence.rule = Some(self.rule(rule));
        Some(sentence)
    }

    fn sentence_of(&self, attempt: NodeIndex, lack: Lack) -> Option<Sentence> {
        if lack.texts.is_empty() {
            return None;
        }
        let text = lack.texts.join(self.language.pick("；", "; "));
        let mut sentence = Sentence::new(text, lack.tone.unwrap_or(Tone::NotShown));
        sentence.nodes.push(attempt.index());
        sentence.nodes.extend(lack.nodes);
        Some(sentence)
    }

    /// Puts into words what lies below an attempt; helpers give way to what they lack.
    fn flatten(&self, attempt: NodeIndex, out: &mut Lack, seen: &mut HashSet<NodeIndex>) {
        let mut stack: Vec<(NodeIndex, NodeIndex)> =
            self.below(attempt).into_iter().rev().map(|n| (attempt, n)).collect();
        let (mut undecided, mut unsaid) = (Vec::new(), Vec::new());
        while let Some((above, node)) = stack.pop() {
            if !self.lacking(above, node) || !seen.insert(node) {
                continue;
            }
            match &self.graph[node] {
                Node::Absent { rel, pattern, .. } => {
                    if let Some((kind, text)) = self.words.doubt(*rel, pattern) {
                        out.say(text, kind.into(), node);
                        continue;
                    }
                    let next = self.below(node);
                    if self.rests_on_sibling(above, node) {
                        continue;
                    }
                    let choice = self.words.part(*rel).is_some_and(|p| p.0 == Part::Unsaid);
                    if choice && self.words.leaf(*rel, Detail::Middle) {
                        let text = self.words.absence(*rel, pattern);
                        unsaid.push((node, text));
                        continue;
                    }
                    if self.plain || self.words.words_absence(*rel) || next.is_empty() {
                        let mut text = self.words.absence(*rel, pattern);
                        let doubt = self.doubt_below(node);
                        if let Some((_, why)) = &doubt {
                            text.push_str(&match self.language {
                                Language::Zh => format!("（{why}）"),
                                Language::En => format!(" ({why})"),
                            });
                        }
                        if !next.is_empty() {
                            out.deeper.push(node);
                        }
                        out.say(text, doubt.map_or(Tone::NotShown, |d| d.0.into()), node);
                        continue;
                    }
                    if let Some(nearest) = next.first() {
                        stack.extend(self.below(*nearest).into_iter().rev().map(|n| (*nearest, n)));
                    }
                }
                Node::Compare { op, left, right, .. } => {
                    // Where nothing is filled in, nothing is found to be otherwise.
                    let stated = *op == CmpOp::Ne && !blank(right);
                    let tone = if stated { Tone::Otherwise } else { Tone::NotShown };
                    out.say(self.unmet(*op, left, right), tone, node);
                }
                Node::Fact { .. } => {
                    let text = self.standing(node);
                    let text = match self.language {
                        Language::Zh => format!("{text}，因此不适用"),
                        Language::En => format!("{text}, so it does not apply"),
                    };
                    out.say(text, Tone::Holds, node);
                }
                Node::Aggregate { op, result, wanted, rows, .. } => {
                    let text = self.words.aggregate(*op, result.as_ref(), wanted.as_ref(), *rows);
                    out.say(text, Tone::NotShown, node);
                }
                Node::Range { .. } => {}
                Node::Unknown { rule, literal } => undecided.push((node, self.words.literal(*rule, *literal))),
                Node::Rule { .. } | Node::Attempt { .. } => {}
            }
        }
        // Choices of reading count only where nothing else is lacking.
        for (node, text) in unsaid.into_iter().filter(|_| out.texts.is_empty()).collect::<Vec<_>>() {
            out.say(text, Tone::NotShown, node);
        }
        if out.texts.is_empty() {
            for (node, literal) in undecided {
                let text = match self.language {
                    Language::Zh => format!("尚无法判断：{literal}"),
                    Language::En => format!("not decided: {literal}"),
                };
                out.say(text, Tone::NotShown, node);
            }
        }
    }

    /// Whether every attempt at an absence lacks a row that the attempt above it lacks beside it: then it says nothing new.
    fn rests_on_sibling(&self, above: NodeIndex, node: NodeIndex) -> bool {
        let absent = |attempt: NodeIndex| -> Vec<(RelId, &Vec<Option<Value>>)> {
            let below = self.below(attempt).into_iter().filter(|n| *n != node && self.lacking(attempt, *n));
            let of = |n: NodeIndex| match &self.graph[n] {
                Node::Absent { rel, pattern, .. } => Some((*rel, pattern)),
                _ => None,
            };
            below.filter_map(of).collect()
        };
        let (siblings, attempts) = (absent(above), self.below(node));
        let rests = |attempt: &NodeIndex| absent(*attempt).iter().any(|a| siblings.contains(a));
        !siblings.is_empty() && !attempts.is_empty() && attempts.iter().all(rests)
    }

    /// A fact in words; a helper without a sentence gives way to what it rests on.
    fn standing(&self, fact: NodeIndex) -> String {
        let mut texts: Vec<String> = Vec::new();
        let mut seen = HashSet::new();
        let mut stack = vec![fact];
        while let Some(n) = stack.pop() {
            let Node::Fact { rel, values, given, .. } = &self.graph[n] else {
                stack.extend(self.below(n).into_iter().rev());
                continue;
            };
            let choice = self.words.leaf(*rel, Detail::Middle);
            if !seen.insert(n) || (n != fact && (choice || self.words.quiet(*rel))) {
                continue;
            }
            let own = if *given { self.words.row(*rel, values) } else { self.phrase(n) };
            match own {
                Some(text) if !texts.contains(&text) => texts.push(text),
                Some(_) => {}
                None if self.plain || self.below(n).is_empty() => texts.push(self.words.fact(*rel, values)),
                None => stack.extend(self.below(n).into_iter().rev()),
            }
        }
        texts.truncate(3);
        texts.join(self.language.pick("，", ", "))
    }

    /// Something that holds and thereby blocks an attempt.
    fn blocker(&mut self, attempt: NodeIndex, fact: NodeIndex) -> Option<Sentence> {
        let Node::Attempt { rule, .. } = &self.graph[attempt] else { return None };
        let rule = *rule;
        let text = self.standing(fact);
        let text = match self.language {
            Language::Zh => format!("{text}，因此不能得出该结论"),
            Language::En => format!("{text}, which stands in the way"),
        };
        let mut s = Sentence::new(text, Tone::Holds);
        s.nodes = vec![fact.index(), attempt.index()];
        s.rule = Some(self.rule(rule));
        Some(s)
    }

    /// Why what the file holds does not count, looked for below an absence.
    fn doubt_below(&self, absence: NodeIndex) -> Option<(Doubt, String)> {
        let mut best: Option<(Doubt, String)> = None;
        let mut seen = HashSet::from([absence]);
        let mut level = vec![absence];
        for _ in 0..DOUBT_DEPTH {
            let mut next = Vec::new();
            for node in level {
                for attempt in self.below(node) {
                    for child in self.below(attempt) {
                        match &self.graph[child] {
                            Node::Absent { rel, pattern, .. } => {
                                if let Some(found) = self.words.doubt(*rel, pattern)
                                    && best.as_ref().is_none_or(|b| found.0 > b.0)
                                {
                                    best = Some(found);
                                }
                                if seen.insert(child) {
                                    next.push(child);
                                }
                            }
                            Node::Compare { op: CmpOp::Ne, left, right, holds: false, at: Some(_) }
                                if left == right =>
                            {
                                best = Some((Doubt::Otherwise, self.unmet(CmpOp::Ne, left, right)));
                            }
                            _ => {}
                        }
                    }
                }
            }
            level = next;
        }
        best
    }

    /// A comparison that fails, as what holds instead.
    fn unmet(&self, op: CmpOp, left: &Value, right: &Value) -> String {
        let w = self.words;
        let (a, b) = (w.value(left), w.value(right));
        let date = w.program().types.get(left.ty.index()).is_some_and(|t| t.date);
        let margin = super::super::words::margin(w.program(), self.language, op, left, right, false);
        let mut text = match (self.language, op) {
            (Language::Zh, CmpOp::Ne) if blank(right) => "案卷未填写该项".to_owned(),
            (Language::En, CmpOp::Ne) if blank(right) => "the file leaves it blank".to_owned(),
            (Language::Zh, CmpOp::Ne) => format!("所载为“{b}”，与该项要求不符"),
            (Language::En, CmpOp::Ne) => format!("what is on file, \"{b}\", does not meet it"),
            (Language::Zh, CmpOp::Eq) => format!("须为“{b}”，而此处为“{a}”"),
            (Language::En, CmpOp::Eq) => format!("\"{b}\" is needed, and it is \"{a}\""),
            (language, op) => {
                // The test fails, so the opposite holds.
                let (zh, en) = match (op, date) {
                    (CmpOp::Lt, true) => ("不早于", "no earlier than"),
                    (CmpOp::Le, true) => ("晚于", "after"),
                    (CmpOp::Gt, true) => ("不晚于", "no later than"),
                    (CmpOp::Ge, true) => ("早于", "before"),
                    (CmpOp::Lt, false) => ("不小于", "no less than"),
                    (CmpOp::Le, false) => ("大于", "more than"),
                    (CmpOp::Gt, false) => ("不大于", "no more than"),
                    (CmpOp::Ge, false) => ("小于", "less than"),
                    (op, _) => (operator(op), operator(op)),
                };
                match language {
                    Language::Zh => format!("{a}{zh}{b}"),
                    Language::En => format!("{a} is {en} {b}"),
                }
            }
        };
        let same = left == right && matches!(op, CmpOp::Lt | CmpOp::Gt);
        let same = same.then(|| match (date, self.language) {
            (true, Language::Zh) => "两者同日".to_owned(),
            (true, Language::En) => "it is the same day".to_owned(),
            (false, Language::Zh) => "两者相等".to_owned(),
            (false, Language::En) => "they are equal".to_owned(),
        });
        if let Some(m) = same.or(margin) {
            text.push_str(&match self.language {
                Language::Zh => format!("（{m}）"),
                Language::En => format!(" ({m})"),
            });
        }
        text
    }
}
