//! Flat JSON objects whose names came before in the same order: what the names alone decide is decided once.
//!
//! An object is read so only if its values can change nothing of that; every other one is read by [`super::read`], whose
//! outcome is the same.

use std::cell::OnceCell;

use super::{Reading, Role, Roles, SCM, Writer, writer_of};
use crate::base::names::Names;
use crate::base::time::DateOrder;
use crate::ingest::event::{Head, Reason, head_as};
use crate::ingest::json::Object;
use crate::ingest::layout::{Layout, MOST};
use crate::ingest::name::Name;
use crate::ingest::placed::Placed;
use crate::ingest::raw::{Field, Raw};

/// How objects with the same names are read.
pub struct Plan {
    writer: Writer,
    /// For each member.
    steps: Vec<Step>,
    /// Whether some member is a [`Role::Account`].
    accounts: bool,
    /// The member whose time counts before all others, and its rank.
    time: Option<(usize, u8)>,
    /// How many members can become fields.
    room: usize,
    /// The names of those members that became fields, by the members' bits.
    layouts: [OnceCell<(u64, Layout)>; 4],
}

enum Step {
    Head(Head, Name<'static>),
    /// Anything else but [`Role::EventData`] and [`Role::ProviderUnlessNamed`].
    Role(Role),
    /// An object here is no text.
    UserId(Role),
}

impl Plan {
    /// For objects with these names; `None` where their values decide how they are read. They are flat by `is_flat`.
    pub fn new(names: &[Name<'static>], is_flat: impl FnOnce(&[Name<'static>]) -> bool) -> Option<Self> {
        let unique = Names::new(names.iter().map(|n| &**n)).distinct() == names.len();
        let there = |name: &str| names.iter().any(|n| n == name);
        let opened = ["EventData", "UserData", "Properties"].into_iter().any(there);
        if names.len() > MOST || !unique || opened || !is_flat(names) {
            return None;
        }
        let writer = writer_of(names.iter().map(|name| (name, true)));
        let one_provider = there("SourceName");
        let step = |name: &Name<'static>| {
            let head = |canonical: &'static str| Step::Head(Head::of(canonical), canonical.into());
            match Roles::of(writer).role(writer, name) {
                Role::Head(canonical) => Some(head(canonical)),
                Role::ProviderUnlessNamed if !one_provider => Some(head("Provider")),
                Role::ProviderUnlessNamed => Some(Step::Role(Role::Data)),
                Role::EventData => None,
                role if *name == "UserId" || *name == "UserID" => Some(Step::UserId(role)),
                role => Some(Step::Role(role)),
            }
        };
        let steps: Vec<_> = names.iter().map(step).collect::<Option<_>>()?;
        let is_account = |step: &Step| matches!(step, Step::Role(Role::Account));
        let rank = |step: &Step| match step {
            Step::Role(Role::Time(rank)) => Some(*rank),
            _ => None,
        };
        let times = steps.iter().enumerate().filter_map(|(i, step)| Some((i, rank(step)?)));
        let time = times.min_by_key(|(_, rank)| *rank);
        let is_field = |step: &&Step| match step {
            Step::Head(..) | Step::Role(Role::Drop | Role::Time(_) | Role::Message | Role::Around) => false,
            Step::Role(_) | Step::UserId(_) => true,
        };
        (writer != Writer::Sentinel).then(|| Self {
            writer,
            accounts: steps.iter().any(is_account),
            time,
            room: steps.iter().filter(is_field).count(),
            steps,
            layouts: Default::default(),
        })
    }

    /// Whether the plan holds for these values: none is missing, none is opened.
    fn fits(&self, o: &Object<'_>) -> bool {
        let mut both = o.values().iter().zip(&self.steps);
        both.all(|(value, step)| match value.lexeme().as_bytes().first() {
            Some(b'n') => false,
            Some(b'{') => !matches!(step, Step::UserId(_) | Step::Head(Head::UserId, _)),
            _ => true,
        })
    }

    /// Reads an object; hands it back where the plan does not hold for it.
    pub fn read<'a>(&'a self, mut raw: Raw<'a>, o: Object<'a>) -> Result<Result<Raw<'a>, Reason>, Object<'a>> {
        let Some(outline) = o.outline().filter(|_| self.fits(&o)) else {
            return Err(o);
        };
        let scm = self.accounts && o.values().iter().any(|value| value.lexeme() == SCM);
        raw.fields.reserve(self.room);
        raw.envelope.reserve(8);
        let mut reading = Reading::new(raw, self.writer, scm, DateOrder::Unknown);
        if let Some((value, (_, rank))) = self.time.and_then(|time| Some((o.values().get(time.0)?, time))) {
            reading.times.add(rank, &value.value(), DateOrder::Unknown);
        }
        let mut fields = 0u64;
        let members = outline.names().iter().zip(o.values());
        for (i, ((name, value), step)) in members.zip(&self.steps).enumerate() {
            let (name, value) = (name.borrowed(), *value);
            // A field is made where it stays: moving it costs more than making it.
            match step {
                Step::Head(head, canonical) => {
                    head_as(&mut reading.raw, *head, canonical.borrowed(), value.value());
                }
                Step::Role(Role::Drop) => {}
                Step::Role(Role::Time(rank)) if !reading.times.wants(*rank) => {}
                Step::Role(Role::Around) => reading.raw.envelope.push(Field::new(name, value.value())),
                Step::Role(Role::Data) => {
                    fields |= 1 << i;
                    reading.raw.fields.push(Field::new(name, value.value()));
                }
                Step::Role(role) | Step::UserId(role) => {
                    if let Some(field) = reading.take(*role, Field::new(name, value.value())) {
                        fields |= 1 << i;
                        reading.raw.fields.push(field);
                    }
                }
            }
        }
        reading.raw.placed = self.layout(fields, &reading.raw.fields).map(Placed::straight);
        Ok(reading.end())
    }

    /// The layout of the members with these bits, which became these fields. Few kinds of values make a difference, so
    /// few layouts are kept.
    fn layout(&self, members: u64, fields: &[Field<'_>]) -> Option<&Layout> {
        for slot in &self.layouts {
            let make = || {
                let names: Vec<_> = fields.iter().map(|f| f.name.clone().into_owned()).collect();
                // Names that are all different stay so where some are left out.
                (members, Layout::new(names.iter()).unwrap_or_default())
            };
            let (of, layout) = slot.get_or_init(make);
            if *of == members {
                return Some(layout);
            }
        }
        None
    }
}

const _: () = assert!(MOST <= u64::BITS as usize);
