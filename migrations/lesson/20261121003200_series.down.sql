-- Kinds that the release before does not know are heard again, and what is yet to be told of
-- series is not told any more.
UPDATE lesson.users SET version = version + 1, muted_kinds = ARRAY(
    SELECT kind FROM unnest(muted_kinds) kind
    WHERE kind NOT IN ('student_left', 'series_booked', 'series_skipped', 'clock_shifts'))
WHERE muted_kinds && ARRAY['student_left', 'series_booked', 'series_skipped', 'clock_shifts'];
ALTER TABLE lesson.users
    DROP CONSTRAINT users_muted_kinds_few,
    ADD CONSTRAINT users_muted_kinds_few CHECK (
        cardinality(muted_kinds) <= 10 AND array_position(muted_kinds, NULL) IS NULL
    );
DELETE FROM lesson.outbox WHERE kind = 'series';
ALTER TABLE lesson.outbox
    DROP CONSTRAINT outbox_kind_known,
    ADD CONSTRAINT outbox_kind_known CHECK (kind IN ('lesson', 'recipient', 'erasure'));
ALTER TABLE lesson.bookings DROP COLUMN with_series;
ALTER TABLE lesson.lessons DROP COLUMN with_series;
DROP TABLE lesson.series_clocks;
DROP TABLE lesson.series_occurrences;
DROP TABLE lesson.series;
