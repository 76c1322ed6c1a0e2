-- The release before knows none of these, and cannot read them.
DELETE FROM notify.notifications n
USING notify.notification_details d
WHERE d.notification_id = n.id
  AND d.kind NOT IN ('custom', 'booked', 'reminder', 'canceled');
ALTER TABLE notify.notification_details
    DROP CONSTRAINT notification_details_kind_known,
    ADD CONSTRAINT notification_details_kind_known CHECK (
        kind IN ('custom', 'booked', 'reminder', 'canceled'));
