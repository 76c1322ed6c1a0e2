-- The epoch that a release's `spent` is for: a release by a service that does not know of it
-- leaves that of an earlier one behind, which must not be taken for its own.
ALTER TABLE notify.owners ADD COLUMN spent_epoch bigint;
