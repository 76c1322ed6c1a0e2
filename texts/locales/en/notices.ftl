# Notices about lessons: the bot writes them when their time comes.
notice-booked-student = ✅ <b>Lesson booked</b>
notice-booked-teacher = ✅ <b>New lesson</b>
notice-requested-student = 📨 <b>Your request is with the teacher</b>
notice-requested-teacher = 📨 <b>A student asks for a lesson</b>
notice-lapses-student = The teacher can answer until { $until }.
notice-lapses-teacher = Please decide before { $until }, or the request lapses.
notice-confirmed = ✅ <b>The teacher confirmed your lesson</b>
notice-declined = 🚫 <b>The teacher declined your request</b>
notice-lapsed-student =
    ⌛ <b>Your request has lapsed</b>
    It was not answered in time.
notice-lapsed-teacher =
    ⌛ <b>A request has lapsed</b>
    It was not answered in time.
notice-teacher = Teacher: { $name }
notice-student = Student: { $name }
notice-name = { $name }
notice-when = { $when }
notice-other-times = See other times: /schedule
notice-no-reminder = There will be no reminder of it.
notice-reminder =
    { $urgent ->
        [yes] 🔔
       *[no] ⏰
    } <b>Lesson { $left }</b>
notice-urgent = It comes in your quiet hours: there was no time left before them.
notice-moved =
    🔄 <b>{ $by ->
        [you] You moved the lesson
        [teacher] The teacher moved the lesson
        [student] The student moved the lesson
        [admin] An administrator moved the lesson
       *[other] The lesson was moved
    }</b>
notice-moved-times =
    From: { $from }
    To: { $when }
notice-request-moved =
    🔄 <b>{ $by ->
        [you] You moved the request for a lesson
        [teacher] The teacher moved the request for a lesson
        [student] The student moved the request for a lesson
        [admin] An administrator moved the request for a lesson
       *[other] The request for a lesson was moved
    }</b>
notice-place-changed =
    📍 <b>{ $by ->
        [you] You changed where the lesson is held
        [teacher] The teacher changed where the lesson is held
        [student] The student changed where the lesson is held
        [admin] An administrator changed where the lesson is held
       *[other] The lesson is held elsewhere
    }</b>
notice-meeting = Link: { $url }
notice-no-meeting = There is no link to the meeting any more.
notice-canceled =
    ❌ <b>{ $by ->
        [you] You cancelled the lesson
        [teacher] The teacher cancelled the lesson
        [student] The student cancelled the lesson
        [admin] An administrator cancelled the lesson
       *[other] The lesson was cancelled
    }</b>
notice-request-canceled =
    ❌ <b>{ $by ->
        [you] You cancelled the request for a lesson
        [teacher] The teacher cancelled the request for a lesson
        [student] The student withdrew the request for a lesson
        [admin] An administrator cancelled the request for a lesson
       *[other] The request for a lesson was cancelled
    }</b>
notice-reason = Reason: { $reason }
notice-student-unreachable =
    ⚠️ <b>{ $name } did not get our message</b>
    They blocked the bot or are gone; please tell them yourself { $state ->
        [requested] when the lesson they asked for is to be
        [scheduled] when the lesson is
        [canceled] that it is off
        [declined] that their request was declined
        [lapsed] that their request has lapsed
       *[other] about the lesson
    }:
    { $when }
notice-changed = Something about your lesson changed. Have a look: /lessons
former-user = a former user
