"""The SQL scripts of the migrations, by number. A script that has been released is never changed."""

from __future__ import annotations

FIRST = """
CREATE TABLE repositories (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    account VARCHAR NOT NULL,
    region VARCHAR NOT NULL,
    name VARCHAR NOT NULL,
    created_at INTEGER NOT NULL,
    tag_mutability VARCHAR NOT NULL,
    exclusion_filters JSON NOT NULL,
    encryption_type VARCHAR NOT NULL,
    kms_key VARCHAR,
    scan_on_push BOOLEAN NOT NULL,
    policy VARCHAR,
    lifecycle_policy VARCHAR,
    resource_tags JSON NOT NULL,
    UNIQUE (account, region, name)
);
CREATE TABLE manifests (
    digest VARCHAR NOT NULL,
    raw BLOB NOT NULL,
    PRIMARY KEY (digest)
);
CREATE TABLE images (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    repository_id INTEGER NOT NULL,
    digest VARCHAR NOT NULL,
    media_type VARCHAR NOT NULL,
    artifact_media_type VARCHAR,
    subject VARCHAR,
    size_in_bytes INTEGER NOT NULL,
    pushed_at INTEGER NOT NULL,
    last_pulled_at INTEGER,
    status VARCHAR NOT NULL,
    UNIQUE (repository_id, digest),
    FOREIGN KEY (repository_id) REFERENCES repositories (id) ON DELETE CASCADE
);
CREATE INDEX images_by_digest ON images (digest);
CREATE INDEX images_by_subject ON images (repository_id, subject, digest) WHERE subject IS NOT NULL;
CREATE TRIGGER manifests_go_with_their_last_image AFTER DELETE ON images
WHEN NOT EXISTS (SELECT 1 FROM images WHERE digest = OLD.digest)
BEGIN
    DELETE FROM manifests WHERE digest = OLD.digest;
END;
CREATE TABLE tags (
    repository_id INTEGER NOT NULL,
    tag VARCHAR NOT NULL,
    image_id INTEGER NOT NULL,
    tagged_at INTEGER NOT NULL,
    PRIMARY KEY (repository_id, tag),
    FOREIGN KEY (repository_id) REFERENCES repositories (id) ON DELETE CASCADE,
    FOREIGN KEY (image_id) REFERENCES images (id) ON DELETE CASCADE
) WITHOUT ROWID;
CREATE INDEX tags_by_image ON tags (image_id, tag);
CREATE TABLE validations (
    repository_id INTEGER NOT NULL,
    tag VARCHAR NOT NULL,
    validated_at INTEGER NOT NULL,
    attempted_at INTEGER,
    failures INTEGER NOT NULL,
    last_error VARCHAR,
    PRIMARY KEY (repository_id, tag),
    FOREIGN KEY (repository_id, tag) REFERENCES tags (repository_id, tag) ON DELETE CASCADE
) WITHOUT ROWID;
CREATE TABLE image_references (
    image_id INTEGER NOT NULL,
    position INTEGER NOT NULL,
    repository_id INTEGER NOT NULL,
    kind VARCHAR NOT NULL,
    digest VARCHAR NOT NULL,
    size INTEGER NOT NULL,
    media_type VARCHAR NOT NULL,
    PRIMARY KEY (image_id, position),
    FOREIGN KEY (image_id) REFERENCES images (id) ON DELETE CASCADE
) WITHOUT ROWID;
CREATE INDEX image_references_by_digest ON image_references (repository_id, digest, kind);
CREATE TABLE layers (
    repository_id INTEGER NOT NULL,
    digest VARCHAR NOT NULL,
    size INTEGER NOT NULL,
    added_at INTEGER NOT NULL,
    PRIMARY KEY (repository_id, digest),
    FOREIGN KEY (repository_id) REFERENCES repositories (id) ON DELETE CASCADE
) WITHOUT ROWID;
CREATE INDEX layers_by_digest ON layers (digest);
CREATE TABLE uploads (
    id VARCHAR NOT NULL,
    repository_id INTEGER NOT NULL,
    started_at INTEGER NOT NULL,
    size INTEGER NOT NULL,
    parts INTEGER NOT NULL,
    last_part_size INTEGER NOT NULL,
    has_small_part BOOLEAN NOT NULL,
    PRIMARY KEY (id),
    FOREIGN KEY (repository_id) REFERENCES repositories (id) ON DELETE CASCADE
) WITHOUT ROWID;
CREATE INDEX uploads_by_repository ON uploads (repository_id);
CREATE TABLE pull_through_rules (
    account VARCHAR NOT NULL,
    region VARCHAR NOT NULL,
    prefix VARCHAR NOT NULL,
    url VARCHAR NOT NULL,
    upstream VARCHAR NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    credential_arn VARCHAR,
    custom_role_arn VARCHAR,
    upstream_prefix VARCHAR,
    PRIMARY KEY (account, region, prefix)
) WITHOUT ROWID;
CREATE TABLE creation_templates (
    account VARCHAR NOT NULL,
    region VARCHAR NOT NULL,
    prefix VARCHAR NOT NULL,
    applied_for JSON NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    description VARCHAR,
    encryption_type VARCHAR NOT NULL,
    kms_key VARCHAR,
    tag_mutability VARCHAR NOT NULL,
    exclusion_filters JSON NOT NULL,
    repository_policy VARCHAR,
    lifecycle_policy VARCHAR,
    resource_tags JSON NOT NULL,
    custom_role_arn VARCHAR,
    PRIMARY KEY (account, region, prefix)
) WITHOUT ROWID;
CREATE TABLE events (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    account VARCHAR NOT NULL,
    region VARCHAR NOT NULL,
    time INTEGER NOT NULL,
    detail_type VARCHAR NOT NULL,
    detail JSON NOT NULL,
    resources JSON NOT NULL
);
CREATE TABLE service_linked_roles (
    account VARCHAR NOT NULL,
    service VARCHAR NOT NULL,
    PRIMARY KEY (account, service)
) WITHOUT ROWID;
CREATE TABLE state (
    key VARCHAR NOT NULL,
    value BLOB NOT NULL,
    PRIMARY KEY (key)
) WITHOUT ROWID;
"""

SECOND = """
ALTER TABLE repositories ADD COLUMN lifecycle_evaluated_at INTEGER;
ALTER TABLE images ADD COLUMN last_archived_at INTEGER;
ALTER TABLE images ADD COLUMN last_activated_at INTEGER;
CREATE TABLE registry_documents (
    account VARCHAR NOT NULL,
    region VARCHAR NOT NULL,
    name VARCHAR NOT NULL,
    document JSON NOT NULL,
    PRIMARY KEY (account, region, name)
) WITHOUT ROWID;
CREATE TABLE image_documents (
    image_id INTEGER NOT NULL,
    name VARCHAR NOT NULL,
    document JSON NOT NULL,
    PRIMARY KEY (image_id, name),
    FOREIGN KEY (image_id) REFERENCES images (id) ON DELETE CASCADE
) WITHOUT ROWID;
CREATE TABLE lifecycle_previews (
    repository_id INTEGER NOT NULL,
    policy VARCHAR NOT NULL,
    started_at INTEGER NOT NULL,
    status VARCHAR NOT NULL,
    results JSON NOT NULL,
    PRIMARY KEY (repository_id),
    FOREIGN KEY (repository_id) REFERENCES repositories (id) ON DELETE CASCADE
) WITHOUT ROWID;
CREATE TABLE image_scans (
    image_id INTEGER NOT NULL,
    started_at INTEGER NOT NULL,
    status VARCHAR NOT NULL,
    description VARCHAR,
    completed_at INTEGER,
    findings JSON NOT NULL,
    PRIMARY KEY (image_id),
    FOREIGN KEY (image_id) REFERENCES images (id) ON DELETE CASCADE
) WITHOUT ROWID;
CREATE TABLE known_findings (
    digest VARCHAR NOT NULL,
    findings JSON NOT NULL,
    PRIMARY KEY (digest)
) WITHOUT ROWID;
CREATE TABLE replication_backfills (
    id VARCHAR NOT NULL,
    account VARCHAR NOT NULL,
    region VARCHAR NOT NULL,
    destination_account VARCHAR NOT NULL,
    destination_region VARCHAR NOT NULL,
    status VARCHAR NOT NULL,
    failure_code VARCHAR,
    started_at INTEGER NOT NULL,
    ended_at INTEGER,
    results JSON NOT NULL,
    PRIMARY KEY (id)
) WITHOUT ROWID;
CREATE INDEX replication_backfills_by_registry ON replication_backfills (account, region, started_at);
CREATE TABLE tasks (
    "key" VARCHAR NOT NULL,
    kind VARCHAR NOT NULL,
    due_at INTEGER NOT NULL,
    arguments JSON NOT NULL,
    PRIMARY KEY ("key")
) WITHOUT ROWID;
CREATE INDEX tasks_by_time ON tasks (due_at, "key");
"""

THIRD = """
ALTER TABLE uploads RENAME COLUMN started_at TO touched_at;
ALTER TABLE uploads ADD COLUMN first_part_size INTEGER DEFAULT '0' NOT NULL;
"""

FOURTH = """
CREATE TABLE referrer_listings (
    repository_id INTEGER NOT NULL,
    subject VARCHAR NOT NULL,
    referrers JSON NOT NULL,
    validated_at INTEGER NOT NULL,
    attempted_at INTEGER,
    failures INTEGER NOT NULL,
    last_error VARCHAR,
    PRIMARY KEY (repository_id, subject),
    FOREIGN KEY(repository_id) REFERENCES repositories (id) ON DELETE CASCADE
) WITHOUT ROWID;
"""

# Pushed foreign layers were not recorded as references; garbage collection would delete them.
FIFTH = """
INSERT INTO image_references (image_id, position, repository_id, kind, digest, size, media_type)
SELECT
    images.id,
    (SELECT count(*) FROM image_references AS known WHERE known.image_id = images.id) + layer.key,
    images.repository_id,
    'blob',
    json_extract(layer.value, '$.digest'),
    json_extract(layer.value, '$.size'),
    coalesce(json_extract(layer.value, '$.mediaType'), '')
FROM images
JOIN manifests ON manifests.digest = images.digest
JOIN json_each(
    CASE WHEN json_valid(CAST(manifests.raw AS TEXT)) THEN CAST(manifests.raw AS TEXT) ELSE '{}' END, '$.layers'
) AS layer
WHERE layer.type = 'object' AND NOT EXISTS (
    SELECT 1 FROM image_references AS known
    WHERE known.image_id = images.id AND known.digest = json_extract(layer.value, '$.digest')
);
"""

# Unfinished imports were not recorded; such an image looked as if a client had pushed it.
SIXTH = """
INSERT INTO image_documents (image_id, name, document)
SELECT DISTINCT tags.image_id, 'pull-through-import', '"STARTED"'
FROM validations
JOIN tags ON tags.repository_id = validations.repository_id AND tags.tag = validations.tag
WHERE validations.validated_at > 0 AND NOT EXISTS (
    SELECT 1 FROM image_documents AS known
    WHERE known.image_id = tags.image_id AND known.name = 'pull-through-import'
);
"""

# Each push counted the images of its repository.
SEVENTH = """
ALTER TABLE repositories ADD COLUMN image_count INTEGER DEFAULT '0' NOT NULL;
UPDATE repositories SET image_count = (SELECT count(*) FROM images WHERE images.repository_id = repositories.id);
"""

# A lifecycle evaluation was one transaction, and held all images in memory.
EIGHTH = """
CREATE TABLE lifecycle_matches (
    repository_id INTEGER NOT NULL,
    rule INTEGER NOT NULL,
    is_complete BOOLEAN NOT NULL,
    since INTEGER NOT NULL,
    digest VARCHAR NOT NULL,
    is_free BOOLEAN NOT NULL,
    PRIMARY KEY (repository_id, rule, is_complete, since, digest),
    FOREIGN KEY(repository_id) REFERENCES repositories (id) ON DELETE CASCADE
) WITHOUT ROWID;
CREATE INDEX images_awaited ON image_documents (image_id)
WHERE name = 'pull-through-import' AND document = '"AWAITED"';
"""

# A list of untagged images read all images.
NINTH = """
ALTER TABLE images ADD COLUMN is_tagged BOOLEAN DEFAULT '0' NOT NULL;
UPDATE images SET is_tagged = 1 WHERE id IN (SELECT image_id FROM tags);
CREATE INDEX images_by_status ON images (repository_id, is_tagged, status, digest);
CREATE TRIGGER images_are_tagged AFTER INSERT ON tags
BEGIN
    UPDATE images SET is_tagged = 1 WHERE id = NEW.image_id AND NOT is_tagged;
END;
CREATE TRIGGER images_lose_a_tag AFTER DELETE ON tags
BEGIN
    UPDATE images SET is_tagged = EXISTS (SELECT 1 FROM tags WHERE image_id = OLD.image_id) WHERE id = OLD.image_id;
END;
CREATE TRIGGER images_give_a_tag AFTER UPDATE OF image_id ON tags
BEGIN
    UPDATE images SET is_tagged = EXISTS (SELECT 1 FROM tags WHERE image_id = OLD.image_id) WHERE id = OLD.image_id;
    UPDATE images SET is_tagged = 1 WHERE id = NEW.image_id AND NOT is_tagged;
END;
"""

# The metrics looked up each layer in turn to add up the bytes of blobs.
TENTH = """
DROP INDEX layers_by_digest;
CREATE INDEX layers_by_digest ON layers (digest, size);
"""

# The console lists images by their push, and shows the bytes of repositories without reading their layers.
ELEVENTH = """
CREATE INDEX images_by_push ON images (repository_id, pushed_at);
ALTER TABLE repositories ADD COLUMN layer_bytes INTEGER DEFAULT '0' NOT NULL;
UPDATE repositories
SET layer_bytes = (SELECT coalesce(sum(size), 0) FROM layers WHERE layers.repository_id = repositories.id);
CREATE TRIGGER repositories_gain_a_layer AFTER INSERT ON layers
BEGIN
    UPDATE repositories SET layer_bytes = layer_bytes + NEW.size WHERE id = NEW.repository_id;
END;
CREATE TRIGGER repositories_lose_a_layer AFTER DELETE ON layers
BEGIN
    UPDATE repositories SET layer_bytes = layer_bytes - OLD.size WHERE id = OLD.repository_id;
END;
"""

# Each new repository counted the repositories of its registry.
TWELFTH = """
CREATE TABLE repository_counts (
    account VARCHAR NOT NULL,
    region VARCHAR NOT NULL,
    number INTEGER NOT NULL,
    PRIMARY KEY (account, region)
) WITHOUT ROWID;
INSERT INTO repository_counts SELECT account, region, count(*) FROM repositories GROUP BY account, region;
"""

# Each request waited for all tasks that were due.
THIRTEENTH = """
ALTER TABLE tasks ADD COLUMN account VARCHAR;
ALTER TABLE tasks ADD COLUMN region VARCHAR;
ALTER TABLE tasks ADD COLUMN repository VARCHAR;
ALTER TABLE tasks ADD COLUMN to_account VARCHAR;
ALTER TABLE tasks ADD COLUMN to_region VARCHAR;
UPDATE tasks SET
    account = json_extract(arguments, '$.account'),
    region = json_extract(arguments, '$.region'),
    repository = json_extract(arguments, '$.repository'),
    to_account = json_extract(arguments, '$.to_account'),
    to_region = json_extract(arguments, '$.to_region');
CREATE INDEX tasks_by_repository ON tasks (repository, due_at);
"""

# The results of a lifecycle preview were one value, which was written at once.
FOURTEENTH = """
CREATE TABLE lifecycle_preview_results (
    repository_id INTEGER NOT NULL,
    position INTEGER NOT NULL,
    result JSON NOT NULL,
    PRIMARY KEY (repository_id, position),
    FOREIGN KEY(repository_id) REFERENCES repositories (id) ON DELETE CASCADE
) WITHOUT ROWID;
INSERT INTO lifecycle_preview_results (repository_id, position, result)
SELECT repository_id, known.key, known.value FROM lifecycle_previews, json_each(results) AS known;
CREATE TABLE previews_without_results (
    repository_id INTEGER NOT NULL,
    policy VARCHAR NOT NULL,
    started_at INTEGER NOT NULL,
    status VARCHAR NOT NULL,
    PRIMARY KEY (repository_id),
    FOREIGN KEY(repository_id) REFERENCES repositories (id) ON DELETE CASCADE
) WITHOUT ROWID;
INSERT INTO previews_without_results SELECT repository_id, policy, started_at, status FROM lifecycle_previews;
DROP TABLE lifecycle_previews;
ALTER TABLE previews_without_results RENAME TO lifecycle_previews;
"""

# PostgreSQL has tables for several nodes from here on; a database in SQLite has one node.
FIFTEENTH = SIXTEENTH = SEVENTEENTH = EIGHTEENTH = "SELECT 1;"

# A scan did not remember the time of its newest advisory.
NINETEENTH = "ALTER TABLE image_scans ADD COLUMN source_updated_at INTEGER;"

# Enhanced scans did not report told findings.
TWENTIETH = "ALTER TABLE known_findings ADD COLUMN enhanced_findings JSON;"

# In PostgreSQL, each deleted layer changed the row of its repository once more.
TWENTY_FIRST = "SELECT 1;"

MIGRATIONS = (
    FIRST, SECOND, THIRD, FOURTH, FIFTH, SIXTH, SEVENTH, EIGHTH, NINTH, TENTH, ELEVENTH, TWELFTH, THIRTEENTH,
    FOURTEENTH, FIFTEENTH, SIXTEENTH, SEVENTEENTH, EIGHTEENTH, NINETEENTH, TWENTIETH, TWENTY_FIRST,
)  # fmt: skip
"""The scripts in order, step 1 first. Each holds SQL statements and runs in one transaction."""
