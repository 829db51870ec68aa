//! Many small layers become one.

use super::change::{self, order};
use super::store::{Base, Kind, Row};
use super::{Layer, Manifest, Trouble};
use crate::facts::Standing;
use crate::lang::program::{Program, RelId};
use std::collections::BTreeMap;
use std::path::Path;

/// Layers beside the first from which on they are merged.
const MOST: usize = 8;

/// Merges all layers but the first into one, if they are many; the folders of the old ones are retired.
pub(super) fn if_many(program: &Program, dir: &Path, manifest: &mut Manifest) -> Result<(), Trouble> {
    if manifest.layers.len() <= MOST {
        return Ok(());
    }
    // What came and is still there after the later layers, and all that ever went.
    let later = Manifest { layers: manifest.layers[1..].to_vec(), ..manifest.clone() };
    let (facts, conclusions) = (Base::over(dir, program, later.clone(), false), Base::over(dir, program, later, true));
    manifest.generation += 1;
    let name = format!("{:07}", manifest.generation);
    let home = dir.join(&name);
    if home.exists() {
        std::fs::remove_dir_all(&home).map_err(|e| Trouble::io(&home, e))?;
    }
    let mut layer = Layer { dir: name, files: BTreeMap::new() };
    for i in 0..program.relations.len() {
        let rel = RelId(i as u32);
        let one = |rows: Vec<Row>| BTreeMap::from([(rel, rows)]);
        let plain = |values| Row { values, place: Standing::default() };
        let sorted = |mut rows: Vec<Row>| {
            rows.sort_by(order);
            rows.dedup_by(|a, b| a.values == b.values);
            rows
        };
        if facts.holds(rel) {
            let came = sorted(facts.facts(rel, None)?);
            if !came.is_empty() {
                change::write_facts(program, &one(came), &home, manifest, &mut layer.files)?;
            }
            let went = sorted(facts.went(Kind::Facts, rel)?.into_iter().map(plain).collect());
            change::write_plain(program, &one(went), &home, |n| Kind::Facts.went(n), &mut layer.files)?;
        } else if conclusions.holds(rel) {
            let came = sorted(conclusions.conclusions(rel, None)?.into_iter().map(plain).collect());
            change::write_plain(program, &one(came), &home, |n| Kind::Conclusions.came(n), &mut layer.files)?;
            let went = sorted(conclusions.went(Kind::Conclusions, rel)?.into_iter().map(plain).collect());
            change::write_plain(program, &one(went), &home, |n| Kind::Conclusions.went(n), &mut layer.files)?;
        }
    }
    manifest.retired.extend(manifest.layers[1..].iter().map(|l| l.dir.clone()));
    manifest.layers.truncate(1);
    manifest.layers.push(layer);
    Ok(())
}
