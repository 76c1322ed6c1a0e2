-- The release before knows neither seats to reconfirm nor lessons of groups: such seats are
-- given up, and what the history tells of seats becomes changes of the lesson. Append-only
-- history is opened for that, in this transaction only.
UPDATE lesson.bookings SET status = 'canceled', reconfirm_expire_time = NULL, version = version + 1
WHERE status = 'reconfirm';
DROP TRIGGER bookings_counted ON lesson.bookings;
DROP TRIGGER bookings_recounted ON lesson.bookings;
DROP FUNCTION lesson.count_seats();
ALTER TABLE lesson.lesson_changes DISABLE TRIGGER lesson_changes_append_only;
UPDATE lesson.lesson_changes SET kind = 'updated'
WHERE kind IN ('joined', 'left', 'reconfirmed', 'seat_freed');
ALTER TABLE lesson.lesson_changes ENABLE TRIGGER lesson_changes_append_only;
ALTER TABLE lesson.lesson_changes
    DROP CONSTRAINT lesson_changes_seat_of_seats,
    DROP CONSTRAINT lesson_changes_kind_known,
    ADD CONSTRAINT lesson_changes_kind_known CHECK (kind IN (
        'held', 'requested', 'booked', 'confirmed', 'declined', 'lapsed', 'moved', 'canceled',
        'updated', 'attendance'
    ));
DROP INDEX lesson.bookings_one_living_seat;
CREATE UNIQUE INDEX bookings_one_living_seat ON lesson.bookings (lesson_id, student_id)
    WHERE status IN ('pending', 'confirmed');
ALTER TABLE lesson.bookings
    DROP CONSTRAINT bookings_status_known,
    DROP COLUMN reconfirm_expire_time,
    DROP COLUMN changed_role,
    ADD CONSTRAINT bookings_status_known CHECK (
        status IN ('pending', 'confirmed', 'canceled', 'late_canceled', 'attended', 'no_show')
    );
ALTER TABLE lesson.lessons
    DROP COLUMN group_id,
    DROP COLUMN capacity,
    DROP COLUMN open_seats,
    DROP COLUMN seats_taken;
