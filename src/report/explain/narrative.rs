//! An explanation as prose: sections of sentences, each with the nodes it speaks of. `tell` walks the proof, `lacks` says what
//! was looked for and not shown, `text` prints. Which section a fact belongs to is said by the rulebook.

mod around;
mod beside;
mod lacks;
mod tell;
mod text;

use super::words::{Doubt, Language, Part, Provision, Words};
use crate::lang::program::RuleId;
use crate::proof::{Explanation, Options};

pub use beside::beside;
pub use text::{numbered, render, tidy};

/// How a sentence stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tone {
    /// It holds.
    Holds,
    /// It is not shown: nothing on file says so.
    NotShown,
    /// It is on file, but only as alleged.
    Alleged,
    /// It is on file that it is otherwise.
    Otherwise,
    /// A warning.
    Warning,
    /// A remark on the text itself.
    Remark,
}

impl Tone {
    /// Stable name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Holds => "holds",
            Self::NotShown => "not-shown",
            Self::Alleged => "alleged",
            Self::Otherwise => "otherwise",
            Self::Warning => "warning",
            Self::Remark => "remark",
        }
    }
}

impl From<Doubt> for Tone {
    fn from(d: Doubt) -> Self {
        match d {
            Doubt::Alleged => Self::Alleged,
            Doubt::Otherwise => Self::Otherwise,
        }
    }
}

/// A sentence, without the signs that end it.
#[derive(Clone, Debug)]
pub struct Sentence {
    /// What is said.
    pub text: String,
    /// How it stands.
    pub tone: Tone,
    /// Nodes it speaks of, by number in the engine's graph.
    pub nodes: Vec<usize>,
    /// The provision that it is about, named before it.
    pub about: Option<usize>,
    /// Provisions it rests on, by index into [`Narrative::provisions`].
    pub provisions: Vec<usize>,
    /// The rule it comes from, by index into [`Narrative::rules`].
    pub rule: Option<usize>,
    /// Rows it comes from: `file:line`.
    pub sources: Vec<String>,
}

impl Sentence {
    fn new(text: impl Into<String>, tone: Tone) -> Self {
        let text = tidy(&text.into());
        Self { text, tone, nodes: Vec::new(), about: None, provisions: Vec::new(), rule: None, sources: Vec::new() }
    }
}

/// Sentences that stand together.
#[derive(Clone, Debug, Default)]
pub struct Paragraph {
    /// A heading of its own.
    pub heading: Option<String>,
    /// Sentences one after the other.
    pub sentences: Vec<Sentence>,
    /// Sentences that are listed below.
    pub items: Vec<Sentence>,
}

/// A section.
#[derive(Clone, Debug)]
pub struct Section {
    /// What people read.
    pub heading: String,
    /// Stable name.
    pub name: &'static str,
    /// Its paragraphs.
    pub paragraphs: Vec<Paragraph>,
}

/// A rule a sentence comes from.
#[derive(Clone, Debug)]
pub struct RuleNote {
    /// Its name.
    pub name: String,
    /// `file:line`.
    pub place: String,
    /// As it was written.
    pub text: String,
    id: RuleId,
}

/// An explanation as prose.
#[derive(Clone, Debug)]
pub struct Narrative {
    /// Its language.
    pub language: Language,
    /// What it explains.
    pub title: String,
    /// Sections in the order in which they are read.
    pub sections: Vec<Section>,
    /// Provisions named, in order of their first mention.
    pub provisions: Vec<Provision>,
    /// Rules used, in order of their first mention.
    pub rules: Vec<RuleNote>,
    /// Remarks on the whole.
    pub notes: Vec<String>,
}

/// Bounds of an explanation that is to be told: every absence is examined down to what the file lacks.
#[must_use]
pub fn options() -> Options {
    Options { absence_depth: 8, why_not_depth: 8, attempts: 16, most_nodes: 6000, ..Options::default() }
}

/// Tells an explanation.
#[must_use]
pub fn narrate(explanation: &Explanation, words: &dyn Words) -> Narrative {
    tell::Teller::new(explanation, words, &[]).finish()
}

/// Tells an explanation, with what hangs on each answer: see [`beside()`].
#[must_use]
pub fn narrate_with(explanation: &Explanation, beside: &[Vec<Explanation>], words: &dyn Words) -> Narrative {
    tell::Teller::new(explanation, words, beside).finish()
}

fn heading(part: Part, language: Language, all_lacking: bool) -> (&'static str, &'static str) {
    let (name, zh, en) = match part {
        Part::Case => ("case", "案件", "The case"),
        Part::Role => ("role", "当事环节", "Who handled what"),
        Part::Basis => ("basis", "依据", "Facts and provisions"),
        Part::Reason => ("reason", "理由", "Reasons"),
        Part::Exception if all_lacking => ("exception", "例外为何不适用", "Why no exception applies"),
        Part::Exception => ("exception", "例外及其适用", "Exceptions"),
        Part::Result | Part::Warning | Part::Unsaid => ("result", "最终结论", "Conclusion"),
    };
    (name, language.pick(zh, en))
}
