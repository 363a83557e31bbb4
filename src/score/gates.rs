//! Caps by the combination of what was seen (detection.md 7): one kind of evidence alone never makes a finding high.

use std::collections::BTreeSet;

use super::finding::Gate;

/// What the live signals of a chain cover.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Cover<'a> {
    /// Families.
    pub families: BTreeSet<&'a str>,
    /// Independent source classes.
    pub sources: BTreeSet<&'a str>,
    /// Stages of the kill chain.
    pub stages: BTreeSet<u8>,
    /// Families of decisive signals.
    pub decisive: BTreeSet<&'a str>,
}

/// Which cap holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cap {
    /// One family.
    G0,
    /// Two families or more.
    G1,
    /// Two families from two sources, three families over two stages, or one decisive signal.
    G2,
    /// Three stages from two sources, or decisive signals of two families.
    G3,
}

impl Cap {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Cap::G0 => "G0",
            Cap::G1 => "G1",
            Cap::G2 => "G2",
            Cap::G3 => "G3",
        }
    }

    /// The highest score it allows.
    pub fn limit(self) -> f64 {
        match self {
            Cap::G0 => 39.0,
            Cap::G1 => 64.0,
            Cap::G2 => 84.0,
            Cap::G3 => 100.0,
        }
    }
}

/// The cap for what was seen.
pub fn cap(cover: &Cover<'_>) -> Cap {
    let (families, sources, stages) = (cover.families.len(), cover.sources.len(), cover.stages.len());
    if (stages >= 3 && sources >= 2) || cover.decisive.len() >= 2 {
        Cap::G3
    } else if !cover.decisive.is_empty() || (families >= 2 && sources >= 2) || (families >= 3 && stages >= 2) {
        Cap::G2
    } else if families >= 2 {
        Cap::G1
    } else {
        Cap::G0
    }
}

/// The cap in words. `raw` is the score without it.
pub fn explain(cover: &Cover<'_>, raw: f64) -> Gate {
    let cap = cap(cover);
    let count = |n: usize, one: &str, many: &str| match n {
        1 => format!("1 {one}"),
        n => format!("{n} {many}"),
    };
    let seen = format!(
        "{}, {} and {}",
        count(cover.families.len(), "family of signals", "families of signals"),
        count(cover.sources.len(), "independent source", "independent sources"),
        count(cover.stages.len(), "stage", "stages"),
    );
    let lift = match cap {
        Cap::G0 => "a signal of another family in the same chain would lift the cap to 64",
        Cap::G1 => {
            "evidence from a second independent source, a third family over two stages, or one decisive signal would \
             lift the cap to 84"
        }
        Cap::G2 => {
            "a third stage with evidence from two independent sources, or decisive signals of two families, would lift \
             the cap to 100"
        }
        Cap::G3 => "nothing caps this score",
    };
    let decisive = match cover.decisive.len() {
        0 => String::new(),
        n => format!(", {}", count(n, "decisive family", "decisive families")),
    };
    let applied = raw > cap.limit();
    let held = if applied {
        format!("; without the cap it would be {raw:.1}")
    } else {
        String::new()
    };
    Gate {
        id: cap.name().to_owned(),
        cap: cap.limit(),
        applied,
        why: format!("{seen}{decisive}: at most {:.0}{held}; {lift}", cap.limit()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gates_open_with_families_sources_stages_and_decisive_signals() {
        let cover = |f: &[&'static str], s: &[&'static str], st: &[u8], d: &[&'static str]| Cover {
            families: f.iter().copied().collect(),
            sources: s.iter().copied().collect(),
            stages: st.iter().copied().collect(),
            decisive: d.iter().copied().collect(),
        };
        assert_eq!(cap(&cover(&["a"], &["x", "y"], &[1, 2, 3], &[])), Cap::G3);
        assert_eq!(cap(&cover(&["a"], &["x"], &[1], &[])), Cap::G0);
        assert_eq!(cap(&cover(&["a", "b"], &["x"], &[1, 2, 3], &[])), Cap::G1);
        assert_eq!(cap(&cover(&["a", "b", "c"], &["x"], &[1, 2], &[])), Cap::G2);
        assert_eq!(cap(&cover(&["a", "b"], &["x", "y"], &[1], &[])), Cap::G2);
        assert_eq!(cap(&cover(&["a"], &["x"], &[1], &["a"])), Cap::G2);
        assert_eq!(cap(&cover(&["a", "b"], &["x"], &[1], &["a", "b"])), Cap::G3);
        assert_eq!(cap(&cover(&[], &[], &[], &[])), Cap::G0);
    }

    #[test]
    fn a_cap_says_what_it_held_back_and_what_would_lift_it() {
        let cover = Cover {
            families: ["a"].into(),
            ..Cover::default()
        };
        let gate = explain(&cover, 50.0);
        assert!(
            gate.applied && gate.why.contains("50.0") && gate.why.contains("another family"),
            "{}",
            gate.why
        );
        assert!(!explain(&cover, 39.0).applied);
    }
}
