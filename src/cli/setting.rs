//! What all commands share: language, rulebook, dates, how findings are printed.

use super::{Failure, Lang, form};
use crate::base::{self, Base};
use crate::bulk::Unreadable;
use crate::facts;
use crate::facts::codes::CodeLists;
use crate::lang::date;
use crate::lang::diagnostic::{Diagnostic, Severity};
use crate::lang::program::{Arg, Const, Program, SourceFile};
use crate::lang::render::Render;
use crate::proof::Goal;
use crate::rulebook::{RuleTree, Rulebook};
use std::cell::OnceCell;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Global arguments.
#[derive(Debug)]
pub struct Setting {
    /// Language of what people read.
    pub lang: Lang,
    /// Rules folder; built-in rules if `None`.
    pub rules: Option<PathBuf>,
    /// Further instrument folders.
    pub with: Vec<PathBuf>,
    /// Results and errors only.
    pub quiet: bool,
    /// The prepared casebase that is asked, once it is open.
    pub base: OnceCell<Arc<Base>>,
    /// Most memory, in bytes.
    pub memory: Option<u64>,
}

impl Setting {
    /// One of two texts, by language.
    pub fn say<'a>(&self, zh: &'a str, en: &'a str) -> &'a str {
        match self.lang {
            Lang::Zh => zh,
            Lang::En => en,
        }
    }

    /// Whether the process has kept within the memory allowed.
    ///
    /// # Errors
    /// When it has not.
    pub fn kept(&self) -> Result<(), Failure> {
        crate::bulk::memory::kept(self.memory).map_err(|r| Failure::Limit(r.text(self.lang == Lang::Zh)))
    }

    /// The language for the messages of the loader.
    pub fn facts_lang(&self) -> facts::Lang {
        match self.lang {
            Lang::Zh => facts::Lang::Zh,
            Lang::En => facts::Lang::En,
        }
    }

    /// The prepared casebase in a folder, opened once; `None` if it is none. With its conclusions, if they need not be
    /// explained.
    pub fn base(&self, dir: &Path, book: &Rulebook, conclusions: bool) -> Result<Option<Arc<Base>>, Failure> {
        if let Some(base) = self.base.get() {
            return Ok(Some(Arc::clone(base)));
        }
        if !base::is_base(dir) {
            return Ok(None);
        }
        let open = Base::open(dir, book, conclusions);
        let open = Arc::new(open.map_err(|t| self.of_base(&t))?);
        Ok(Some(Arc::clone(self.base.get_or_init(|| open))))
    }

    /// What is wrong with a prepared casebase.
    pub fn of_base(&self, trouble: &base::Trouble) -> Failure {
        self.unreadable(trouble.unreadable())
    }

    fn unreadable(&self, why: Unreadable) -> Failure {
        let Unreadable { zh, en, passing } = why;
        let text = if self.lang == Lang::Zh { zh } else { en };
        if passing { Failure::Limit(text) } else { Failure::DataUnreadable(text) }
    }

    /// Refuses what is no prepared casebase.
    pub fn must_be_base(&self, dir: &Path) -> Result<(), Failure> {
        if base::is_base(dir) {
            return Ok(());
        }
        let dir = dir.display();
        Err(Failure::Usage(match self.lang {
            Lang::Zh => format!("E0585: {dir} 不是制作好的案件库；请先用 pack 制作"),
            Lang::En => format!("E0585: {dir} is no prepared casebase; make one with `pack`"),
        }))
    }

    /// What stopped something done with a prepared casebase; defects are printed.
    pub fn base_or_run(&self, trouble: base::Trouble, book: &Rulebook, err: &mut dyn Write) -> Failure {
        match trouble {
            base::Trouble::Run(t) => self::trouble(*t, book, self, err),
            other => self.of_base(&other),
        }
    }

    /// Does what asks a prepared casebase, until it has asked for nothing that was not there when it began: what is said
    /// before that is not said.
    pub fn settled(
        &self,
        out: &mut dyn Write,
        err: &mut dyn Write,
        mut ask: impl FnMut(&mut dyn Write, &mut dyn Write) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        loop {
            let (mut said, mut noted) = (Vec::new(), Vec::new());
            let result = ask(&mut said, &mut noted);
            if let Some(trouble) = self.base.get().and_then(|b| b.failure()) {
                return Err(self.of_base(&trouble));
            }
            if self.base.get().is_some_and(|b| b.took_news()) {
                continue;
            }
            err.write_all(&noted)?;
            out.write_all(&said)?;
            return result;
        }
    }

    /// The files of the rulebook.
    pub fn rule_tree(&self) -> Result<RuleTree, Failure> {
        let mut tree = match &self.rules {
            None => RuleTree::embedded(),
            Some(dir) => RuleTree::from_dir(dir).map_err(|e| Failure::RulesUnreadable(e.to_string()))?,
        };
        for dir in &self.with {
            tree.add_instrument(dir).map_err(|e| Failure::RulesUnreadable(e.to_string()))?;
        }
        Ok(tree)
    }

    /// Prints diagnostics of rule text with their excerpts.
    pub fn print_diagnostics(
        &self,
        list: &[Diagnostic],
        files: &[SourceFile],
        err: &mut dyn Write,
    ) -> Result<(), Failure> {
        let color = std::env::var_os("NO_COLOR").is_none() && std::io::IsTerminal::is_terminal(&std::io::stderr());
        let render = Render::new(files).in_chinese(self.lang == Lang::Zh);
        write!(err, "{}", render.all_text(list, color))?;
        Ok(())
    }

    /// The rulebook; its errors are printed (its warnings only by `check`).
    pub fn rulebook(&self, err: &mut dyn Write) -> Result<Rulebook, Failure> {
        let loaded = Rulebook::load(&self.rule_tree()?);
        match loaded.rulebook {
            Some(book) => Ok(book),
            None => {
                let errors: Vec<Diagnostic> =
                    loaded.diagnostics.into_iter().filter(|d| d.severity == Severity::Error).collect();
                self.print_diagnostics(&errors, &loaded.files, err)?;
                Err(Failure::Rules)
            }
        }
    }
}

/// Reads program files.
pub fn read_programs(paths: &[PathBuf]) -> Result<Vec<SourceFile>, Failure> {
    let read = |path: &PathBuf| {
        let text = std::fs::read_to_string(path)
            .map_err(|e| Failure::RulesUnreadable(format!("E0601: cannot read {}: {e}", path.display())))?;
        Ok(SourceFile { name: path.display().to_string(), text: text.into() })
    };
    paths.iter().map(read).collect()
}

/// Parses the date of `--as-of`.
pub fn parse_date(text: &str) -> Result<i32, String> {
    date::parse_iso(text).ok_or_else(|| format!("`{text}` is not a day of the form 2025-06-30"))
}

/// Today in local time, as a day number.
pub fn today() -> i32 {
    let d = jiff::ZonedDateTime::now().date();
    date::from_civil(i32::from(d.year()), d.month().unsigned_abs().into(), d.day().unsigned_abs().into())
}

/// Today, unless the clock is certainly wrong: what holds under the law of 1970 is not what was asked.
fn present(today: i32, setting: &Setting) -> Result<i32, Failure> {
    // This program is not older.
    let first = date::from_civil(2026, 1, 1);
    if today >= first {
        return Ok(today);
    }
    let day = date::iso(today);
    Err(Failure::Usage(match setting.lang {
        Lang::Zh => format!("E0603: 本机时钟为 {day}，显然不对；请以 --as-of YYYY-MM-DD 写明基准日"),
        Lang::En => format!(
            "E0603: the clock of this machine says {day}, which cannot be; name the day with --as-of YYYY-MM-DD"
        ),
    }))
}

/// Parses an amount of memory: `512M`, `8G`, `1.5GiB`, or bytes.
pub fn parse_memory(text: &str) -> Result<u64, String> {
    let plain = text.trim().to_ascii_uppercase();
    let plain = plain.strip_suffix("IB").or_else(|| plain.strip_suffix('B')).unwrap_or(&plain);
    let (digits, unit) = match plain.char_indices().last() {
        Some((at, 'K')) => (&plain[..at], 1u64 << 10),
        Some((at, 'M')) => (&plain[..at], 1 << 20),
        Some((at, 'G')) => (&plain[..at], 1 << 30),
        Some((at, 'T')) => (&plain[..at], 1 << 40),
        _ => (plain, 1),
    };
    match digits.trim().parse::<f64>() {
        Ok(n) if n > 0.0 && n * (unit as f64) < 1e18 => Ok((n * unit as f64) as u64),
        _ => Err(format!("`{text}` is no amount of memory such as 512M or 8G")),
    }
}

/// Parses the name of an encoding.
pub fn parse_encoding(text: &str) -> Result<&'static encoding_rs::Encoding, String> {
    encoding_rs::Encoding::for_label(text.trim().as_bytes()).ok_or_else(|| {
        format!("`{text}` is no encoding that is known: utf-8, gb18030, gbk, big5, utf-16le, utf-16be, ...")
    })
}

/// Whether a path asks for a workbook.
pub fn is_workbook(path: &std::path::Path) -> bool {
    path.extension().is_some_and(|e| e.eq_ignore_ascii_case("xlsx"))
}

/// Parses `NAME=VALUE`.
pub fn parse_option(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((n, v)) if !n.trim().is_empty() && !v.trim().is_empty() => Ok((n.trim().to_owned(), v.trim().to_owned())),
        _ => Err(format!("`{text}` is not of the form NAME=VALUE")),
    }
}

/// Arguments that say which facts are asked, on which day, under which readings.
#[derive(Debug, clap::Args)]
pub struct Question {
    /// The casebase: a folder of CSV tables
    pub facts: PathBuf,
    #[command(flatten)]
    pub choice: Choice,
}

/// Arguments that say on which day a casebase is asked, and under which readings.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Choice {
    /// The day on which the question is asked, YYYY-MM-DD [default: today]
    #[arg(long, value_name = "DATE", value_parser = parse_date)]
    pub as_of: Option<i32>,
    /// Skip the tests of place, body and time of an instrument; everything so derived is hypothetical
    #[arg(long, value_name = "INSTRUMENT")]
    pub assume_scope: Vec<String>,
    /// Choose a reading of the law, as in options.csv
    #[arg(long = "option", value_name = "NAME=VALUE", value_parser = parse_option)]
    pub options: Vec<(String, String)>,
    /// Count findings that are only alleged; everything so derived is hypothetical
    #[arg(long)]
    pub if_established: bool,
    /// Leave out rows with defects (they go to rejected.csv) instead of refusing the casebase
    #[arg(long)]
    pub skip_bad_rows: bool,
    /// Encoding of the tables, such as gb18030, big5, utf-16le [default: found out file by file]
    #[arg(long, value_name = "NAME", value_parser = parse_encoding)]
    pub encoding: Option<&'static encoding_rs::Encoding>,
    /// Threads to use, 0 for all
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub threads: usize,
}

impl Choice {
    /// Whether anything was chosen that changes the answer.
    pub fn any(&self) -> bool {
        self.as_of.is_some()
            || !self.assume_scope.is_empty()
            || !self.options.is_empty()
            || self.if_established
            || self.skip_bad_rows
            || self.encoding.is_some()
    }
}

impl Question {
    /// A question about a casebase without choices.
    pub fn plain(facts: PathBuf, as_of: Option<i32>) -> Self {
        Self { facts, choice: Choice { as_of, ..Choice::default() } }
    }

    /// The request to the bulk room. A prepared casebase has a day and options of its own, where others are not chosen.
    ///
    /// # Errors
    /// When no day is named and the clock says none that can be; when a prepared casebase cannot be read.
    pub fn request(&self, setting: &Setting, origins: bool) -> Result<crate::bulk::Request, Failure> {
        let choice = &self.choice;
        let prepared = base::prepared(&self.facts);
        let own = prepared.is_some().then(|| base::Manifest::read(&self.facts)).transpose();
        let own = own.map_err(|t| setting.of_base(&t))?;
        let day = choice.as_of.or_else(|| date::parse_iso(&own.as_ref()?.as_of));
        let mut set = choice.options.clone();
        set.extend(choice.assume_scope.iter().map(|i| ("assume_scope".to_owned(), i.clone())));
        if choice.if_established {
            set.push(("include_alleged".to_owned(), "yes".to_owned()));
        }
        set.sort();
        set.dedup();
        if let Some(own) = own.as_ref().filter(|_| set.is_empty()) {
            set.clone_from(&own.options);
        }
        Ok(crate::bulk::Request {
            facts: self.facts.clone(),
            prepared,
            as_of: day.map_or_else(|| present(today(), setting), Ok)?,
            skip_bad_rows: choice.skip_bad_rows,
            set,
            origins,
            encoding: choice.encoding,
            threads: choice.threads,
            memory: setting.memory,
        })
    }
}

/// The question with its values in the form in which a load holds them: numbers of cases however their brackets are written,
/// codes by their labels.
pub fn as_held(mut goal: Goal, program: &Program, codes: &CodeLists) -> Goal {
    let columns = &program.rel(goal.rel).columns;
    for (arg, column) in goal.args.iter_mut().zip(columns) {
        let Arg::Const(Const::Symbol(text)) = arg else { continue };
        let list = program.types[column.ty.index()].notes.get("codes");
        let code = list.filter(|l| codes.find(l, text).is_none()).and_then(|l| codes.accepted(l, text));
        let held = match code {
            Some(code) => code.code.clone(),
            None => facts::normal::of_type(program, column.ty, text).into_owned(),
        };
        *text = held.as_str().into();
    }
    goal
}

/// Prints what stopped a run and says how it counts.
pub fn trouble(trouble: crate::bulk::Trouble, book: &Rulebook, setting: &Setting, err: &mut dyn Write) -> Failure {
    use crate::bulk::Trouble;
    let result = (|| -> Result<Failure, Failure> {
        Ok(match trouble {
            Trouble::Schema(list) => {
                setting.print_diagnostics(&list, &book.program.files, err)?;
                Failure::Rules
            }
            Trouble::Defects(loaded) => {
                write!(err, "{}", loaded.defects.render(setting.facts_lang()))?;
                let n = loaded.defects.total();
                match (setting.lang, n) {
                    (Lang::Zh, n) => {
                        writeln!(err, "{n} 处数据错误，未作推导。改正后重试，或以 --skip-bad-rows 略过有错的行。")?
                    }
                    (Lang::En, 1) => writeln!(
                        err,
                        "1 defect in the data; nothing was derived. Mend it, or leave the row out with --skip-bad-rows."
                    )?,
                    (Lang::En, n) => writeln!(
                        err,
                        "{n} defects in the data; nothing was derived. Mend them, or leave the rows out with --skip-bad-rows."
                    )?,
                }
                Failure::Data
            }
            Trouble::Contradictions(found) => {
                for c in &found {
                    writeln!(err, "{}", c.render(setting.lang == Lang::Zh))?;
                }
                Failure::Data
            }
            Trouble::Memory(refused) => Failure::Limit(refused.text(setting.lang == Lang::Zh)),
            Trouble::Limit(limit) => form::limit(setting)(limit),
            Trouble::Prepared(why) => setting.unreadable(why),
        })
    })();
    result.unwrap_or_else(|f| f)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_cannot_be() {
        let setting =
            |lang| Setting { lang, rules: None, with: Vec::new(), quiet: true, memory: None, base: OnceCell::new() };
        let said = |day: &str, lang| {
            let day = date::parse_iso(day).expect("a day");
            present(day, &setting(lang)).map_err(|f| (f.code(), f.to_string()))
        };
        let en =
            "E0603: the clock of this machine says 1970-01-01, which cannot be; name the day with --as-of YYYY-MM-DD";
        assert_eq!(said("1970-01-01", Lang::En), Err((2, en.to_owned())));
        let zh = "E0603: 本机时钟为 2025-12-31，显然不对；请以 --as-of YYYY-MM-DD 写明基准日";
        assert_eq!(said("2025-12-31", Lang::Zh), Err((2, zh.to_owned())));
        assert_eq!(said("2026-01-01", Lang::En), Ok(date::from_civil(2026, 1, 1)));
        assert!(today() > date::from_civil(2026, 1, 1));
    }

    #[test]
    fn amounts_of_memory() {
        for (text, want) in [
            ("512M", 512 << 20),
            ("8G", 8 << 30),
            ("1.5GiB", 3 << 29),
            ("64kb", 64 << 10),
            ("1000", 1000),
            ("2 t", 2 << 40),
        ] {
            assert_eq!(parse_memory(text), Ok(want), "{text}");
        }
        for text in ["", "G", "-1G", "0", "nan", "1e400", "8 apples", "inf"] {
            assert!(parse_memory(text).is_err(), "{text}");
        }
    }
}
