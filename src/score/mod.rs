pub mod finding;
pub mod allow { #[derive(Debug, Default)] pub struct Allowlist; impl Allowlist { pub fn load(_: &std::path::Path) -> crate::base::error::Result<Self> { Ok(Self) } pub fn warnings(&self) -> &[String] { &[] } } }
pub struct Sup { pub entry: String, pub reason: String, pub hits: u64 }
pub struct Scored { pub findings: Vec<finding::Finding>, pub signals: Vec<finding::SignalHit>, pub suppressions: Vec<Sup> }
pub fn score(_: &[crate::chain::Chain], _: &[crate::signals::Hit], _: &crate::signals::Cx<'_>, _: &allow::Allowlist, _: &dyn Fn(u64)->String) -> Scored { Scored { findings: vec![], signals: vec![], suppressions: vec![] } }
