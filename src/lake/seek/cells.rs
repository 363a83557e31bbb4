//! Testing the cells of a column that was read: each distinct value once.

use arrow_array::cast::AsArray;
use arrow_array::types::Int32Type;
use arrow_array::{Array, DictionaryArray, FixedSizeBinaryArray, StringArray};
use arrow_schema::DataType;

use super::{Match, Probe};

/// Adds the cells of an array that match; its first row has the number `first`.
pub fn matches(array: &dyn Array, first: u32, probe: &Probe<'_>, out: &mut Vec<Match>) {
    match array.data_type() {
        DataType::Dictionary(..) => {
            if let Some(d) = array.as_dictionary_opt::<Int32Type>() {
                of_dictionary(d, first, probe, out);
            }
        }
        DataType::FixedSizeBinary(_) => {
            if let Some(a) = array.as_fixed_size_binary_opt() {
                of_bytes(a, first, probe, out);
            }
        }
        DataType::List(_) => {
            if let Some(a) = array.as_list_opt::<i32>() {
                for row in 0..a.len() {
                    if a.is_valid(row)
                        && let Some(items) = a.value(row).as_string_opt::<i32>()
                    {
                        of_items(items, first + row as u32, probe, out);
                    }
                }
            }
        }
        _ => {}
    }
}

/// Adds the distinct texts of a column.
pub fn distinct(array: &dyn Array, out: &mut Vec<Vec<u8>>) {
    let Some(d) = array.as_dictionary_opt::<Int32Type>() else {
        return;
    };
    let mut used = vec![false; d.values().len()];
    for k in d.keys().iter().flatten() {
        if let Some(u) = usize::try_from(k).ok().and_then(|k| used.get_mut(k)) {
            *u = true;
        }
    }
    if let Some(values) = d.values().as_string_opt::<i32>() {
        let of_used = values.iter().zip(used).filter(|(_, u)| *u);
        out.extend(of_used.filter_map(|(v, _)| Some(v?.as_bytes().to_vec())));
    }
}

fn of_dictionary(d: &DictionaryArray<Int32Type>, first: u32, probe: &Probe<'_>, out: &mut Vec<Match>) {
    let Some(values) = d.values().as_string_opt::<i32>() else {
        return;
    };
    let mut known: Vec<Option<Vec<u32>>> = vec![None; values.len()];
    for (row, key) in d.keys().iter().enumerate() {
        let Some(key) = key.and_then(|k| usize::try_from(k).ok()) else {
            continue;
        };
        let Some(slot) = known.get_mut(key) else { continue };
        let what = slot.get_or_insert_with(|| {
            let mut found = Vec::new();
            if values.is_valid(key) {
                (probe.test)(values.value(key).as_bytes(), &mut found);
            }
            found
        });
        push(what, first + row as u32, probe, out);
    }
}

fn of_bytes(a: &FixedSizeBinaryArray, first: u32, probe: &Probe<'_>, out: &mut Vec<Match>) {
    let mut found = Vec::new();
    for (row, value) in a.iter().enumerate() {
        let Some(value) = value else { continue };
        found.clear();
        (probe.test)(value, &mut found);
        push(&found, first + row as u32, probe, out);
    }
}

fn of_items(items: &StringArray, row: u32, probe: &Probe<'_>, out: &mut Vec<Match>) {
    let mut found = Vec::new();
    for item in items.iter().flatten() {
        (probe.test)(item.as_bytes(), &mut found);
    }
    push(&found, row, probe, out);
}

fn push(what: &[u32], row: u32, probe: &Probe<'_>, out: &mut Vec<Match>) {
    out.extend(what.iter().map(|what| Match {
        row,
        col: probe.col,
        what: *what,
    }));
}
