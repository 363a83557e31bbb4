//! Floor 10: what a hunt leaves behind. One file per output; an output returns bytes, only the job opens files.

pub mod charts;
pub mod columns;
pub mod lang;
pub mod line;
mod markdown;
mod page;
mod policy;
pub mod run;
pub mod terminal;
#[cfg(test)]
mod testing;
pub mod timeline_page;

use std::io::{self, Write};

use crate::score::finding::{Finding, SignalHit};
use crate::score::rank::Case;
use run::RunSummary;

/// Everything an output may say.
#[derive(Debug, Clone, Default)]
pub struct Results {
    /// Best first.
    pub findings: Vec<Finding>,
    /// Every hit, suppressed ones included, by host and time.
    pub signals: Vec<SignalHit>,
    /// Findings that belong together over hosts, best first.
    pub cases: Vec<Case>,
    /// The run itself.
    pub run: RunSummary,
    /// What is drawn beside the findings.
    pub charts: charts::Charts,
    /// The language of reports, titles and explanations.
    pub lang: lang::Lang,
}

/// One output file.
pub trait Output {
    /// Short name.
    fn id(&self) -> &'static str;
    /// Name of the file in OUT.
    fn file_name(&self) -> &'static str;
    /// Writes it.
    ///
    /// # Errors
    /// Only those of `w`.
    fn write(&self, results: &Results, w: &mut dyn Write) -> io::Result<()>;
}

crate::registry! {
    /// All outputs in the order in which they are written; `run.json` comes last, so that it is there only when all are.
    OUTPUTS: dyn Output = [
        findings_jsonl::FindingsJsonl,
        findings_csv::FindingsCsv,
        signals_jsonl::SignalsJsonl,
        cases_jsonl::CasesJsonl,
        rejects_jsonl::RejectsJsonl,
        report_html::ReportHtml,
        report_md::ReportMd,
        attack_navigator::AttackNavigator,
        timesketch_jsonl::TimesketchJsonl,
        ocsf_jsonl::OcsfJsonl,
        ecs_jsonl::EcsJsonl,
        run_json::RunJson,
    ]
}

pub(crate) fn json_lines<T: serde::Serialize>(rows: &[T], w: &mut dyn Write) -> io::Result<()> {
    for row in rows {
        serde_json::to_writer(&mut *w, row)?;
        w.write_all(b"\n")?;
    }
    Ok(())
}
