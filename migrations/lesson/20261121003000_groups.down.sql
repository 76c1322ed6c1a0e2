-- Links into a group lead to its teacher only.
ALTER TABLE lesson.invitations DROP COLUMN group_id;
DROP TABLE lesson.group_members;
DROP TABLE lesson.groups;
DROP FUNCTION lesson.count_members();
