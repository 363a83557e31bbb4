//! From the fields in `extra` to the rows worth a closer look: the object of a row is gone through once, however many fields
//! are looked for in it.

use std::collections::HashMap;

use ahash::RandomState;
use arrow_array::{Array, StringArray};

use super::access::{Access, Reach};
use super::cells::{Cells, NONE};
use super::matcher::{Matcher, Scratch};
use super::plan::AnchorField;
use super::program::{LeafId, seeds};
use crate::schema::extra;

/// A field that is looked for.
pub struct Wanted<'w> {
    /// Where it is.
    pub reach: &'w Reach,
    /// What its answers point out.
    pub anchor: &'w AnchorField,
    /// Its questions.
    pub matcher: &'w Matcher,
    /// What the columns say of it.
    pub cells: Option<&'w Cells>,
    /// Whether it has a value anywhere.
    pub seen: bool,
}

impl Wanted<'_> {
    fn is_everything(&self) -> bool {
        self.reach.columns == Some(Access::Everything)
    }

    /// Whether `extra` counts beside columns with a value.
    fn is_beside(&self) -> bool {
        self.reach.each || self.reach.columns.as_ref().is_some_and(Access::has_forms)
    }
}

/// The fields by their names.
struct Names<'w> {
    own: HashMap<&'w str, Vec<usize>, RandomState>,
    /// Those of which any member is one.
    everything: Vec<usize>,
    /// Those with a name that may lead through objects.
    paths: Vec<(usize, &'w str)>,
}

impl<'w> Names<'w> {
    fn new(wanted: &[Wanted<'w>]) -> Self {
        let mut out = Self {
            own: HashMap::with_hasher(seeds()),
            everything: Vec::new(),
            paths: Vec::new(),
        };
        for (i, w) in wanted.iter().enumerate() {
            if w.is_everything() {
                out.everything.push(i);
                continue;
            }
            for name in &w.reach.extra {
                let list = out.own.entry(name.as_str()).or_default();
                if list.last() != Some(&i) {
                    list.push(i);
                }
            }
            let paths = w.reach.extra.iter().filter(|n| n.contains('.'));
            out.paths.extend(paths.map(|n| (i, n.as_str())));
        }
        out
    }

    fn of(&self, key: &str) -> &[usize] {
        let list = match key.contains('\\') {
            false => self.own.get(key),
            true => self.own.get(&*extra::unescape(key)),
        };
        list.map_or(&[], Vec::as_slice)
    }
}

/// The rules that the texts of a raw value point out.
fn places(w: &Wanted<'_>, raw: &str, scratch: &mut Scratch) -> Vec<u32> {
    let mut leaves: Vec<LeafId> = Vec::new();
    for text in extra::texts(raw) {
        w.matcher.ask(&text, scratch, &mut leaves);
    }
    let places = leaves.iter().filter_map(|l| w.anchor.rules.get(l)).flatten();
    places.copied().collect()
}

/// Adds the rows that fields in `extra` point out, each with the place of the rule; in no order, some twice.
pub fn point_out(
    wanted: &mut [Wanted<'_>],
    objects: &StringArray,
    rows: &[u32],
    scratch: &mut Scratch,
    out: &mut Vec<(u32, u32)>,
) {
    let names = Names::new(wanted);
    let beside: Vec<bool> = wanted.iter().map(Wanted::is_beside).collect();
    // What a raw value points out, per field.
    let mut known: Vec<HashMap<&str, Vec<u32>, RandomState>> =
        wanted.iter().map(|_| HashMap::with_hasher(seeds())).collect();
    let mut take = |i: usize, row: u32, raw| {
        let (Some(w), Some(known)) = (wanted.get_mut(i), known.get_mut(i)) else {
            return;
        };
        if beside.get(i) == Some(&false) && w.cells.is_some_and(|c| c.code(row as usize) != NONE) {
            return;
        }
        w.seen = true;
        let places = known.entry(raw).or_insert_with(|| places(w, raw, scratch));
        out.extend(places.iter().map(|p| (row, *p)));
    };
    for row in rows {
        let at = *row as usize;
        if !objects.is_valid(at) {
            continue;
        }
        let json = objects.value(at);
        for (key, raw) in extra::members(json) {
            let own = names.of(key);
            own.iter().chain(&names.everything).for_each(|i| take(*i, *row, raw));
            if raw.starts_with('{') {
                for (i, path) in names.paths.iter().filter(|(_, p)| p.starts_with(key)) {
                    if let Some(raw) = extra::get(json, path) {
                        take(*i, *row, raw);
                    }
                }
            }
        }
    }
}
