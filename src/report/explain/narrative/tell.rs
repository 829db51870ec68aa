//! Walks a proof from what it rests on to what it concludes, and puts each sentence into its section.

use super::super::view::Detail;
use super::super::words::{self, Language, Part, Provision, Reading, Words};
use super::{Narrative, Paragraph, RuleNote, Section, Sentence, Tone, heading};
use crate::lang::program::{AggOp, CmpOp, RuleId};
use crate::proof::Explanation;
use crate::proof::graph::{Graph, Node, NodeIndex, below};
use std::collections::{BTreeMap, HashSet};

/// Most premises named in the sentence of a rule that has none of its own.
const NAMED: usize = 8;
/// Most paragraphs on what lies below what is missing.
const FOLLOWED: usize = 10;

/// Something told, with its rank in its section.
struct Told {
    rank: u32,
    lead: Option<Sentence>,
    items: Vec<Sentence>,
}

enum Step {
    Enter(NodeIndex, Option<Part>),
    Exit(NodeIndex, Part),
    Absence(NodeIndex),
}

pub(super) struct Teller<'a> {
    pub(super) graph: &'a Graph,
    pub(super) words: &'a dyn Words,
    pub(super) language: Language,
    /// No rule has a provision: rules are named.
    pub(super) plain: bool,
    /// What was said as an item, so that it is said once.
    pub(super) said: HashSet<(usize, Option<usize>, String)>,
    /// What does not follow is told as a whole: one provision may come up again with another lack.
    pub(super) whole: bool,
    pub(super) explanation: &'a Explanation,
    pub(super) beside: &'a [Vec<Explanation>],
    pub(super) told: HashSet<NodeIndex>,
    /// By answer (0 for what is common to all) and part.
    sections: BTreeMap<(usize, Part), Vec<Told>>,
    provisions: Vec<Provision>,
    rules: Vec<RuleNote>,
    pub(super) readings: BTreeMap<String, (Reading, Vec<usize>)>,
    /// What is warned of, by reading, and without one.
    pub(super) warned: BTreeMap<String, Vec<String>>,
    pub(super) flags: Vec<Sentence>,
    /// The answer being told, from 1, and whether it rests on something told before.
    pub(super) answer: usize,
    shared: bool,
}

impl<'a> Teller<'a> {
    pub(super) fn new(explanation: &'a Explanation, words: &'a dyn Words, beside: &'a [Vec<Explanation>]) -> Self {
        let program = words.program();
        let any = (0..program.rules.len()).any(|r| words.cite(RuleId(r as u32)).is_some());
        Self {
            graph: &explanation.graph,
            words,
            language: words.language(),
            plain: !any,
            said: HashSet::new(),
            whole: explanation.absence.is_some(),
            explanation,
            beside,
            told: HashSet::new(),
            sections: BTreeMap::new(),
            provisions: Vec::new(),
            rules: Vec::new(),
            readings: BTreeMap::new(),
            warned: BTreeMap::new(),
            flags: Vec::new(),
            answer: 0,
            shared: false,
        }
    }

    pub(super) fn below(&self, node: NodeIndex) -> Vec<NodeIndex> {
        below(self.graph, node).into_iter().map(|(n, _)| n).collect()
    }

    /// Whether an attempt lacks what lies below it, or is blocked by it.
    pub(super) fn lacking(&self, attempt: NodeIndex, child: NodeIndex) -> bool {
        below(self.graph, attempt).into_iter().any(|(n, link)| n == child && !link.holds)
    }

    /// The number of a provision, which is named from now on.
    pub(super) fn provision(&mut self, p: &Provision) -> usize {
        match self.provisions.iter().position(|x| x.key == p.key) {
            Some(i) => i,
            None => {
                self.provisions.push(p.clone());
                self.provisions.len() - 1
            }
        }
    }

    /// The number of a rule, which is named from now on.
    pub(super) fn rule(&mut self, id: RuleId) -> usize {
        match self.rules.iter().position(|r| r.id == id) {
            Some(i) => i,
            None => {
                let program = self.words.program();
                let place = program.place(program.rule(id).span);
                let (name, text) = (self.words.rule_name(id), self.words.rule_text(id));
                self.rules.push(RuleNote { name, place, text, id });
                self.rules.len() - 1
            }
        }
    }

    fn step_below(&self, fact: NodeIndex) -> Option<NodeIndex> {
        self.below(fact).into_iter().find(|n| matches!(self.graph[*n], Node::Rule { .. }))
    }

    pub(super) fn phrase(&self, fact: NodeIndex) -> Option<String> {
        match &self.graph[self.step_below(fact)?] {
            Node::Rule { rule, bindings } => self.words.step(*rule, bindings),
            _ => None,
        }
    }

    /// A fact in words, without its reasons.
    pub(super) fn fact_text(&self, node: NodeIndex) -> String {
        let Node::Fact { rel, values, given, .. } = &self.graph[node] else { return String::new() };
        let own = if *given { self.words.row(*rel, values) } else { self.phrase(node) };
        own.unwrap_or_else(|| self.words.fact(*rel, values))
    }

    /// Whether a fact has a sentence in the narrative.
    fn speaks(&self, node: NodeIndex) -> bool {
        let Node::Fact { rel, values, given, .. } = &self.graph[node] else { return false };
        let part = self.words.part(*rel).map(|p| p.0);
        if part == Some(Part::Unsaid) || self.words.quiet(*rel) {
            return false;
        }
        if *given {
            return self.words.row(*rel, values).is_some() || self.plain;
        }
        if self.plain {
            return !self.words.mute_relation(*rel);
        }
        self.phrase(node).is_some() && (part.is_some() || !self.words.mute_relation(*rel))
    }

    pub(super) fn put(&mut self, part: Part, rank: u32, lead: Option<Sentence>, items: Vec<Sentence>) {
        let common = matches!(part, Part::Case | Part::Role | Part::Basis);
        let key = (if common { 0 } else { self.answer }, part);
        let told = self.sections.entry(key).or_default();
        // What is said already gains nodes and rows.
        if let (Some(new), true) = (&lead, items.is_empty())
            && let Some(old) = told.iter_mut().filter_map(|t| t.lead.as_mut()).find(|l| l.text == new.text)
        {
            old.nodes.extend(new.nodes.iter().filter(|n| !old.nodes.contains(n)).copied().collect::<Vec<_>>());
            let more: Vec<String> = new.sources.iter().filter(|s| !old.sources.contains(s)).cloned().collect();
            old.sources.extend(more);
            return;
        }
        told.push(Told { rank, lead, items });
    }

    pub(super) fn finish(mut self) -> Narrative {
        self.context();
        let roots = self.explanation.roots();
        for (i, root) in roots.iter().enumerate() {
            (self.answer, self.shared) = (i + 1, false);
            match &self.graph[*root] {
                Node::Absent { .. } => self.not_shown(*root),
                _ => {
                    self.walk(*root);
                    if self.shared && i > 0 {
                        let text = self
                            .language
                            .pick("其余事实与理由见上", "the other facts and reasons are those given above");
                        self.put(Part::Reason, 9, Some(Sentence::new(text, Tone::Remark)), Vec::new());
                    }
                    self.further_proofs(*root);
                }
            }
            self.hangs_on(i);
        }
        self.narrative(&roots)
    }

    fn walk(&mut self, root: NodeIndex) {
        let mut stack = vec![Step::Enter(root, Some(Part::Result))];
        while let Some(step) = stack.pop() {
            match step {
                Step::Enter(node, inherited) => {
                    let Node::Fact { rel, given, .. } = &self.graph[node] else { continue };
                    let own = self.words.part(*rel).map(|p| p.0);
                    let skipped = self.words.quiet(*rel) || own == Some(Part::Unsaid);
                    if !self.told.insert(node) {
                        self.shared |= self.speaks(node) && !*given;
                        continue;
                    }
                    if skipped && node != root {
                        // It goes without saying, but not what was chosen for it.
                        if let Some(rule) = self.step_below(node) {
                            self.note_readings(rule);
                        }
                        continue;
                    }
                    let part = match (node == root, own, *given) {
                        (true, ..) => Part::Result,
                        (_, Some(p), _) => p,
                        (_, None, true) => Part::Basis,
                        (_, None, false) => inherited.filter(|p| *p != Part::Result).unwrap_or(Part::Reason),
                    };
                    stack.push(Step::Exit(node, part));
                    if self.words.leaf(*rel, Detail::Middle) && node != root {
                        continue;
                    }
                    if let Some(rule) = self.step_below(node) {
                        self.note_readings(rule);
                        let mut next = Vec::new();
                        for n in self.below(rule) {
                            match &self.graph[n] {
                                Node::Fact { .. } => next.push(Step::Enter(n, Some(part))),
                                Node::Absent { .. } => next.push(Step::Absence(n)),
                                Node::Aggregate { .. } => {
                                    next.extend(self.below(n).into_iter().map(|r| Step::Enter(r, Some(part))));
                                }
                                _ => {}
                            }
                        }
                        stack.extend(next.into_iter().rev());
                    }
                }
                Step::Exit(node, part) => self.say(node, part, node == root),
                Step::Absence(node) => self.exception(node),
            }
        }
    }

    fn note_readings(&mut self, rule: NodeIndex) {
        let Node::Rule { rule: id, .. } = &self.graph[rule] else { return };
        for r in self.words.readings(*id) {
            self.readings.entry(r.id.clone()).or_insert_with(|| (r, Vec::new())).1.push(rule.index());
        }
    }

    /// The sentence of a fact.
    fn say(&mut self, node: NodeIndex, part: Part, root: bool) {
        if !self.speaks(node) && !root {
            return;
        }
        let Node::Fact { rel, values, given, .. } = &self.graph[node] else { return };
        let rank = self.words.part(*rel).map_or(5, |p| p.1);
        let mut s = Sentence::new(self.fact_text(node), Tone::Holds);
        s.nodes.push(node.index());
        if *given {
            s.sources.extend(self.words.origin(*rel, values));
        } else if let Some(step) = self.step_below(node)
            && let Node::Rule { rule, .. } = &self.graph[step]
        {
            let rule = *rule;
            if !root && self.repeats(step) {
                return;
            }
            s.nodes.push(step.index());
            if self.plain && self.words.step(rule, &[]).is_none() {
                s.text = self.by_rule(&s.text, step);
            } else {
                s.text.push_str(&self.tests(step, &s.text, rule));
            }
            s.sources = self.sources(step);
            s.rule = Some(self.rule(rule));
            s.provisions = self.words.provisions(rule).iter().map(|p| self.provision(p)).collect();
        }
        self.put(part, rank, Some(s), Vec::new());
    }

    /// Whether a step only says again what rows told before say.
    fn repeats(&self, step: NodeIndex) -> bool {
        let Node::Rule { rule, .. } = &self.graph[step] else { return false };
        let mut rows = 0;
        let fine = self.below(step).into_iter().all(|n| match &self.graph[n] {
            Node::Fact { rel, given: true, .. } if !self.words.program().rel(*rel).inputs.is_empty() => {
                rows += 1;
                self.told.contains(&n) && self.speaks(n)
            }
            Node::Fact { rel, .. } => self.words.mute_relation(*rel) || self.words.quiet(*rel),
            _ => true,
        });
        self.words.mute_rule(*rule) && rows > 0 && fine
    }

    /// Rows of the file that a step rests on without a sentence in between.
    fn sources(&self, step: NodeIndex) -> Vec<String> {
        let mut out = Vec::new();
        let mut seen = HashSet::new();
        let mut stack: Vec<NodeIndex> = self.below(step).into_iter().rev().collect();
        while let Some(n) = stack.pop() {
            if !seen.insert(n) {
                continue;
            }
            match &self.graph[n] {
                Node::Fact { rel, values, given, .. } => {
                    if *given {
                        let table = self.plain || !self.words.program().rel(*rel).inputs.is_empty();
                        let place = if table { self.words.origin(*rel, values) } else { None };
                        out.extend(place.filter(|p| !out.contains(p)));
                    } else if !self.speaks(n) && !self.words.quiet(*rel) && !self.words.leaf(*rel, Detail::Middle) {
                        stack.extend(self.below(n).into_iter().rev());
                    }
                }
                Node::Rule { .. } | Node::Aggregate { .. } => stack.extend(self.below(n).into_iter().rev()),
                _ => {}
            }
        }
        out
    }

    /// Numbers behind a sentence that it does not name itself.
    fn tests(&self, step: NodeIndex, text: &str, rule: RuleId) -> String {
        let mut notes = Vec::new();
        if self.words.mute_rule(rule) {
            return String::new();
        }
        for n in self.below(step) {
            match &self.graph[n] {
                Node::Compare { op, left, right, holds: true, .. }
                    if matches!(op, CmpOp::Lt | CmpOp::Le | CmpOp::Gt | CmpOp::Ge) =>
                {
                    let margin = words::margin(self.words.program(), self.language, *op, left, right, true);
                    let said = text.contains(&self.words.value(left)) && text.contains(&self.words.value(right));
                    notes.extend(margin.filter(|_| said && left != right));
                }
                Node::Aggregate {
                    op: op @ (AggOp::Count | AggOp::Sum | AggOp::WrapSum | AggOp::Mean),
                    result,
                    rows,
                    ..
                } if result.as_ref().is_some_and(|r| !text.contains(&self.words.value(r))) => {
                    notes.push(self.words.aggregate(*op, result.as_ref(), None, *rows));
                }
                _ => {}
            }
        }
        // Of several margins nobody knows which is which.
        match (notes.len() != 1, self.language) {
            (true, _) => String::new(),
            (_, Language::Zh) => format!("（{}）", notes.join("，")),
            (_, Language::En) => format!(" ({})", notes.join(", ")),
        }
    }

    /// What a rule without a sentence concludes, from what.
    pub(super) fn by_rule(&self, conclusion: &str, step: NodeIndex) -> String {
        let Node::Rule { rule, .. } = &self.graph[step] else { return conclusion.to_owned() };
        let name = self.words.rule_name(*rule);
        let mut from = Vec::new();
        let mut stack: Vec<NodeIndex> = self.below(step).into_iter().rev().collect();
        while let Some(n) = stack.pop() {
            match &self.graph[n] {
                Node::Fact { rel, values, .. } if self.speaks(n) => from.push(self.words.fact(*rel, values)),
                Node::Absent { rel, pattern, .. } => from.push(self.words.absence(*rel, pattern)),
                Node::Compare { op, left, right, holds, .. } => {
                    from.push(self.words.comparison(*op, left, right, *holds));
                }
                Node::Aggregate { op, result, rows, .. } => {
                    from.push(self.words.aggregate(*op, result.as_ref(), None, *rows));
                }
                _ => stack.extend(self.below(n).into_iter().rev()),
            }
        }
        let more = from.len().saturating_sub(NAMED);
        from.truncate(NAMED);
        let comma = self.language.pick("、", ", ");
        let mut list = from.join(comma);
        if more > 0 {
            list.push_str(&match self.language {
                Language::Zh => format!("等（另有{more}项）"),
                Language::En => format!(" and {more} more"),
            });
        }
        match (from.is_empty(), self.language) {
            (true, Language::Zh) => format!("{conclusion}由规则{name}直接得出"),
            (true, Language::En) => format!("{conclusion} follows by rule {name}"),
            (false, Language::Zh) => format!("由{list}，按规则{name}得出{conclusion}"),
            (false, Language::En) => format!("{conclusion} follows by rule {name} from {list}"),
        }
    }

    /// A premise that something is not shown, with what was looked at.
    fn exception(&mut self, node: NodeIndex) {
        let Node::Absent { rel, pattern, .. } = &self.graph[node] else { return };
        let own = self.words.part(*rel);
        if self.words.quiet(*rel) || own.is_some_and(|p| p.0 == Part::Unsaid) || !self.told.insert(node) {
            return;
        }
        let (part, rank) = own.filter(|p| p.0 == Part::Reason).unwrap_or((Part::Exception, own.map_or(5, |p| p.1)));
        let worded = self.words.words_absence(*rel) || !self.words.mute_absence(*rel);
        let text = if worded {
            self.words.absence(*rel, pattern)
        } else {
            self.language.pick("以下各项均未查明", "none of the following is shown").to_owned()
        };
        let mut lead = Sentence::new(text, Tone::NotShown);
        lead.nodes.push(node.index());
        let items = self.lacks(node, &mut Vec::new());
        if items.is_empty() && !worded {
            return;
        }
        if !self.plain || !items.is_empty() || worded {
            self.put(part, rank, Some(lead), items);
        }
    }

    /// The whole of what does not follow: the rules that came nearest, then what they lack in turn.
    fn not_shown(&mut self, root: NodeIndex) {
        let Node::Absent { rel, pattern, .. } = &self.graph[root] else { return };
        let text = self.words.absence(*rel, pattern);
        let mut queue = std::collections::VecDeque::from([root]);
        let mut seen = HashSet::from([root]);
        let mut paragraphs = 0;
        while let Some(node) = queue.pop_front() {
            if paragraphs == FOLLOWED {
                break;
            }
            let mut follow = Vec::new();
            let mut items = self.lacks(node, &mut follow);
            if items.is_empty() && node == root {
                items.extend(self.nearest(node));
            }
            queue.extend(follow.into_iter().filter(|n| seen.insert(*n)));
            if items.is_empty() {
                continue;
            }
            paragraphs += 1;
            let Node::Absent { rel, pattern, .. } = &self.graph[node] else { continue };
            let says = if node == root {
                let zh = "所问结论尚缺以下各项";
                self.language.pick(zh, "what each rule that could conclude it lacks").to_owned()
            } else {
                self.words.absence(*rel, pattern)
            };
            let mut lead = Sentence::new(says, if node == root { Tone::Remark } else { Tone::NotShown });
            lead.nodes.push(node.index());
            self.put(Part::Reason, 5, Some(lead), items);
        }
        let mut s = Sentence::new(text, Tone::NotShown);
        s.nodes.push(root.index());
        self.put(Part::Result, 5, Some(s), Vec::new());
    }

    fn narrative(mut self, roots: &[NodeIndex]) -> Narrative {
        let language = self.language;
        let many = roots.len() > 1;
        let title = self.title(roots);
        let mut sections: Vec<Section> = Vec::new();
        for ((answer, part), mut told) in std::mem::take(&mut self.sections) {
            told.sort_by_key(|t| t.rank);
            let lacking = told.iter().all(|t| t.lead.as_ref().is_none_or(|l| l.tone != Tone::Holds));
            let (name, text) = heading(part, language, lacking);
            let silent = |s: &Sentence| s.tone == Tone::NotShown;
            let silent = told.iter().any(|t| t.lead.iter().chain(&t.items).any(silent));
            let mut paragraphs = paragraphs(told);
            if silent && !self.plain && (part == Part::Exception || self.whole && part == Part::Reason) {
                let text = language.pick(
                    "“未查明”“未见”只说明案卷所载尚不足以得出该项，并非认定其不存在",
                    "\"not shown\" says that the file does not bear it out, not that it is found to be otherwise",
                );
                paragraphs
                    .push(Paragraph { sentences: vec![Sentence::new(text, Tone::Remark)], ..Paragraph::default() });
            }
            if many && answer > 0 {
                let first = paragraphs.first_mut();
                if let Some(p) = first {
                    p.heading = Some(text.to_owned());
                }
                let heading = self.fact_text(roots[answer - 1]);
                let heading = super::tidy(&heading);
                match sections.last_mut() {
                    Some(s) if s.heading == heading && s.name == "answer" => s.paragraphs.append(&mut paragraphs),
                    _ => sections.push(Section { heading, name: "answer", paragraphs }),
                }
            } else {
                sections.push(Section { heading: text.to_owned(), name, paragraphs });
            }
        }
        let warnings = self.warnings();
        if !warnings.is_empty() {
            let heading = language.pick("提示与不同理解", "Warnings and disputed readings").to_owned();
            let paragraphs = vec![Paragraph { items: warnings, ..Paragraph::default() }];
            sections.push(Section { heading, name: "readings", paragraphs });
        }
        let notes = super::super::view::notes(self.explanation, language);
        Narrative { language, title, sections, provisions: self.provisions, rules: self.rules, notes }
    }

    fn title(&self, roots: &[NodeIndex]) -> String {
        let text = match roots {
            [one] => match &self.graph[*one] {
                Node::Absent { rel, pattern, .. } => self.words.absence(*rel, pattern),
                _ => self.fact_text(*one),
            },
            _ => match self.language {
                Language::Zh => format!("{}项结论", roots.len()),
                Language::En => format!("{} conclusions", roots.len()),
            },
        };
        super::tidy(&format!("{}{text}", self.language.pick("说明：", "Explanation: ")))
    }
}

/// Sentences without items stand together; a list stands below its lead.
fn paragraphs(told: Vec<Told>) -> Vec<Paragraph> {
    let mut out: Vec<Paragraph> = Vec::new();
    let mut open = false;
    for t in told {
        let list = !t.items.is_empty();
        match out.last_mut() {
            Some(p) if open && !list => p.sentences.extend(t.lead),
            _ => out.push(Paragraph { heading: None, sentences: t.lead.into_iter().collect(), items: t.items }),
        }
        open = !list;
    }
    out
}
