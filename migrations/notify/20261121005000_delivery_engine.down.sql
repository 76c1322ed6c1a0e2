DROP TRIGGER notifications_tell_end ON notify.notifications;
DROP FUNCTION notify.tell_end();
DROP TABLE notify.webhooks;
DROP INDEX notify.lessons_by_end;
DROP INDEX notify.notifications_by_end;
DROP INDEX notify.attempts_by_begin;
UPDATE notify.attempts SET outcome = 'not_written' WHERE outcome = 'moved';
ALTER TABLE notify.attempts
    DROP CONSTRAINT attempts_outcome_known,
    ADD CONSTRAINT attempts_outcome_known CHECK (outcome IN (
        'sent', 'not_written', 'limited', 'chat_gone', 'refused', 'ambiguous'));
DROP INDEX notify.notifications_pending_by_sender;
ALTER TABLE notify.notifications
    RESET (autovacuum_vacuum_scale_factor, autovacuum_analyze_scale_factor);
ALTER TABLE notify.notifications DROP COLUMN webhook, DROP COLUMN sender, DROP COLUMN plain;
ALTER TABLE notify.owners DROP COLUMN taken_over_at;
DROP TABLE notify.moved_chats;
DROP TABLE notify.sending;
DROP TABLE notify.bots;
