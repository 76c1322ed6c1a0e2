-- Students whom a teacher teaches together, who is in which group, and invitations that
-- lead into one (TMB-1).
CREATE TABLE lesson.groups (
    id uuid PRIMARY KEY,
    teacher_id uuid NOT NULL REFERENCES lesson.teachers,
    title text NOT NULL,
    capacity smallint NOT NULL,
    -- Kept by a trigger, so that no race puts more in than it holds: who comes waits for
    -- the group's row.
    member_count smallint NOT NULL DEFAULT 0,
    -- Raised by every change, of who is in it too.
    version bigint NOT NULL DEFAULT 1,
    create_time timestamptz NOT NULL,
    -- Soft delete: dissolved, or its teacher was erased.
    delete_time timestamptz,
    CONSTRAINT groups_title_length CHECK (
        char_length(title) BETWEEN 1 AND 128 OR (title = '' AND delete_time IS NOT NULL)
    ),
    CONSTRAINT groups_capacity_range CHECK (capacity BETWEEN 2 AND 50),
    CONSTRAINT groups_members_within_capacity CHECK (member_count BETWEEN 0 AND capacity),
    CONSTRAINT groups_dissolved_are_empty CHECK (delete_time IS NULL OR member_count = 0),
    CONSTRAINT groups_version_positive CHECK (version > 0),
    -- What others point at, so that nothing of one teacher is in another one's group.
    CONSTRAINT groups_id_teacher UNIQUE (id, teacher_id)
);

-- A teacher's groups by title.
CREATE INDEX groups_of_teacher ON lesson.groups (teacher_id, (lower(title) COLLATE "C"), id)
    WHERE delete_time IS NULL;

CREATE TABLE lesson.group_members (
    group_id uuid NOT NULL,
    teacher_id uuid NOT NULL,
    student_id uuid NOT NULL,
    -- Since when, the last time.
    create_time timestamptz NOT NULL,
    -- Left, or taken out; coming back clears it.
    end_time timestamptz,
    PRIMARY KEY (group_id, student_id),
    CONSTRAINT group_members_group FOREIGN KEY (group_id, teacher_id)
        REFERENCES lesson.groups (id, teacher_id) ON DELETE CASCADE,
    -- Only who is, or was, a student of the teacher; never the teacher.
    CONSTRAINT group_members_students FOREIGN KEY (teacher_id, student_id)
        REFERENCES lesson.students (teacher_id, student_id) ON DELETE CASCADE
);

-- The groups of a student.
CREATE INDEX group_members_by_student ON lesson.group_members (student_id, group_id)
    WHERE end_time IS NULL;

CREATE FUNCTION lesson.count_members() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' AND OLD.end_time IS NULL THEN
        UPDATE lesson.groups SET member_count = member_count - 1, version = version + 1
        WHERE id = OLD.group_id;
    END IF;
    IF TG_OP <> 'DELETE' AND NEW.end_time IS NULL THEN
        UPDATE lesson.groups SET member_count = member_count + 1, version = version + 1
        WHERE id = NEW.group_id;
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER group_members_counted AFTER INSERT OR DELETE ON lesson.group_members
    FOR EACH ROW EXECUTE FUNCTION lesson.count_members();
CREATE TRIGGER group_members_recounted AFTER UPDATE ON lesson.group_members
    FOR EACH ROW WHEN (
        OLD.group_id <> NEW.group_id OR (OLD.end_time IS NULL) <> (NEW.end_time IS NULL)
    ) EXECUTE FUNCTION lesson.count_members();

ALTER TABLE lesson.invitations
    ADD COLUMN group_id uuid,
    ADD CONSTRAINT invitations_group FOREIGN KEY (group_id, teacher_id)
        REFERENCES lesson.groups (id, teacher_id) ON DELETE CASCADE;

-- The invitations of a group, to revoke them.
CREATE INDEX invitations_of_group ON lesson.invitations (group_id) WHERE group_id IS NOT NULL;
