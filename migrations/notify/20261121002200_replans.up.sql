-- Lessons whose plan must be made anew because something of them could not be
-- delivered, or somebody's settings changed: written in the transaction of that, and
-- taken by the sweep of any replica, each in a transaction of its own. Planning locks
-- people first and deliveries never do, so it cannot happen there; for the same reason
-- there is no foreign key, whose check would wait for a lesson that is being planned.
CREATE TABLE notify.replans (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    lesson_id   uuid NOT NULL,
    -- How often planning failed; then it goes to the end.
    attempts    smallint NOT NULL DEFAULT 0,
    created_at  timestamptz NOT NULL DEFAULT now()
);
