// An adapter for oidc-provider over SQLite, durable like msidp's database: WAL, synchronous = FULL.
// Each call is one statement and so one commit: the library's interface knows no transactions.

import { DatabaseSync } from 'node:sqlite';

const SCHEMA = `
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = FULL;
  PRAGMA temp_store = MEMORY;
  CREATE TABLE IF NOT EXISTS model (
    kind TEXT NOT NULL, id TEXT NOT NULL, payload TEXT NOT NULL, consumed INTEGER, expires INTEGER,
    grant_id TEXT, uid TEXT, user_code TEXT, PRIMARY KEY (kind, id)
  ) WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS model_grant ON model (grant_id) WHERE grant_id IS NOT NULL;
  CREATE INDEX IF NOT EXISTS model_uid ON model (uid) WHERE uid IS NOT NULL;
  CREATE INDEX IF NOT EXISTS model_user_code ON model (user_code) WHERE user_code IS NOT NULL;
`;
const seconds = () => Math.floor(Date.now() / 1000);

export function sqliteAdapter(file) {
  const database = new DatabaseSync(file);
  database.exec(SCHEMA);
  const found = 'SELECT payload, consumed FROM model WHERE kind = ? AND (expires IS NULL OR expires > ?) AND ';
  const upsert = database.prepare(`
    INSERT INTO model (kind, id, payload, expires, grant_id, uid, user_code) VALUES (?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (kind, id) DO UPDATE SET payload = excluded.payload, expires = excluded.expires,
      grant_id = excluded.grant_id, uid = excluded.uid, user_code = excluded.user_code`);
  const byId = database.prepare(`${found} id = ?`);
  const byUid = database.prepare(`${found} uid = ?`);
  const byUserCode = database.prepare(`${found} user_code = ?`);
  const consume = database.prepare('UPDATE model SET consumed = ? WHERE kind = ? AND id = ?');
  const destroy = database.prepare('DELETE FROM model WHERE kind = ? AND id = ?');
  const revoke = database.prepare('DELETE FROM model WHERE grant_id = ?');

  const read = (row) => {
    if (row === undefined) return undefined;
    const payload = JSON.parse(row.payload);
    return row.consumed === null ? payload : { ...payload, consumed: row.consumed };
  };

  return class {
    constructor(kind) {
      this.kind = kind;
    }

    async upsert(id, payload, expiresIn) {
      const expires = expiresIn === undefined ? null : seconds() + expiresIn;
      const { grantId = null, uid = null, userCode = null } = payload;
      upsert.run(this.kind, id, JSON.stringify(payload), expires, grantId, uid, userCode);
    }

    async find(id) {
      return read(byId.get(this.kind, seconds(), id));
    }

    async findByUid(uid) {
      return read(byUid.get(this.kind, seconds(), uid));
    }

    async findByUserCode(userCode) {
      return read(byUserCode.get(this.kind, seconds(), userCode));
    }

    async consume(id) {
      consume.run(seconds(), this.kind, id);
    }

    async destroy(id) {
      destroy.run(this.kind, id);
    }

    async revokeByGrantId(grantId) {
      revoke.run(grantId);
    }
  };
}
