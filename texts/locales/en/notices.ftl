# Notices about lessons: the bot writes them when their time comes.
notice-booked-student =
    ✅ <b>Lesson booked</b>
    Teacher: { $name }
    { $when }
notice-booked-teacher =
    ✅ <b>New lesson</b>
    Student: { $name }
    { $when }
notice-requested-student =
    📨 <b>Your request is with the teacher</b>
    Teacher: { $name }
    { $when }
notice-requested-teacher =
    📨 <b>A student asks for a lesson</b>
    Student: { $name }
    { $when }
notice-lapses-student = The teacher can answer until { $until }.
notice-lapses-teacher = Please decide before { $until }, or the request lapses.
notice-confirmed =
    ✅ <b>The teacher confirmed your lesson</b>
    Teacher: { $name }
    { $when }
notice-declined =
    🚫 <b>The teacher declined your request</b>
    Teacher: { $name }
    { $when }
notice-lapsed-student =
    ⌛ <b>Your request has lapsed</b>
    It was not answered in time.
    Teacher: { $name }
    { $when }
notice-lapsed-teacher =
    ⌛ <b>A request has lapsed</b>
    It was not answered in time.
    Student: { $name }
    { $when }
notice-other-times = See other times: /schedule
notice-no-reminder = There will be no reminder of it.
notice-reminder-student =
    { $urgent ->
        [yes] 🔔
       *[no] ⏰
    } <b>Lesson { $left }</b>
    Teacher: { $name }
    { $when }
notice-reminder-teacher =
    { $urgent ->
        [yes] 🔔
       *[no] ⏰
    } <b>Lesson { $left }</b>
    Student: { $name }
    { $when }
notice-urgent = It comes in your quiet hours: there was no time left before them.
notice-moved =
    🔄 <b>{ $by ->
        [you] You moved the lesson
        [teacher] The teacher moved the lesson
        [student] The student moved the lesson
        [admin] An administrator moved the lesson
       *[other] The lesson was moved
    }</b>
    { $name }
    From: { $from }
    To: { $when }
notice-place-changed =
    📍 <b>{ $by ->
        [you] You changed where the lesson is held
        [teacher] The teacher changed where the lesson is held
        [student] The student changed where the lesson is held
        [admin] An administrator changed where the lesson is held
       *[other] The lesson is held elsewhere
    }</b>
    { $name }
    { $when }
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
    { $name }
    { $when }
notice-reason = Reason: { $reason }
notice-student-unreachable =
    ⚠️ <b>{ $name } did not get our message</b>
    They blocked the bot or are gone; please tell them yourself about the lesson:
    { $when }
notice-changed = Something about your lesson changed. Have a look: /lessons
former-user = a former user
