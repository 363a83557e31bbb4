//! Looking at all rows of a hunt with all signals and rules: at once where they fit into memory, else the hosts in parts.
//!
//! In parts, the lake is read several times: who is who and how many rows each host has; facts of the fleet and the few rows that signals
//! see over hosts; then each part with all columns, of which only the rows stay that hits and chains refer to. What comes out is the same.

use crate::base::error::Result;
use crate::base::time::Ts;
use crate::chain;
use crate::entity::fleet::{self, Facts, Tally};
use crate::entity::lists::Lists;
use crate::entity::resolve::{self, Entities};
use crate::entity::survey::{HostSet, Survey, survey};
use crate::knowledge::Knowledge;
use crate::lake::Lake;
use crate::lake::frame::{Copier, Frames, NO_STR, Numbered, Wanted, add_reads};
use crate::lake::scan::TimeRange;
use crate::report::charts::{Charts, DRAWN};
use crate::report::run::{Coverage, SigmaReport};
use crate::rules::sigma::load::RuleSet;
use crate::schema::{COMMON_LEN, TABLES, common};
use crate::score::finding::Finding;
use crate::signals::sigma::Rules;
use crate::signals::{Cx, Hit, Overrides, RowRef, run};

use super::progress::Progress;
use super::sigma::{self, Shapes};
use super::{charts, coverage};

/// What a row takes in a hunt, all in all, in bytes: measured on a part of a large lake (`docs/benchmarks.md`).
const ROW_BYTES: u64 = 450;

/// What is looked at, and with what.
pub(super) struct Task<'t> {
    pub lake: &'t Lake,
    /// As stored, wide enough for clocks that are wrong.
    pub range: TimeRange,
    pub as_of: Option<Ts>,
    pub rules: &'t RuleSet,
    pub knowledge: &'t Knowledge,
    pub lists: &'t Lists,
    pub overrides: &'t Overrides,
    /// Bytes of memory that the hunt may take; `None`: as many as it wants.
    pub limit: Option<u64>,
    pub progress: &'t Progress,
}

/// What signals and rules saw.
pub(super) struct Looked {
    /// The rows that later stages look at; all of them where they fit.
    pub frames: Frames,
    pub facts: Facts,
    /// Of signals and rules, by host and time.
    pub hits: Vec<Hit>,
    pub sigma: SigmaReport,
    pub coverage: Coverage,
    /// What the user should know.
    pub warnings: Vec<String>,
    source: Source,
}

/// Where the other rows are.
enum Source {
    /// There are no others.
    Held(Entities),
    /// In the lake.
    Parts(Box<Survey>, Vec<HostSet>),
}

impl Looked {
    /// Who is who.
    pub(super) fn entities(&self) -> &Entities {
        match &self.source {
            Source::Held(entities) => entities,
            Source::Parts(survey, _) => &survey.entities,
        }
    }

    /// Counts the charts of the findings that are told in full.
    ///
    /// # Errors
    /// Where the lake cannot be read.
    pub(super) fn charts(&self, task: &Task<'_>, findings: &[Finding]) -> Result<Charts> {
        let cx = task.cx(&self.frames, &self.facts);
        let Source::Parts(survey, sets) = &self.source else {
            return Ok(charts::charts(findings, &self.hits, &cx, &self.frames, |_| true));
        };
        let host = |f: &Finding| self.frames.strings.code(&f.host).unwrap_or(NO_STR);
        let mut wanted = every_table();
        add_reads(&mut wanted, charts::READS);
        let mut out = Charts::default();
        for set in sets {
            let mut told = HostSet::default();
            let hosts = findings.iter().take(DRAWN).map(host);
            hosts.filter(|h| set.contains(*h)).for_each(|h| told.insert(h));
            if told != HostSet::default() {
                let rows = survey.load(task.lake, &wanted, &told)?;
                let which = |f: &Finding| told.contains(host(f));
                out.extend(charts::charts(findings, &self.hits, &cx, &rows.frames, which));
            }
        }
        Ok(out)
    }
}

impl<'t> Task<'t> {
    /// What signals look at beside their own rows.
    pub(super) fn cx<'a>(&'a self, frames: &'a Frames, facts: &'a Facts) -> Cx<'a> {
        Cx {
            frames,
            facts,
            knowledge: self.knowledge,
            lists: self.lists,
            overrides: self.overrides,
        }
    }

    /// Looks at all rows. `lap` is told when a stage is done.
    ///
    /// # Errors
    /// Where the lake cannot be read.
    pub(super) fn look(&self, lap: &mut dyn FnMut(&str)) -> Result<Looked> {
        let rows: u64 = TABLES.iter().map(|t| self.range.rows(self.lake, t)).sum();
        match self.limit.filter(|limit| rows.saturating_mul(ROW_BYTES) > *limit) {
            None => self.at_once(lap),
            Some(limit) => self.in_parts(limit, lap),
        }
    }

    fn at_once(&self, lap: &mut dyn FnMut(&str)) -> Result<Looked> {
        self.progress.stage("loading rows");
        let mut frames = Frames::load(self.lake, &all_columns(), self.range)?;
        lap("load");
        self.progress.stage("resolving hosts");
        let entities = resolve::resolve_as_of(&mut frames, self.as_of);
        let facts = Facts::count(&frames);
        lap("entities");
        self.progress.stage("running signals");
        let cx = self.cx(&frames, &facts);
        let mut hits = run::run(&cx);
        lap("signals");
        self.progress.stage("running Sigma rules");
        let (more, sigma) = sigma::run(self.lake, &cx, self.rules, self.range)?;
        add(&cx, &mut hits, more);
        lap("sigma");
        Ok(Looked {
            coverage: coverage::coverage(&frames, &entities),
            frames,
            facts,
            hits,
            sigma,
            warnings: Vec::new(),
            source: Source::Held(entities),
        })
    }

    fn in_parts(&self, limit: u64, lap: &mut dyn FnMut(&str)) -> Result<Looked> {
        self.progress.stage("resolving hosts");
        let mut shapes = Shapes::default();
        let look = |frames: &Frames| shapes.add(self.rules, frames);
        let survey = survey(self.lake, self.range, self.as_of, sigma::SHAPE, look)?;
        lap("entities");
        // The other half is for what is found.
        let most = (limit / 2 / ROW_BYTES).max(1);
        let sets = survey.sets(most);
        self.progress.stage("counting the fleet");
        let (facts, over) = self.count(&survey, &sets)?;
        lap("facts");
        self.progress.stage("running Sigma rules");
        let found = shapes.find(self.lake, self.rules, self.range)?;
        lap("sigma");
        self.progress.stage("running signals");
        let mut parts = Parts::new(&survey, over);
        let mut rules = Rules::new(self.rules, &found, &self.knowledge.attack);
        for set in &sets {
            let rows = survey.load(self.lake, &all_columns(), set)?;
            parts.look(&self.cx(&rows.frames, &facts), &rows, &mut rules);
        }
        let Parts {
            mut kept,
            over,
            alone,
            by_rules,
            coverage,
        } = parts;
        kept.sort();
        resolve::set_order(&mut kept.frames);
        let cx = self.cx(&kept.frames, &facts);
        let find = |hits: Vec<Placed>| hits.into_iter().map(|h| h.find(&kept)).collect::<Vec<Hit>>();
        let mut hits = find(alone);
        hits.extend(find(over));
        run::settle(&cx, &mut hits);
        let correlations = rules.correlations(&cx, &kept);
        let mut more = find(by_rules);
        more.extend(correlations.hits);
        add(&cx, &mut hits, more);
        lap("signals");
        let large = survey.larger_than(limit / ROW_BYTES);
        Ok(Looked {
            hits,
            sigma: sigma::report(self.rules, &found, &correlations.correlated),
            coverage: coverage.coverage(&kept.frames.strings, &survey.entities),
            warnings: large.map(|(host, rows)| too_large(host, rows)).collect(),
            frames: kept.frames,
            facts,
            source: Source::Parts(Box::new(survey), sets),
        })
    }

    /// Counts facts of the fleet, and runs the signals that see rows over hosts.
    fn count(&self, survey: &Survey, sets: &[HostSet]) -> Result<(Facts, Vec<Placed>)> {
        let mut wanted = run::wanted_over_hosts();
        for (table, columns) in wanted.iter_mut().filter(|(_, columns)| !columns.is_empty()) {
            let common = table.all_columns().map(|(c, _)| c).take(usize::from(COMMON_LEN));
            columns.extend(common.filter(|c| *c != common::EXTRA));
        }
        add_reads(&mut wanted, fleet::READS);
        let mut tally = Tally::default();
        let mut gathered = Numbered::new(survey.texts());
        for set in sets {
            let rows = survey.load(self.lake, &wanted, set)?;
            tally.add(&rows.frames);
            let mut copier = Copier::new(&rows);
            for (table, of_table) in TABLES.iter().zip(run::gather(&rows.frames)) {
                copier.copy(table, &of_table, &mut gathered);
            }
        }
        let facts = tally.finish();
        gathered.sort();
        resolve::set_order(&mut gathered.frames);
        let hits = run::over_hosts(&self.cx(&gathered.frames, &facts));
        let placed = hits.into_iter().map(|h| Placed::new(h, &gathered)).collect();
        Ok((facts, placed))
    }
}

/// A hit whose rows are known by their numbers, wherever they are held.
struct Placed {
    hit: Hit,
    numbers: Vec<u64>,
}

impl Placed {
    fn new(hit: Hit, rows: &Numbered) -> Self {
        let numbers = hit.rows.iter().filter_map(|r| rows.number(r.table, r.at));
        Self {
            numbers: numbers.collect(),
            hit,
        }
    }

    /// The hit with those of its rows that are held.
    fn find(mut self, rows: &Numbered) -> Hit {
        self.hit.rows = self.rows(rows).collect();
        self.hit
    }

    /// The same of the rows that are held here, if any are.
    fn here(&self, rows: &Numbered) -> Option<Hit> {
        let here: Vec<RowRef> = self.rows(rows).collect();
        (!here.is_empty()).then(|| Hit {
            rows: here,
            ..self.hit.clone()
        })
    }

    fn rows<'a>(&'a self, rows: &'a Numbered) -> impl Iterator<Item = RowRef> + 'a {
        let places = self.hit.rows.iter().zip(&self.numbers);
        places.filter_map(|(r, number)| {
            let at = rows.at(r.table, *number)?;
            Some(RowRef { table: r.table, at })
        })
    }
}

/// What is kept of the parts.
struct Parts {
    kept: Numbered,
    /// Hits over hosts.
    over: Vec<Placed>,
    /// Hits of signals that look at hosts alone.
    alone: Vec<Placed>,
    /// Hits of single matches of rules.
    by_rules: Vec<Placed>,
    coverage: coverage::Seen,
}

impl Parts {
    fn new(survey: &Survey, over: Vec<Placed>) -> Self {
        Self {
            kept: Numbered::new(survey.texts()),
            over,
            alone: Vec::new(),
            by_rules: Vec::new(),
            coverage: coverage::Seen::default(),
        }
    }

    /// Looks at all rows of some hosts.
    fn look(&mut self, cx: &Cx<'_>, rows: &Numbered, rules: &mut Rules<'_>) {
        self.coverage.add(&rows.frames);
        let alone = run::of_hosts(cx);
        let by_rules = rules.singles(cx, rows);
        // Chains are built when all hits are known; what they need of these hosts has to be kept now.
        let mut all: Vec<Hit> = self.over.iter().filter_map(|p| p.here(rows)).collect();
        let correlated = rules.correlated(cx, rows);
        all.extend(correlated.iter().map(|r| rules.on(cx.frames.row(r.table, r.at))));
        all.extend(alone.iter().chain(&by_rules).cloned());
        let mut wanted: Vec<Vec<u32>> = vec![Vec::new(); TABLES.len()];
        for row in all.iter().flat_map(|h| &h.rows).chain(&chain::context(cx, &all)) {
            if let Some(of_table) = wanted.get_mut(row.table.ix()) {
                of_table.push(row.at);
            }
        }
        let mut copier = Copier::new(rows);
        for (table, mut of_table) in TABLES.iter().zip(wanted) {
            of_table.sort_unstable();
            of_table.dedup();
            copier.copy(table, &of_table, &mut self.kept);
        }
        self.alone.extend(alone.into_iter().map(|h| Placed::new(h, rows)));
        self.by_rules.extend(by_rules.into_iter().map(|h| Placed::new(h, rows)));
    }
}

/// Adds hits of rules to those of signals.
fn add(cx: &Cx<'_>, hits: &mut Vec<Hit>, more: Vec<Hit>) {
    if !more.is_empty() {
        hits.extend(more);
        run::order(cx, hits);
    }
}

fn too_large(host: &str, rows: u64) -> String {
    let gib = rows.saturating_mul(ROW_BYTES) as f64 / f64::from(1 << 30);
    format!(
        "{host} alone has {rows} rows, for which the hunt needs about {gib:.1} GiB of memory, more than --memory-limit; where the machine has less, narrow it with --from and --to"
    )
}

/// Every column but `extra`, which only signals that ask for it get: evidence may need any of the others.
fn all_columns() -> Wanted {
    let mut wanted = run::wanted();
    for (table, columns) in &mut wanted {
        columns.extend(table.all_columns().map(|(c, _)| c).filter(|c| *c != common::EXTRA));
        columns.sort_unstable();
        columns.dedup();
    }
    wanted
}

/// Every table with what all are loaded with.
fn every_table() -> Wanted {
    TABLES.iter().map(|t| (*t, Vec::new())).collect()
}
