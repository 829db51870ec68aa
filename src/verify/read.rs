//! The text of a certificate to its parts. Every deviation from the format is noted; what could be read is read.

use super::problem::{Both, Kind, Problem, both, data};
use super::term;
use super::tree::Tree;
use crate::lang::date;
use crate::lang::program::{Const, Prim, Program, RelId};

/// What `format` says.
pub const FORMAT: &str = "zhuize.certificate";
/// The one version that is understood.
pub const VERSION: i64 = 1;

/// A fact.
#[derive(Clone, Debug, PartialEq)]
pub struct Fact {
    /// Relation.
    pub rel: RelId,
    /// Values, one per column.
    pub values: Vec<Const>,
}

/// What is said of a column of a pattern.
#[derive(Clone, Debug, PartialEq)]
pub enum Slot {
    /// This value.
    Value(Const),
    /// Any value.
    Open,
    /// The value of that earlier column.
    Same(usize),
}

/// A conclusion, or an absence.
#[derive(Clone, Debug)]
pub struct Claim {
    /// Relation.
    pub rel: RelId,
    /// One per column; values only when it holds.
    pub slots: Vec<Slot>,
    /// A fact, or no row of the pattern.
    pub holds: bool,
    /// The id of the fact, when it holds.
    pub fact: Option<String>,
}

/// What the claims are answers of.
#[derive(Clone, Debug)]
pub struct Question {
    /// Relation.
    pub rel: RelId,
    /// One per column.
    pub slots: Vec<Slot>,
    /// Answers that are not claimed.
    pub left_out: usize,
}

/// A given fact.
#[derive(Clone, Debug)]
pub struct Given {
    /// Its id.
    pub id: String,
    /// The fact.
    pub fact: Fact,
    /// `file:line`, if named.
    pub origin: Option<String>,
}

/// Which rule a step applies.
#[derive(Clone, Debug)]
pub struct RuleRef {
    /// Stable name.
    pub name: String,
    /// `file:line`.
    pub place: String,
    /// Which of the kernel rules of the clause, from 1.
    pub part: i64,
    /// blake3 hash of the clause's text.
    pub clause: String,
}

/// A premise as listed.
#[derive(Clone, Debug)]
pub enum Premise {
    /// A fact by its id.
    Fact(String),
    /// No row of this pattern.
    Absent(RelId, Vec<Slot>),
    /// Operator and both values.
    Compare(String, Const, Const),
    /// Value, from, to, step.
    Range(Const, Const, Const, Option<Const>),
    /// Operator, group, ids of the rows, result.
    Aggregate(String, Vec<Const>, Vec<String>, Const),
}

/// A rule applied.
#[derive(Clone, Debug)]
pub struct Step {
    /// Its id.
    pub id: String,
    /// What it concludes.
    pub fact: Fact,
    /// The rule.
    pub rule: RuleRef,
    /// Name and value of each variable.
    pub bindings: Vec<(String, Const)>,
    /// One premise per literal; `None` where it could not be read.
    pub premises: Vec<Option<Premise>>,
}

/// A certificate that could be read as a whole or in part.
#[derive(Clone, Debug, Default)]
pub struct Certificate {
    /// File and hash.
    pub rules: Vec<(String, String)>,
    /// What was asked, where that is said.
    pub question: Option<Question>,
    /// Each with its place in the text.
    pub claims: Vec<(String, Claim)>,
    /// Each with its place in the text.
    pub given: Vec<(String, Given)>,
    /// Each with its place in the text.
    pub steps: Vec<(String, Step)>,
}

/// Reads a certificate.
pub(super) fn read(program: &Program, text: &str) -> (Certificate, Vec<Problem>) {
    let mut r = Reader { program, problems: Vec::new() };
    let tree: Tree = match serde_json::from_str(text) {
        Ok(t) => t,
        Err(e) => {
            r.add(Kind::Unreadable, "$", data(e.to_string()), both("JSON 文本", "JSON text"));
            return (Certificate::default(), r.problems);
        }
    };
    let c = r.certificate(&tree).unwrap_or_default();
    (c, r.problems)
}

struct Reader<'p> {
    program: &'p Program,
    problems: Vec<Problem>,
}

impl Reader<'_> {
    fn add(&mut self, kind: Kind, at: &str, found: Both, expected: Both) {
        self.problems.push(Problem { kind, at: at.to_owned(), found, expected });
    }

    fn shape(&mut self, at: &str, tree: &Tree, zh: &str, en: &str) {
        self.add(Kind::Shape, at, data(tree.describe()), both(zh, en));
    }

    /// The fields of an object: exactly those.
    fn fields<'t, const N: usize>(
        &mut self,
        at: &str,
        tree: &'t Tree,
        names: [&str; N],
        optional: &[&str],
    ) -> Option<[Option<&'t Tree>; N]> {
        let Tree::Map(map) = tree else {
            self.shape(at, tree, "对象", "an object");
            return None;
        };
        let mut out = [None; N];
        for (key, value) in map {
            match names.iter().position(|n| n == key) {
                None => {
                    let wanted = names.join(", ");
                    self.add(
                        Kind::Shape,
                        at,
                        both(format!("字段 `{key}`"), format!("a field `{key}`")),
                        both(format!("只有 {wanted}"), format!("only {wanted}")),
                    );
                }
                Some(i) if out[i].is_some() => {
                    self.add(
                        Kind::Shape,
                        at,
                        both(format!("字段 `{key}` 两次"), format!("the field `{key}` twice")),
                        both("一次", "once"),
                    );
                }
                Some(i) => out[i] = Some(value),
            }
        }
        let mut whole = true;
        for (name, value) in names.iter().zip(&out) {
            if value.is_none() && !optional.contains(name) {
                whole = false;
                self.add(
                    Kind::Shape,
                    at,
                    both(format!("没有字段 `{name}`"), format!("no field `{name}`")),
                    both("有", "one"),
                );
            }
        }
        whole.then_some(out)
    }

    fn text(&mut self, at: &str, tree: &Tree) -> Option<String> {
        if let Tree::Text(s) = tree {
            return Some(s.clone());
        }
        self.shape(at, tree, "文本", "text");
        None
    }

    fn list<'t>(&mut self, at: &str, tree: &'t Tree) -> Option<&'t [Tree]> {
        if let Tree::List(l) = tree {
            return Some(l);
        }
        self.shape(at, tree, "列表", "a list");
        None
    }

    fn certificate(&mut self, tree: &Tree) -> Option<Certificate> {
        let names = ["format", "version", "rules", "claims", "given", "steps", "question"];
        let [format, version, rules, claims, given, steps, question] = self.fields("$", tree, names, &names)?;
        for (name, value) in names.iter().zip([format, version, rules, claims, given, steps]) {
            if value.is_none() {
                let found = both(format!("没有字段 `{name}`"), format!("no field `{name}`"));
                self.add(Kind::Shape, "$", found, both("有", "one"));
            }
        }
        if let Some(t) = format
            && *t != Tree::Text(FORMAT.into())
        {
            self.add(Kind::Format, "format", data(t.describe()), data(format!("{FORMAT:?}")));
        }
        if let Some(t) = version
            && *t != Tree::Whole(VERSION)
        {
            self.add(Kind::Format, "version", data(t.describe()), data(VERSION.to_string()));
        }
        let mut out = Certificate::default();
        for (i, t) in rules.and_then(|t| self.list("rules", t)).unwrap_or_default().iter().enumerate() {
            let at = format!("rules[{i}]");
            if let Some([Some(file), Some(hash)]) = self.fields(&at, t, ["file", "blake3"], &[])
                && let (Some(file), Some(hash)) = (self.text(&at, file), self.text(&at, hash))
            {
                out.rules.push((file, hash));
            }
        }
        out.question = question.and_then(|t| self.question(t));
        let list = claims.and_then(|t| self.list("claims", t)).unwrap_or_default();
        if claims.is_some() && list.is_empty() {
            self.add(Kind::Claim, "claims", both("没有主张", "no claim"), both("至少一项", "at least one"));
        }
        for (i, t) in list.iter().enumerate() {
            let at = format!("claims[{i}]");
            out.claims.extend(self.claim(&at, t).map(|c| (at, c)));
        }
        for (i, t) in given.and_then(|t| self.list("given", t)).unwrap_or_default().iter().enumerate() {
            let at = format!("given[{i}]");
            out.given.extend(self.given(&at, t).map(|g| (at, g)));
        }
        for (i, t) in steps.and_then(|t| self.list("steps", t)).unwrap_or_default().iter().enumerate() {
            let at = format!("steps[{i}]");
            out.steps.extend(self.step(&at, t).map(|s| (at, s)));
        }
        Some(out)
    }

    fn question(&mut self, tree: &Tree) -> Option<Question> {
        let [rel, values, left_out] = self.fields("question", tree, ["relation", "values", "left_out"], &[])?;
        let rel = self.relation("question", rel?)?;
        let slots = self.slots("question", rel, values?);
        let count = match left_out? {
            Tree::Whole(n) => usize::try_from(*n).ok(),
            _ => None,
        };
        if count.is_none() {
            self.shape("question.left_out", left_out?, "自零起的整数", "a whole number from 0");
        }
        Some(Question { rel, slots: slots?, left_out: count? })
    }

    fn claim(&mut self, at: &str, tree: &Tree) -> Option<Claim> {
        let names = ["relation", "values", "holds", "fact"];
        let [rel, values, holds, fact] = self.fields(at, tree, names, &["fact"])?;
        let rel = self.relation(at, rel?)?;
        let slots = self.slots(at, rel, values?)?;
        let Tree::Bool(holds) = *holds? else {
            self.shape(&format!("{at}.holds"), holds?, "true 或 false", "true or false");
            return None;
        };
        if holds && !slots.iter().all(|s| matches!(s, Slot::Value(_))) {
            let found = both("未定的取值", "a value left open");
            self.add(Kind::Claim, at, found, both("每列一个值", "a value in each column"));
            return None;
        }
        let fact = match fact {
            None => None,
            Some(t) => Some(self.text(&format!("{at}.fact"), t)?),
        };
        if fact.is_some() != holds {
            let found = if holds { both("没有 fact", "no fact") } else { both("fact", "a fact") };
            let expected = if holds {
                both("成立的主张写明 fact", "a fact where the claim holds")
            } else {
                both("不成立的主张没有 fact", "none where the claim does not hold")
            };
            self.add(Kind::Claim, at, found, expected);
            return None;
        }
        Some(Claim { rel, slots, holds, fact })
    }

    fn given(&mut self, at: &str, tree: &Tree) -> Option<Given> {
        let names = ["id", "relation", "values", "origin"];
        let [id, rel, values, origin] = self.fields(at, tree, names, &["origin"])?;
        let id = self.text(&format!("{at}.id"), id?);
        let fact = self.fact(at, rel?, values?);
        let origin = match origin {
            None => None,
            Some(t) => Some(self.text(&format!("{at}.origin"), t)?),
        };
        Some(Given { id: id?, fact: fact?, origin })
    }

    fn step(&mut self, at: &str, tree: &Tree) -> Option<Step> {
        let names = ["id", "relation", "values", "rule", "bindings", "premises"];
        let [id, rel, values, rule, bindings, premises] = self.fields(at, tree, names, &[])?;
        let id = self.text(&format!("{at}.id"), id?);
        let fact = self.fact(at, rel?, values?);
        let rule = self.rule(&format!("{at}.rule"), rule?);
        let mut named = Some(Vec::new());
        match bindings? {
            Tree::Map(map) => {
                for (name, t) in map {
                    let value = self.value(&format!("{at}.bindings.{name}"), t);
                    match (&mut named, value) {
                        (Some(list), Some(v)) => list.push((name.clone(), v)),
                        _ => named = None,
                    }
                }
            }
            other => {
                self.shape(&format!("{at}.bindings"), other, "对象", "an object");
                named = None;
            }
        }
        let list = self.list(&format!("{at}.premises"), premises?)?;
        let mut read = Vec::with_capacity(list.len());
        for (i, t) in list.iter().enumerate() {
            read.push(self.premise(&format!("{at}.premises[{i}]"), t));
        }
        Some(Step { id: id?, fact: fact?, rule: rule?, bindings: named?, premises: read })
    }

    fn rule(&mut self, at: &str, tree: &Tree) -> Option<RuleRef> {
        let [name, place, part, clause] = self.fields(at, tree, ["name", "place", "part", "clause"], &[])?;
        let name = self.text(&format!("{at}.name"), name?);
        let place = self.text(&format!("{at}.place"), place?);
        let clause = self.text(&format!("{at}.clause"), clause?);
        let Tree::Whole(part) = *part? else {
            self.shape(&format!("{at}.part"), part?, "整数", "a whole number");
            return None;
        };
        Some(RuleRef { name: name?, place: place?, part, clause: clause? })
    }

    fn premise(&mut self, at: &str, tree: &Tree) -> Option<Premise> {
        let (zh, en) =
            ("fact、absent、compare、range、aggregate 之一", "one of fact, absent, compare, range, aggregate");
        let Tree::Map(map) = tree else {
            self.shape(at, tree, zh, en);
            return None;
        };
        let [(kind, body)] = map.as_slice() else {
            self.shape(at, tree, zh, en);
            return None;
        };
        let at = format!("{at}.{kind}");
        match kind.as_str() {
            "fact" => Some(Premise::Fact(self.text(&at, body)?)),
            "absent" => {
                let [rel, values] = self.fields(&at, body, ["relation", "values"], &[])?;
                let rel = self.relation(&at, rel?)?;
                Some(Premise::Absent(rel, self.slots(&at, rel, values?)?))
            }
            "compare" => {
                let [op, left, right] = self.fields(&at, body, ["op", "left", "right"], &[])?;
                let (op, left, right) = (self.text(&at, op?), self.value(&at, left?), self.value(&at, right?));
                Some(Premise::Compare(op?, left?, right?))
            }
            "range" => {
                let names = ["value", "from", "to", "step"];
                let [value, from, to, step] = self.fields(&at, body, names, &["step"])?;
                let (value, from, to) = (self.value(&at, value?), self.value(&at, from?), self.value(&at, to?));
                let step = match step {
                    None => None,
                    Some(t) => Some(self.value(&at, t)?),
                };
                Some(Premise::Range(value?, from?, to?, step))
            }
            "aggregate" => {
                let names = ["op", "group", "rows", "result"];
                let [op, group, rows, result] = self.fields(&at, body, names, &[])?;
                let (op, result) = (self.text(&at, op?), self.value(&at, result?));
                let mut keys = Vec::new();
                for t in self.list(&format!("{at}.group"), group?)? {
                    keys.push(self.value(&format!("{at}.group"), t)?);
                }
                let mut ids = Vec::new();
                for t in self.list(&format!("{at}.rows"), rows?)? {
                    ids.push(self.text(&format!("{at}.rows"), t)?);
                }
                Some(Premise::Aggregate(op?, keys, ids, result?))
            }
            _ => {
                self.shape(&at, tree, zh, en);
                None
            }
        }
    }

    fn relation(&mut self, at: &str, tree: &Tree) -> Option<RelId> {
        let name = self.text(&format!("{at}.relation"), tree)?;
        let rel = self.program.relation(&name);
        if rel.is_none() {
            let expected = both("规则中的关系", "a relation of the rules");
            self.add(Kind::Typing, &format!("{at}.relation"), data(format!("{name:?}")), expected);
        }
        rel
    }

    fn fact(&mut self, at: &str, rel: &Tree, values: &Tree) -> Option<Fact> {
        let rel = self.relation(at, rel)?;
        let slots = self.slots(at, rel, values)?;
        let mut out = Vec::with_capacity(slots.len());
        for s in slots {
            let Slot::Value(v) = s else {
                let found = both("未定的取值", "a value left open");
                self.add(Kind::Shape, at, found, both("每列一个值", "a value in each column"));
                return None;
            };
            out.push(v);
        }
        Some(Fact { rel, values: out })
    }

    /// The values of a pattern, of the types of the relation's columns.
    fn slots(&mut self, at: &str, rel: RelId, tree: &Tree) -> Option<Vec<Slot>> {
        let at = format!("{at}.values");
        let list = self.list(&at, tree)?;
        let columns = &self.program.rel(rel).columns;
        if list.len() != columns.len() {
            let found = both(format!("{} 个值", list.len()), format!("{} values", list.len()));
            let expected = both(format!("{} 个", columns.len()), columns.len().to_string());
            self.add(Kind::Typing, &at, found, expected);
            return None;
        }
        let mut out = Vec::with_capacity(list.len());
        let mut sound = true;
        for (i, (t, column)) in list.iter().zip(columns).enumerate() {
            let at = format!("{at}[{i}]");
            let slot = match t {
                Tree::Null => Some(Slot::Open),
                Tree::Map(m) if matches!(m.as_slice(), [(k, _)] if k == "same") => match m[0].1 {
                    Tree::Whole(n) if usize::try_from(n).is_ok_and(|n| n < i && columns[n].prim == column.prim) => {
                        Some(Slot::Same(n as usize))
                    }
                    _ => {
                        self.shape(&at, &m[0].1, "同类型的前列序号", "the number of an earlier column of its type");
                        None
                    }
                },
                t => self.value(&at, t).and_then(|v| {
                    let prim = term::prim(&v);
                    if prim == column.prim {
                        return Some(Slot::Value(v));
                    }
                    let name = |p: Prim| data(crate::lang::prim_name(p));
                    self.add(Kind::Typing, &at, name(prim), name(column.prim));
                    None
                }),
            };
            sound &= slot.is_some();
            out.extend(slot);
        }
        sound.then_some(out)
    }

    fn value(&mut self, at: &str, tree: &Tree) -> Option<Const> {
        let value = match tree {
            Tree::Text(s) => Some(Const::Symbol(s.as_str().into())),
            Tree::Whole(n) => i32::try_from(*n).ok().map(Const::Number),
            Tree::Map(m) => match m.as_slice() {
                [(k, Tree::Text(s))] if k == "date" => date::parse_iso(s).map(Const::Number),
                [(k, Tree::Whole(n))] if k == "unsigned" => u32::try_from(*n).ok().map(Const::Unsigned),
                [(k, Tree::Text(s))] if k == "float" => {
                    s.parse().ok().filter(|f: &f32| !f.is_nan()).map(|f| Const::Float(term::plain(f)))
                }
                _ => None,
            },
            _ => None,
        };
        if value.is_none() {
            self.shape(
                at,
                tree,
                "文本、32 位整数、{date}、{unsigned} 或 {float}",
                "text, a 32-bit number, {date}, {unsigned} or {float}",
            );
        }
        value
    }
}
