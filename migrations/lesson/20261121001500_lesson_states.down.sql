DROP INDEX lesson.bookings_one_living_seat;
DROP INDEX lesson.lessons_canceled_by;
DROP INDEX lesson.lessons_waiting;
-- What the former states cannot tell becomes the nearest they can.
UPDATE lesson.bookings SET status = 'canceled' WHERE status IN ('pending', 'late_canceled');
UPDATE lesson.bookings SET status = 'confirmed' WHERE status IN ('attended', 'no_show');
ALTER TABLE lesson.bookings
    DROP CONSTRAINT bookings_status_known,
    ADD CONSTRAINT bookings_status_known CHECK (status IN ('confirmed', 'canceled'));
ALTER TABLE lesson.lessons
    DROP CONSTRAINT lessons_changed_role_known,
    DROP CONSTRAINT lessons_meeting_url_length,
    DROP CONSTRAINT lessons_notes_length,
    DROP CONSTRAINT lessons_waiting_runs_out,
    DROP CONSTRAINT lessons_canceled_by_somebody,
    DROP CONSTRAINT lessons_status_known,
    DROP COLUMN changed_role,
    DROP COLUMN meeting_url,
    DROP COLUMN notes,
    DROP COLUMN expire_time;
UPDATE lesson.lessons SET canceled_by = coalesce(canceled_by, teacher_id), status = 'canceled'
WHERE status IN ('held', 'requested', 'declined', 'lapsed');
ALTER TABLE lesson.lessons
    ADD CONSTRAINT lessons_status_known CHECK (status IN ('scheduled', 'canceled')),
    ADD CONSTRAINT lessons_canceled_by_somebody CHECK ((status = 'canceled') = (canceled_by IS NOT NULL));
