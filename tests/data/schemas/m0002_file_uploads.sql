-- A catalogue whose last migration is m0002_file_uploads, with data. A released schema: never edited.
BEGIN TRANSACTION;
CREATE TABLE "_sqlite_migrations" (
   "id" INTEGER PRIMARY KEY,
   "migration_set" TEXT,
   "name" TEXT,
   "applied_at" TEXT
);
INSERT INTO "_sqlite_migrations" VALUES(1,'stageproxy','m0001_stages_artifacts_tokens','2026-11-22 12:30:15.250000+00:00');
INSERT INTO "_sqlite_migrations" VALUES(2,'stageproxy','m0002_file_uploads','2026-11-22 12:30:15.250000+00:00');
CREATE TABLE api_token (
        id TEXT PRIMARY KEY,
        kind TEXT NOT NULL CHECK (kind IN ('stgu', 'stgm', 'stga')),
        project TEXT NOT NULL,
        version TEXT,
        digest TEXT NOT NULL UNIQUE,
        created_at TEXT NOT NULL,
        expires_at TEXT,
        revoked_at TEXT
    ) STRICT
    ;
INSERT INTO "api_token" VALUES('token-1','stgu','demo',NULL,'cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc','2026-11-22T12:30:15.250000Z',NULL,NULL);
INSERT INTO "api_token" VALUES('token-2','stga','*',NULL,'dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd','2026-11-22T12:30:15.250000Z','2026-11-29T12:30:15.250000Z','2026-11-29T12:30:15.250000Z');
CREATE TABLE artifact (
        stage_id TEXT NOT NULL REFERENCES stage (id) ON DELETE CASCADE,
        filename TEXT NOT NULL,
        kind TEXT NOT NULL CHECK (kind IN ('bdist_wheel', 'sdist')),
        sha256 TEXT NOT NULL,
        blake2b_256 TEXT NOT NULL,
        md5 TEXT NOT NULL,
        size INTEGER NOT NULL,
        form_sha256 TEXT NOT NULL,
        requires_python TEXT,
        summary TEXT,
        requires_dist TEXT NOT NULL,
        core_metadata_sha256 TEXT,
        uploaded_at TEXT NOT NULL,
        uploaded_by TEXT NOT NULL,
        notices TEXT NOT NULL, attestations INTEGER NOT NULL DEFAULT 0,
        PRIMARY KEY (stage_id, filename)
    ) STRICT
    ;
INSERT INTO "artifact" VALUES('stage-open','demo-2.0-py3-none-any.whl','bdist_wheel','1111111111111111111111111111111111111111111111111111111111111111','2222222222222222222222222222222222222222222222222222222222222222','33333333333333333333333333333333',1004,'4444444444444444444444444444444444444444444444444444444444444444','>=3.11','A demonstration','["idna"]','5555555555555555555555555555555555555555555555555555555555555555','2026-11-22T12:30:15.250000Z','token-1','["A notice."]',0);
CREATE TABLE artifact_source (
        stage_id TEXT NOT NULL,
        filename TEXT NOT NULL,
        form TEXT NOT NULL,
        core_metadata BLOB,
        PRIMARY KEY (stage_id, filename),
        FOREIGN KEY (stage_id, filename) REFERENCES artifact (stage_id, filename)
            ON DELETE CASCADE
    ) STRICT
    ;
INSERT INTO "artifact_source" VALUES('stage-open','demo-2.0-py3-none-any.whl','[["name", "demo"], ["version", "2.0"]]',X'4D657461646174612D56657273696F6E3A20322E310A4E616D653A2064656D6F0A56657273696F6E3A20322E300A');
CREATE TABLE file_upload (
        id TEXT PRIMARY KEY,
        stage_id TEXT NOT NULL REFERENCES stage (id) ON DELETE CASCADE,
        filename TEXT NOT NULL,
        size INTEGER NOT NULL,
        hashes TEXT NOT NULL,
        status TEXT NOT NULL
            CHECK (status IN ('pending', 'processing', 'completed', 'error', 'canceled')),
        created_at TEXT NOT NULL,
        expires_at TEXT NOT NULL,
        created_by TEXT NOT NULL,
        received_sha256 TEXT,
        received TEXT,
        attestations TEXT,
        notices TEXT NOT NULL
    ) STRICT
    ;
INSERT INTO "file_upload" VALUES('upload-1','stage-open','demo-2.0.tar.gz',453,'{"sha256": "7777777777777777777777777777777777777777777777777777777777777777"}','pending','2026-11-22T12:30:15.250000Z','2026-11-29T12:30:15.250000Z','token-1','7777777777777777777777777777777777777777777777777777777777777777','{"size": 453, "sha256": "7777777777777777777777777777777777777777777777777777777777777777", "blake2b_256": "8888888888888888888888888888888888888888888888888888888888888888", "md5": "99999999999999999999999999999999"}',NULL,'[]');
CREATE TABLE former_file (
        stage_id TEXT NOT NULL REFERENCES stage (id) ON DELETE CASCADE,
        blake2b_256 TEXT NOT NULL,
        filename TEXT NOT NULL,
        reason TEXT NOT NULL,
        PRIMARY KEY (stage_id, blake2b_256, filename)
    ) STRICT
    ;
INSERT INTO "former_file" VALUES('stage-open','6666666666666666666666666666666666666666666666666666666666666666','demo-2.0.tar.gz','withdrawn');
CREATE TABLE stage (
        id TEXT PRIMARY KEY,
        project TEXT NOT NULL,
        version TEXT,
        version_key TEXT,
        status TEXT NOT NULL
            CHECK (status IN ('open', 'processing', 'published', 'error', 'canceled')),
        revision INTEGER NOT NULL,
        rotation INTEGER NOT NULL,
        lifetime INTEGER NOT NULL,
        opened_at TEXT NOT NULL,
        expires_at TEXT NOT NULL,
        ended_at TEXT,
        reason TEXT,
        sent INTEGER NOT NULL DEFAULT 0 CHECK (sent IN (0, 1))
    ) STRICT
    ;
INSERT INTO "stage" VALUES('stage-open','demo','2.0','2','open',3,1,604800,'2026-11-22T12:30:15.250000Z','2026-11-29T12:30:15.250000Z',NULL,NULL,0);
INSERT INTO "stage" VALUES('stage-published','demo','1.0','1','published',5,0,604800,'2026-11-22T12:30:15.250000Z','2026-11-29T12:30:15.250000Z','2026-11-29T12:30:15.250000Z',NULL,1);
CREATE TABLE stage_token (
        digest TEXT PRIMARY KEY,
        stage_id TEXT NOT NULL REFERENCES stage (id) ON DELETE CASCADE,
        rotation INTEGER NOT NULL
    ) STRICT
    ;
INSERT INTO "stage_token" VALUES('aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa','stage-open',0);
INSERT INTO "stage_token" VALUES('bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb','stage-open',1);
CREATE TABLE stored_file (
        sha256 TEXT PRIMARY KEY,
        size INTEGER NOT NULL,
        unused_since TEXT
    ) STRICT
    ;
INSERT INTO "stored_file" VALUES('1111111111111111111111111111111111111111111111111111111111111111',1004,NULL);
INSERT INTO "stored_file" VALUES('7777777777777777777777777777777777777777777777777777777777777777',453,NULL);
CREATE UNIQUE INDEX "idx__sqlite_migrations_migration_set_name"
    ON "_sqlite_migrations" ("migration_set", "name");
CREATE UNIQUE INDEX one_live_stage_of_a_release ON stage (project, version_key)
        WHERE status IN ('open', 'processing', 'error') AND version_key IS NOT NULL
    ;
CREATE INDEX artifact_by_content ON artifact (sha256);
CREATE INDEX file_upload_of_stage ON file_upload (stage_id, status);
CREATE INDEX file_upload_by_content ON file_upload (received_sha256);
CREATE UNIQUE INDEX one_unfinished_upload_of_a_file ON file_upload (stage_id, filename)
        WHERE status IN ('pending', 'processing', 'error')
    ;
COMMIT;
