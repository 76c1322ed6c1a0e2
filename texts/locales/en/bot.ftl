# The bot's screens.
screen-welcome =
    Hello, { $name }! 👋
    I help you book a lesson and remind you of it.

    “{ $schedule }”: a teacher's free times.
    “{ $lessons }”: your lessons.

    Times are shown for: { $zone }. To change it: /zone
screen-help =
    <b>What I can do</b>
    /schedule: free times, and booking
    /lessons: your lessons, and cancelling
    /zone Europe/Berlin: your time zone (now: { $zone })
    /language ru: русский
    /help: this text
screen-unknown = I understand the buttons below and commands. All commands: /help
screen-choose-teacher = Choose a teacher:
screen-no-teachers = No teacher takes bookings yet.
screen-slots =
    <b>{ $name }</b>
    Free times ({ $zone }). Press one to book it:
screen-no-slots =
    <b>{ $name }</b>
    No free time in these days.
screen-booked =
    ✅ <b>You are booked</b>
    Teacher: { $name }
    { $when }
screen-slot-taken =
    This time was just taken.
    { $alternatives ->
        [0] See other times: /schedule
       *[other] The nearest free ones:
    }
screen-busy = You already have a lesson at this time: /lessons
screen-not-offered = This time is no longer offered. See what is free: /schedule
screen-too-soon = It is too late to book this one. See other times: /schedule
screen-too-far = That is too far ahead to book. See other times: /schedule
screen-self-booking = You cannot book a lesson with yourself.
screen-lessons = <b>Your lessons</b>
screen-no-lessons = You have no lessons ahead. To book one: /schedule
screen-lesson-with-teacher = { $when }, teacher { $name }
screen-lesson-with-student = { $when }, student { $name }
screen-cancel-ask =
    Cancel this lesson?
    { $name }
    { $when }
screen-canceled =
    ❌ <b>Lesson cancelled</b>
    { $name }
    { $when }
screen-changed =
    The lesson was changed, now it is:
    { $name }
    { $when }
screen-already-canceled = This lesson is cancelled already.
screen-already-begun = The lesson has begun and cannot be cancelled.
screen-no-lesson = You have no such lesson. Your lessons: /lessons
screen-zone-set = Done. Times are shown for { $zone }. It is { $time } there now.
screen-zone-usage =
    Your zone: { $zone }. To change it, send its name, for example:
    /zone Europe/London
screen-zone-unknown = I do not know this zone. Example: /zone Europe/Berlin
screen-language-set = Done. I write in English now.
screen-language-usage = Send /language en or /language ru
screen-settings-changed = Your settings were changed just now. Please try again.
screen-old-button = This button is out of date. Open again: /schedule or /lessons
screen-unavailable = ⚠️ The service is temporarily unavailable
screen-failed = ⚠️ That did not work. Please try again.

label-schedule = 📅 Schedule
label-lessons = My lessons
label-more = Later ▶
label-cancel = ❌ Cancel: { $time }
label-cancel-yes = Yes, cancel
label-cancel-no = Keep it

command-start = Start
command-schedule = Free times, and booking
command-lessons = My lessons
command-zone = Time zone
command-language = Language
command-help = Help
