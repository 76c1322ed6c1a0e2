# The bot's screens.
screen-unknown = I understand the buttons below and commands. All commands: /help
screen-not-possible = That is not possible now. Have a look at your lessons: /lessons
screen-lessons = <b>Your lessons</b>
screen-no-lessons = You have no lessons ahead. To book one: /schedule
screen-lesson-with-teacher = { $when }, teacher { $name }
screen-lesson-with-student = { $when }, student { $name }
screen-line-requested = waits for the teacher’s answer
screen-line-held = kept for you, not booked yet
screen-cancel-ask =
    Cancel this lesson?
    { $name }
    { $when }
screen-canceled =
    ❌ <b>Lesson cancelled</b>
    { $name }
    { $when }
screen-withdraw-ask =
    Withdraw this request?
    { $name }
    { $when }
screen-withdrawn =
    ↩️ <b>Request withdrawn</b>
    { $name }
    { $when }
screen-let-go-ask =
    Stop keeping this time for you?
    { $name }
    { $when }
screen-let-go =
    ↩️ <b>The time is no longer kept</b>
    { $name }
    { $when }
screen-changed =
    The lesson was changed, now it is:
    { $name }
    { $when }
screen-already-canceled = This lesson is cancelled already.
screen-already-declined = This request was declined.
screen-lapsed = Time ran out, and this lesson’s time is no longer kept. Choose a time: /schedule
screen-confirmed =
    ✅ <b>Lesson confirmed</b>
    Student: { $name }
    { $when }
screen-already-begun = The lesson has begun, nothing can be changed any more.
screen-invited =
    Hello, { $name }! 👋
    You are a student of { $teacher } now.
screen-student-already = You are a student of { $teacher } already.
screen-invitation-unknown = I do not know this invitation. Ask the teacher for a new link.
screen-invitation-expired = This invitation has run out. Ask the teacher for a new link.
screen-invitation-revoked = The teacher took this invitation back. Ask the teacher for a new link.
screen-invitation-used-up = As many people as were invited have accepted this invitation. Ask the teacher for a new link.
screen-invitation-group-full = { $has-group ->
    [0] The group that this invitation leads into is full. Talk to the teacher.
   *[other] The group “{ $group }”, which this invitation leads into, is full. Talk to the teacher.
}
screen-self-invitation = This is your own invitation: send the link to your students.
screen-no-lesson = You have no such lesson. Your lessons: /lessons
screen-lesson-with-group = { $when }, group { $name }
screen-line-reconfirm = waits for your answer
screen-seat-kept =
    ✅ <b>You come at the new time</b>
    { $name }
    { $when }
screen-leave-ask =
    Give up your seat in this lesson?
    { $name }
    { $when }
screen-seat-left =
    🚪 <b>You gave up your seat</b>
    { $name }
    { $when }
screen-seat-busy = You still have another lesson at that time. Cancel or move it first, then answer again: /lessons
screen-seat-gone = The time to answer is over, your seat was given up.
screen-no-seat = You have no seat in this lesson any more. Your lessons: /lessons
screen-old-button = This button is out of date. Open again: /schedule or /lessons
screen-too-many-requests =
    Too many requests. Please go on in { $seconds ->
        [one] { $seconds } second
       *[other] { $seconds } seconds
    }.
screen-unavailable = ⚠️ The service is temporarily unavailable
screen-stale = ⚠️ This may be out of date (as of { $when })
screen-not-done = ⚠️ The service is temporarily unavailable; nothing was changed. Please try again a little later.
screen-outcome-unknown =
    ⚠️ The service did not answer in time, so it is not known yet whether this was done. Your lessons are here: /lessons
    You can also just do the same again: nothing is done twice.
screen-done-unshown = ✅ Done. ⚠️ What came of it cannot be shown now: the service is temporarily unavailable. Please look again a little later.
screen-failed = ⚠️ That did not work. Please try again.

label-schedule = 📅 Schedule
label-lessons = My lessons
label-cancel = ❌ Cancel: { $time }
label-confirm = ✅ Confirm
label-decline = 🚫 Decline
label-cancel-yes = Yes, cancel
label-cancel-no = Keep it
label-withdraw-yes = Yes, withdraw it
label-let-go-yes = Yes, let it go
label-leave-it = Leave it
label-keep = ✅ I will come
label-give-up = 🚪 Give up the seat

command-start = Start
command-schedule = Free times, and booking
command-lessons = My lessons: move and cancel
command-agenda = My day and week, requests
command-invite = Invite a student or a group
command-zone = Time zone
command-language = Language
command-help = Help
command-settings = Language, time, reminders, quiet hours
command-status = What I know of you
command-cancel = Forget the question
