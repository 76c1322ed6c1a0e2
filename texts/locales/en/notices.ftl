# Notices about lessons: the bot writes them when their time comes.
notice-booked-student =
    ✅ <b>Lesson booked</b>
    Teacher: { $name }
    { $when }
notice-booked-teacher =
    ✅ <b>New lesson</b>
    Student: { $name }
    { $when }
notice-no-reminder = There will be no reminder: the lesson is too close.
notice-reminder-student =
    ⏰ <b>Lesson { $left }</b>
    Teacher: { $name }
    { $when }
notice-reminder-teacher =
    ⏰ <b>Lesson { $left }</b>
    Student: { $name }
    { $when }
notice-canceled-by-you =
    ❌ <b>You cancelled the lesson</b>
    { $name }
    { $when }
notice-canceled-by-teacher =
    ❌ <b>The teacher cancelled the lesson</b>
    { $name }
    { $when }
notice-canceled-by-student =
    ❌ <b>The student cancelled the lesson</b>
    { $name }
    { $when }
notice-reason = Reason: { $reason }
notice-changed = Something about your lesson changed. Have a look: /lessons
