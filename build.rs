//! Embeds the rulebooks: every `.dl` and `.csv` under `rules/` outside `cases/`, by relative path, so that the program
//! runs anywhere. Of the golden cases only the names are kept.

use std::{env, fmt::Write as _, fs, io, path::Path};

fn walk(root: &Path, dir: &Path, files: &mut Vec<String>, cases: &mut Vec<String>) -> io::Result<()> {
    println!("cargo::rerun-if-changed={}", dir.display());
    let mut entries: Vec<_> = fs::read_dir(dir)?.collect::<Result<_, _>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for e in entries {
        let path = e.path();
        let rel = path.strip_prefix(root).map_err(io::Error::other)?.to_string_lossy().replace('\\', "/");
        let parent_is_cases = path.parent().is_some_and(|p| p.ends_with("cases"));
        if e.file_type()?.is_dir() {
            if parent_is_cases {
                cases.push(rel);
            } else {
                walk(root, &path, files, cases)?;
            }
        } else if rel.ends_with(".dl") || rel.ends_with(".csv") {
            println!("cargo::rerun-if-changed={}", path.display());
            files.push(rel);
        }
    }
    Ok(())
}

fn main() -> io::Result<()> {
    let root = Path::new(&env::var("CARGO_MANIFEST_DIR").map_err(io::Error::other)?).join("rules");
    let (mut files, mut cases) = (Vec::new(), Vec::new());
    walk(&root, &root, &mut files, &mut cases)?;
    let mut out = String::from("pub(super) static FILES: &[(&str, &[u8])] = &[\n");
    for f in &files {
        let _ = writeln!(out, "    ({f:?}, include_bytes!({:?})),", root.join(f).display().to_string());
    }
    out.push_str("];\npub(super) static CASES: &[&str] = &[\n");
    for c in &cases {
        let _ = writeln!(out, "    {c:?},");
    }
    out.push_str("];\n");
    fs::write(Path::new(&env::var("OUT_DIR").map_err(io::Error::other)?).join("embedded_rules.rs"), out)
}
