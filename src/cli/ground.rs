//! What questions are asked about: a casebase under the rulebooks, or the facts of any program of the rule language.

use super::setting::{self, Choice, Question, Setting};
use super::{Failure, Lang, form};
use crate::base::Base;
use crate::bulk::{self, Request};
use crate::engine;
use crate::engine::store::Database;
use crate::facts::codes::CodeLists;
use crate::facts::schema::Schema;
use crate::facts::{Loaded, Origins, tsv};
use crate::lang::date;
use crate::lang::diagnostic::Severity;
use crate::lang::program::{Arg, Const, Program, RelId, SourceFile};
use crate::lang::query;
use crate::proof::Goal;
use crate::proof::demand::Prover;
use crate::proof::given::Source;
use crate::report::atoms::ProgramWords;
use crate::report::explain::words::Words;
use crate::report::wording::BookWords;
use crate::rulebook::Rulebook;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Arguments that say what a question is asked about.
#[derive(Debug, clap::Args)]
pub struct Ask {
    /// The casebase: a folder of CSV tables. With --program, the folder of its facts; may then be left out
    #[arg(value_name = "FACTS", required_unless_present = "programs")]
    facts: Option<PathBuf>,
    /// Ask about a program of the rule language, as `eval` takes it, in place of the rulebooks (may be given several times)
    #[arg(long = "program", value_name = "PROGRAM.dl")]
    programs: Vec<PathBuf>,
    /// Folder of the program's `<relation>.facts` [default: .]
    #[arg(short = 'F', long = "facts", value_name = "DIR", requires = "programs")]
    folder: Option<PathBuf>,
    /// Take a missing file of facts as empty
    #[arg(long, requires = "programs")]
    allow_missing: bool,
    #[command(flatten)]
    choice: Choice,
}

/// The rules that are asked.
#[derive(Debug)]
pub enum Rules {
    /// A rulebook.
    Book(Box<Rulebook>),
    /// Any program: no codes, no sentences but those in its own annotations.
    Program(Box<Program>, CodeLists),
}

/// The facts that are asked.
#[derive(Debug)]
pub struct Facts {
    /// All given facts.
    pub database: Database,
    /// Where they stand.
    pub origins: Origins,
    /// What may be added to them and taken away.
    pub schema: Schema,
    /// What was asked of what, for the head of a page.
    pub about: Vec<String>,
    /// Where rows lie that are not in `database` yet.
    pub far: Option<Arc<Base>>,
}

impl Rules {
    /// The program.
    pub fn program(&self) -> &Program {
        match self {
            Self::Book(book) => &book.program,
            Self::Program(program, _) => program,
        }
    }

    /// The code lists.
    pub fn codes(&self) -> &CodeLists {
        match self {
            Self::Book(book) => &book.codes,
            Self::Program(_, codes) => codes,
        }
    }

    /// Reads an atom that was asked, its values as a load holds them; what is wrong with it is printed.
    pub fn goal(&self, text: &str, setting: &Setting, err: &mut dyn Write) -> Result<Goal, Failure> {
        match query::parse_atom(self.program(), text) {
            Ok(g) => Ok(setting::as_held(g.into(), self.program(), self.codes())),
            Err(list) => {
                setting.print_diagnostics(&list, &query::files_with_question(self.program(), text), err)?;
                Err(Failure::Usage(setting.say("E0601: 问题有误", "E0601: the question is not well formed").to_owned()))
            }
        }
    }

    /// Whether rows of a relation are no evidence: what the rules themselves bring, and what the calendar computes.
    pub fn granted(&self, rel: RelId) -> bool {
        let r = self.program().rel(rel);
        let by_rules = matches!(self, Self::Book(_)) && r.inputs.is_empty();
        by_rules || r.notes.has("dimension") || r.notes.has("quiet")
    }

    /// Whether rows of a relation are given facts of their own.
    pub fn given(&self, rel: RelId) -> bool {
        let program = self.program();
        let r = program.rel(rel);
        match self {
            Self::Book(_) => !r.inputs.is_empty() && !r.notes.has("dimension"),
            Self::Program(..) => !r.inputs.is_empty() || !program.rules.iter().any(|rule| rule.head == rel),
        }
    }

    /// Whether people look at the rows of a relation: what is written, or all if nothing is.
    pub fn shown(&self, rel: RelId) -> bool {
        let program = self.program();
        let written = |r: &crate::lang::program::Relation| !r.outputs.is_empty();
        match self {
            Self::Program(..) if !program.relations.iter().any(written) => !program.rel(rel).name.starts_with('$'),
            _ => written(program.rel(rel)),
        }
    }
}

impl Facts {
    /// Words for what is explained from these facts.
    pub fn words<'a>(&'a self, rules: &'a Rules, setting: &Setting) -> Box<dyn Words + 'a> {
        let language = form::language(setting);
        match rules {
            Rules::Book(book) => Box::new(BookWords::new(book, &self.database, &self.origins, language)),
            Rules::Program(program, _) => Box::new(ProgramWords::new(program, &self.database, &self.origins, language)),
        }
    }

    /// A prover over the facts.
    pub fn prover<'p>(&self, rules: &'p Rules, most_steps: u64) -> Prover<'p> {
        let far = self.far.clone().map(|b| -> Arc<dyn Source> { b });
        Prover::reaching(rules.program(), self.database.clone(), most_steps, far)
    }

    /// Ends what was begun with rows that were not there yet: called before anything is written.
    pub fn settled(&self) -> Result<(), Failure> {
        if self.far.as_ref().is_some_and(|b| b.has_news()) { Err(Failure::Again) } else { Ok(()) }
    }

    /// Sees to it that the given rows which an atom matches are there.
    pub fn bring(&self, goal: &Goal) {
        let Some(base) = self.far.as_ref().filter(|b| b.holds(goal.rel)) else { return };
        let bound = goal.args.iter().enumerate().filter_map(|(c, a)| match a {
            Arg::Const(v) => Some((c, v.clone())),
            _ => None,
        });
        let (columns, key): (Vec<usize>, Vec<Const>) = bound.unzip();
        base.pull(goal.rel, &columns, &key);
    }
}

impl From<Loaded> for Facts {
    fn from(l: Loaded) -> Self {
        Self { database: l.database, origins: l.origins, schema: l.schema, about: Vec::new(), far: None }
    }
}

impl Ask {
    /// Whether a program is asked, not a casebase.
    pub fn of_program(&self) -> bool {
        !self.programs.is_empty()
    }

    /// The atoms among the words of the command line, at most `most`, and the folder of the facts. Of a program the folder
    /// may be left out, so that what stands in its place is an atom.
    pub fn words<'a>(&'a self, atoms: &[&'a Option<String>], most: usize) -> (Vec<&'a str>, &'a Path) {
        let atoms = atoms.iter().filter_map(|a| a.as_deref());
        let here = Path::new(".");
        let Some(facts) = &self.facts else { return (atoms.collect(), self.folder.as_deref().unwrap_or(here)) };
        let first = facts.to_str().filter(|_| self.of_program());
        let all: Vec<&str> = first.into_iter().chain(atoms.clone()).collect();
        if first.is_none() || (self.folder.is_none() && all.len() > most) {
            return (atoms.collect(), facts);
        }
        (all, self.folder.as_deref().unwrap_or(here))
    }

    /// The rules.
    pub fn rules(&self, setting: &Setting, err: &mut dyn Write) -> Result<Rules, Failure> {
        if !self.of_program() {
            return Ok(Rules::Book(Box::new(setting.rulebook(err)?)));
        }
        if self.choice.any() || setting.rules.is_some() || !setting.with.is_empty() {
            return Err(only_for_casebases(setting));
        }
        Ok(Rules::Program(Box::new(program(&self.programs, setting, err)?), CodeLists::default()))
    }

    /// The facts, under the options chosen and what `further` changes in them (of a casebase only). Of a program, those that
    /// its output and the relations `asked` need.
    pub fn facts(
        &self,
        rules: &Rules,
        folder: &Path,
        asked: &[RelId],
        further: impl FnOnce(&mut Request),
        setting: &Setting,
        err: &mut dyn Write,
    ) -> Result<Facts, Failure> {
        match rules {
            Rules::Book(book) => {
                let question = Question { facts: folder.to_owned(), choice: self.choice.clone() };
                if let Some(base) = setting.base(folder, book, false)? {
                    let mut request = question.request(setting, true)?;
                    further(&mut request);
                    let loaded = base.loaded(book, &request).map_err(|t| setting.base_or_run(t, book, err))?;
                    return Ok(Facts { about: about(book, &request, setting), far: Some(base), ..loaded.into() });
                }
                let mut request = question.request(setting, true)?;
                further(&mut request);
                let loaded = bulk::load(book, &request).map_err(|t| setting::trouble(t, book, setting, err))?;
                Ok(Facts { about: about(book, &request, setting), ..loaded.into() })
            }
            Rules::Program(program, _) => {
                let mut facts = program_facts(program, folder, asked, self.allow_missing, err)?;
                let texts = program.files.iter().map(|f| (f.name.as_str(), &*f.text));
                facts.about = vec![
                    format!("zhuize {}", env!("CARGO_PKG_VERSION")),
                    format!("{} {}", setting.say("程序", "program"), names(texts)),
                    format!("{} {}", setting.say("事实", "facts"), folder.display()),
                ];
                Ok(facts)
            }
        }
    }
}

/// Names of files with the beginning of the hash of each.
fn names<'a>(files: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let one = |(name, text): (&str, &str)| format!("{name} ({})", &blake3::hash(text.as_bytes()).to_hex()[..16]);
    files.map(one).collect::<Vec<_>>().join(", ")
}

/// Version, rules, day and choices behind an answer.
fn about(book: &Rulebook, request: &Request, setting: &Setting) -> Vec<String> {
    let day = date::iso(request.as_of);
    let hash = book.hash();
    let set: Vec<String> = request.set.iter().map(|(n, v)| format!("{n}={v}")).collect();
    let folder = request.facts.display();
    let version = env!("CARGO_PKG_VERSION");
    let mut out = match setting.lang {
        Lang::Zh => vec![format!("zhuize {version}，规则库 {hash}"), format!("案件库 {folder}，基准日 {day}")],
        Lang::En => vec![format!("zhuize {version}, rulebook {hash}"), format!("casebase {folder}, as of {day}")],
    };
    if !set.is_empty() {
        out.push(match setting.lang {
            Lang::Zh => format!("选项 {}", set.join("，")),
            Lang::En => format!("options {}", set.join(", ")),
        });
    }
    out
}

/// The refusal of choices that only a casebase has.
pub fn only_for_casebases(setting: &Setting) -> Failure {
    let text = setting.say(
        "E0627: --program 询问的是任意程序，没有规则库、基准日、读法和适用范围可选",
        "E0627: --program asks about a program of its own: it has no rulebook, day, readings or scope to choose",
    );
    Failure::Usage(text.to_owned())
}

/// The first atom of a command that needs one.
pub fn first<'a>(atoms: &[&'a str], setting: &Setting) -> Result<&'a str, Failure> {
    atoms.first().copied().ok_or_else(|| no_atom(setting))
}

/// The refusal of a question without its atoms.
pub fn no_atom(setting: &Setting) -> Failure {
    let text = setting.say(
        "E0628: 请写明所问的原子，如 'path(1,3)'；程序的事实所在的文件夹用 -F 指明",
        "E0628: say what is asked, an atom such as 'path(1,3)'; the folder of a program's facts goes to -F",
    );
    Failure::Usage(text.to_owned())
}

/// Compiles a program; its errors are printed.
pub fn program(paths: &[PathBuf], setting: &Setting, err: &mut dyn Write) -> Result<Program, Failure> {
    let sources: Vec<SourceFile> = setting::read_programs(paths)?;
    let compiled = crate::lang::compile(sources);
    if compiled.has_errors() {
        let errors: Vec<_> = compiled.diagnostics.iter().filter(|d| d.severity == Severity::Error).cloned().collect();
        setting.print_diagnostics(&errors, &compiled.program.files, err)?;
        return Err(Failure::Rules);
    }
    Ok(compiled.program)
}

/// The facts of a program as `eval` reads them, and those of its text.
pub fn program_facts(
    program: &Program,
    folder: &Path,
    asked: &[RelId],
    allow_missing: bool,
    err: &mut dyn Write,
) -> Result<Facts, Failure> {
    // What `eval` would read, and what the question needs beside it.
    let mut wanted = tsv::printed(program);
    let wanted = (!wanted.is_empty() || !asked.is_empty()).then(|| {
        wanted.extend(asked);
        wanted
    });
    let needed = engine::needed(program, wanted.as_deref());
    let stdin = &mut std::io::stdin().lock();
    let mut database = match tsv::load(program, &needed, folder, allow_missing, stdin) {
        Ok(d) => d,
        Err(problems) => {
            super::eval::tell(&problems, err)?;
            return Err(Failure::Data);
        }
    };
    database.add_program_facts(program);
    let origins = tsv::origins(program, &needed, folder, &database);
    Ok(Facts { database, origins, schema: Schema::plain(program), about: Vec::new(), far: None })
}
