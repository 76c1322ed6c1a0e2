# Notices about groups and about series as a whole.
notice-group = Group: { $title }
notice-reconfirm = ❓ <b>Will you come at the new time?</b>
notice-reconfirm-until =
    It clashes with another lesson of yours. Your seat is kept until { $until }: unless you say by then that you come, it is given up.
notice-seat-freed =
    ⌛ <b>Your seat was given up</b>
    You did not say in time that you come.
notice-seat-canceled =
    ❌ <b>{ $by ->
        [teacher] The teacher took you off this lesson
        [admin] An administrator took you off this lesson
       *[other] You have no seat in this lesson any more
    }</b>
notice-student-left =
    🚪 <b>{ $by ->
        [student] { $name } gave up their seat
       *[other] { $name } did not confirm the new time, the seat is free
    }</b>
notice-series-booked-student = 🗓 <b>Regular lessons booked</b>
notice-series-booked-teacher = 🗓 <b>New regular lessons</b>
notice-series-changed =
    🔄 <b>{ $by ->
        [you] You changed the regular lessons
        [teacher] The teacher changed the regular lessons
        [student] The student changed the regular lessons
        [admin] An administrator changed the regular lessons
       *[other] The regular lessons changed
    }</b>
notice-series-canceled =
    ❌ <b>{ $by ->
        [you] You cancelled the regular lessons
        [teacher] The teacher cancelled the regular lessons
        [student] The student cancelled the regular lessons
        [admin] An administrator cancelled the regular lessons
       *[other] Your regular lessons are off
    }</b>
notice-series-skipped =
    ⚠️ <b>A regular lesson was not booked</b>
    The time was taken, or you are off then:
notice-clock-shifts = 🕐 <b>Regular lessons begin at another hour for you</b>
notice-clock-shifts-from =
    Clocks change on different days in your zone and in the one the lessons go by.
    From { $when } on they begin at { $time } by your clock, not at { $previous }.
notice-series-pattern =
    { $weeks ->
        [1] Every week { $weekdays } at { $time }
       *[other] Every { $weeks } weeks { $weekdays } at { $time }
    }
notice-series-pattern-elsewhere = { $pattern } ({ $zone })
notice-series-next = Next lesson: { $when }
notice-series-was = It was to be: { $from }
notice-series-count =
    { $count ->
        [one] { $count } lesson
       *[other] { $count } lessons, the last one { $last }
    }
notice-series-off =
    { $count ->
        [one] { $count } lesson is off: { $from }
       *[other] { $count } lessons are off, from { $from } to { $last }
    }
notice-series-off-from = Off from { $from } on.
weekdays-1 = on Mondays
weekdays-2 = on Tuesdays
weekdays-3 = on Wednesdays
weekdays-4 = on Thursdays
weekdays-5 = on Fridays
weekdays-6 = on Saturdays
weekdays-7 = on Sundays
notice-series-last-now = The last lesson is now { $last }.
notice-student-left-group = 🚪 <b>{ $name } left the group</b>
