//! When one person is reminded of a lesson.

use super::{
    BTreeSet, Due, Kind, Lane, LessonNotice, Planned, SignedDuration, State, Timestamp, Told,
    telling::Telling,
};

/// What a lead comes to.
enum Lead {
    /// Its instant had passed when it was planned first.
    Past,
    /// The reader was reminded of this start already.
    Had,
    /// To be reminded.
    Wanted(Wanted),
    /// Its row ended, and the reader was not reminded: it stays as it is, and is no
    /// reminder to count on.
    Lost(Wanted),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Wanted {
    /// May still be changed; what may not comes first.
    open: bool,
    lead_s: i64,
    due: Timestamp,
    urgent: bool,
}

impl Telling<'_> {
    /// A reminder for each lead, no two at one instant, besides what is being sent: that
    /// ends as it began, whatever changed meanwhile.
    pub(super) fn reminders(&self) -> Vec<Planned> {
        if self.reader.leads.is_empty() || self.reader.muted.contains(&Kind::Reminder) {
            return Vec::new();
        }
        let leads: BTreeSet<i64> = self
            .reader
            .leads
            .iter()
            .map(SignedDuration::as_secs)
            .collect();
        let in_flight: Vec<_> = self
            .of_this_start()
            .filter(|told| told.in_flight())
            .collect();
        let mut none_left = in_flight.is_empty();
        let mut wanted = BTreeSet::new();
        for lead_s in leads {
            match self.lead(lead_s) {
                Lead::Past => {}
                Lead::Had => none_left = false,
                Lead::Lost(reminder) => {
                    wanted.insert(reminder);
                }
                Lead::Wanted(reminder) => {
                    none_left = false;
                    wanted.insert(reminder);
                }
            }
        }
        if none_left
            && let Some(lead_s) = self.last_waiting()
            && let Lead::Wanted(reminder) = self.lead(lead_s)
        {
            wanted.insert(reminder);
        }
        let mut instants: BTreeSet<_> = in_flight.iter().map(|told| told.due).collect();
        let wanted = wanted
            .into_iter()
            .filter(|reminder| instants.insert(reminder.due))
            .map(|reminder| self.reminder(reminder));
        let in_flight = in_flight.iter().map(|told| Planned {
            lane: Lane::Reminder,
            due: Due::At(told.due),
            expires_at: Some(self.snapshot.start),
            ..self.again(told)
        });
        let mut reminders: Vec<_> = in_flight.chain(wanted).collect();
        reminders.sort_by_key(|reminder| reminder.key.lead_s);
        reminders
    }

    /// Reminders of the lesson's present start, whatever schedule they were planned for.
    fn of_this_start(&self) -> impl Iterator<Item = &Told> {
        self.told.iter().copied().filter(|told| {
            told.key.kind == Kind::Reminder && told.start() == Some(self.snapshot.start)
        })
    }

    /// The next reminder that waits under former preferences: changing them so that
    /// every new lead is past must not take the last one away. (No leads at all, or
    /// muted reminders, are a wish for none.)
    fn last_waiting(&self) -> Option<i64> {
        self.of_this_start()
            .filter(|told| told.state == State::Pending)
            .map(|told| told.key.lead_s)
            .max()
    }

    fn lead(&self, lead_s: i64) -> Lead {
        let key = self.key(Kind::Reminder, lead_s);
        let of_lead = || {
            self.of_this_start()
                .filter(|told| told.key.lead_s == lead_s)
        };
        let waits = |told: &&Told| told.state == State::Pending && !told.resent;
        let as_it_is = |told: &Told| Wanted {
            open: waits(&told),
            lead_s,
            due: told.due,
            urgent: told.notice.urgent,
        };
        // What is being sent, or was, is not moved; what fell due meanwhile neither.
        if let Some(told) = of_lead().find(|told| told.key == key && !waits(told)) {
            return if told.reached() {
                Lead::Wanted(as_it_is(told))
            } else {
                Lead::Lost(as_it_is(told))
            };
        }
        match of_lead().find(waits) {
            Some(told) if told.due <= self.now => return Lead::Wanted(as_it_is(told)),
            None if of_lead().any(Told::reached) => return Lead::Had,
            Some(_) | None => {}
        }
        // Leads are durations: 24 hours before a lesson is 24 hours, on any day.
        let lead = SignedDuration::from_secs(lead_s);
        match self.snapshot.start.checked_sub(lead) {
            Ok(own) if own > self.now => self.before_quiet_hours(lead_s, own),
            Ok(_) | Err(_) => Lead::Past,
        }
    }

    /// A reminder whose own instant is ahead: before the quiet hours it falls into, or,
    /// where that is past, at its own instant all the same, marked urgent.
    fn before_quiet_hours(&self, lead_s: i64, own: Timestamp) -> Lead {
        let quiet = self.reader.quiet_hours;
        let before = quiet.and_then(|quiet| quiet.before(own, &self.reader.time_zone));
        let Some(before) = before else {
            return Lead::Wanted(Wanted {
                open: true,
                lead_s,
                due: own,
                urgent: false,
            });
        };
        // The one that came then was the same as this one is.
        let mut others = self.of_this_start();
        if others.any(|told| told.due == before && told.reached()) {
            return Lead::Had;
        }
        let in_time = before > self.now;
        Lead::Wanted(Wanted {
            open: true,
            lead_s,
            due: if in_time { before } else { own },
            urgent: !in_time,
        })
    }

    fn reminder(&self, wanted: Wanted) -> Planned {
        let key = self.key(Kind::Reminder, wanted.lead_s);
        let notice = LessonNotice {
            urgent: wanted.urgent,
            ..self.notice(Kind::Reminder)
        };
        let mut planned = self.planned(key, Lane::Reminder, Due::At(wanted.due), notice);
        planned.expires_at = Some(self.snapshot.start);
        planned
    }
}
