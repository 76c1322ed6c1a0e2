//! People who do something while reminders use the limit up.

use super::*;

const OUT: Duration = Duration::from_millis(25);

fn arrival(at: At, chat: i64, lane: Lane) -> Arrival {
    Arrival {
        at,
        chat,
        lane,
        out: OUT,
        back: OUT,
    }
}

fn reminders(count: i64) -> Vec<Arrival> {
    let all = (1..=count).map(|chat| arrival(Duration::ZERO, chat, Lane::Reminder));
    all.collect()
}

/// When each of these was started, after it came.
fn waited(counted: &[(At, i64)], of: &[Arrival]) -> Vec<Duration> {
    let waited = of.iter().map(|urgent| {
        let mut counted = counted.iter();
        let (at, _) = counted.find(|(_, chat)| *chat == urgent.chat).unwrap();
        at.saturating_sub(urgent.at + urgent.out)
    });
    waited.collect()
}

#[test]
fn three_who_are_told_at_once_find_room_and_the_rest_hardly_feels_it() {
    let mut arrivals = reminders(600);
    for number in 0..20_u32 {
        let at = 3 * SECOND + 487 * MS * number;
        for chat in [10_000, 20_000, 30_000] {
            arrivals.push(arrival(at, chat + i64::from(number), Lane::Interactive));
        }
    }
    let counted = simulate(&arrivals);
    // Nobody was there before the first three.
    let waited = waited(&counted, &arrivals[603..]);
    assert_eq!(waited, [Duration::ZERO; 57]);
    let of_ten_seconds = |&(at, _): &(At, i64)| (3 * SECOND..13 * SECOND).contains(&at);
    let used = counted.iter().copied().filter(of_ten_seconds).count();
    assert!((265..=300).contains(&used), "{used} of 300");
}

#[test]
fn a_flood_of_what_is_urgent_leaves_reminders_their_floor() {
    let mut arrivals = reminders(900);
    for number in 0..600_u32 {
        let at = SECOND + 34 * MS * number;
        let chat = 10_000 + i64::from(number);
        arrivals.push(arrival(at, chat, Lane::Conversation));
    }
    let counted = simulate(&arrivals);
    let of_ten_seconds =
        |&(at, chat): &(At, i64)| chat < 10_000 && (5 * SECOND..15 * SECOND).contains(&at);
    let reminded = counted.iter().copied().filter(of_ten_seconds).count();
    assert!(reminded >= 95, "{reminded} of 100");
}
