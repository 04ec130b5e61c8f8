"""The numbered migrations of the SQLite ledger; a landed one is never changed.

Ids are never used again (AUTOINCREMENT): an answer that comes late must not find another row.
"""

from __future__ import annotations

APPLICATION_ID = 0x6D6A4C67  # "mjLg"

_FIRST = """
CREATE TABLE accounts (
  hash TEXT PRIMARY KEY,              -- of key and base URL; the key itself is never stored
  profile TEXT NOT NULL,
  base_url TEXT NOT NULL,
  created_at REAL NOT NULL,
  paused_until REAL NOT NULL DEFAULT 0,
  pause_reason TEXT NOT NULL DEFAULT '',
  pause_ends_with_task INTEGER NOT NULL DEFAULT 0,
  busy_streak INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX accounts_by_profile ON accounts (profile);

CREATE TABLE jobs (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  account TEXT NOT NULL REFERENCES accounts,
  prompt TEXT NOT NULL,
  mode TEXT NOT NULL,
  timeout INTEGER,
  hook_url TEXT,
  name TEXT,
  out TEXT,
  template TEXT,
  images TEXT,
  created_at REAL NOT NULL
) STRICT;
CREATE INDEX jobs_by_account ON jobs (account, created_at);

CREATE TABLE attempts (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  job INTEGER NOT NULL REFERENCES jobs ON DELETE CASCADE,
  account TEXT NOT NULL REFERENCES accounts,
  current INTEGER NOT NULL DEFAULT 1,
  adopted INTEGER NOT NULL DEFAULT 0, -- submitted by another program
  nonce TEXT NOT NULL UNIQUE,
  owner TEXT NOT NULL,
  state TEXT NOT NULL
    CHECK (state IN ('queued', 'sending', 'running', 'succeeded', 'failed', 'in_doubt')),
  task_id TEXT,
  queued_at REAL NOT NULL,
  sending_at REAL,
  submitted_at REAL,
  finished_at REAL,
  took REAL,                          -- seconds from submit to end, where the end was watched
  delivered_at REAL,
  slot_until REAL,                    -- null: holds no slot
  verdict TEXT CHECK (verdict IN ('not_charged', 'resubmitted')),
  fail_slug TEXT,
  fail_reason TEXT,
  UNIQUE (account, task_id)
) STRICT;
CREATE UNIQUE INDEX attempts_current ON attempts (job) WHERE current = 1;
CREATE INDEX attempts_by_job ON attempts (job);
CREATE INDEX attempts_by_task ON attempts (task_id) WHERE task_id IS NOT NULL;
CREATE INDEX attempts_open ON attempts (account, state)
  WHERE state IN ('queued', 'sending', 'running', 'in_doubt');
CREATE INDEX attempts_slots ON attempts (account, slot_until) WHERE slot_until IS NOT NULL;
CREATE INDEX attempts_undelivered ON attempts (account)
  WHERE state = 'succeeded' AND delivered_at IS NULL;
CREATE INDEX attempts_took ON attempts (account, finished_at) WHERE took IS NOT NULL;

CREATE TABLE charges (                -- survives the pruning of jobs
  account TEXT NOT NULL REFERENCES accounts,
  month TEXT NOT NULL,
  mode TEXT NOT NULL,
  jobs INTEGER NOT NULL,
  PRIMARY KEY (account, month, mode)
) STRICT, WITHOUT ROWID;

CREATE TABLE images (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  attempt INTEGER NOT NULL REFERENCES attempts ON DELETE CASCADE,
  position INTEGER NOT NULL,          -- 0 is the grid
  url TEXT NOT NULL,
  UNIQUE (attempt, position)
) STRICT;

CREATE TABLE files (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  image INTEGER NOT NULL REFERENCES images ON DELETE CASCADE,
  path TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('claimed', 'expected', 'saved')),
  owner TEXT NOT NULL,
  etag TEXT,
  bytes INTEGER,
  sha256 TEXT,
  width INTEGER,
  height INTEGER,
  changed_at REAL NOT NULL,
  UNIQUE (image, path)
) STRICT;
CREATE INDEX files_by_path ON files (path);
"""

MIGRATIONS: tuple[str, ...] = (_FIRST,)
"""Migration n brings `user_version` from n to n + 1."""
