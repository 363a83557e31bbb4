//! Loads of libraries and drivers of Defender for Endpoint: DeviceImageLoadEvents, DriverLoad.
//!
//! Verb: `load`.

use super::{Claim, Mapper};
use crate::ingest::decode::Dec;
use crate::ingest::mde::kind;
use crate::ingest::mde_row::{Additional, actor, names, path, volume};
use crate::ingest::raw::Raw;
use crate::ingest::row::{FieldMap, Row};
use crate::ingest::sink::RecordContext;
use crate::schema::builder::TableSet;
use crate::schema::image_load;

/// DeviceImageLoadEvents and DriverLoad.
pub struct MdeImage;

static FIELDS: FieldMap = FieldMap::new(&[
    ("MD5", image_load::MD5, Dec::Hash),
    ("SHA1", image_load::SHA1, Dec::Hash),
    ("SHA256", image_load::SHA256, Dec::Hash),
]);

impl Mapper for MdeImage {
    fn id(&self) -> &'static str {
        "mde_image"
    }

    fn claims(&self) -> &'static [Claim] {
        &[Claim::Log(kind::IMAGE)]
    }

    fn map(&self, raw: &Raw<'_>, out: &mut TableSet, cx: &RecordContext<'_>) {
        let mut row = Row::begin(out, &image_load::TABLE, raw, cx);
        row.action("load");
        let driver = row.peek("ActionType").is_some_and(|a| a.starts_with("DriverLoad"));
        row.cells.text(image_load::KIND, if driver { "driver" } else { "dll" });
        row.fields(&FIELDS);
        path(&mut row, "FolderPath", "FileName", image_load::PATH);
        let more = Additional::of(&row);
        more.hash(&mut row, "ImageMD5", image_load::MD5);
        more.hash(&mut row, "ImageSHA1", image_load::SHA1);
        more.hash(&mut row, "ImageSHA256", image_load::SHA256);
        if let Some(name) = more.get("ImageName") {
            row.cells.text(image_load::PATH, &volume(name));
        }
        names(&mut row, image_load::PATH, image_load::NAME, None);
        actor(&mut row, image_load::PID, image_load::PROC_START, image_load::IMAGE);
        row.finish();
    }
}
