DROP INDEX lesson.bookings_one_living_seat;
DROP INDEX lesson.lessons_canceled_by;
DROP INDEX lesson.lessons_waiting;
-- What the former states cannot tell becomes the nearest they can.
UPDATE lesson.bookings SET status = 'canceled' WHERE status IN ('pending', 'late_canceled', 'no_show');
-- Who attended was there, but may have had another seat at that time, which they did not
-- take: of seats at one time the former states allow one that lives.
UPDATE lesson.bookings b
SET status = CASE WHEN EXISTS (
    SELECT FROM lesson.bookings o
    WHERE o.student_id = b.student_id AND o.id <> b.id AND o.during && b.during
      AND (o.status = 'confirmed' OR (o.status = 'attended' AND o.id < b.id))
) THEN 'canceled' ELSE 'confirmed' END
WHERE b.status = 'attended';
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
