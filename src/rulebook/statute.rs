//! The plain texts of the instruments, for a user who has them: articles, items, numbered sub-items, found by the form of
//! their headings alone, and compared with the outline.
//!
//! A text file holds one instrument or several, one after the other; each begins anew at article one. Headings stand at the
//! beginning of a line, behind marks such as `#`, `-` or `**`. Paragraphs are not compared: in texts taken from printed
//! pages the ends of lines do not show where one ends.

use super::Rulebook;
use super::legal;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// A heading with its text up to the next heading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passage {
    /// Article, then items from outer to inner.
    pub path: Vec<u32>,
    /// Line of the heading.
    pub line: usize,
    /// The text, lines as they stand, without blank lines.
    pub text: Vec<String>,
}

/// One instrument's text.
#[derive(Clone, Debug, Default)]
pub struct Statute {
    /// File name.
    pub file: String,
    /// What stands before article one, without blanks and marks.
    pub title: String,
    /// Passages in order.
    pub passages: Vec<Passage>,
}

/// A number in Chinese or Arabic digits, below 1000.
fn number(text: &str) -> Option<u32> {
    if text.is_empty() {
        return None;
    }
    if text.chars().all(|c| c.is_ascii_digit()) {
        return text.parse().ok();
    }
    let (mut total, mut digit) = (0, None);
    for c in text.chars() {
        let d = legal::DIGITS.iter().position(|d| d.starts_with(c));
        match (c, d) {
            ('〇', _) => digit = Some(0),
            (_, Some(d)) => digit = Some(d as u32),
            ('十', _) => total += digit.take().unwrap_or(1) * 10,
            ('百', _) => total += digit.take().unwrap_or(1) * 100,
            _ => return None,
        }
    }
    Some(total + digit.unwrap_or(0))
}

/// What a line begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Heading {
    Article(u32),
    Item(u32),
    Numbered(u32),
}

/// The heading of a line, if it begins with one.
fn heading(line: &str) -> Option<Heading> {
    let line = line.trim_start_matches(|c: char| c.is_whitespace() || matches!(c, '#' | '*' | '-' | '>' | '\u{feff}'));
    if let Some(rest) = line.strip_prefix('第') {
        let (n, after) = rest.split_once('条')?;
        // A line of running text may begin with a reference: a heading is followed by a blank or a mark.
        let ends = after.starts_with(|c: char| c.is_whitespace() || c == '*' || c == '　') || after.is_empty();
        return number(n.trim()).filter(|_| ends && n.chars().count() <= 7).map(Heading::Article);
    }
    if let Some(rest) = line.strip_prefix(['（', '(']) {
        let (n, _) = rest.split_once(['）', ')'])?;
        return number(n.trim()).filter(|n| (1..100).contains(n)).map(Heading::Item);
    }
    let end = line.find(|c: char| !c.is_ascii_digit())?;
    let (n, rest) = line.split_at(end);
    let mut rest = rest.trim_start().chars();
    let mark = matches!(rest.next(), Some('、' | '.' | '．'));
    let decimal = rest.next().is_some_and(|c| c.is_ascii_digit());
    (mark && !decimal).then(|| number(n).filter(|n| (1..100).contains(n)).map(Heading::Numbered)).flatten()
}

fn squeeze(text: &str) -> String {
    let folded = text.chars().filter(|c| !c.is_whitespace() && !matches!(c, '#' | '*' | '-' | '《' | '》'));
    folded
        .map(|c| {
            if c == '(' {
                '（'
            } else if c == ')' {
                '）'
            } else {
                c
            }
        })
        .collect()
}

/// Reads a text into its instruments. Numbers that do not go on from the one before (a list that begins anew within an item,
/// a line of running text that begins with a number) are not headings.
#[must_use]
pub fn parse(file: &str, text: &str) -> Vec<Statute> {
    let mut out: Vec<Statute> = Vec::new();
    let mut before = String::new();
    let mut path: Vec<u32> = Vec::new();
    // How each level of `path` below the article was written.
    let mut forms: Vec<bool> = Vec::new();
    for (i, line) in text.lines().enumerate() {
        let (found, last) = (heading(line), path.first().copied());
        let step = |at: usize, n: u32, path: &[u32]| path.get(at).map_or(n == 1, |p| n == p + 1 || n == 1);
        let opened = match found {
            Some(Heading::Article(1)) => {
                out.push(Statute { file: file.to_owned(), title: squeeze(&before), passages: Vec::new() });
                (path, forms, before) = (vec![1], Vec::new(), String::new());
                true
            }
            Some(Heading::Article(n)) if last.is_some() => {
                (path, forms) = (vec![n], Vec::new());
                true
            }
            Some(Heading::Item(n) | Heading::Numbered(n)) if last.is_some() => {
                let bracket = matches!(found, Some(Heading::Item(_)));
                let at = forms.iter().position(|f| *f == bracket).unwrap_or(forms.len());
                let goes_on = step(at + 1, n, &path);
                if goes_on {
                    path.truncate(at + 1);
                    forms.truncate(at);
                    path.push(n);
                    forms.push(bracket);
                }
                goes_on
            }
            _ => false,
        };
        let body = line.trim_matches(|c: char| c.is_whitespace() || matches!(c, '*' | '#'));
        match out.last_mut().filter(|_| !path.is_empty()) {
            Some(s) if opened => {
                s.passages.push(Passage { path: path.clone(), line: i + 1, text: vec![body.to_owned()] });
            }
            Some(s) => {
                if let Some(p) = s.passages.last_mut().filter(|_| !body.is_empty()) {
                    p.text.push(body.to_owned());
                }
            }
            None => {}
        }
        // A title may stand anywhere before the next article one.
        before.push_str(line);
    }
    out
}

/// Length of the longest run of characters that two texts share.
fn shared(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut last = vec![0; b.len() + 1];
    let mut best = 0;
    for x in &a {
        let mut row = vec![0; b.len() + 1];
        for (j, y) in b.iter().enumerate() {
            if x == y {
                row[j + 1] = last[j] + 1;
                best = best.max(row[j + 1]);
            }
        }
        last = row;
    }
    best
}

/// Texts of a folder, by instrument.
#[derive(Clone, Debug, Default)]
pub struct Statutes {
    /// By instrument.
    pub texts: BTreeMap<String, Statute>,
}

/// A difference between the outline and the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Instrument.
    pub instrument: String,
    /// The provision, as a cite without paragraphs.
    pub cite: String,
    /// Where it stands: `file:line` of the text or of the outline.
    pub place: String,
    /// True if only the text has it, false if only the outline has it.
    pub only_text: bool,
}

impl Statutes {
    /// Reads every `.txt` and `.md` of a folder and gives each instrument its text: the one in a file of its name, else the
    /// one whose heading shares most with its Chinese title.
    ///
    /// # Errors
    /// When the folder or a file cannot be read.
    pub fn read(dir: &Path, book: &Rulebook) -> Result<Self, String> {
        let io = |p: &Path, e: std::io::Error| format!("{}: {e}", p.display());
        let list = std::fs::read_dir(dir).map_err(|e| io(dir, e))?;
        let mut files = Vec::new();
        for e in list {
            let path = e.map_err(|e| io(dir, e))?.path();
            if path.is_file() && path.extension().is_some_and(|x| x == "txt" || x == "md") {
                files.push(path);
            }
        }
        files.sort();
        let mut found = Vec::new();
        for path in &files {
            let text = std::fs::read_to_string(path).map_err(|e| io(path, e))?;
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            found.extend(parse(&name, &text).into_iter().map(|s| (stem.clone(), s)));
        }
        Ok(Self { texts: assign(&book.instruments(), found) })
    }

    /// Passages that belong to a cite: its own, or, if it names a paragraph, those of its article.
    #[must_use]
    pub fn passages(&self, instrument: &str, cite: &str) -> Vec<&Passage> {
        let Some(want) = levels(cite) else { return Vec::new() };
        let list = self.texts.get(instrument).map_or(&[][..], |s| &s.passages);
        list.iter().filter(|p| p.path == want).collect()
    }

    /// Where the outline and the texts differ, instrument by instrument. Instruments without a text are left out.
    #[must_use]
    pub fn differences(&self, book: &Rulebook) -> Vec<Difference> {
        let mut out = Vec::new();
        for (instrument, statute) in &self.texts {
            let Some(units) = book.outline.instruments.get(instrument) else { continue };
            let outline: BTreeMap<Vec<u32>, u64> =
                units.iter().rev().filter_map(|u| Some((levels(&u.cite)?, u.line))).collect();
            let text: BTreeMap<&[u32], usize> = statute.passages.iter().rev().map(|p| (&*p.path, p.line)).collect();
            let paths: BTreeSet<&[u32]> = outline.keys().map(|k| &**k).chain(text.keys().copied()).collect();
            for path in paths {
                let (o, t) = (outline.get(path), text.get(path));
                let place = match (o, t) {
                    (Some(line), None) => format!("{instrument}/outline.csv:{line}"),
                    (None, Some(line)) => format!("{}:{line}", statute.file),
                    _ => continue,
                };
                let cite = path.iter().map(u32::to_string).collect::<Vec<_>>().join(".");
                out.push(Difference { instrument: instrument.clone(), cite, place, only_text: o.is_none() });
            }
        }
        out
    }
}

fn assign(instruments: &[super::coverage::Instrument], found: Vec<(String, Statute)>) -> BTreeMap<String, Statute> {
    let mut taken: Vec<Option<(String, Statute)>> = found.into_iter().map(Some).collect();
    let mut out = BTreeMap::new();
    for i in instruments {
        let own = taken.iter_mut().find(|t| t.as_ref().is_some_and(|(stem, _)| *stem == i.id)).and_then(Option::take);
        if let Some((_, s)) = own {
            out.insert(i.id.clone(), s);
        }
    }
    for i in instruments {
        if out.contains_key(&i.id) || i.zh.is_empty() {
            continue;
        }
        let title = squeeze(&i.zh);
        let near = |s: &Statute| {
            // Only the end of what stands before article one is the heading.
            let tail: String = s.title.chars().rev().take(120).collect::<Vec<_>>().into_iter().rev().collect();
            shared(&title, &tail)
        };
        let best = taken
            .iter()
            .enumerate()
            .filter_map(|(k, t)| t.as_ref().map(|(_, s)| (near(s), std::cmp::Reverse(k))))
            .max();
        if let Some((score, std::cmp::Reverse(k))) = best
            && score * 2 >= title.chars().count()
            && let Some((_, s)) = taken[k].take()
        {
            out.insert(i.id.clone(), s);
        }
    }
    out
}

/// Article and items of a cite; paragraphs and limbs are left out.
fn levels(cite: &str) -> Option<Vec<u32>> {
    let p = legal::parse(cite)?;
    Some(std::iter::once(p.article).chain(p.items).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "某局\n关于“第三条 甲”的说明\n# 甲办法\n\n**第一条** 为了甲。\n\n**第二条** 有下列情形的:\n\n- (一) 子;\n- （二）丑，依照本办法\n第九条的规定，2.5 倍\n1、寅\n2．卯\n（三）辰\n\n\
        附件\n乙制度\n第一条 为了乙。\n第二条  如下：\n1、己\n\n10、午\n2、未\n第十一条　止。\n";

    #[test]
    fn headings_make_the_structure() {
        let s = parse("t.txt", TEXT);
        let shape = |s: &Statute| {
            let path = |p: &Passage| p.path.iter().map(u32::to_string).collect::<Vec<_>>().join(".");
            s.passages.iter().map(path).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(s.len(), 2);
        assert_eq!(shape(&s[0]), "1 2 2.1 2.2 2.2.1 2.2.2 2.3");
        assert_eq!(shape(&s[1]), "1 2 2.1 2.2 11");
        assert!(s[0].title.ends_with("甲办法") && s[1].title.ends_with("乙制度"));
        assert_eq!(s[0].passages[3].text, ["- （二）丑，依照本办法", "第九条的规定，2.5 倍"]);
        assert_eq!(s[0].passages[3].line, 10);
    }

    #[test]
    fn numbers() {
        for (t, n) in [("一", 1), ("十", 10), ("十二", 12), ("二十", 20), ("二十四", 24), ("一百零三", 103), ("7", 7)]
        {
            assert_eq!(number(t), Some(n), "{t}");
        }
        assert_eq!(number("含"), None);
        assert_eq!(heading("(含)两次"), None);
        assert_eq!(heading("(市)、区"), None);
        assert_eq!(heading("第三条规定的情形"), None);
    }

    #[test]
    fn texts_find_their_instruments() {
        let ids = [("a", "某局甲办法"), ("b", "某局乙制度")].map(|(id, zh)| super::super::coverage::Instrument {
            id: id.into(),
            zh: zh.into(),
            ..Default::default()
        });
        let all = |stem: &str| parse("t.txt", TEXT).into_iter().map(|s| (stem.to_owned(), s)).collect::<Vec<_>>();
        let by_title = assign(&ids, all("t"));
        assert!(by_title["a"].title.ends_with("甲办法") && by_title["b"].title.ends_with("乙制度"));
        assert!(assign(&ids[..1], all("a"))["a"].title.ends_with("甲办法"));
        assert!(
            assign(
                &[super::super::coverage::Instrument {
                    id: "c".into(),
                    zh: "毫不相干的规则".into(),
                    ..Default::default()
                }],
                all("t")
            )
            .is_empty()
        );
    }
}
