# Finding a teacher, the calendar and booking.
booking-teachers = Choose a teacher. Or write a name or a subject, and I will look:
booking-no-teachers = No teacher takes bookings yet.
booking-found = { $count ->
    [one] { $count } teacher found:
   *[other] { $count } teachers found:
}
booking-found-more = That is a lot; here are the first { $count }. Write more of the name to narrow it down.
booking-found-none = Nobody found. Try another name or subject:
booking-teacher = <b>{ $name }</b>
booking-subjects = Teaches: { $subjects }
booking-about = <i>{ $about }</i>
booking-zone = Times are shown for: { $zone }
booking-clocks-now = Times are in your time zone. It is { $here } for you ({ $zone }), and { $there } for the teacher ({ $teacher-zone }).
booking-clocks-then = Times are in your time zone: { $here } for you ({ $zone }) is { $there } for the teacher ({ $teacher-zone }).
booking-week =
    📅 <b>{ $week }</b>, { $minutes } min a lesson
    Choose a day:
booking-week-empty =
    📅 <b>{ $week }</b>
    Nothing is free in this week.
booking-nothing-free = Nothing is free at the moment. Please look again later.
booking-day =
    📅 <b>{ $day }</b>, { $minutes } min a lesson
    Choose a time:
booking-day-empty =
    📅 <b>{ $day }</b>
    Nothing is free on this day any more.
booking-ask =
    <b>Book this lesson?</b>
    Teacher: { $name }
    { $when }
    Length: { $minutes } min
booking-elsewhere = For the teacher: { $when }
booking-cancel-free-until = You can cancel without consequences until { $moment }.
booking-cancel-free = You can cancel at any time before it begins.
booking-cancel-late = It begins in less than { $notice }: cancelling counts as late.
booking-approves = The teacher confirms bookings: you will send a request.
booking-kept = ⏳ Kept for you for { $minutes ->
    [one] { $minutes } minute
   *[other] { $minutes } minutes
}.
booking-booked =
    ✅ <b>You are booked</b>
    Teacher: { $name }
    { $when }
booking-requested =
    📨 <b>Request sent</b>
    Teacher: { $name }
    { $when }
    I will write as soon as the teacher answers.
booking-slot-taken = { $alternatives ->
    [0] This time was just taken. Choose another one.
   *[other] This time was just taken. The nearest free ones:
}
booking-busy = You already have a lesson at this time. Your lessons: /lessons
booking-not-offered = This time is no longer offered. Choose another one.
booking-too-soon = It is too late to book this time. Choose another one.
booking-too-far = That is too far ahead to book. Choose another time.
booking-self = You cannot book a lesson with yourself.
booking-not-accepting = This teacher takes no new students. Ask the teacher for an invitation.
booking-day-full = The teacher gives no more lessons on that day. Choose another one.
booking-not-possible = Too many of your requests wait for an answer. Your lessons: /lessons

booking-move-title =
    <b>Moving a lesson</b>
    { $name }
    Now: { $when }
booking-move-ask =
    <b>Move this lesson?</b>
    { $name }
    From: { $when }
    To: { $to }
booking-moved =
    🔁 <b>Lesson moved</b>
    { $name }
    { $when }
booking-move-too-late = It is too late to move this lesson: that is possible no later than { $notice } before it begins. Talk to the teacher, or cancel it.
booking-move-of-group = A group’s lesson is moved by its teacher only.

booking-was-late = It counts as a late cancellation.
booking-lesson =
    📘 <b>Lesson</b>
    { $when }
booking-with-teacher = Teacher: { $name }
booking-of-group = Group: { $group }
booking-seats = Seats taken: { $taken } of { $capacity }
booking-place = Where: { $url }
booking-notes = Notes: { $notes }
booking-stands = ✅ It takes place.
booking-waits-until = 📨 The request waits for the teacher’s answer until { $moment }.
booking-asks-until = ❓ The time has changed. Say by { $moment } whether you come.
booking-full = No seat is left in this lesson.
booking-no-seat-yet = You have no seat in this lesson.
booking-not-joinable = This lesson cannot be joined any more.
booking-open-lessons = <b>Lessons of your groups in which you have no seat</b>
booking-no-open-lessons = There is no lesson of your groups to join at the moment.
booking-open-lesson = { $when }, group { $group }: { $left ->
    [0] full
    [one] { $left } seat left
   *[other] { $left } seats left
}
booking-joined =
    ✅ <b>You have a seat</b>
    Group: { $group }
    Teacher: { $name }
    { $when }
booking-see-you =
    👋 <b>See you!</b>
    { $when }
booking-missed-lessons = { $count ->
    [one] You have no seat in { $count } lesson of the group: it is full, or clashes with another lesson of yours.
   *[other] You have no seat in { $count } lessons of the group: they are full, or clash with other lessons of yours.
}

booking-label-own-teacher = ⭐ { $name }
booking-label-teachers = 👥 Teachers
booking-label-length = { $minutes } min
booking-label-length-chosen = ✓ { $minutes } min
booking-label-day = { $day }•
booking-label-no-day = ·
booking-label-earlier = ◀
booking-label-later = ▶
booking-label-next-free = Next free: { $day }
booking-label-to-week = ◀ To the week
booking-label-book = ✅ Confirm
booking-label-request = 📨 Send request
booking-label-another-time = Another time
booking-label-move = 🔁 Move
booking-label-move-yes = Yes, move it
booking-label-back = ◀ Back
booking-label-lessons = My lessons
booking-label-details = About the lesson
booking-label-lesson = { $time } · { $name }
booking-label-lesson-open = ⏳ { $time } · { $name }
booking-label-open-lessons = 👥 Lessons of my groups
booking-label-join = ✅ Take a seat
booking-label-join-at = ✅ { $time } · { $group }
booking-label-to-calendar = 📆 Add to Google Calendar
booking-label-come = ✅ I’m coming
