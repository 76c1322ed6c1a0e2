ALTER TABLE notify.owners DROP COLUMN spent_epoch;
