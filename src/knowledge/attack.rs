//! MITRE ATT&CK for Enterprise: techniques, their tactics, and where revoked ids went.
//!
//! The shipped table is version 19 (April 2026) as converted by MISP galaxy and cross-checked with MITRE's v18.1:
//! 858 ids, of them 149 revoked and 12 deprecated. ATT&CK is redistributed under MITRE's terms of use (see `NOTICE`).
//! `--attack-table FILE` replaces it by a file of the same shape.

use std::path::Path;
use std::sync::OnceLock;

use serde::Deserialize;

use super::load::{LoadError, bad_content, read_text};

const BUILTIN: &str = include_str!("data/attack_techniques.json");

/// Longest chain of revocations that is followed. The shipped table needs one step.
const MAX_REVOCATIONS: usize = 16;

/// One version of ATT&CK.
#[derive(Debug, Default, Clone)]
pub struct AttackTable {
    version: String,
    tactics: Vec<Tactic>,
    tactic_names: Vec<String>,
    /// Sorted by id.
    techniques: Vec<Technique>,
}

/// A column of the matrix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tactic {
    /// `TA0001`.
    pub id: String,
    /// Short name as in STIX kill-chain phases: `initial-access`.
    pub name: String,
}

/// A technique or sub-technique.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Technique {
    /// `T1059` or `T1059.001`.
    pub id: String,
    /// MITRE's name; of a sub-technique without its parent's name.
    pub name: String,
    /// Short names of its tactics. Historical for revoked ids.
    pub tactics: Vec<String>,
    /// Whether the id may still be used.
    pub status: Status,
}

/// Whether an id may still be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// In use.
    Active,
    /// Replaced by another id, which may itself be revoked.
    Revoked {
        /// The id that replaces it.
        by: String,
    },
    /// Given up without a successor.
    Deprecated,
}

impl AttackTable {
    /// The shipped table.
    pub fn builtin() -> &'static AttackTable {
        static TABLE: OnceLock<AttackTable> = OnceLock::new();
        // A shipped table that does not parse is caught by a test, not by a user.
        TABLE.get_or_init(|| AttackTable::parse(BUILTIN).unwrap_or_default())
    }

    /// A table of the user, in the shape of the shipped `attack_techniques.json`.
    ///
    /// # Errors
    /// When the file cannot be read, is not such a table, or is empty.
    pub fn from_file(path: &Path) -> Result<AttackTable, LoadError> {
        AttackTable::parse(&read_text(path)?).map_err(|reason| bad_content(path, reason))
    }

    /// The version of ATT&CK, `19` for the shipped table.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The technique with exactly this id (`T1059.001`), active or not. Case does not matter.
    pub fn get(&self, id: &str) -> Option<&Technique> {
        let wanted = id.trim().to_ascii_uppercase();
        let at = self.techniques.binary_search_by(|t| t.id.as_str().cmp(&wanted));
        self.techniques.get(at.ok()?)
    }

    /// The id to use today: the id itself while it is active, the end of its chain of revocations otherwise.
    /// `None` for an unknown or deprecated id and for a chain that ends in one or never ends.
    pub fn current(&self, id: &str) -> Option<&str> {
        let mut technique = self.get(id)?;
        for _ in 0..=MAX_REVOCATIONS {
            match &technique.status {
                Status::Active => return Some(&technique.id),
                Status::Deprecated => return None,
                Status::Revoked { by } => technique = self.get(by)?,
            }
        }
        None
    }

    /// Short names of the tactics in the order of the matrix.
    pub fn tactic_order(&self) -> &[String] {
        &self.tactic_names
    }

    /// The tactics with their ids, in the order of the matrix.
    pub fn tactics(&self) -> &[Tactic] {
        &self.tactics
    }

    /// All techniques, sorted by id.
    pub fn techniques(&self) -> &[Technique] {
        &self.techniques
    }

    fn parse(text: &str) -> Result<AttackTable, String> {
        let raw: RawTable = serde_json::from_str(text).map_err(|e| {
            format!("not an ATT&CK table ({e}); expected {{\"meta\":{{\"version\",\"tactics\"}},\"techniques\":[…]}}")
        })?;
        if raw.techniques.is_empty() || raw.meta.tactics.is_empty() {
            return Err("holds no techniques or no tactics; give a complete table".into());
        }
        let mut techniques: Vec<Technique> = raw.techniques.into_iter().map(RawTechnique::into).collect();
        techniques.sort_by(|a, b| a.id.cmp(&b.id));
        techniques.dedup_by(|a, b| a.id == b.id);
        let tactics: Vec<Tactic> = raw
            .meta
            .tactics
            .into_iter()
            .map(|(id, name)| Tactic { id, name })
            .collect();
        Ok(AttackTable {
            version: short_version(&raw.meta.version),
            tactic_names: tactics.iter().map(|t| t.name.clone()).collect(),
            tactics,
            techniques,
        })
    }
}

/// The stage of the kill chain that a tactic stands for, 1 (initial access) to 10 (impact).
///
/// Execution and stealth share stage 2; persistence, privilege escalation and defense impairment share 3.
/// `None` for reconnaissance and resource development, which happen outside the logs, and for unknown names.
/// Takes short names with `-` or `_`; `defense-evasion` of versions before 19 counts as stealth.
pub fn stage_of(tactic: &str) -> Option<u8> {
    let name = tactic.trim().to_ascii_lowercase().replace(['_', ' '], "-");
    Some(match name.as_str() {
        "initial-access" => 1,
        "execution" | "stealth" | "defense-evasion" => 2,
        "persistence" | "privilege-escalation" | "defense-impairment" => 3,
        "credential-access" => 4,
        "discovery" => 5,
        "lateral-movement" => 6,
        "command-and-control" => 7,
        "collection" => 8,
        "exfiltration" => 9,
        "impact" => 10,
        _ => return None,
    })
}

/// `19 (as converted by …)` is version `19`.
fn short_version(text: &str) -> String {
    text.split_whitespace()
        .next()
        .unwrap_or_default()
        .trim_start_matches('v')
        .to_owned()
}

#[derive(Deserialize)]
struct RawTable {
    meta: RawMeta,
    techniques: Vec<RawTechnique>,
}

#[derive(Deserialize)]
struct RawMeta {
    version: String,
    tactics: Vec<(String, String)>,
}

#[derive(Deserialize)]
struct RawTechnique {
    id: String,
    name: String,
    #[serde(default)]
    tactics: Vec<String>,
    #[serde(default)]
    revoked: bool,
    revoked_by: Option<String>,
    current: Option<String>,
    #[serde(default)]
    deprecated: bool,
}

impl From<RawTechnique> for Technique {
    fn from(raw: RawTechnique) -> Self {
        let status = match raw.revoked_by.or(raw.current) {
            Some(by) if raw.revoked => Status::Revoked { by },
            _ if raw.deprecated || raw.revoked => Status::Deprecated,
            _ => Status::Active,
        };
        Technique {
            id: raw.id.to_ascii_uppercase(),
            name: raw.name,
            tactics: raw.tactics,
            status,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(status: fn(&Status) -> bool) -> usize {
        let all = AttackTable::builtin().techniques();
        all.iter().filter(|t| status(&t.status)).count()
    }

    #[test]
    fn the_shipped_table_is_complete() {
        let table = AttackTable::builtin();
        assert_eq!(table.version(), "19");
        assert_eq!(table.techniques().len(), 858);
        assert_eq!(count(|s| matches!(s, Status::Revoked { .. })), 149);
        assert_eq!(count(|s| *s == Status::Deprecated), 12);
        assert_eq!(table.tactic_order().len(), 15);
        assert_eq!(table.get("t1003.006").unwrap().name, "DCSync");
    }

    #[test]
    fn every_tactic_of_a_technique_is_a_column_of_the_matrix() {
        let table = AttackTable::builtin();
        for technique in table.techniques() {
            if technique.status == Status::Active {
                for tactic in &technique.tactics {
                    assert!(table.tactic_order().contains(tactic), "{}", technique.id);
                }
            }
        }
    }

    #[test]
    fn old_ids_lead_to_the_id_in_use() {
        let table = AttackTable::builtin();
        assert_eq!(table.current("T1562.001"), Some("T1685"));
        assert_eq!(table.current("T1070.001"), Some("T1685.005"));
        assert_eq!(table.current("T1574.002"), Some("T1574.001"));
        assert_eq!(table.current("T1059.001"), Some("T1059.001"));
        assert_eq!(table.current("T1026"), None);
        assert_eq!(table.current("T9999"), None);
        for technique in table.techniques() {
            if matches!(technique.status, Status::Revoked { .. }) {
                let end = table.current(&technique.id).unwrap();
                assert_eq!(table.get(end).unwrap().status, Status::Active);
            }
        }
    }

    #[test]
    fn revocations_in_a_circle_end() {
        let table = AttackTable::parse(
            r#"{"meta":{"version":"v20","tactics":[["TA0001","initial-access"]]},"techniques":[
            {"id":"T1","name":"a","revoked":true,"revoked_by":"T2"},
            {"id":"T2","name":"b","revoked":true,"revoked_by":"T1"}]}"#,
        )
        .unwrap();
        assert_eq!(table.version(), "20");
        assert_eq!(table.current("T1"), None);
    }

    #[test]
    fn a_file_of_another_kind_is_refused_with_its_name() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("other.json");
        std::fs::write(&path, "{\"type\":\"bundle\"}").unwrap();
        let error = AttackTable::from_file(&path).unwrap_err().to_string();
        assert!(error.contains("other.json") && error.contains("expected"));
    }

    #[test]
    fn stages_follow_the_kill_chain() {
        assert_eq!(stage_of("initial-access"), Some(1));
        assert_eq!(stage_of("defense_impairment"), Some(3));
        assert_eq!(stage_of("Lateral Movement"), Some(6));
        assert_eq!(stage_of("impact"), Some(10));
        assert_eq!(stage_of("reconnaissance"), None);
        let unstaged = AttackTable::builtin().tactic_order().iter();
        assert_eq!(unstaged.filter(|t| stage_of(t).is_none()).count(), 2);
    }
}
