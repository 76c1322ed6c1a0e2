-- Series: their last snapshots, who takes part, and what was told of the whole of one.
CREATE TABLE notify.series (
    series_id   uuid PRIMARY KEY,
    version     bigint NOT NULL,
    -- An olm.notify.v1.SeriesSnapshot; empty when it was forgotten with its teacher.
    snapshot    bytea NOT NULL,
    updated_at  timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT series_version_positive CHECK (version > 0)
);

-- Who takes part or did, so that erasing a person finds what holds their words.
CREATE TABLE notify.series_participants (
    user_id    uuid NOT NULL,
    series_id  uuid NOT NULL,
    CONSTRAINT series_participants_pkey PRIMARY KEY (user_id, series_id),
    CONSTRAINT series_participants_recipient_fkey
        FOREIGN KEY (user_id) REFERENCES notify.recipients (user_id),
    CONSTRAINT series_participants_series_fkey
        FOREIGN KEY (series_id) REFERENCES notify.series (series_id) ON DELETE CASCADE
);
CREATE INDEX series_participants_by_series ON notify.series_participants (series_id);

ALTER TABLE notify.notification_details
    ADD COLUMN series_id uuid,
    DROP CONSTRAINT notification_details_kind_known,
    ADD CONSTRAINT notification_details_kind_known CHECK (
        kind IN ('custom', 'booked', 'reminder', 'canceled', 'requested', 'confirmed', 'declined',
                 'lapsed', 'moved', 'place_changed', 'student_unreachable', 'reconfirm',
                 'seat_freed', 'student_left', 'series_booked', 'series_changed',
                 'series_canceled', 'series_skipped', 'clock_shifts')),
    DROP CONSTRAINT notification_details_planned_has_lesson,
    -- Of one lesson, or of a whole series.
    ADD CONSTRAINT notification_details_planned_of_one CHECK (
        num_nonnulls(lesson_id, series_id) <= 1
        AND (plan_key IS NULL OR num_nonnulls(lesson_id, series_id) = 1));

-- What planning told about a series.
CREATE INDEX notification_details_by_series ON notify.notification_details (series_id)
    WHERE series_id IS NOT NULL;
