//! Thresholds that a user sets otherwise than their signal's `META` does.

use std::collections::BTreeMap;

use super::meta::Meta;
use super::{SIGNALS, by_id};
use crate::base::error::{Error, Result};
use crate::rules::similar::nearest;

/// Thresholds that are part of a statistic or a table and cannot be set: signal and name. A test holds it to the truth.
#[rustfmt::skip]
const FIXED: &[(&str, &str)] = &[
    ("PROC-01", "routine_quality"),
    ("PROC-02", "explorer_quality"),
    ("PROC-05", "agent_quality"),
    ("SCRIPT-01", "quality"),
    ("SCRIPT-01", "telling_quality"),
    ("SCRIPT-01", "same_seconds"),
    ("SCRIPT-01", "long_block_bytes"),
    ("SCRIPT-02", "classes_high"),
    ("NET-01", "max_per_day"),
    ("NET-02", "per_minute"),
    ("DNS-01", "surprise"),
    ("DNS-01", "surprise_floor"),
    ("DNS-01", "popular_share"),
    ("DNS-01", "popular_hosts"),
    ("DNS-02", "surprise"),
    ("DNS-04", "age"),
    ("FILE-11", "md5_quality"),
    ("FILE-11", "quarantine_seconds"),
    ("PERS-06", "names"),
    ("RMM-01", "both_quality"),
    ("RMM-01", "resource_quality"),
    ("RMM-01", "name_quality"),
    ("RMM-01", "domain_quality"),
    ("AV-01", "narrow_exclusion"),
    ("LOGT-02", "tiny_log"),
    ("LOGT-04", "moved"),
    ("CRED-01", "marks"),
    ("CRED-02", "habit"),
    ("IMP-01", "rotation_quality"),
    ("IMP-01", "small_storage_megabytes"),
];

/// Thresholds that can only be made stricter, because what they judge is computed with the default: signal, name, and whether stricter
/// is more.
const STRICTER: &[(&str, &str, bool)] = &[
    ("NET-01", "timing", true),
    ("NET-01", "min_events", true),
    ("NET-01", "min_span", true),
    ("NET-02", "minutes", true),
    ("NET-02", "variation", false),
];

/// Overrides of thresholds: signal id → name → number. Every name in it exists.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Overrides(BTreeMap<&'static str, BTreeMap<&'static str, f64>>);

impl Overrides {
    /// Sets one threshold.
    ///
    /// # Errors
    /// [`Error::Usage`] for an unknown signal or threshold, naming the nearest one, and for numbers below zero or not finite.
    pub fn set(&mut self, signal: &str, name: &str, value: f64) -> Result<()> {
        let Some(found) = by_id(signal) else {
            let near = nearest(signal, SIGNALS.iter().map(|s| s.meta().id));
            return Err(Error::Usage(format!(
                "threshold {signal}.{name}: no signal '{signal}'{}; `coldtrail signals` lists them",
                near.map_or_else(String::new, |n| format!(", did you mean '{n}'?"))
            )));
        };
        let meta = found.meta();
        let Some(threshold) = meta.thresholds.iter().find(|t| t.name == name) else {
            let near = nearest(name, meta.thresholds.iter().map(|t| t.name));
            return Err(Error::Usage(format!(
                "threshold {signal}.{name}: {} has no threshold '{name}'{}; `coldtrail signals {}` lists its numbers",
                meta.id,
                near.map_or_else(String::new, |n| format!(", did you mean '{n}'?")),
                meta.id
            )));
        };
        if FIXED.contains(&(meta.id, threshold.name)) {
            return Err(Error::Usage(format!(
                "threshold {signal}.{name}: this number is part of the signal itself and cannot be set; an allowlist entry \
                 damps what it finds"
            )));
        }
        if !value.is_finite() || value < 0.0 {
            return Err(Error::Usage(format!(
                "threshold {signal}.{name}: {value} is no number from 0 upwards; the default is {} {}",
                threshold.value, threshold.unit
            )));
        }
        let only = STRICTER.iter().find(|(s, n, _)| (*s, *n) == (meta.id, threshold.name));
        if let Some((.., more)) = only
            && (value < threshold.value) == *more
            && value != threshold.value
        {
            return Err(Error::Usage(format!(
                "threshold {signal}.{name}: it can only be made stricter than its default of {}, not {value}",
                threshold.value
            )));
        }
        self.0.entry(meta.id).or_default().insert(threshold.name, value);
        Ok(())
    }

    /// Sets one threshold as the flag writes it: `NET-04.hosts=150`.
    ///
    /// # Errors
    /// As [`set`](Self::set), and where the text has another form.
    pub fn set_text(&mut self, text: &str) -> Result<()> {
        let parts = text.split_once('=').and_then(|(key, value)| {
            let (signal, name) = key.trim().split_once('.')?;
            Some((signal, name, value.trim().parse::<f64>().ok()?))
        });
        let Some((signal, name, value)) = parts else {
            return Err(Error::Usage(format!(
                "'{text}' sets no threshold; write it like NET-04.hosts=150 (`coldtrail signals NET-04` lists the names)"
            )));
        };
        self.set(signal, name, value)
    }

    /// From all that the flag names.
    ///
    /// # Errors
    /// As [`set_text`](Self::set_text).
    pub fn parse<S: AsRef<str>>(texts: &[S]) -> Result<Self> {
        let mut out = Self::default();
        for text in texts {
            out.set_text(text.as_ref())?;
        }
        Ok(out)
    }

    /// The number that decides: the override, else the default of `meta`. A name that `meta` does not have is 0; a test
    /// looks for such names.
    pub fn number(&self, meta: &Meta, name: &str) -> f64 {
        let own = self.0.get(meta.id).and_then(|of| of.get(name)).copied();
        own.or_else(|| meta.thresholds.iter().find(|t| t.name == name).map(|t| t.value))
            .unwrap_or(0.0)
    }

    /// What differs from the defaults: signal, name, number.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &'static str, f64)> + '_ {
        self.0
            .iter()
            .flat_map(|(signal, of)| of.iter().map(|(name, value)| (*signal, *name, *value)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_the_override_or_the_default() {
        let meta = by_id("NET-04").unwrap().meta();
        let set = Overrides::parse(&["net-04.hosts=150"]).unwrap();
        assert_eq!(set.number(meta, "hosts"), 150.0);
        assert_eq!(Overrides::default().number(meta, "hosts"), 100.0);
        assert_eq!(set.iter().collect::<Vec<_>>(), [("NET-04", "hosts", 150.0)]);
    }

    #[test]
    fn what_does_not_exist_is_refused_with_the_nearest_name() {
        let says = |text: &str| Overrides::parse(&[text]).unwrap_err().to_string();
        assert!(says("NET-44.hosts=1").contains("did you mean 'NET-04'"));
        assert!(says("NET-04.host=1").contains("did you mean 'hosts'"));
        assert!(says("NET-04.hosts=-1").contains("default is 100"));
        assert!(says("NET-04.hosts").contains("write it like"));
        assert!(says("NET-01.min_events=2").contains("stricter"));
        assert!(says("NET-02.variation=0.9").contains("stricter"));
        assert!(Overrides::parse(&["NET-01.min_events=12", "NET-02.variation=0.2"]).is_ok());
    }

    /// What keeps the manual honest: every number that a signal asks for stands in its `META`, and every `META` is asked.
    #[test]
    fn every_threshold_is_read_by_its_name_and_every_name_read_exists() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/signals");
        let mut failures = Vec::new();
        for signal in SIGNALS.iter() {
            let meta = signal.meta();
            let file = folder.join(format!("{}.rs", meta.id.to_lowercase().replace('-', "_")));
            let source: String = std::fs::read_to_string(&file)
                .unwrap()
                .split_whitespace()
                .collect::<Vec<_>>()
                .join(" ");
            let read: Vec<&str> = source
                .split("number(&META, \"")
                .skip(1)
                .filter_map(|rest| rest.split('"').next())
                .collect();
            let missing = read.iter().filter(|n| !meta.thresholds.iter().any(|t| t.name == **n));
            failures.extend(missing.map(|n| format!("{}: {n} is no threshold", meta.id)));
            for t in meta.thresholds {
                if read.contains(&t.name) == FIXED.contains(&(meta.id, t.name)) {
                    failures.push(format!("{}: {} is read and FIXED, or neither", meta.id, t.name));
                }
            }
        }
        assert!(failures.is_empty(), "{}", failures.join("\n"));
    }
}
