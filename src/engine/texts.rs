//! Sorting texts by eight bytes at a time.
//!
//! Texts of a casebase begin alike (`（2016）豫01行初…`, `c1000…`), so a comparison of two has to go and look at both, and most of
//! the time goes by waiting for memory. Here each text is looked at once for every eight bytes that it shares with others.

use rayon::prelude::*;

/// So few texts are compared one with the other.
const FEW: usize = 12;

/// Texts that agree so far are compared too: nothing nests deeper than a known bound.
const DEEP: usize = 256;

type Keyed = (u64, u32);

/// Puts ids in the order of the bytes of their texts, by the threads of the current pool.
pub fn sort<'t>(ids: impl Iterator<Item = u32>, text: &(impl Fn(u32) -> &'t str + Sync)) -> Vec<u32> {
    let mut keyed: Vec<Keyed> = ids.map(|id| (key(text(id), 0), id)).collect();
    by_key(&mut keyed, 0, text);
    keyed.into_iter().map(|(_, id)| id).collect()
}

/// The eight bytes of a text from a place on as a number, with zeros behind its end.
fn key(text: &str, from: usize) -> u64 {
    let rest = text.as_bytes().get(from..).unwrap_or_default();
    match rest.first_chunk() {
        Some(word) => u64::from_be_bytes(*word),
        None => {
            let mut word = [0; 8];
            word[..rest.len()].copy_from_slice(rest);
            u64::from_be_bytes(word)
        }
    }
}

/// Sorts texts that agree before `from`, whose keys are their next eight bytes.
fn by_key<'t>(keyed: &mut [Keyed], from: usize, text: &(impl Fn(u32) -> &'t str + Sync)) {
    keyed.par_sort_unstable_by_key(|k| k.0);
    let same: Vec<&mut [Keyed]> = keyed.chunk_by_mut(|a, b| a.0 == b.0).filter(|run| run.len() > 1).collect();
    let next = from + 8;
    same.into_par_iter().for_each(|run| {
        if run.len() <= FEW || next > DEEP {
            run.sort_unstable_by(|a, b| text(a.1).as_bytes()[from..].cmp(&text(b.1).as_bytes()[from..]));
            return;
        }
        // Those that end here agree but for zeros, and all others go on from them.
        let mut ended = 0;
        for i in 0..run.len() {
            let text = text(run[i].1);
            run[i].0 = key(text, next);
            if text.len() <= next {
                run.swap(i, ended);
                ended += 1;
            }
        }
        let (ended, on) = run.split_at_mut(ended);
        ended.sort_unstable_by_key(|k| text(k.1).len());
        by_key(on, next, text);
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn many_texts_that_begin_alike() {
        let mut texts: Vec<String> = (0..40_000).map(|i| format!("（{}）豫01行初{i}号", 2016 + i % 10)).collect();
        texts.extend((0..20).map(|i| format!("{}{}", "long ".repeat(2000), i * 7 % 20)));
        texts.extend((0..3000).map(|i| format!("c{}", i * 7919)));
        texts.extend((0..40).flat_map(|n| ["ab", "abcdefgh", ""].map(|t| format!("{t}{}", "\0".repeat(n + 1)))));
        let mut want: Vec<&String> = texts.iter().collect();
        want.sort();
        let got = sort(0..texts.len() as u32, &|id| texts[id as usize].as_str());
        assert!(got.iter().map(|id| &texts[*id as usize]).eq(want));
    }

    proptest! {
        #[test]
        fn in_the_order_of_bytes(texts in proptest::collection::hash_set("[ab\0中]{0,40}", 0..60), twice in any::<bool>()) {
            let mut texts: Vec<String> = texts.into_iter().collect();
            if twice {
                texts = texts.iter().map(|t| format!("begins alike, {t}")).collect();
            }
            let got = sort(0..texts.len() as u32, &|id| texts[id as usize].as_str());
            let got: Vec<&String> = got.iter().map(|id| &texts[*id as usize]).collect();
            let mut want: Vec<&String> = texts.iter().collect();
            want.sort();
            prop_assert_eq!(got, want);
        }
    }
}
