# The start, the time zone, the settings, and what the bot says of itself.
settings-hello =
    Hello, { $name }! 👋
    I help you book a lesson and remind you of it.
settings-welcome-back =
    Hello, { $name }! 👋
    { $has-next ->
        [0] No lessons ahead.
       *[other] Your next lesson: { $next }
    }
settings-next-lesson = { $when }, { $name }
settings-ask-zone =
    <b>What time is it for you now?</b>
    Press your time, or type your city.
settings-ask-other-zone =
    Your time: { $zone } ({ $offset }), { $time } now.
    To change it, press your time, or type your city.
settings-ask-city = Type your city, for example: Chicago. The beginning of its name is enough.
settings-which-city = Which one is yours?
settings-no-city = I found no such city. Type the nearest large one, or what your clock shows, for example 14:35.
settings-ask-clock = What does your clock show now? Press it, or type it, for example 14:35.
settings-which-clock = Where is it { $time } for you? Choose your city, or the nearest one.
settings-which-clock-part =
    Where is it { $time } for you? Choose your city, or the nearest one.
    The clocks of these cities agree now, but not all year: where they change, the date is given.
settings-ask-place = Press “{ $button }” below: it tells me your time. I do not keep the location itself.
settings-no-place = That place does not tell the time. Type your city.
settings-zone-is = ✅ { $zone } ({ $offset }), it is { $time } for you now.
settings-place-is = 📍 { $zone } ({ $offset }), it is { $time } there.
settings-without-place = All right, without your location.
settings-ask-rules =
    Your hours of work are set by the clock of your former city. Leave them so, or move them ({ $zone })?
    Lessons that are booked do not move.
settings-menu =
    ⚙️ <b>Settings</b>
    Name: { $name }
    Language: English
    Time: { $zone } ({ $offset }), { $time } now
    Reminders: { $has-leads ->
        [0] off
       *[other] { $leads }
    }
    Quiet hours: { $has-quiet ->
        [0] none
       *[other] { $quiet }
    }
    Not told: { $has-muted ->
        [0] nothing, I tell you everything
       *[other] { $muted }
    }
settings-changed = Your settings have changed meanwhile. Now they are:
settings-ask-language = The language I write in:
settings-language-is = 🌐 All right, I write in English.
settings-ask-leads = When shall I remind you of a lesson? Up to five times before each.
settings-ask-own-lead = How long before a lesson shall I remind you? Type it, for example: 40 minutes.
settings-no-lead = I did not understand. Type 1 minute to 14 days, for example: 40 minutes, 3 hours, 2 days.
settings-too-many-leads = There are five reminders already. Take one away first.
settings-ask-quiet =
    { $has-quiet ->
        [0] No quiet hours: reminders come at any time.
       *[other] Quiet hours: { $now }. Only reminders that could not come earlier come in them.
    }
settings-ask-own-quiet = From when until when shall I be quiet? Type it, for example: 22:00–8:00.
settings-no-quiet = I did not understand. Type the beginning and the end, for example: 22:00–8:00.
settings-ask-kinds = What shall I tell you? Of moved and cancelled lessons I always do.
settings-ask-name = You are called { $now } here. Type what you want to be called.
settings-no-name = A name has 1 to 128 characters on one line. Please type it again.
settings-help = <b>What I can do</b>
settings-help-teacher = <b>For teachers</b>
settings-help-line = /{ $command } · { $what }
settings-status =
    👤 { $name }, { $is-teacher ->
        [0] student
       *[other] teacher
    }
    🕐 { $zone } ({ $offset }), { $time } now
    🌐 English
    📅 { $has-next ->
        [0] No lessons ahead
       *[other] Next lesson: { $next }
    }
    🎓 { $teachers ->
        [one] { $teachers } teacher
       *[other] { $teachers } teachers
    }{ $is-teacher ->
        [0] { "" }
       *[other] , { $students ->
            [one] { $students } student
           *[other] { $students } students
        }
    }
    🔔 { $has-leads ->
        [0] Reminders are off
       *[other] Reminders: { $leads }
    }
    { $answers ->
        [0] ⚠️ The service does not answer
       *[other] ✅ The service answers
    }
settings-cancelled = All right, forgotten.
settings-nothing-to-cancel = There is nothing to cancel.

settings-label-likely-city = { $time } { $city }
settings-label-found-city = { $city }, { $time } ({ $offset })
settings-label-changing-city = { $city }, { $offset } from { $day }
settings-label-by-city = 🏙 By city
settings-label-by-place = 📍 By location
settings-label-by-clock = 🕐 By clock
settings-label-send-place = 📍 Send my location
settings-label-cancel = ✖️ Never mind
settings-label-keep-rules = Leave them as they are
settings-label-move-rules = Move them: the same hours here
settings-label-back = ◀ Back
settings-label-settings = ⚙️ Settings
settings-label-language = 🌐 Language
settings-label-ru = Русский
settings-label-en = English
settings-label-zone = 🕐 Time
settings-label-leads = 🔔 Reminders
settings-label-quiet = 🌙 Quiet hours
settings-label-kinds = ✉️ What to tell
settings-label-name = 👤 Name
settings-label-on = ✅ { $what }
settings-label-off = ▫️ { $what }
settings-label-own-lead = ✏️ Another time
settings-label-no-quiet = No quiet hours
settings-label-own-quiet = ✏️ Other hours
settings-lead = { $length } before

settings-kind-booked = bookings
settings-kind-reminder = reminders
settings-kind-requested = requests
settings-kind-lapsed = lapsed requests
settings-kind-series-booked = new series of lessons
settings-kind-clock-shifts = changes of the clock
settings-kind-confirmed = accepted requests
settings-kind-declined = declined requests
settings-kind-student-unreachable = a student cannot be reached
settings-kind-student-left = a student left
settings-kind-series-skipped = a lesson of a series was skipped

# The day a clock changes on.
day-name = { $month } { $day }
