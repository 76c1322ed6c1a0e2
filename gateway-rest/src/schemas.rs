//! Schemas that a derive cannot make: lists whose items have bounds of their own.

use utoipa::{
    PartialSchema as _,
    openapi::{
        Array, ArrayBuilder, KnownFormat, Object, ObjectBuilder, Schema, SchemaFormat, Type,
    },
};

use crate::people::MutedKind;

const MINUTE: u32 = 60;
const HOUR: u32 = 60 * MINUTE;
const DAY: u32 = 24 * HOUR;

/// The lengths a lesson may have, in seconds.
pub(crate) fn lesson_durations() -> Schema {
    let list = list(seconds(5 * MINUTE, 8 * HOUR)).max_items(Some(5));
    let text =
        "The lengths a lesson may have; the first is taken when nobody says. None: one hour.";
    list.description(Some(text)).build().into()
}

/// The leads of a person's reminders, in seconds.
pub(crate) fn reminder_leads() -> Schema {
    let list = list(seconds(MINUTE, 14 * DAY)).max_items(Some(5));
    let text = "How long before each lesson to be reminded; none: not at all.";
    list.description(Some(text)).build().into()
}

/// What a person does not want to be told.
pub(crate) fn muted_kinds() -> Schema {
    let list = ArrayBuilder::new().items(MutedKind::schema());
    let text = "What the person does not want to be told. Who does not hear of moves and \
        cancellations waits in vain, so these cannot be muted.";
    list.unique_items(true)
        .description(Some(text))
        .build()
        .into()
}

/// What a teacher teaches.
pub(crate) fn subjects() -> Schema {
    let subject = ObjectBuilder::new()
        .schema_type(Type::String)
        .min_length(Some(1))
        .max_length(Some(64))
        .pattern(Some(r"^[^\x00]*[^\s\x00][^\x00]*$"));
    let list = list(subject.build()).max_items(Some(20));
    let text = "What is taught; no two equal but for case.";
    list.description(Some(text)).build().into()
}

fn list(item: Object) -> ArrayBuilder {
    ArrayBuilder::from(Array::new(item)).unique_items(true)
}

fn seconds(least: u32, most: u32) -> Object {
    ObjectBuilder::new()
        .schema_type(Type::Integer)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)))
        .minimum(Some(least))
        .maximum(Some(most))
        .build()
}
