-- Lessons with several seats. How many are taken is kept by a trigger beside how many there
-- are: who takes the last one locks the lesson's row, and the next one breaks the check,
-- whichever way it is written.
ALTER TABLE lesson.lessons
    ADD COLUMN group_id uuid,
    ADD COLUMN capacity smallint NOT NULL DEFAULT 1,
    -- All seats were free when it was booked: who is in the group joins by themselves.
    ADD COLUMN open_seats boolean NOT NULL DEFAULT false,
    ADD COLUMN seats_taken smallint NOT NULL DEFAULT 0;
UPDATE lesson.lessons l SET seats_taken = 1
WHERE EXISTS (
    SELECT FROM lesson.bookings b
    WHERE b.lesson_id = l.id AND b.status NOT IN ('canceled', 'late_canceled')
);
ALTER TABLE lesson.lessons
    ADD CONSTRAINT lessons_group FOREIGN KEY (group_id, teacher_id)
        REFERENCES lesson.groups (id, teacher_id),
    ADD CONSTRAINT lessons_capacity_range CHECK (
        CASE WHEN group_id IS NULL THEN capacity = 1 ELSE capacity BETWEEN 1 AND 50 END
    ),
    ADD CONSTRAINT lessons_open_seats_of_groups CHECK (group_id IS NOT NULL OR NOT open_seats),
    ADD CONSTRAINT lessons_seats_within_capacity CHECK (seats_taken BETWEEN 0 AND capacity),
    -- Only teachers make them, so that they never wait.
    ADD CONSTRAINT lessons_of_groups_are_settled CHECK (
        group_id IS NULL OR status IN ('scheduled', 'canceled')
    );

-- A group's lessons by start, page after page.
CREATE INDEX lessons_of_group ON lesson.lessons (group_id, lower(during), id)
    WHERE group_id IS NOT NULL;

-- A seat that its student has to confirm anew keeps its place, but not the student's time:
-- it stands beside the lesson it clashes with.
ALTER TABLE lesson.bookings
    ADD COLUMN reconfirm_expire_time timestamptz,
    -- In which role it was taken or given up last.
    ADD COLUMN changed_role text NOT NULL DEFAULT 'student',
    DROP CONSTRAINT bookings_status_known,
    ADD CONSTRAINT bookings_status_known CHECK (
        status IN ('pending', 'confirmed', 'reconfirm', 'canceled', 'late_canceled', 'attended', 'no_show')
    ),
    ADD CONSTRAINT bookings_reconfirm_runs_out CHECK (
        (status = 'reconfirm') = (reconfirm_expire_time IS NOT NULL)
    ),
    ADD CONSTRAINT bookings_changed_role_known CHECK (
        changed_role IN ('teacher', 'student', 'admin', 'system')
    );

-- What is to be given up, the earliest first.
CREATE INDEX bookings_to_reconfirm ON lesson.bookings (reconfirm_expire_time)
    WHERE status = 'reconfirm';
-- One seat a student in a lesson, the ones that took place included.
DROP INDEX lesson.bookings_one_living_seat;
CREATE UNIQUE INDEX bookings_one_living_seat ON lesson.bookings (lesson_id, student_id)
    WHERE status NOT IN ('canceled', 'late_canceled');

CREATE FUNCTION lesson.count_seats() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' AND OLD.status NOT IN ('canceled', 'late_canceled') THEN
        UPDATE lesson.lessons SET seats_taken = seats_taken - 1 WHERE id = OLD.lesson_id;
    END IF;
    IF TG_OP <> 'DELETE' AND NEW.status NOT IN ('canceled', 'late_canceled') THEN
        UPDATE lesson.lessons SET seats_taken = seats_taken + 1 WHERE id = NEW.lesson_id;
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER bookings_counted AFTER INSERT OR DELETE ON lesson.bookings
    FOR EACH ROW EXECUTE FUNCTION lesson.count_seats();
CREATE TRIGGER bookings_recounted AFTER UPDATE ON lesson.bookings
    FOR EACH ROW WHEN (
        OLD.lesson_id <> NEW.lesson_id
        OR (OLD.status IN ('canceled', 'late_canceled')) <> (NEW.status IN ('canceled', 'late_canceled'))
    ) EXECUTE FUNCTION lesson.count_seats();

ALTER TABLE lesson.lesson_changes
    DROP CONSTRAINT lesson_changes_kind_known,
    ADD CONSTRAINT lesson_changes_kind_known CHECK (kind IN (
        'held', 'requested', 'booked', 'confirmed', 'declined', 'lapsed', 'moved', 'canceled',
        'updated', 'attendance', 'joined', 'left', 'reconfirmed', 'seat_freed'
    )),
    ADD CONSTRAINT lesson_changes_seat_of_seats CHECK (
        kind NOT IN ('joined', 'left', 'reconfirmed', 'seat_freed') OR booking_id IS NOT NULL
    );
