//! Files of the lake that follow each other read as one run: a commit cuts a large day into files between hosts.

use std::sync::Arc;

use super::super::files::LakeFile;

/// Puts files into as few chains as their hosts allow; in a chain each file begins after the one before has ended.
/// A file that does not tell its hosts stands alone.
pub fn chains(files: Vec<Arc<LakeFile>>) -> Vec<Vec<Arc<LakeFile>>> {
    let mut out: Vec<Vec<Arc<LakeFile>>> = Vec::new();
    let mut ends: Vec<Option<Vec<u8>>> = Vec::new();
    let mut told = Vec::new();
    for f in files {
        match f.hosts() {
            Some((min, max)) => told.push((min, max, f)),
            None => {
                out.push(vec![f]);
                ends.push(None);
            }
        }
    }
    told.sort_by(|a, b| (&a.0, &a.1, &a.2.path).cmp(&(&b.0, &b.1, &b.2.path)));
    for (min, max, f) in told {
        let free = ends.iter().position(|end| match (end, &min) {
            (Some(end), Some(min)) => end < min,
            _ => false,
        });
        match free.and_then(|i| Some((out.get_mut(i)?, ends.get_mut(i)?))) {
            Some((chain, end)) => {
                chain.push(f);
                *end = Some(max);
            }
            None => {
                out.push(vec![f]);
                ends.push(Some(max));
            }
        }
    }
    out
}
