//! Scenario 1 by example: gaps, folds, shifts of half an hour, at midnight, of a day.

use super::*;

#[test]
fn a_skipped_hour_offers_no_local_time_that_does_not_exist() {
    let slots = offered(
        "Europe/Berlin",
        vec![rule(7, "00:00", "05:00")],
        &policies(60, 60),
        "2026-03-29",
    );
    assert_eq!(
        slots,
        ["00:00+01:00", "01:00+01:00", "03:00+02:00", "04:00+02:00"]
    );
}

#[test]
fn a_doubled_hour_offers_both_of_its_instants() {
    let slots = offered(
        "Europe/Berlin",
        vec![rule(7, "01:00", "04:00")],
        &policies(60, 60),
        "2026-10-25",
    );
    assert_eq!(
        slots,
        ["01:00+02:00", "02:00+02:00", "02:00+01:00", "03:00+01:00"]
    );
}

#[test]
fn a_shift_of_half_an_hour_moves_the_grid_with_absolute_time() {
    let rules = || vec![rule(7, "01:00", "03:30")];
    // 02:00 becomes 02:30 on 4 October 2026.
    let forward = offered(
        "Australia/Lord_Howe",
        rules(),
        &policies(30, 30),
        "2026-10-04",
    );
    assert_eq!(
        forward,
        ["01:00+10:30", "01:30+10:30", "02:30+11:00", "03:00+11:00"]
    );
    // 02:00 becomes 01:30 on 5 April 2026.
    let back = offered(
        "Australia/Lord_Howe",
        rules(),
        &policies(30, 30),
        "2026-04-05",
    );
    assert_eq!(
        back,
        [
            "01:00+11:00",
            "01:30+11:00",
            "01:30+10:30",
            "02:00+10:30",
            "02:30+10:30",
            "03:00+10:30"
        ]
    );
}

#[test]
fn a_midnight_that_does_not_exist_starts_the_day_where_the_gap_ends() {
    // In Beirut 29 March 2026 begins at 01:00.
    let day = offered(
        "Asia/Beirut",
        vec![rule(7, "00:00", "03:00")],
        &policies(60, 60),
        "2026-03-29",
    );
    assert_eq!(day, ["01:00+03:00", "02:00+03:00"]);
    let eve = offered(
        "Asia/Beirut",
        vec![rule(6, "22:00", "24:00")],
        &policies(60, 60),
        "2026-03-28",
    );
    assert_eq!(eve, ["22:00+02:00", "23:00+02:00"]);
}

#[test]
fn a_rule_that_ends_in_a_gap_ends_where_the_gap_begins() {
    let slots = offered(
        "Europe/Berlin",
        vec![rule(7, "01:00", "02:30")],
        &policies(30, 30),
        "2026-03-29",
    );
    assert_eq!(slots, ["01:00+01:00", "01:30+01:00"]);
}

#[test]
fn a_rule_that_begins_in_a_gap_begins_at_the_instant_of_rfc_5545() {
    let slots = offered(
        "Europe/Berlin",
        vec![rule(7, "02:30", "05:00")],
        &policies(30, 30),
        "2026-03-29",
    );
    assert_eq!(slots, ["03:30+02:00", "04:00+02:00", "04:30+02:00"]);
}

#[test]
fn a_rule_within_a_gap_offers_nothing() {
    let slots = offered(
        "Europe/Berlin",
        vec![rule(7, "02:10", "02:50")],
        &policies(30, 30),
        "2026-03-29",
    );
    assert!(slots.is_empty(), "{slots:?}");
}

#[test]
fn a_whole_day_that_was_skipped_offers_nothing_on_its_neighbours() {
    // Samoa had no 30 December 2011, a Friday.
    let rules = vec![rule(5, "09:00", "17:00"), rule(5, "22:00", "02:00")];
    for date in ["2011-12-29", "2011-12-31"] {
        let offered = offered("Pacific/Apia", rules.clone(), &policies(60, 60), date);
        assert!(offered.is_empty(), "{offered:?}");
    }
    let eve = vec![rule(4, "22:00", "02:00")];
    assert_eq!(
        offered("Pacific/Apia", eve, &policies(60, 60), "2011-12-29"),
        ["22:00-10:00", "23:00-10:00"]
    );
}

#[test]
fn a_night_on_which_clocks_change_is_as_long_as_it_is() {
    let nights = vec![rule(6, "23:00", "04:00")];
    let day = |date| offered("Europe/Berlin", nights.clone(), &policies(60, 60), date);
    assert_eq!(day("2026-03-28"), ["23:00+01:00"]);
    assert_eq!(
        day("2026-03-29"),
        ["00:00+01:00", "01:00+01:00", "03:00+02:00"]
    );
    assert_eq!(
        day("2026-10-25"),
        [
            "00:00+02:00",
            "01:00+02:00",
            "02:00+02:00",
            "02:00+01:00",
            "03:00+01:00"
        ]
    );
}
