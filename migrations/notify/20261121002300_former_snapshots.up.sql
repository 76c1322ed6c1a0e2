-- Snapshots of before requests had no state and cannot be planned by; what they planned
-- stays, and the next change of a lesson brings a whole one.
DELETE FROM notify.lessons;
