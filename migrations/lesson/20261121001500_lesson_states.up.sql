-- Holds, requests, decisions; notes and place; who changed the schedule last.
ALTER TABLE lesson.lessons
    ADD COLUMN expire_time timestamptz,
    ADD COLUMN notes text NOT NULL DEFAULT '',
    ADD COLUMN meeting_url text NOT NULL DEFAULT '',
    -- In which role the last change of time, place or status was made.
    ADD COLUMN changed_role text NOT NULL DEFAULT 'student',
    DROP CONSTRAINT lessons_status_known,
    DROP CONSTRAINT lessons_canceled_by_somebody,
    ADD CONSTRAINT lessons_status_known CHECK (
        status IN ('held', 'requested', 'scheduled', 'canceled', 'declined', 'lapsed')
    ),
    ADD CONSTRAINT lessons_canceled_by_somebody CHECK (
        (status IN ('canceled', 'declined')) = (canceled_by IS NOT NULL)
    ),
    -- What only waits runs out; the transaction that books lets it lapse, because an
    -- exclusion constraint cannot ask the clock.
    ADD CONSTRAINT lessons_waiting_runs_out CHECK (
        (status IN ('held', 'requested')) = (expire_time IS NOT NULL)
    ),
    ADD CONSTRAINT lessons_notes_length CHECK (char_length(notes) <= 2000),
    ADD CONSTRAINT lessons_meeting_url_length CHECK (char_length(meeting_url) <= 500),
    ADD CONSTRAINT lessons_changed_role_known CHECK (
        changed_role IN ('teacher', 'student', 'admin', 'system')
    );
UPDATE lesson.lessons SET changed_role = 'teacher' WHERE canceled_by = teacher_id;

-- What has run out, the oldest first.
CREATE INDEX lessons_waiting ON lesson.lessons (expire_time) WHERE status IN ('held', 'requested');
-- The reasons that somebody gave, to forget them.
CREATE INDEX lessons_canceled_by ON lesson.lessons (canceled_by) WHERE canceled_by IS NOT NULL;

ALTER TABLE lesson.bookings
    DROP CONSTRAINT bookings_status_known,
    ADD CONSTRAINT bookings_status_known CHECK (
        status IN ('pending', 'confirmed', 'canceled', 'late_canceled', 'attended', 'no_show')
    );
-- A student has one living seat in a lesson.
CREATE UNIQUE INDEX bookings_one_living_seat ON lesson.bookings (lesson_id, student_id)
    WHERE status IN ('pending', 'confirmed');
