-- What an owner that released its bot had used of Telegram's limits (olm.notify.v1.Spent),
-- for the one that comes next; over with its first report of what is in flight.
ALTER TABLE notify.owners
    ADD COLUMN spent bytea,
    ADD COLUMN released_at timestamptz,
    ADD CONSTRAINT owners_spent_small CHECK (octet_length(spent) <= 65536),
    ADD CONSTRAINT owners_spent_at_release CHECK (spent IS NULL OR released_at IS NOT NULL);
