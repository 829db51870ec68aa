//! The files of a rules folder, from the disk or from inside the program.

use crate::lang::diagnostic::{Diagnostic, Severity};
use std::path::{Path, PathBuf};

mod embedded {
    include!(concat!(env!("OUT_DIR"), "/embedded_rules.rs"));
}

/// A file: path under the rules folder with `/`, and its bytes.
#[derive(Clone, Debug)]
pub struct RuleFile {
    /// Such as `common/tables.dl`.
    pub path: String,
    /// The bytes as they stand on the disk.
    pub bytes: Vec<u8>,
}

/// The files that make a rulebook, in order of path.
#[derive(Clone, Debug, Default)]
pub struct RuleTree {
    /// `.dl` and `.csv` files.
    pub files: Vec<RuleFile>,
    /// Folders of golden cases.
    pub cases: Vec<String>,
}

/// A rules folder that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum TreeError {
    /// The system's error for a path.
    #[error("E0401: cannot read {}: {source}", path.display())]
    Io {
        /// The path.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// No `.dl` file in it.
    #[error("E0402: {} holds no rule file (*.dl)", path.display())]
    Empty {
        /// The folder.
        path: PathBuf,
    },
}

fn left_out(path: &str) -> bool {
    path.starts_with('_') || path.starts_with("examples/") || path == "examples"
}

impl RuleTree {
    /// The rules inside the program.
    #[must_use]
    pub fn embedded() -> Self {
        let files = embedded::FILES
            .iter()
            .filter(|(p, _)| !left_out(p))
            .map(|(p, b)| RuleFile { path: (*p).to_owned(), bytes: b.to_vec() })
            .collect();
        let cases = embedded::CASES.iter().filter(|p| !left_out(p)).map(|p| (*p).to_owned()).collect();
        Self { files, cases }
    }

    /// Adds an instrument folder under its own name, in the place of one of that name.
    ///
    /// # Errors
    /// As [`RuleTree::from_dir`].
    pub fn add_instrument(&mut self, dir: &Path) -> Result<(), TreeError> {
        let more = Self::from_dir(dir)?;
        let name = std::path::absolute(dir)
            .ok()
            .and_then(|d| d.file_name().map(|n| n.to_string_lossy().into_owned()))
            .unwrap_or_else(|| "instrument".to_owned());
        let below = format!("{name}/");
        self.files.retain(|f| !f.path.starts_with(&below));
        self.cases.retain(|c| !c.starts_with(&below));
        self.files.extend(more.files.into_iter().map(|f| RuleFile { path: format!("{below}{}", f.path), ..f }));
        self.cases.extend(more.cases.into_iter().map(|c| format!("{below}{c}")));
        self.files.sort_by(|a, b| a.path.cmp(&b.path));
        self.cases.sort();
        Ok(())
    }

    /// The rules of a folder.
    ///
    /// # Errors
    /// When a file or folder cannot be read, or nothing in it is a rule file.
    pub fn from_dir(root: &Path) -> Result<Self, TreeError> {
        let mut tree = Self::default();
        let mut todo = vec![PathBuf::new()];
        while let Some(rel) = todo.pop() {
            let dir = root.join(&rel);
            let io = |source| TreeError::Io { path: dir.clone(), source };
            for entry in std::fs::read_dir(&dir).map_err(io)? {
                let entry = entry.map_err(io)?;
                let below = rel.join(entry.file_name());
                let name = below.to_string_lossy().replace('\\', "/");
                if left_out(&name) {
                    continue;
                }
                let path = root.join(&below);
                let meta = std::fs::metadata(&path).map_err(|source| TreeError::Io { path: path.clone(), source })?;
                if meta.is_dir() {
                    if rel.ends_with("cases") && rel.file_name().is_some() {
                        tree.cases.push(name);
                    } else {
                        todo.push(below);
                    }
                } else if name.ends_with(".dl") || name.ends_with(".csv") {
                    let bytes = std::fs::read(&path).map_err(|source| TreeError::Io { path: path.clone(), source })?;
                    tree.files.push(RuleFile { path: name, bytes });
                }
            }
        }
        tree.files.sort_by(|a, b| a.path.cmp(&b.path));
        tree.cases.sort();
        if tree.files.iter().any(|f| f.path.ends_with(".dl")) {
            Ok(tree)
        } else {
            Err(TreeError::Empty { path: root.to_owned() })
        }
    }
}

pub(super) fn not_utf8(path: &str, bytes: &[u8], at: usize) -> Diagnostic {
    let line = bytes[..at].iter().filter(|b| **b == b'\n').count() + 1;
    let column = bytes[..at].iter().rev().take_while(|b| **b != b'\n').count() + 1;
    Diagnostic::new(
        "E0403",
        Severity::Error,
        format!("{path}:{line}:{column}: byte 0x{:02x} at offset {at} is not UTF-8", bytes[at]),
        None,
    )
    .help("save the file as UTF-8; rule files have no other encoding")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn embedded_is_the_folder() {
        let disk = RuleTree::from_dir(Path::new("rules")).unwrap();
        let inside = RuleTree::embedded();
        let names = |t: &RuleTree| t.files.iter().map(|f| f.path.clone()).collect::<Vec<_>>();
        assert_eq!(names(&disk), names(&inside));
        assert_eq!(disk.cases, inside.cases);
    }

    #[test]
    fn not_utf8_names_line_and_column() {
        let d = not_utf8("x.dl", b"ab\ncd\xff", 5);
        assert_eq!(d.message, "x.dl:2:3: byte 0xff at offset 5 is not UTF-8");
    }
}
