-- Requests, decisions, moves, and students who cannot be reached.
ALTER TABLE notify.notification_details
    DROP CONSTRAINT notification_details_kind_known,
    ADD CONSTRAINT notification_details_kind_known CHECK (
        kind IN ('custom', 'booked', 'reminder', 'canceled', 'requested', 'confirmed', 'declined',
                 'lapsed', 'moved', 'place_changed', 'student_unreachable'));
