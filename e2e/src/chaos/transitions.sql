-- What the history checker reads: every change of a notification's state and of a bot's
-- owner, written down by the database itself in the transaction that makes it.
CREATE SCHEMA chaos;

CREATE TABLE chaos.transitions (
    seq              bigserial PRIMARY KEY,
    notification_id  uuid NOT NULL,
    before           text,
    after            text NOT NULL,
    attempt_no       integer NOT NULL,
    resent           boolean NOT NULL,
    stop             boolean NOT NULL,
    at               timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE chaos.owners (
    seq         bigserial PRIMARY KEY,
    bot_id      bigint NOT NULL,
    epoch       bigint NOT NULL,
    gateway_id  uuid NOT NULL,
    at          timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE FUNCTION chaos.log_transition() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    INSERT INTO chaos.transitions (notification_id, before, after, attempt_no, resent, stop)
    VALUES (NEW.id, CASE WHEN TG_OP = 'UPDATE' THEN OLD.state END, NEW.state, NEW.attempt_no,
            NEW.resent, NEW.stop);
    RETURN NULL;
END $$;

CREATE TRIGGER chaos_inserted AFTER INSERT ON notify.notifications
    FOR EACH ROW EXECUTE FUNCTION chaos.log_transition();
CREATE TRIGGER chaos_moved AFTER UPDATE ON notify.notifications
    FOR EACH ROW WHEN (OLD.state <> NEW.state OR OLD.attempt_no <> NEW.attempt_no)
    EXECUTE FUNCTION chaos.log_transition();

CREATE FUNCTION chaos.log_owner() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    INSERT INTO chaos.owners (bot_id, epoch, gateway_id)
    VALUES (NEW.bot_id, NEW.epoch, NEW.gateway_id);
    RETURN NULL;
END $$;

CREATE TRIGGER chaos_owned AFTER INSERT OR UPDATE OF epoch ON notify.owners
    FOR EACH ROW EXECUTE FUNCTION chaos.log_owner();
