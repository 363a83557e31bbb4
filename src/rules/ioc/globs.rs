//! Indicators with wildcards.

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use super::spelling::is_hive;
use crate::base::error::{Error, Result};
use crate::base::text::basename;

/// Patterns with wildcards; separators are slashes.
#[derive(Default)]
pub(super) struct Globs {
    names: GlobSet,
    names_of: Vec<u32>,
    paths: GlobSet,
    paths_of: Vec<u32>,
}

impl Globs {
    /// Compiles patterns, each with its number.
    ///
    /// # Errors
    /// Where one is malformed.
    pub fn new(patterns: &[(String, u32)]) -> Result<Self> {
        let (mut names, mut paths) = (GlobSetBuilder::new(), GlobSetBuilder::new());
        let mut out = Self::default();
        for (pattern, n) in patterns {
            let whole = pattern.contains('/');
            let rooted =
                !whole || pattern.as_bytes().get(1) == Some(&b':') || is_hive(pattern.split('/').next().unwrap_or(""));
            let text = match rooted {
                true => pattern.clone(),
                false => format!("*/{}", pattern.trim_start_matches('/')),
            };
            // Brackets and braces are letters of names here.
            let text = text.replace('[', "[[]").replace('{', "[{]").replace('}', "[}]");
            let glob = GlobBuilder::new(&text)
                .backslash_escape(false)
                .literal_separator(false)
                .build();
            let glob = glob.map_err(|e| Error::Usage(format!("indicator '{pattern}': {e}; write * and ? only")))?;
            if whole {
                paths.add(glob);
                out.paths_of.push(*n);
            } else {
                names.add(glob);
                out.names_of.push(*n);
            }
        }
        let failed = |e: globset::Error| Error::Usage(format!("indicators with wildcards: {e}; split the list"));
        out.names = names.build().map_err(failed)?;
        out.paths = paths.build().map_err(failed)?;
        Ok(out)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.names_of.is_empty() && self.paths_of.is_empty()
    }

    /// All numbers.
    pub fn numbers(&self) -> impl Iterator<Item = u32> + '_ {
        self.paths_of.iter().chain(&self.names_of).copied()
    }

    /// Adds the numbers of the patterns that a path matches: whole, or by its last component.
    pub fn test(&self, path: &str, out: &mut Vec<u32>) {
        if !self.names_of.is_empty() {
            let found = self.names.matches(basename(path));
            out.extend(found.into_iter().filter_map(|i| self.names_of.get(i)));
        }
        if !self.paths_of.is_empty() {
            let found = self.paths.matches(path.replace('\\', "/"));
            out.extend(found.into_iter().filter_map(|i| self.paths_of.get(i)));
        }
    }
}
