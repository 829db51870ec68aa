//! A narrative as lines of text.

use super::super::measure::wrap;
use super::super::words::Language;
use super::{Narrative, Sentence, Tone};

const WIDTH: usize = 100;

/// Text from data made fit to stand in a line: control characters and marks that turn the direction of writing go.
#[must_use]
pub fn tidy(text: &str) -> String {
    text.chars()
        .filter_map(|c| match c {
            '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' => None,
            c if c.is_control() => Some(' '),
            c => Some(c),
        })
        .collect()
}

fn numeral(n: usize, language: Language) -> String {
    const DIGITS: [&str; 10] = ["", "一", "二", "三", "四", "五", "六", "七", "八", "九"];
    match language {
        Language::En => format!("{n}."),
        Language::Zh => {
            let tens = match n / 10 {
                0 => String::new(),
                1 => "十".to_owned(),
                t => format!("{}十", DIGITS.get(t).copied().unwrap_or("")),
            };
            format!("{tens}{}、", DIGITS[n % 10])
        }
    }
}

/// The heading of a section with its number, counted from 0.
#[must_use]
pub fn numbered(at: usize, heading: &str, language: Language) -> String {
    let space = language.pick("", " ");
    format!("{}{space}{heading}", numeral(at + 1, language))
}

impl Sentence {
    /// The sentence with a capital where its language has one.
    #[must_use]
    pub fn opening(&self, language: Language) -> String {
        let word: String = self.text.chars().take_while(|c| !c.is_whitespace() && !matches!(c, ',' | ':')).collect();
        let plain = !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase());
        match (language, self.text.chars().next()) {
            (Language::En, Some(c)) if plain => format!("{}{}", c.to_ascii_uppercase(), &self.text[c.len_utf8()..]),
            _ => self.text.clone(),
        }
    }
}

impl Narrative {
    /// How a sentence names a provision: the instrument stands beside it where several are named.
    #[must_use]
    pub fn provision(&self, at: usize) -> String {
        let p = &self.provisions[at];
        if self.instruments().len() < 2 {
            return p.text.clone();
        }
        match self.language {
            Language::Zh => format!("《{}》的{}", p.instrument, p.text),
            Language::En => format!("{} of {}", p.text, p.instrument),
        }
    }

    /// Instruments named, in order of their first mention.
    #[must_use]
    pub fn instruments(&self) -> Vec<&str> {
        let mut out: Vec<&str> = Vec::new();
        for p in &self.provisions {
            if !out.contains(&p.instrument.as_str()) {
                out.push(&p.instrument);
            }
        }
        out
    }

    /// The provision that a sentence is about, with what it says, as it stands before the sentence; may be empty.
    #[must_use]
    pub fn about(&self, s: &Sentence) -> String {
        let Some(at) = s.about else { return String::new() };
        let gist = self.provisions[at].gist.trim_end_matches(['。', '.']);
        match (self.language, gist.is_empty()) {
            (Language::Zh, true) => format!("{}：", self.provision(at)),
            (Language::Zh, false) => format!("{}（{gist}）：", self.provision(at)),
            (Language::En, true) => format!("{}: ", self.provision(at)),
            (Language::En, false) => format!("{} ({gist}): ", self.provision(at)),
        }
    }

    fn line(&self, s: &Sentence) -> String {
        let mut out = self.about(s);
        out.push_str(&if out.is_empty() { s.opening(self.language) } else { s.text.clone() });
        if s.tone != Tone::Remark && !s.provisions.is_empty() {
            let named: Vec<String> = s.provisions.iter().map(|p| self.provision(*p)).collect();
            out.push_str(&match self.language {
                Language::Zh => format!("（{}）", named.join("、")),
                Language::En => format!(" ({})", named.join(", ")),
            });
        }
        if !s.sources.is_empty() {
            out.push_str(&match self.language {
                Language::Zh => format!("〔{}〕", tidy(&s.sources.join("；"))),
                Language::En => format!(" [{}]", tidy(&s.sources.join("; "))),
            });
        }
        out
    }
}

/// Prints a narrative.
#[must_use]
pub fn render(n: &Narrative) -> String {
    let language = n.language;
    let (stop, between) = (language.pick("。", "."), language.pick("", " "));
    let mut out = String::new();
    let push = |out: &mut String, indent: &str, hang: &str, text: &str| {
        for (i, line) in wrap(text, WIDTH - indent.len()).into_iter().enumerate() {
            out.push_str(if i == 0 { indent } else { hang });
            out.push_str(&line);
            out.push('\n');
        }
    };
    push(&mut out, "", "", &n.title);
    for (at, section) in n.sections.iter().enumerate() {
        out.push('\n');
        push(&mut out, "", "", &numbered(at, &section.heading, language));
        for p in &section.paragraphs {
            if let Some(h) = &p.heading {
                push(&mut out, "  ", "  ", &format!("{h}{}", language.pick("：", ":")));
            }
            if !p.sentences.is_empty() {
                let last = p.sentences.len() - 1;
                let end = |i: usize| if i == last && !p.items.is_empty() { language.pick("：", ":") } else { stop };
                let lines: Vec<String> =
                    p.sentences.iter().enumerate().map(|(i, s)| format!("{}{}", n.line(s), end(i))).collect();
                push(&mut out, "  ", "  ", &lines.join(between));
            }
            for s in &p.items {
                push(&mut out, "  - ", "    ", &format!("{}{stop}", n.line(s)));
            }
        }
    }
    for note in &n.notes {
        push(&mut out, "* ", "  ", &format!("{note}{stop}"));
    }
    out
}
