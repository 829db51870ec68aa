//! Where tables come from: a folder of CSV files, and texts that come with a rulebook.

use super::decode::{self, Text};
use super::defect::{Choice, Defect, Place, Problem};
use super::load::LoadOptions;
use super::log::Log;
use super::map::{self, Bytes};
use super::nearest::{fold, nearest};
use super::part::Conversion;
use super::record::Layout;
use super::schema::Schema;
use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What is to be loaded.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// The folder of the casebase, one `<relation>.csv` for each table (or `.tsv`, `.txt`, each perhaps with `.gz`); the
    /// label of the table will do for its name.
    pub folder: Option<PathBuf>,
    /// Tables that come with the rulebook: name such as `calendar.csv` (a path before it does not matter) and text.
    pub shipped: Vec<(String, Arc<str>)>,
}

/// A file of the manifest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileEntry {
    /// Name.
    pub name: String,
    /// The table it holds.
    pub table: String,
    /// Size.
    pub bytes: u64,
    /// BLAKE3 hash of the bytes, in hexadecimal.
    pub hash: String,
    /// Rows, the bad ones too; without the header.
    pub rows: usize,
    /// Encoding: `UTF-8`, `UTF-8 with BOM`, `GB18030`, `UTF-16LE`, ..., or `unknown`.
    pub encoding: &'static str,
    /// Form of the file: `csv`, `tsv`.
    pub form: &'static str,
    /// The file is packed with gzip.
    pub packed: bool,
    /// Columns of which cells were written in another form.
    pub conversions: Vec<Conversion>,
    /// Comes with the rulebook.
    pub shipped: bool,
}

/// A file that holds a table.
pub(super) struct Gathered {
    pub name: Arc<str>,
    /// Index of the table in the schema.
    pub table: usize,
    pub bytes: Bytes,
    /// What the name promises.
    pub layout: Layout,
    pub packed: bool,
    pub shipped: bool,
}

impl Gathered {
    /// The text, or what is wrong with it.
    pub fn text(&self, options: &LoadOptions) -> Result<Text<'_>, Box<Defect>> {
        let bytes = if self.packed {
            let unpacked = decode::unpack(&self.bytes, options.unpacked);
            Cow::Owned(unpacked.map_err(|p| Box::new(Defect::new(whole(&self.name), p)))?)
        } else {
            Cow::Borrowed(&*self.bytes)
        };
        let asked = options.encoding.filter(|_| !self.shipped);
        let (text, encoding) = decode::decode(&self.name, bytes, asked)?;
        Ok(Text { text, encoding, layout: self.layout })
    }
}

/// What was found.
pub(super) struct Found {
    /// Files in the order of the tables, shipped before given.
    pub files: Vec<Gathered>,
    /// Tables of which a file should be there and is not, or cannot be read.
    pub lost: Vec<bool>,
}

fn whole(file: &Arc<str>) -> Place {
    Place { file: file.clone(), ..Place::default() }
}

pub(super) fn gather(sources: &Sources, schema: &Schema, log: &mut Log) -> Found {
    let mut found = Found { files: Vec::new(), lost: vec![false; schema.tables.len()] };
    for (name, text) in &sources.shipped {
        let stem = Path::new(name).file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
        let name: Arc<str> = Arc::from(name.as_str());
        match schema.tables.iter().position(|t| t.name == stem) {
            Some(table) => {
                let bytes = Bytes::Read(text.as_bytes().to_vec());
                let layout = Layout::Commas;
                found.files.push(Gathered { name, table, bytes, layout, packed: false, shipped: true });
            }
            None => log.push(unknown(schema, &name)),
        }
    }
    let readable = sources.folder.as_deref().is_none_or(|f| folder(f, schema, log, &mut found));
    for (i, t) in schema.tables.iter().enumerate() {
        if t.needed && !found.lost[i] && !found.files.iter().any(|f| f.table == i) {
            found.lost[i] = true;
            if readable {
                log.push(Defect::new(whole(&Arc::from(t.file())), Problem::NeededMissing));
            }
        }
    }
    if !readable {
        // Nobody knows what stands in the tables.
        found.lost.iter_mut().for_each(|l| *l = true);
    }
    found.files.sort_by_key(|f| (f.table, !f.shipped));
    found
}

/// Reads the tables of a folder; false if there is no such folder.
fn folder(path: &Path, schema: &Schema, log: &mut Log, found: &mut Found) -> bool {
    let shown = path.to_string_lossy();
    let nowhere = whole(&Arc::from(""));
    let entries = match std::fs::read_dir(path) {
        Ok(entries) => entries,
        Err(e) => {
            let problem = match e.kind() {
                std::io::ErrorKind::NotFound => Problem::FolderMissing,
                std::io::ErrorKind::NotADirectory => Problem::NotAFolder,
                _ => Problem::Unreadable { reason: e.to_string() },
            };
            let at = if matches!(problem, Problem::Unreadable { .. }) { whole(&Arc::from(&*shown)) } else { nowhere };
            log.push(Defect::new(at, problem).found(shown));
            return false;
        }
    };
    let mut names: Vec<(String, PathBuf)> = Vec::new();
    for entry in entries {
        match entry {
            Ok(e) => names.push((e.file_name().to_string_lossy().into_owned(), e.path())),
            Err(e) => {
                let problem = Problem::Unreadable { reason: e.to_string() };
                log.push(Defect::new(whole(&Arc::from(&*shown)), problem));
            }
        }
    }
    names.sort();
    for (name, path) in names {
        let known =
            decode::by_name(&name).and_then(|(stem, layout, packed)| Some((table(schema, stem)?, layout, packed)));
        let Some((table, layout, packed)) = known else {
            if path.is_file() && stranger(&name, schema) {
                log.push(unknown(schema, &Arc::from(name.as_str())));
            }
            continue;
        };
        let name: Arc<str> = Arc::from(name.as_str());
        if let Some(first) = found.files.iter().find(|f| f.table == table && !f.shipped) {
            found.lost[table] = true;
            log.push(Defect::new(whole(&name), Problem::Twice { first: first.name.to_string() }));
            continue;
        }
        match map::open(&path) {
            Ok(bytes) => found.files.push(Gathered { name, table, bytes, layout, packed, shipped: false }),
            Err(e) => {
                found.lost[table] = true;
                log.push(Defect::new(whole(&name), Problem::Unreadable { reason: e.to_string() }));
            }
        }
    }
    true
}

/// The table that a file or sheet of that name holds: by name, or by label.
pub(super) fn table(schema: &Schema, stem: &str) -> Option<usize> {
    let by_name = schema.tables.iter().position(|t| t.name == stem);
    by_name.or_else(|| {
        let folded = fold(stem);
        let labelled = |l: &Option<String>| l.as_deref().is_some_and(|l| fold(l) == folded);
        schema.tables.iter().position(|t| fold(&t.name) == folded || labelled(&t.zh) || labelled(&t.en))
    })
}

/// Whether a file that is no table deserves a warning. Hidden files are the system's; notes may lie beside the tables.
fn stranger(name: &str, schema: &Schema) -> bool {
    let (stem, extension) = name.rsplit_once('.').unwrap_or((name, ""));
    let notes = matches!(extension.to_ascii_lowercase().as_str(), "md" | "txt");
    let near = || nearest(stem, schema.tables.iter().map(|t| t.name.as_str())).is_some();
    !name.starts_with('.') && (!notes || near())
}

fn unknown(schema: &Schema, name: &Arc<str>) -> Defect {
    let stem = name.rsplit(['/', '\\']).next().unwrap_or(name);
    let stem = stem.rsplit_once('.').map_or(stem, |(s, _)| s);
    let known = table(schema, stem).and_then(|t| schema.tables.get(t));
    let near = || nearest(stem, schema.tables.iter().map(|t| t.name.as_str())).and_then(|n| schema.table(n));
    let meant = known.or_else(near).map(|t| Choice {
        text: t.file(),
        zh: t.zh.clone().unwrap_or_default(),
        en: t.en.clone().unwrap_or_default(),
    });
    Defect::new(whole(name), Problem::UnknownFile).found(&**name).meant(meant)
}
