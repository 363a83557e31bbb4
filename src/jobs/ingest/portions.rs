//! Months of archives are committed on the way: a run that is killed after hours begins again behind its last commit,
//! because the next run knows the inputs by their content.
//!
//! Every commit looks for copies among the rows of the days it adds to, and adds files to them. So portions grow with what was
//! read before: all commits together look at a few times what one alone would, and the files stay few.

use std::path::{Path, PathBuf};

/// How much more text a packed file is than its size says, roughly.
const PACKED: u64 = 10;
/// A portion is at least this part of all before it.
const SHARE: u64 = 2;

/// Ends of the names of packed files.
const PACKED_ENDS: [&str; 9] = ["gz", "tgz", "zst", "bz2", "xz", "zip", "7z", "lz4", "z"];

/// Cuts files into portions of at least `least` bytes of text, in the order of their paths: neighbours are mostly of
/// neighbouring days. Without `least` all are one portion.
pub(super) fn cut(mut files: Vec<(PathBuf, u64)>, least: Option<u64>) -> Vec<Vec<(PathBuf, u64)>> {
    files.sort();
    let mut portions = vec![Vec::new()];
    let (mut before, mut here) = (0u64, 0u64);
    for file in files {
        let weight = text_bytes(&file.0, file.1);
        if least.is_some_and(|least| here >= least.max(before / SHARE)) {
            before = before.saturating_add(here);
            here = 0;
            portions.push(Vec::new());
        }
        here = here.saturating_add(weight);
        if let Some(portion) = portions.last_mut() {
            portion.push(file);
        }
    }
    portions
}

/// About how much text a file holds.
pub(super) fn text_bytes(path: &Path, size: u64) -> u64 {
    let end = path.extension().and_then(|e| e.to_str()).unwrap_or("");
    match PACKED_ENDS.iter().any(|p| end.eq_ignore_ascii_case(p)) {
        true => size.saturating_mul(PACKED),
        false => size,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sizes(files: &[(&str, u64)], least: Option<u64>) -> Vec<Vec<String>> {
        let files = files.iter().map(|(n, s)| (PathBuf::from(n), *s)).collect();
        let names = |portion: Vec<(PathBuf, u64)>| portion.into_iter().map(|(p, _)| p.display().to_string()).collect();
        cut(files, least).into_iter().map(names).collect()
    }

    #[test]
    fn portions_are_in_order_and_grow_with_what_was_read() {
        let files = [("c", 5), ("a", 5), ("b", 5), ("d", 5), ("e", 5), ("f.GZ", 1), ("g", 1)];
        assert_eq!(
            sizes(&files, Some(5)),
            [vec!["a"], vec!["b"], vec!["c"], vec!["d", "e"], vec!["f.GZ", "g"]]
        );
        assert_eq!(sizes(&files, None).len(), 1);
        assert_eq!(sizes(&files, Some(u64::MAX)).len(), 1);
        assert_eq!(sizes(&[], Some(5)), [Vec::<String>::new()]);
    }
}
