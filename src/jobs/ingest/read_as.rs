//! With which options an input was read: content is read once, so a later run that asks for others must be told that they
//! change nothing.

use super::Run;
use crate::base::time::{DateOrder, TimeQuality};
use crate::lake::catalogue::Input;

impl Run<'_> {
    /// The options of this run that decide how a log of a format is read, as they are written.
    pub(super) fn read_as(&self, format: &str) -> Vec<String> {
        let options = self.options;
        let order = options.date_order.and_then(|order| match order {
            DateOrder::Dmy => Some("dmy"),
            DateOrder::Mdy => Some("mdy"),
            DateOrder::Unknown => None,
        });
        let all = [
            ("tz", self.zone(format).map(chrono_tz::Tz::name)),
            ("codepage", options.codepage.map(encoding_rs::Encoding::name)),
            ("date-order", order),
            ("input-host", options.input_host.as_deref()),
        ];
        let given = all.into_iter().filter_map(|(flag, value)| Some((flag, value?)));
        given.map(|(flag, value)| format!("--{flag} {value}")).collect()
    }

    /// An input whose content the lake has, met again under this path.
    pub(super) fn again(&self, known: &Input, path: String) -> Input {
        let already = format!("the lake has this content already, as {}", known.path);
        let mut notes = known.notes.clone();
        notes.push(already);
        notes.extend(known.expired_before.as_ref().map(|day| {
            format!("its days before {day} were dropped by `coldtrail lake expire` and are not read again; a new lake (--lake) takes them")
        }));
        if let Some(otherwise) = self.otherwise(known) {
            self.done().notices.push(format!("{path}: {otherwise}"));
            notes.push(otherwise);
        }
        Input {
            path,
            notes,
            is_known: true,
            ..known.clone()
        }
    }

    /// What to say of an input that this run would have read otherwise.
    fn otherwise(&self, known: &Input) -> Option<String> {
        let before = known.read_as.as_ref()?;
        let format = self.options.format.as_deref().unwrap_or(&known.format);
        let assumed = |(quality, n): &(String, u64)| quality == TimeQuality::Assumed.as_str() && *n > 0;
        let has_zone = !known.time_quality.iter().any(assumed);
        // A zone is for times that have none.
        let counts = |option: &&String| !(has_zone && option.starts_with("--tz "));
        let asked = self.read_as(format);
        if format == known.format && asked.iter().filter(counts).eq(before.iter().filter(counts)) {
            return None;
        }
        let list = |format: &str, options: &[String]| {
            let options = options.iter().map(|o| format!(" {o}")).collect::<String>();
            format!("{format}{options}")
        };
        Some(format!(
            "the lake has this content as {}; asking for {} changes nothing there: read it into a new lake",
            list(&known.format, before),
            list(format, &asked)
        ))
    }
}
