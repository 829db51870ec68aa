//! The forms in which explanations are printed, shared by every command that explains.

use super::setting::Setting;
use super::{Failure, Lang};
use crate::engine::Limit;
use crate::proof::Explanation;
use crate::proof::demand::Prover;
use crate::report::explain::svg::SvgOptions;
use crate::report::explain::tree::TreeOptions;
use crate::report::explain::view::{Detail, View};
use crate::report::explain::words::{Language, Words};
use crate::report::explain::{dot, graphml, html, json, mermaid, narrative, svg, tree};
use std::io::Write;

/// Form of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// A tree of lines.
    Text,
    /// Prose in sections.
    Narrative,
    /// Graphviz source.
    Dot,
    /// A picture.
    Svg,
    /// A Mermaid flowchart.
    Mermaid,
    /// The graph as data.
    Json,
    /// The graph as data for graph editors.
    Graphml,
    /// One page with prose and picture, to read or to print.
    Html,
}

/// How much is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Depth {
    /// Facts, rules, absences.
    Short,
    /// Comparisons and aggregates as well.
    Middle,
    /// Everything, helpers and variables included.
    Full,
}

/// Arguments on the form.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct Form {
    /// Form of the answer
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    /// How much is shown
    #[arg(long, value_enum, default_value_t = Depth::Middle)]
    pub detail: Depth,
}

/// What stands around an explanation.
#[derive(Clone, Copy, Debug, Default)]
pub struct Around<'a> {
    /// A line above it, where people read lines.
    pub head: &'a str,
    /// What hangs on each answer.
    pub beside: &'a [Vec<Explanation>],
    /// Version, rules, day and choices, in the head of a page.
    pub about: &'a [String],
}

impl Form {
    /// The detail of views.
    pub fn detail(&self) -> Detail {
        match self.detail {
            Depth::Short => Detail::Short,
            Depth::Middle => Detail::Middle,
            Depth::Full => Detail::Full,
        }
    }

    /// Bounds of the explanation that this form needs.
    pub fn options(&self) -> crate::proof::Options {
        match self.format {
            Format::Narrative | Format::Html => narrative::options(),
            _ => crate::proof::Options::default(),
        }
    }

    /// What hangs on the answers, where this form tells it.
    pub fn beside(&self, prover: &mut Prover<'_>, explanation: &Explanation) -> Result<Vec<Vec<Explanation>>, Limit> {
        match self.format {
            Format::Narrative | Format::Html => narrative::beside(prover, explanation),
            _ => Ok(Vec::new()),
        }
    }

    /// Writes an explanation with what stands around it.
    pub fn write(
        &self,
        explanation: &Explanation,
        around: &Around<'_>,
        words: &dyn Words,
        out: &mut dyn Write,
    ) -> Result<(), Failure> {
        let Around { head, beside, about } = around;
        let view = View::of(explanation, words, self.detail());
        match self.format {
            Format::Text => {
                write!(out, "{head}\n\n{}", tree::render(&view, &TreeOptions::default()))?;
            }
            Format::Narrative => {
                write!(out, "{}", narrative::render(&narrative::narrate_with(explanation, beside, words)))?;
            }
            Format::Dot => write!(out, "{}", dot::render(&view))?,
            Format::Svg => write!(out, "{}", svg::render(&view, &SvgOptions::default()))?,
            Format::Mermaid => write!(out, "{}", mermaid::render(&view))?,
            Format::Graphml => write!(out, "{}", graphml::render(&view))?,
            Format::Html => {
                let told = narrative::narrate_with(explanation, beside, words);
                let about = about.to_vec();
                write!(out, "{}", html::render(explanation, &view, &told, &html::PageOptions { about }))?;
            }
            Format::Json => {
                let text = json::render(explanation, &view).map_err(|e| Failure::Limit(e.to_string()))?;
                writeln!(out, "{text}")?;
            }
        }
        Ok(())
    }
}

/// The language of explanations.
pub fn language(setting: &Setting) -> Language {
    match setting.lang {
        Lang::Zh => Language::Zh,
        Lang::En => Language::En,
    }
}

/// A limit that was met, in the language of the setting.
pub fn limit(setting: &Setting) -> impl Fn(Limit) -> Failure + use<> {
    let language = language(setting);
    move |limit| Failure::Limit(crate::report::limit::text(&limit, language))
}

/// The refusal of a form that a command does not have.
pub fn only_text_or_json(setting: &Setting) -> Failure {
    Failure::Usage(
        setting
            .say("E0623: 此命令只有 text 和 json 两种形式", "E0623: this command has the forms text and json only")
            .to_owned(),
    )
}
