//! The tight rule before a judge who counts each request when it arrives.

use super::*;

const US: Duration = Duration::from_micros(1);

/// A burst of `messages` to as many chats, over a way that always takes the same.
fn burst(messages: i64, out: Duration, back: Duration) -> Vec<Arrival> {
    let arrival = |chat| Arrival {
        at: Duration::ZERO,
        chat,
        lane: Lane::Broadcast,
        out,
        back,
    };
    (1..=messages).map(arrival).collect()
}

/// How many were counted a second, from the ninetieth on: by then enough is measured.
fn per_second(counted: &[(At, i64)]) -> f64 {
    let mut times: Vec<_> = counted.iter().map(|(at, _)| *at).collect();
    times.sort();
    let later = &times[89..];
    let count = u32::try_from(later.len() - 1).unwrap();
    let took = later[later.len() - 1].abs_diff(later[0]);
    f64::from(count) / took.as_secs_f64()
}

#[test]
fn a_burst_uses_nearly_all_of_the_limit_near_and_far() {
    for (out, back, share) in [
        (2_500 * US, 2_500 * US, 0.99),
        (25 * MS, 25 * MS, 0.98),
        (MS, 199 * MS, 0.97),
    ] {
        let arrivals = burst(900, out, back);
        check(&arrivals).unwrap();
        let used = per_second(&simulate(&arrivals)) / 30.0;
        assert!(
            used >= share && used <= 1.01,
            "{used} at {out:?} + {back:?}"
        );
    }
}

#[test]
fn after_a_429_the_strict_rule_holds() {
    let mut pacer = pacer();
    let mut now = Duration::ZERO;
    for chat in 1..=60 {
        let target = Target::Message(chat);
        pacer.enqueue(Lane::Reminder, target, now, 0, now).unwrap();
        let (key, _) = started(&mut pacer, now).unwrap();
        now += 50 * MS;
        pacer.answered(key, now);
    }
    let chat = Target::Message(1);
    for item in [1, 2, 3] {
        pacer.enqueue(Lane::Reminder, chat, now, item, now).unwrap();
    }
    let (started, key) = starts_at(&mut pacer, now);
    let answered = started + 50 * MS;
    pacer.answered(key, answered);
    let (started, key) = starts_at(&mut pacer, answered);
    assert_eq!(started, answered + 955 * MS);
    pacer.limited(2, started, started);
    let answered = started + 50 * MS;
    pacer.answered(key, answered);
    let (started, _) = starts_at(&mut pacer, answered);
    assert_eq!(started, answered + SECOND);
}

#[test]
fn what_was_done_between_the_slot_and_the_request_is_no_part_of_the_round_trip() {
    let mut pacer = pacer();
    let mut now = Duration::ZERO;
    for chat in 1..=60 {
        let target = Target::Message(chat);
        pacer.enqueue(Lane::Reminder, target, now, 0, now).unwrap();
        let (key, _) = started(&mut pacer, now).unwrap();
        now += 40 * MS;
        pacer.begun(key, now);
        now += 10 * MS;
        pacer.answered(key, now);
    }
    let chat = Target::Message(60);
    pacer.enqueue(Lane::Reminder, chat, now, 0, now).unwrap();
    pacer.enqueue(Lane::Reminder, chat, now, 0, now).unwrap();
    let (started, key) = starts_at(&mut pacer, now);
    let answered = started + 50 * MS;
    pacer.begun(key, started + 40 * MS);
    pacer.answered(key, answered);
    let (started, _) = starts_at(&mut pacer, answered);
    assert_eq!(started, answered + 992 * MS);
}

#[test]
fn an_urgent_message_in_a_burst_soon_finds_a_slot() {
    let (out, back) = (25 * MS, 25 * MS);
    let mut arrivals = burst(600, out, back);
    for number in 0..100 {
        arrivals.push(Arrival {
            at: 3 * SECOND + 137 * MS * number,
            chat: 10_000 + i64::from(number),
            lane: Lane::Interactive,
            out,
            back,
        });
    }
    let counted = simulate(&arrivals);
    for urgent in &arrivals[600..] {
        let (at, _) = counted
            .iter()
            .find(|(_, chat)| *chat == urgent.chat)
            .unwrap();
        let waited = at.saturating_sub(urgent.at + out);
        assert!(waited <= 100 * MS, "{waited:?} at {:?}", urgent.at);
    }
}

/// A way there and back that takes its time, each message a random part more.
fn over_a_way() -> impl Strategy<Value = Vec<Arrival>> {
    let way = (
        0_u32..60_000,
        0_u32..60_000,
        0_u32..40_000,
        0_u32..40_000,
        40_i64..200,
    );
    let messages = prop::collection::vec((0.0_f64..1.0, 0.0_f64..1.0), 300..600);
    (way, messages).prop_map(|((out, back, out_more, back_more, chats), messages)| {
        let arrival = |(number, (out_part, back_part)): (i64, (f64, f64))| Arrival {
            at: Duration::ZERO,
            chat: 1 + number % chats,
            lane: Lane::Broadcast,
            out: out * US + (out_more * US).mul_f64(out_part),
            back: back * US + (back_more * US).mul_f64(back_part),
        };
        (0..).zip(messages).map(arrival).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn no_jitter_breaks_a_limit_under_the_tight_rule(arrivals in over_a_way()) {
        check(&arrivals)?;
    }
}
