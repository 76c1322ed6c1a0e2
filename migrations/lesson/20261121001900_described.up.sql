-- The lessons of others that an admin booked or described, to forget the admin's words in
-- them. Teachers and students are known by the lesson; of them the index holds nothing.
CREATE INDEX lesson_changes_described ON lesson.lesson_changes (actor_id, lesson_id)
    WHERE actor_role = 'admin' AND kind IN ('booked', 'updated');
