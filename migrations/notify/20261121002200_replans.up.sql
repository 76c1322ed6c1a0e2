-- Lessons whose plan must be made anew because something of them could not be
-- delivered: written where the delivery fails, in its transaction, and taken by the
-- sweep of any replica. Planning locks people first and deliveries never do, so it
-- cannot happen there; for the same reason there is no foreign key, whose check would
-- wait for a lesson that is being planned.
CREATE TABLE notify.replans (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    lesson_id   uuid NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now()
);
