import { Pool } from 'undici';
import { WebSocket } from 'ws';

const BODY_FIELDS = { data: 5, resume: 7 };

/** A relay frame (docs/protocol.md, "Relay frame"). */
export function frame(kind, streamId, payload = Buffer.alloc(0)) {
  const body = payload.length === 0 ? payload : field(4, payload);
  return Buffer.concat([Buffer.from([0x08, 1]), field(2, Buffer.from(streamId)), field(BODY_FIELDS[kind], body)]);
}

function field(number, content) {
  const length = [];
  let rest = content.length;
  while (rest > 0x7f) {
    length.push((rest & 0x7f) | 0x80);
    rest >>>= 7;
  }
  return Buffer.concat([Buffer.from([(number << 3) | 2, ...length, rest]), content]);
}

/** Registers as an executor does, with an access token, at one address of the registry. */
export class Registrar {
  constructor(url, accessToken) {
    this.headers = { authorization: `Bearer ${accessToken}` };
    this.http = new Pool(url, { connections: 16 });
  }

  /** @returns the address of the executor's WebSocket, with its ticket */
  async register(exeId) {
    const path = `/cloud/environment/${exeId}/register`;
    const answer = await this.http.request({ method: 'POST', path, headers: this.headers });
    const body = await answer.body.json();
    if (answer.statusCode !== 200) throw new Error(`register: ${answer.statusCode} ${JSON.stringify(body)}`);
    return body.url;
  }

  close() {
    return this.http.close();
  }
}

/** An open WebSocket. */
export function open(url) {
  const ws = new WebSocket(url, { perMessageDeflate: false, skipUTF8Validation: true });
  return new Promise((resolve, reject) => {
    ws.once('open', () => {
      ws.on('error', () => undefined);
      resolve(ws);
    });
    ws.once('error', reject);
  });
}

/** Executors of the first user, or of so many users, bound to the first user's workspace. */
export async function createExecutors(db, { count, userId, workspaceId, owners = 1 }) {
  const ids = Array.from({ length: count }, (_, index) => `exe_growth_${index}`);
  await db.query(
    `insert into codex_exec.executors (exe_id, owner_user_id, display_name)
     select id, $2 || case when $3 = 1 then '' else '-' || (number % $3)::text end, id
       from unnest($1::text[]) with ordinality as t (id, number)`,
    [ids, userId, owners],
  );
  await db.query(
    `insert into codex_exec.workspace_executors (workspace_id, exe_id, name) select $2, id, id from unnest($1::text[]) as t (id)`,
    [ids, workspaceId],
  );
  return ids;
}
