//! A prepared casebase: given facts and conclusions in Arrow files from which questions read only what they need.
//!
//! A base is a folder. `base.json` says what it consists of and is replaced in one step, so that whoever is stopped leaves
//! the base as it was or as it was to be. Its rows stand in *layers*: the first holds everything, each update adds a small
//! one with the rows that came and the rows that went. A row is there when the last layer that speaks of it added it.

mod block;
pub mod change;
pub mod file;
mod forward;
mod gather;
mod lock;
mod merge;
pub mod pack;
mod pieces;
mod scan;
mod spelled;
pub mod store;
mod view;
mod write;

pub use lock::Lock;
pub use pieces::Found;
pub use store::Base;
pub use view::Folder;

use crate::bulk::{Prepared, Unreadable};
use file::Entry;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Name of the file that makes a folder a base.
pub const MANIFEST: &str = "base.json";

/// Version of the format.
const FORMAT: u32 = 3;

/// What a base says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of the format.
    pub format: u32,
    /// Version of the program that wrote it.
    pub zhuize: String,
    /// Hash of the rulebook under which its conclusions were derived.
    pub rulebook: String,
    /// Day of the question for its conclusions, `2025-06-30`.
    pub as_of: String,
    /// Options set for its conclusions.
    pub options: Vec<(String, String)>,
    /// First and last day that the tables mention.
    pub touched: Option<(i32, i32)>,
    /// By table: the columns, beside the first, by which rows can be found.
    pub indexed: BTreeMap<String, Vec<usize>>,
    /// By table: about how many distinct values each column has.
    pub distinct: BTreeMap<String, Vec<u64>>,
    /// By table: about how many distinct keys its first columns have, by their number.
    pub leading: BTreeMap<String, Vec<u64>>,
    /// Tables of at most so many rows are read whole when they are first asked.
    pub small: u64,
    /// Number of changes made so far.
    pub generation: u64,
    /// The layers, oldest first.
    pub layers: Vec<Layer>,
    /// Folders that went out of use with the last change; who began to read before it may still read them.
    pub retired: Vec<String>,
    /// Hash of all that stands above.
    #[serde(default)]
    pub check: String,
}

/// A layer: a folder of files.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layer {
    /// Folder in the base.
    pub dir: String,
    /// By path in the folder: `facts/cases.arrow`, `facts-gone/cases.arrow`, `by/participants.person.arrow`,
    /// `conclusions/...`, `conclusions-gone/...`.
    pub files: BTreeMap<String, Entry>,
}

impl Layer {
    /// Begins a layer by the number of its generation, and says where its files go; what a stopped writer left there goes.
    fn begin(base: &Path, generation: u64) -> Result<(Self, PathBuf), Trouble> {
        let dir = format!("{generation:07}");
        let home = base.join(&dir);
        if home.exists() {
            std::fs::remove_dir_all(&home).map_err(|e| Trouble::io(&home, e))?;
        }
        Ok((Self { dir, files: BTreeMap::new() }, home))
    }
}

/// What can be wrong with a base.
#[derive(Debug)]
pub enum Trouble {
    /// A file cannot be read or written.
    Io(PathBuf, io::Error),
    /// A file is not as it was written.
    Damaged(PathBuf, String),
    /// The base was made under another rulebook: its hash, and that of now.
    OtherRules(String, String),
    /// The base has a format of another version.
    Format(PathBuf, u32),
    /// Somebody else is changing the base.
    Busy(PathBuf),
    /// Facts, contradictions or limits, as in a run.
    Run(Box<crate::bulk::Trouble>),
    /// Changes that do not fit the base: code, Chinese, English.
    Unfit(&'static str, String, String),
}

impl From<crate::bulk::Trouble> for Trouble {
    fn from(t: crate::bulk::Trouble) -> Self {
        Self::Run(Box::new(t))
    }
}

impl From<crate::engine::limit::Limit> for Trouble {
    fn from(l: crate::engine::limit::Limit) -> Self {
        crate::bulk::Trouble::Limit(l).into()
    }
}

impl Trouble {
    /// A failure of the disk.
    #[must_use]
    pub fn io(path: &Path, e: io::Error) -> Self {
        Self::Io(path.to_owned(), e)
    }

    /// The same for those who know of no bases.
    #[must_use]
    pub fn unreadable(&self) -> Unreadable {
        let passing = matches!(self, Self::Busy(_) | Self::Io(..));
        Unreadable { zh: self.render(true), en: self.render(false), passing }
    }

    /// In words, with a stable code.
    #[must_use]
    pub fn render(&self, zh: bool) -> String {
        let short = |h: &String| h.get(..16).unwrap_or(h).to_owned();
        match (self, zh) {
            (Self::Io(path, e), true) => format!("E0580: 读写 {} 失败：{e}", path.display()),
            (Self::Io(path, e), false) => format!("E0580: cannot read or write {}: {e}", path.display()),
            (Self::Damaged(path, what), true) => {
                format!("E0581: 案件库文件 {} 已损坏：{what}；请用 pack 重新制作", path.display())
            }
            (Self::Damaged(path, what), false) => {
                format!("E0581: {} is damaged: {what}; pack the casebase again", path.display())
            }
            (Self::OtherRules(base, now), true) => format!(
                "E0582: 该案件库系按另一版规则库（{}）制作，现行规则库为 {}；请用 pack 重新制作",
                short(base),
                short(now)
            ),
            (Self::OtherRules(base, now), false) => format!(
                "E0582: this base was packed under another rulebook ({}), the one in use is {}; pack it again",
                short(base),
                short(now)
            ),
            (Self::Format(path, n), true) => {
                format!("E0583: {} 的格式版本为 {n}，本程序读写版本 {FORMAT}；请用 pack 重新制作", path.display())
            }
            (Self::Format(path, n), false) => {
                format!("E0583: {} has format {n}, this program reads format {FORMAT}; pack it again", path.display())
            }
            (Self::Busy(path), true) => format!("E0584: 另一进程正在更改 {}；请待其结束后重试", path.display()),
            (Self::Busy(path), false) => {
                format!("E0584: another process is changing {}; try again when it is done", path.display())
            }
            (Self::Run(_), _) => String::new(),
            (Self::Unfit(code, zh, _), true) => format!("{code}: {zh}"),
            (Self::Unfit(code, _, en), false) => format!("{code}: {en}"),
        }
    }
}

/// A folder as the casebase of a run, if it is a base.
#[must_use]
pub fn prepared(path: &Path) -> Option<Arc<dyn Prepared>> {
    is_base(path).then(|| Arc::new(Folder(path.to_owned())) as Arc<dyn Prepared>)
}

/// Whether a path is a prepared casebase.
#[must_use]
pub fn is_base(path: &Path) -> bool {
    path.join(MANIFEST).is_file()
}

impl Manifest {
    fn seal(&self) -> String {
        let open = Self { check: String::new(), ..self.clone() };
        let text = serde_json::to_string(&open).unwrap_or_default();
        file::digest(text.as_bytes())
    }

    /// Reads the manifest of a base.
    ///
    /// # Errors
    /// When it is not there, of another format, or not as it was written.
    pub fn read(dir: &Path) -> Result<Self, Trouble> {
        #[derive(Deserialize)]
        struct Version {
            format: u32,
        }
        let path = dir.join(MANIFEST);
        let text = std::fs::read_to_string(&path).map_err(|e| Trouble::io(&path, e))?;
        let bad = |e: serde_json::Error| Trouble::Damaged(path.clone(), e.to_string());
        let version: Version = serde_json::from_str(&text).map_err(bad)?;
        if version.format != FORMAT {
            return Err(Trouble::Format(path, version.format));
        }
        let read: Self = serde_json::from_str(&text).map_err(bad)?;
        if read.check != read.seal() {
            return Err(Trouble::Damaged(path, "it is not as it was written".to_owned()));
        }
        Ok(read)
    }

    /// Puts the manifest in place: from then on the base is what it says.
    ///
    /// # Errors
    /// What the disk says.
    pub fn write(&mut self, dir: &Path) -> Result<(), Trouble> {
        self.check = self.seal();
        let path = dir.join(MANIFEST);
        let text = serde_json::to_string_pretty(self).map_err(|e| Trouble::Damaged(path.clone(), e.to_string()))?;
        whole(dir, &path, text.as_bytes()).map_err(|e| Trouble::io(&path, e))
    }

    /// Rows of a table, of all layers together.
    #[must_use]
    pub fn rows(&self, path: &str) -> u64 {
        self.layers.iter().filter_map(|l| l.files.get(path)).map(|e| e.rows).sum()
    }
}

/// Beginning of a hash, in hexadecimal: enough to tell damage.
fn short(hash: &blake3::Hash) -> String {
    hash.to_hex()[..16].to_owned()
}

/// Replaces a file in one step that survives a loss of power.
fn whole(dir: &Path, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = tempfile::Builder::new().prefix(".zhuize-").tempfile_in(dir)?;
    file.write_all(bytes)?;
    file.as_file().sync_data()?;
    file.persist(path).map_err(|e| e.error)?;
    // Not every system lets a folder be opened.
    std::fs::File::open(dir).and_then(|d| d.sync_all()).or(Ok(()))
}
