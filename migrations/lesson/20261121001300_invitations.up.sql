-- Links by which people become a teacher's students (TMB-1).
CREATE TABLE lesson.invitations (
    id uuid PRIMARY KEY,
    teacher_id uuid NOT NULL REFERENCES lesson.teachers ON DELETE CASCADE,
    -- SHA-256 of the link's token; the token itself is nowhere.
    token_hash bytea NOT NULL,
    max_uses smallint NOT NULL,
    uses smallint NOT NULL DEFAULT 0,
    create_time timestamptz NOT NULL,
    expire_time timestamptz NOT NULL,
    revoke_time timestamptz,
    CONSTRAINT invitations_token_hash_once UNIQUE (token_hash),
    CONSTRAINT invitations_token_hash_is_sha256 CHECK (octet_length(token_hash) = 32),
    CONSTRAINT invitations_max_uses_range CHECK (max_uses BETWEEN 1 AND 100),
    -- No race gives more people in than were invited.
    CONSTRAINT invitations_uses_within_max CHECK (uses BETWEEN 0 AND max_uses),
    CONSTRAINT invitations_expire_later CHECK (expire_time > create_time)
);

-- A teacher's invitations, the newest first.
CREATE INDEX invitations_of_teacher ON lesson.invitations (teacher_id, create_time DESC, id DESC);

-- Who accepted which: a person counts once.
CREATE TABLE lesson.invitation_uses (
    invitation_id uuid NOT NULL REFERENCES lesson.invitations ON DELETE CASCADE,
    user_id uuid NOT NULL REFERENCES lesson.users ON DELETE CASCADE,
    accept_time timestamptz NOT NULL,
    PRIMARY KEY (invitation_id, user_id)
);
