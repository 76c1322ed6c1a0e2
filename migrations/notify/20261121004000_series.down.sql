-- What was told of series, and kinds that the release before cannot read, are forgotten.
DELETE FROM notify.notifications n USING notify.notification_details d
WHERE d.notification_id = n.id AND d.kind IN (
    'reconfirm', 'seat_freed', 'student_left', 'series_booked', 'series_changed',
    'series_canceled', 'series_skipped', 'clock_shifts');
DROP INDEX notify.notification_details_by_series;
ALTER TABLE notify.notification_details
    DROP CONSTRAINT notification_details_kind_known,
    ADD CONSTRAINT notification_details_kind_known CHECK (
        kind IN ('custom', 'booked', 'reminder', 'canceled', 'requested', 'confirmed', 'declined',
                 'lapsed', 'moved', 'place_changed', 'student_unreachable')),
    DROP CONSTRAINT notification_details_planned_of_one,
    DROP COLUMN series_id,
    ADD CONSTRAINT notification_details_planned_has_lesson CHECK (
        plan_key IS NULL OR lesson_id IS NOT NULL);
DROP TABLE notify.series_participants;
DROP TABLE notify.series;
