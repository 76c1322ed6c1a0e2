# What a teacher sees.
teaching-not-teaching = This is for teachers. Your lessons: /lessons, to book one: /schedule
teaching-day =
    { $when ->
        [today] <b>Today, { $day }</b>
       *[other] <b>{ $day }</b>
    }
    Zone: { $zone }
teaching-week =
    <b>{ $days }</b>
    Zone: { $zone }
teaching-day-of-week = <b>{ $day }</b>
teaching-free = No lessons.
teaching-line = { $hours } · { $name }
teaching-group-line = { $hours } · group { $name }, { $taken } of { $capacity }
teaching-more = { $count ->
    [one] And { $count } more lesson: open its day.
   *[other] And { $count } more lessons: open their days.
}
teaching-mark-requested = ⏳ waits for your answer
teaching-mark-held = 🕓 the student is deciding
teaching-mark-unrecorded = ❔ say who came
teaching-lesson =
    <b>{ $name }</b>
    { $when }
teaching-seats = Seats taken: { $taken } of { $capacity }
teaching-student-time = For the student: { $time } ({ $zone })
teaching-requested = ⏳ This request waits for your answer. Without one it lapses: { $until }
teaching-held = 🕓 A student keeps this time and is deciding.
teaching-running = ▶️ Going on now
teaching-over = 🏁 Over
teaching-canceled = ❌ Cancelled
teaching-declined = 🚫 Request declined
teaching-lapsed = ⌛ Request lapsed
teaching-reason = Reason: { $reason }
teaching-place = 📍 { $url }
teaching-notes = 📝 { $notes }
teaching-seat = { $name }{ $state ->
    [asked] : asked whether the new time suits
    [attended] : ✅ came
    [absent] : 🚫 did not come
    [left] : gave up the seat
    [late] : gave up the seat late
   *[coming] { "" }
}
teaching-attendance-hint = Say who came. You can correct it later.
teaching-attendance-kept = ✅ Written down.
teaching-not-begun = The lesson has not begun, so nobody can have come yet.
teaching-changed = ❗ The lesson has changed since. Now it is:
teaching-too-late = The lesson has begun, nothing can be changed any more.
teaching-decline-ask =
    Decline this request? Choose a reason, the student will see it. A ready one is read in their language.
    { $name }
    { $when }
teaching-cancel-ask =
    Cancel this lesson? Choose a reason, everybody who comes will see it. Each reads a ready one in their language.
    { $name }
    { $when }
teaching-own-words = Write the reason in one message, and I will pass it on at once. I wait for 15 minutes. To stop: /cancel
teaching-reason-too-long = That is too long: a reason has at most 500 characters. Write a shorter one, or stop: /cancel
teaching-cancel-done =
    ❌ <b>Lesson cancelled</b>
    { $name }
    { $when }
teaching-decline-done =
    🚫 <b>Request declined</b>
    Student: { $name }
    { $when }
teaching-move-days =
    <b>Move it where?</b>
    { $name }
    Now: { $when }

    Days with free times, { $days }:
teaching-move-times =
    <b>Move it where?</b>
    { $name }
    Now: { $when }

    Free times, { $day }:
teaching-move-nowhere = No free time here.
teaching-move-ask =
    Move this lesson?
    { $name }
    From: { $from }
    To: { $to }
teaching-moved =
    🔁 <b>Lesson moved</b>
    { $name }
    { $when }
teaching-move-taken = Another lesson of yours takes this time. Choose another one:
teaching-move-busy = The student has another lesson at this time. Choose another one:
teaching-move-past = This time has passed. Choose another one:
teaching-delivery = { $state ->
    [sent] 🔔 Reminder delivered, { $time } ✓
    [blocked] 🔕 Reminder not delivered: the student blocked the bot ✗
    [failed] 🔕 Reminder not delivered, { $time } ✗
    [unsure] 🔔 Reminder sent, { $time }, nobody knows whether it arrived
   *[pending] 🔔 Reminder to come: { $time }
}
teaching-delivery-of = { $name }: { $state ->
    [sent] 🔔 reminder delivered, { $time } ✓
    [blocked] 🔕 reminder not delivered: the bot is blocked ✗
    [failed] 🔕 reminder not delivered, { $time } ✗
    [unsure] 🔔 reminder sent, { $time }, nobody knows whether it arrived
   *[pending] 🔔 reminder to come: { $time }
}
teaching-unreachable = 🔕 The student blocked the bot, so nothing reaches them.
teaching-unreachable-of = { $name }: 🔕 blocked the bot, nothing reaches them
teaching-deliveries-unknown = Whether reminders arrived cannot be told just now.

teaching-type-days = Write the days, for example: 24.12–6.1, “May 3” or “24 Dec – 6 Jan”. To stop: /cancel
teaching-days-unclear = I cannot tell which days these are. Write, for example, 24.12–6.1. To stop: /cancel
teaching-days-unsuitable = That is not possible: these days have passed, lie more than three years ahead, or are more than a year.
teaching-too-much-time-off = There is no room for more days off: take some away.
teaching-calendar-changed = Your calendar has changed since. Now it is:
teaching-other-day = Those buttons were for another day, nothing was changed. Now it is:
teaching-cancel-unknown = ⚠️ The service did not answer. Nobody knows whether this lesson is cancelled, open it later:
teaching-time-off-removed = ✅ Done, you work on these days again.
teaching-no-time-off = These days off are gone already.
teaching-none-ahead = No days off ahead.
teaching-no-lessons-in-it = No lessons in these days.
time-off-ahead =
    <b>🏖 Days off</b>
    Zone: { $zone }
time-off-days = { $days }
time-off-hours = { $from } – { $until }
time-off-first =
    The first day off?
    <b>{ $month }</b>
time-off-last =
    The first day off: { $first }
    And the last day off?
    <b>{ $month }</b>
time-off-ask = You do not work: <b>{ $days }</b>, right?
time-off-added = 🏖 <b>Noted, you do not work: { $days }</b>
    Nobody can book these days.
time-off-lessons = { $count ->
    [one] { $count } lesson lies in it. It is not cancelled:
   *[other] { $count } lessons lie in it. They are not cancelled:
}
time-off-cancel-ask = { $count ->
    [one] Cancel { $count } lesson?
   *[other] Cancel { $count } lessons?
} The students will be told.
time-off-cancel-done = { $count ->
    [one] ❌ { $count } lesson cancelled.
   *[other] ❌ { $count } lessons cancelled.
}
time-off-cancel-failed = { $count ->
    [one] { $count } lesson could not be cancelled: it has changed or begun.
   *[other] { $count } lessons could not be cancelled: they have changed or begun.
}
time-off-cancel-left = Not cancelled yet: { $count }
time-off-more = And { $count } more: they come next.

teaching-invite-whom = Whom do you invite? I will make a link and a picture with its QR code.
teaching-no-invitations = No open invitations.
teaching-invitation-revoked = ✅ The invitation is taken back, nobody can use its link any more.
teaching-invitation-gone = This invitation is not valid any more.
teaching-too-many-invitations = There are too many open invitations. Take some back:
teaching-no-group = This group is gone.
teaching-group-full = This group is full.
inviting-student =
    An invitation for one student:
    <code>{ $link }</code>

    Valid for { $hours ->
        [one] { $hours } hour
       *[other] { $hours } hours
    }, until: { $until }
inviting-group =
    An invitation into the group “{ $group }” { $uses ->
        [one] for { $uses } person
       *[other] for { $uses } people
    }:
    <code>{ $link }</code>

    Valid for { $hours ->
        [one] { $hours } hour
       *[other] { $hours } hours
    }, until: { $until }
inviting-open = <b>Open invitations: { $count }</b>
inviting-open-line = { $number }. { $into ->
    [none] For a student
   *[group] Into the group “{ $group }”
}, for { $left ->
    [one] { $left } more person
   *[other] { $left } more people
}, until: { $until }

teaching-label-agenda = 🗓 My day
teaching-label-earlier = ◀ { $day }
teaching-label-later = { $day } ▶
teaching-label-today = Today
teaching-label-week = Week
teaching-label-time-off = 🏖 Days off
teaching-label-invite = ➕ Invite
teaching-label-lesson = { $time } { $name }
teaching-label-back = ◀ Back
teaching-label-move = 🔁 Move
teaching-label-move-yes = ✅ Move it
teaching-label-cancel = ❌ Cancel the lesson
teaching-label-attended = ✅ The student came
teaching-label-no-show = 🚫 The student did not come
teaching-label-seat-attended = ✅ { $name }
teaching-label-seat-no-show = 🚫 { $name }
teaching-label-reason = { $number ->
    [1] I am ill
    [2] Something unexpected came up
   *[3] This time does not suit me
}
teaching-label-own-words = ✏️ In my own words
teaching-label-without-reason = Without a reason
teaching-label-keep = ◀ Leave it as it is
teaching-label-not-today = 🌙 Not today any more
teaching-label-not-tomorrow = Not tomorrow
teaching-label-from-to = 📅 From … to …
teaching-label-type-days = ✏️ Write the days
teaching-label-remove = ✖ Take away: { $days }
teaching-label-days-yes = ✅ Right
teaching-label-cancel-all = ❌ Cancel all ({ $count })
teaching-label-cancel-all-yes = ❌ Yes, cancel them all
teaching-label-invite-student = 👤 One student
teaching-label-invite-group = 👥 { $title }
teaching-label-open-invitations = Open invitations
teaching-label-revoke = ✖ Take it back
teaching-label-revoke-number = ✖ Take back { $number }
