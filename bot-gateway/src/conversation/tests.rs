//! What a button can say, up to where its numbers become days and times.

use jiff::{SignedDuration, Timestamp, civil::Date, tz::TimeZone};
use olm_proto::lesson::v1::User;
use proptest::{prelude::*, sample::select};
use texts::Language;
use uuid::Uuid;

use super::{
    Reader,
    booking::{add_days, date_in, monday_of},
};
use crate::buttons::{Booking, Button, Purpose, Teaching, settings::Settings};

/// Every kind of button, with what follows it: an id (I), a number (N), a date (D), or itself.
const KINDS: [&str; 81] = [
    "b.0",
    "b.s",
    "b.p:N",
    "b.o:I:N",
    "b.O:I:N",
    "b.w:I:N:D",
    "b.W:I:N:D",
    "b.d:I:N:D:N",
    "b.D:I:N:D:N",
    "b.t:I:N:N",
    "b.T:I:N:N",
    "b.k:I:I:N:N",
    "b.r:I:N",
    "b.m:I:N:N",
    "b.l:N",
    "b.v:I",
    "b.g:N",
    "b.j:I",
    "b.j:I:N",
    "b.c:I:N:N",
    "b.nk:I:N",
    "b.ng:I:N",
    "b.nm:I:N",
    "b.nx:I:N",
    "b.ny:I:N",
    "b.nn:I:N",
    "c:I:N",
    "x:I:N",
    "w:I:N",
    "h:I:N",
    "y:I:N",
    "n:I:N",
    "k:I:N",
    "g:I:N",
    "t.d:D",
    "t.w:D",
    "t.l:I",
    "t.ls:I:N",
    "t.n?:I:N",
    "t.x?:I:N",
    "t.n:I:N:N",
    "t.x:I:N:N",
    "t.nw:I:N",
    "t.xw:I:N",
    "t.a:I:N:N",
    "t.A:I:N:N",
    "t.m:I:N",
    "t.mw:I:N:D",
    "t.md:I:N:D",
    "t.mp:I:N:D:N",
    "t.m?:I:N:N",
    "t.mt:I:N:N",
    "t.o",
    "t.of:D",
    "t.ol:D:D",
    "t.ot",
    "t.oa:D:D:N",
    "t.os:D:N:N",
    "t.or:I",
    "t.oc?:I",
    "t.oc:I:N",
    "t.i",
    "t.is",
    "t.ig:I",
    "t.il",
    "t.ir:I",
    "s.o:menu",
    "s.o:clock",
    "s.c:N",
    "s.g:N:en",
    "s.g:N:ru",
    "s.z:N:Europe/Berlin",
    "s.z:N:Pacific/Apia",
    "s.r:N:Europe/Berlin:N",
    "s.l:N:N:0",
    "s.l:N:N:1",
    "s.n:N",
    "s.q:N:N:N",
    "s.k:N:N:0",
    "s.k:N:N:1",
    "s.x:N",
];

/// Numbers at the edges of all that they are read as, and any other.
fn number() -> impl Strategy<Value = String> {
    const EDGES: [i64; 21] = [
        i64::MIN,
        i64::MAX,
        i64::MIN / 60,
        i64::MAX / 60,
        -1,
        0,
        1,
        2,
        60,
        255,
        256,
        65_535,
        65_536,
        20_160,
        20_161,
        4_294_967_295,
        4_294_967_296,
        // The last minutes that are read, and of the calendar.
        3_697_423_199,
        3_697_423_200,
        4_223_371_679,
        4_223_371_680,
    ];
    prop_oneof![
        select(EDGES.to_vec()).prop_map(|number| number.to_string()),
        any::<i64>().prop_map(|number| number.to_string()),
        (-30_000_i64..5_000_000_000).prop_map(|number| number.to_string()),
        "[0-9+-]{0,21}",
    ]
}

fn date() -> impl Strategy<Value = String> {
    const EDGES: [&str; 12] = [
        "99991231",
        "99991230",
        "00010101",
        "00000101",
        "-99990101",
        "19691231",
        "19700101",
        "89991231",
        "90000101",
        "20261121",
        "20260230",
        "20260000",
    ];
    prop_oneof![
        select(EDGES.to_vec()).prop_map(str::to_owned),
        "[0-9]{8}",
        "-?[0-9]{4,9}",
        (1_i64..10_000, 1..13, 1..32).prop_map(|(y, m, d)| format!("{y:04}{m:02}{d:02}")),
    ]
}

/// A button of a kind that there is, with any fields.
fn pressed() -> impl Strategy<Value = String> {
    let fields = (
        select(KINDS.to_vec()),
        prop::array::uniform4(number()),
        prop::array::uniform4(date()),
        any::<u128>(),
    );
    fields.prop_map(|(kind, numbers, dates, id)| {
        let (mut numbers, mut dates) = (numbers.into_iter(), dates.into_iter());
        let lesson = Uuid::from_u128(id);
        let id = Button::Booking(Booking::Lesson { lesson }).to_string();
        let id = id.strip_prefix("b.v:").unwrap().to_owned();
        let fields = kind.split(':').map(|field| match field {
            "I" => id.clone(),
            "N" => numbers.next().unwrap(),
            "D" => dates.next().unwrap(),
            itself => itself.to_owned(),
        });
        fields.collect::<Vec<_>>().join(":")
    })
}

fn reader(zone: &str) -> Reader {
    let user = User {
        id: Uuid::nil().to_string(),
        time_zone: zone.to_owned(),
        language: "ru".to_owned(),
        ..User::default()
    };
    Reader::from_wire(user).unwrap()
}

fn says(text: &str) {
    assert!(!text.is_empty());
}

/// What screens make of a day.
fn shows_day(reader: &Reader, date: Date) {
    let today = "2026-11-22".parse().unwrap();
    for day in [-7, -1, 0, 1, 6, 7, 28].map(|days| add_days(date, days)) {
        says(&texts::day(day, reader.language));
        says(&texts::day_short(day, reader.language));
        says(&texts::week_title(monday_of(day), reader.language));
        says(&texts::month(day.first_of_month(), reader.language));
        says(&texts::days(day, add_days(day, 6), today, reader.language));
        let begins = day.to_zoned(reader.zone.clone()).unwrap();
        shows_time(reader, begins.timestamp());
    }
}

/// What screens make of a time.
fn shows_time(reader: &Reader, start: Timestamp) {
    let end = start + SignedDuration::from_hours(8);
    says(&reader.lesson_time(start, end));
    says(&reader.moment_short(end));
    says(&texts::hours(start, end, &reader.zone));
    assert!(monday_of(date_in(&reader.zone, end)) <= date_in(&reader.zone, end));
    let there = TimeZone::get("Asia/Kathmandu").unwrap();
    let elsewhere = texts::lesson_time_elsewhere(start, end, Language::En, &reader.zone, &there);
    says(&elsewhere.unwrap());
    let sent = olm_proto::timestamp(start);
    assert_eq!(olm_proto::instant(&sent), Some(start));
}

fn shows_minutes(minutes: i64) {
    let length = SignedDuration::from_mins(minutes);
    says(&texts::notice_span(length, Language::Ru));
    assert_eq!(olm_proto::span(&olm_proto::duration(length)), Some(length));
}

fn shows_purpose(of: Purpose) {
    match of {
        Purpose::Book { minutes, .. } => shows_minutes(minutes.into()),
        Purpose::Move { .. } => {}
    }
}

fn shows_booking(reader: &Reader, button: Booking) {
    match button {
        Booking::Week { of, monday } => {
            shows_purpose(of);
            if let Some(day) = monday {
                shows_day(reader, day);
            }
        }
        Booking::Day { of, date, .. } => {
            shows_purpose(of);
            shows_day(reader, date);
        }
        Booking::Time { of, start } => {
            shows_purpose(of);
            shows_time(reader, start);
        }
        Booking::Book { start, minutes, .. } => {
            shows_minutes(minutes.into());
            shows_time(reader, start);
        }
        Booking::MoveTo { start, .. }
        | Booking::Come { start, .. }
        | Booking::Join {
            start: Some(start), ..
        } => shows_time(reader, start),
        Booking::Nothing
        | Booking::Schedule
        | Booking::Join { start: None, .. }
        | Booking::Teachers { .. }
        | Booking::Release { .. }
        | Booking::Lessons { .. }
        | Booking::Lesson { .. }
        | Booking::OpenLessons { .. }
        | Booking::Noticed { .. } => {}
    }
}

fn shows_teaching(reader: &Reader, button: Teaching) {
    match button {
        Teaching::Day(day)
        | Teaching::Week(day)
        | Teaching::Move(_, Some(day))
        | Teaching::MoveDay(_, day, _)
        | Teaching::OffFirst { month: day } => shows_day(reader, day),
        Teaching::OffLast { first, month } => {
            shows_day(reader, first);
            shows_day(reader, month);
        }
        Teaching::Off { first, last, .. } => {
            shows_day(reader, first);
            shows_day(reader, last);
        }
        Teaching::OffSoon { today, ahead, .. } => shows_day(reader, add_days(today, ahead.into())),
        Teaching::MoveAsk(_, to) | Teaching::MoveTo(_, to) => shows_time(reader, to),
        Teaching::Move(_, None)
        | Teaching::Lesson(_)
        | Teaching::Seats(..)
        | Teaching::AskWhy(..)
        | Teaching::End(..)
        | Teaching::OwnWords(..)
        | Teaching::Attendance { .. }
        | Teaching::TimeOff
        | Teaching::OffType
        | Teaching::OffRemove(_)
        | Teaching::OffAskCancel(_)
        | Teaching::OffCancel { .. }
        | Teaching::Invite
        | Teaching::InviteStudent
        | Teaching::InviteGroup(_)
        | Teaching::Invitations
        | Teaching::Revoke(_) => {}
    }
}

fn shows_settings(button: Settings) {
    match button {
        Settings::Lead { minutes, .. } => shows_minutes(minutes),
        Settings::Clock { offset } => shows_minutes(offset.abs()),
        Settings::Quiet { hours, .. } => {
            let hours = hours.into_iter().flat_map(<[i64; 2]>::from);
            hours.for_each(shows_minutes);
        }
        Settings::Open(_)
        | Settings::Language { .. }
        | Settings::Zone { .. }
        | Settings::ZoneAndRules { .. }
        | Settings::Kind { .. } => {}
    }
}

fn shows(reader: &Reader, button: Button) {
    match button {
        Button::Booking(button) => shows_booking(reader, button),
        Button::Teaching(button) => shows_teaching(reader, button),
        Button::Settings(button) => shows_settings(button),
        Button::AskCancel { .. }
        | Button::Cancel { .. }
        | Button::Confirm { .. }
        | Button::Decline { .. }
        | Button::Reconfirm { .. }
        | Button::Leave { .. } => {}
    }
}

#[test]
fn every_kind_of_button_is_drawn_here() {
    for kind in &KINDS[..KINDS.len() - 1] {
        let id = "AAAAAAAAAAAAAAAAAAAAAA";
        let fields = kind.split(':').map(|field| match field {
            "I" => id,
            "N" => "1",
            "D" => "20261122",
            itself => itself,
        });
        let text = fields.collect::<Vec<_>>().join(":");
        assert!(text.parse::<Button>().is_ok(), "{text}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn nothing_that_a_button_says_is_too_much(text in prop_oneof![4 => pressed(), 1 => "\\PC{0,64}"]) {
        if let Ok(button) = text.parse::<Button>() {
            prop_assert_eq!(button.to_string().parse(), Ok(button));
            for zone in ["Europe/Berlin", "Pacific/Kiritimati", "Pacific/Pago_Pago"] {
                shows(&reader(zone), button);
            }
        }
    }
}
