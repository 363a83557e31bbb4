//! A chain as a finding.

use std::collections::{BTreeMap, BTreeSet};

use super::allow::{Effect, Verdicts};
use super::contributions::Breakdown;
use super::finding::{Contribution, Finding, Iocs, OUTPUT_VERSION, ProcessNode, SignalHit, TechniqueRef};
use super::rarity::{Counts, Rarity};
use super::weigh::{self, Fold, Piece, Weighed};
use super::{SIGMA_PREFIX, evidence, gates, severity, source_class, steps, story};
use crate::base::time;
use crate::chain::{Chain, Member};
use crate::knowledge::attack::AttackTable;
use crate::schema::common;
use crate::signals::{Cx, Hit, Ioc};

/// Everything scoring looks at.
pub(super) struct Scorer<'a> {
    hits: &'a [Hit],
    cx: &'a Cx<'a>,
    verdicts: &'a Verdicts,
    source_path: &'a dyn Fn(u64) -> String,
    counts: Counts<'a>,
}

/// A finding with what ranking needs.
pub(super) struct Built {
    pub finding: Finding,
    /// All evidence.
    pub total: f64,
    /// Members of the chain with their points in tenths.
    pub members: Vec<(Member, i64)>,
}

impl<'a> Scorer<'a> {
    pub(super) fn new(
        hits: &'a [Hit],
        cx: &'a Cx<'a>,
        verdicts: &'a Verdicts,
        source_path: &'a dyn Fn(u64) -> String,
    ) -> Self {
        Self {
            hits,
            cx,
            verdicts,
            source_path,
            counts: Counts::new(hits, cx.facts.hosts()),
        }
    }

    /// The finding of a chain; `None` where the allowlist left nothing of it.
    pub(super) fn finding(&self, chain: &Chain) -> Option<Built> {
        let pieces: Vec<Piece<'_>> = chain.members.iter().filter_map(|m| self.piece(m)).collect();
        let plain: Vec<f64> = pieces.iter().map(Piece::evidence).collect();
        let Weighed { folds, score } = weigh::weigh(&pieces, self.asset(chain.host));
        if score.total <= 0.0 {
            return None;
        }
        let id = self.id(chain, &plain)?;
        Some(self.tell(chain, &folds, &score, id))
    }

    /// One hit for `signals.jsonl` or a finding; points in tenths.
    pub(super) fn signal_hit(
        &self,
        hit: usize,
        finding_id: Option<String>,
        (link, started): (f64, Option<u32>),
        points: i64,
    ) -> Option<SignalHit> {
        let h = self.hits.get(hit)?;
        let Rarity { factor, hosts } = self.counts.of(h);
        let verdict = self.verdicts.of(hit);
        let suppressed = verdict.filter(|v| v.effect == Effect::Suppress);
        Some(SignalHit {
            signal: h.meta.id.to_owned(),
            rule_id: h.meta.id.strip_prefix(SIGMA_PREFIX).map(str::to_owned),
            title: h.meta.title.to_owned(),
            host: self.text(h.host),
            time: time::format_rfc3339(h.time),
            last: time::format_rfc3339(h.last.max(h.time)),
            level: h.level.name().to_owned(),
            techniques: h
                .techniques
                .iter()
                .map(|t| current(&self.cx.knowledge.attack, t))
                .collect(),
            explain: h.explain.clone(),
            evidence: evidence::of(&h.rows, self.cx, self.source_path),
            finding_id,
            suppressed_by: suppressed.and_then(|v| self.verdicts.name(v.entry)),
            family: h.meta.family.to_owned(),
            stage: h.meta.stage.to_owned(),
            source_class: self.source(h).to_owned(),
            key: h.key.clone(),
            quality: h.quality,
            rarity: round(factor),
            hosts_with_key: hosts,
            allow: self.verdicts.factor(hit),
            link,
            event: self.event(hit, started),
            asset: self.asset(h.host),
            decisive: h.decisive,
            count: h.count,
            users: h.users.clone(),
            points: points as f64 / 10.0,
        })
    }

    fn text(&self, id: u32) -> String {
        self.cx.frames.text(id).unwrap_or("").to_owned()
    }

    fn asset(&self, host: u32) -> f64 {
        self.cx.lists.asset(self.cx.frames.text(host).unwrap_or("")).factor()
    }

    fn source(&self, hit: &Hit) -> &'static str {
        let row = hit.rows.first().map(|r| self.cx.frames.row(r.table, r.at));
        row.map_or("endpoint", source_class::of)
    }

    /// A hit of a chain as numbers.
    fn piece<'b>(&'b self, member: &Member) -> Option<Piece<'b>> {
        let hit = self.hits.get(member.hit)?;
        Some(Piece {
            signal: hit.meta.id,
            key: &hit.key,
            family: hit.meta.family,
            stage: hit.meta.stage,
            source: self.source(hit),
            time: hit.time,
            level: hit.level,
            quality: hit.quality,
            rarity: round(self.counts.of(hit).factor),
            allow: self.verdicts.factor(member.hit),
            link: member.link,
            decisive: hit.decisive,
            event: self.event(member.hit, member.started),
        })
    }

    /// The event that a hit stands on, by a name within its finding: a process start whatever logs saw it, else the row.
    fn event(&self, hit: usize, started: Option<u32>) -> Option<String> {
        let row = self.hits.get(hit)?.rows.first()?;
        Some(match started {
            Some(process) => format!("start {process}"),
            None => {
                let at = self.cx.frames.row(row.table, row.at);
                let (file, offset) = (at.int(common::FILE_ID), at.int(common::ROW));
                format!("{} {:016x} {}", row.table.name, file.unwrap_or(0), offset.unwrap_or(0))
            }
        })
    }

    fn members<'b>(&'b self, chain: &'b Chain, fold: &'b Fold) -> impl Iterator<Item = (&'b Member, &'b Hit)> + 'b {
        let member = move |p: &usize| chain.members.get(*p);
        fold.places
            .iter()
            .filter_map(member)
            .filter_map(move |m| Some((m, self.hits.get(m.hit)?)))
    }

    /// First 16 hexadecimal digits of the BLAKE3 of host, signal, key and record of the strongest strongly linked hit.
    /// Nothing of it depends on which file the record came in.
    fn id(&self, chain: &Chain, evidence: &[f64]) -> Option<String> {
        let strong = chain.members.iter().zip(evidence).filter(|(m, _)| m.link >= 1.0);
        let (member, _) = strong.reduce(|a, b| if b.1 > a.1 { b } else { a })?;
        let hit = self.hits.get(member.hit)?;
        let record = hit.rows.first().map_or_else(String::new, |r| {
            let row = self.cx.frames.row(r.table, r.at);
            let number = match row.int(common::RECORD_ID) {
                Some(id) => format!("{}|{id}|{}", row.str(common::CHANNEL), time::day_string(row.ts())),
                None => format!("{}|{}", row.ts(), row.int(common::ROW).unwrap_or(0)),
            };
            format!("{}|{number}", r.table.name)
        });
        let text = [self.text(chain.host).as_str(), hit.meta.id, &hit.key, &record].join("\u{1f}");
        Some(blake3::hash(text.as_bytes()).to_hex().chars().take(16).collect())
    }

    fn tell(&self, chain: &Chain, folds: &[Fold], score: &Breakdown<'_>, id: String) -> Built {
        let points = |i: usize| score.points.get(i).copied().unwrap_or(0);
        let signals: Vec<SignalHit> = folds
            .iter()
            .enumerate()
            .filter_map(|(i, f)| self.told(chain, f, &id, points(i)))
            .collect();
        let hits = || chain.members.iter().filter_map(|m| self.hits.get(m.hit));
        let (techniques, tactics) = self.attack(chain, folds);
        let mut finding = Finding {
            schema_version: OUTPUT_VERSION,
            finding_id: id,
            rank: 0,
            score: score.score as f64 / 10.0,
            severity: severity::band(score.score as f64 / 10.0).name().to_owned(),
            host: self.text(chain.host),
            users: users(hits()),
            first_seen: time::format_rfc3339(hits().map(|h| h.time).min().unwrap_or(0)),
            last_seen: time::format_rfc3339(hits().map(|h| h.last.max(h.time)).max().unwrap_or(0)),
            title: String::new(),
            summary: String::new(),
            tactics,
            techniques,
            attack_version: self.cx.knowledge.attack.version().to_owned(),
            sources: signals
                .iter()
                .map(|s| s.source_class.clone())
                .collect::<BTreeSet<_>>()
                .into_iter()
                .collect(),
            signals,
            contributions: contributions_of(score, folds.len()),
            gate: gates::explain(&score.cover, score.raw),
            iocs: iocs(hits()),
            related: Vec::new(),
            next_steps: Vec::new(),
            case_id: None,
            status: None,
            merged_from: Vec::new(),
            split_from: None,
            processes: self.processes(chain),
        };
        for (term, signal) in finding.contributions.iter_mut().zip(&finding.signals) {
            term.item = format!("{} {}", signal.signal, signal.title);
        }
        finding.contributions.retain(|c| c.points != 0.0);
        finding
            .contributions
            .sort_by(|a, b| b.points.total_cmp(&a.points).then_with(|| a.item.cmp(&b.item)));
        finding.title = story::title(&finding);
        finding.summary = story::summary(&finding);
        finding.next_steps = steps::next_steps(&finding);
        let counted: BTreeMap<usize, i64> = folds.iter().enumerate().map(|(i, f)| (f.best, points(i))).collect();
        let members = chain.members.iter().enumerate();
        Built {
            finding,
            total: score.total,
            members: members
                .map(|(p, m)| (*m, counted.get(&p).copied().unwrap_or(0)))
                .collect(),
        }
    }

    /// The hits of a fold as one: the best, with the span, count, rows and people of all.
    fn told(&self, chain: &Chain, fold: &Fold, id: &str, points: i64) -> Option<SignalHit> {
        let best = chain.members.get(fold.best)?;
        let mut out = self.signal_hit(best.hit, Some(id.to_owned()), (best.link, best.started), points)?;
        let all = || self.members(chain, fold).map(|(_, h)| h);
        let mut rows = self.hits.get(best.hit)?.rows.clone();
        for row in all().flat_map(|h| h.rows.iter()) {
            if rows.len() >= evidence::MAX_ROWS {
                break;
            }
            if !rows.iter().any(|r| (r.table.ix(), r.at) == (row.table.ix(), row.at)) {
                rows.push(*row);
            }
        }
        out.time = time::format_rfc3339(all().map(|h| h.time).min()?);
        out.last = time::format_rfc3339(all().map(|h| h.last.max(h.time)).max()?);
        out.count = all().fold(0u64, |n, h| n.saturating_add(h.count));
        out.evidence = evidence::of(&rows, self.cx, self.source_path);
        out.users = users(all());
        for t in all()
            .flat_map(|h| &h.techniques)
            .map(|t| current(&self.cx.knowledge.attack, t))
        {
            if !out.techniques.contains(&t) {
                out.techniques.push(t);
            }
        }
        Some(out)
    }

    /// Techniques by id; tactics in the order of the matrix: the stages of the signals, and the tactic of each technique
    /// that has only one.
    fn attack(&self, chain: &Chain, folds: &[Fold]) -> (Vec<TechniqueRef>, Vec<String>) {
        let table = &self.cx.knowledge.attack;
        let mut techniques: BTreeMap<String, TechniqueRef> = BTreeMap::new();
        let mut tactics: BTreeSet<&str> = BTreeSet::new();
        for (_, hit) in folds.iter().flat_map(|f| self.members(chain, f)) {
            tactics.insert(hit.meta.stage);
            for id in &hit.techniques {
                let id = current(table, id);
                let known = table.get(&id);
                techniques.entry(id.clone()).or_insert_with(|| TechniqueRef {
                    id,
                    name: known.map_or_else(String::new, |t| t.name.clone()),
                    tactics: known.map_or_else(Vec::new, |t| t.tactics.clone()),
                });
                if let Some([only]) = known.map(|t| t.tactics.as_slice()) {
                    tactics.insert(only);
                }
            }
        }
        let ordered = table
            .tactic_order()
            .iter()
            .filter(|t| tactics.contains(t.as_str()))
            .cloned()
            .collect();
        (techniques.into_values().collect(), ordered)
    }

    fn processes(&self, chain: &Chain) -> Vec<ProcessNode> {
        let node = |(i, p): (usize, &crate::chain::ChainProcess)| {
            let signals: BTreeSet<&str> = p
                .hits
                .iter()
                .filter_map(|h| self.hits.get(*h))
                .map(|h| h.meta.id)
                .collect();
            ProcessNode {
                id: i as u32,
                parent: p.parent,
                time: p.start.map_or_else(String::new, time::format_rfc3339),
                image: self.text(p.image),
                cmdline: self.text(p.cmdline),
                user: self.text(p.user),
                pid: p.pid,
                signals: signals.into_iter().map(str::to_owned).collect(),
            }
        };
        chain.processes.iter().enumerate().map(node).collect()
    }
}

/// The terms in the order of the breakdown; those of signals are named by the caller.
fn contributions_of(score: &Breakdown<'_>, signals: usize) -> Vec<Contribution> {
    let bonus = [
        format!("stage diversity ({} stages)", score.cover.stages.len()),
        "kill-chain order and density".to_owned(),
        format!("independent sources ({})", score.cover.sources.len()),
        "asset criticality".to_owned(),
    ];
    let names = std::iter::repeat_n(String::new(), signals).chain(bonus);
    names
        .zip(&score.points)
        .map(|(item, p)| Contribution {
            item,
            points: *p as f64 / 10.0,
        })
        .collect()
}

/// The id in use today; an id that the table does not know stays as it is.
fn current(table: &AttackTable, id: &str) -> String {
    table.current(id).unwrap_or(id).to_owned()
}

/// People in order of appearance, each spelt as first seen.
fn users<'a>(hits: impl Iterator<Item = &'a Hit>) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let mut out: Vec<String> = Vec::new();
    for user in hits.flat_map(|h| &h.users) {
        if !user.is_empty() && seen.insert(user.to_lowercase()) {
            out.push(user.clone());
        }
    }
    out
}

fn iocs<'a>(hits: impl Iterator<Item = &'a Hit>) -> Iocs {
    let all: BTreeSet<&Ioc> = hits.flat_map(|h| &h.iocs).collect();
    let mut out = Iocs::default();
    for ioc in all {
        let (list, value) = match ioc {
            Ioc::Sha256(v) => (&mut out.sha256, v),
            Ioc::Domain(v) => (&mut out.domains, v),
            Ioc::Ip(v) => (&mut out.ips, v),
            Ioc::Url(v) => (&mut out.urls, v),
            Ioc::File(v) => (&mut out.files, v),
            Ioc::Account(v) => (&mut out.accounts, v),
        };
        list.push(value.clone());
    }
    out
}

/// Three decimals, so that a number prints alike wherever it was computed.
fn round(x: f64) -> f64 {
    (x * 1000.0).round() / 1000.0
}

/// Two chains may lead with records that cannot be told apart (a line that repeats): the later ones get another id.
pub(super) fn make_ids_unique(built: &mut [Option<Built>]) {
    let mut seen: BTreeMap<String, u32> = BTreeMap::new();
    for b in built.iter_mut().flatten() {
        let id = b.finding.finding_id.clone();
        let n = seen.entry(id.clone()).or_default();
        *n += 1;
        if *n > 1 {
            let new: String = blake3::hash(format!("{id}\u{1f}{n}").as_bytes())
                .to_hex()
                .chars()
                .take(16)
                .collect();
            for s in &mut b.finding.signals {
                s.finding_id = Some(new.clone());
            }
            b.finding.finding_id = new;
        }
    }
}
