# What entries of calendars outside say.
calendar-name = Lessons
calendar-lesson = Lesson: { $with }
