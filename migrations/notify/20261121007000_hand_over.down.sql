ALTER TABLE notify.owners DROP COLUMN spent, DROP COLUMN released_at;
