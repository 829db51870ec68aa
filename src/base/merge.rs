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
    let base = Base::over(dir, program, later, &|r| !r.outputs.is_empty());
    manifest.generation += 1;
    let (mut layer, home) = Layer::begin(dir, manifest.generation)?;
    for i in 0..program.relations.len() {
        let rel = RelId(i as u32);
        let Some(kind) = base.kind(rel) else { continue };
        let plain = |values| Row { values, place: Standing::default() };
        let one = |mut rows: Vec<Row>| {
            rows.sort_by(order);
            rows.dedup_by(|a, b| a.values == b.values);
            BTreeMap::from([(rel, rows)])
        };
        match kind {
            Kind::Facts => {
                let mut came = one(base.facts(rel, None)?);
                came.retain(|_, rows| !rows.is_empty());
                layer.files.extend(change::write_facts(program, &came, &home, manifest)?);
            }
            Kind::Conclusions => {
                let came = one(base.conclusions(rel, None)?.into_iter().map(plain).collect());
                layer.files.extend(change::write_plain(program, &came, &home, |n| kind.came(n))?);
            }
        }
        let went = one(base.went(kind, rel)?.into_iter().map(plain).collect());
        layer.files.extend(change::write_plain(program, &went, &home, |n| kind.went(n))?);
    }
    manifest.retired.extend(manifest.layers[1..].iter().map(|l| l.dir.clone()));
    manifest.layers.truncate(1);
    manifest.layers.push(layer);
    Ok(())
}
