import { randomBytes } from 'node:crypto';
import { type RandomSource, randomToken } from '@codex-gateways/crypto';

/** `ast_<id>_<secret>` taken apart: the id finds the row, the secret is compared with its bcrypt digest. */
export interface RemoteTokenParts {
  readonly id: string;
  readonly secret: string;
}

const ID_BYTES = 12;
// 32 bytes in base64url are 43 characters, under the 72 bytes that bcrypt reads.
const SECRET_BYTES = 32;
const REMOTE_TOKEN = /^ast_([0-9a-f]{24})_([A-Za-z0-9_-]{43})$/;

/** Makes a new remote token; only the id and a bcrypt digest of the secret are kept. */
export function mintRemoteToken(random: RandomSource = randomBytes): RemoteTokenParts & { readonly token: string } {
  const id = random(ID_BYTES).toString('hex');
  const secret = randomToken(SECRET_BYTES, random);
  return { id, secret, token: `ast_${id}_${secret}` };
}

/** Takes a remote token apart, or undefined when the text is not one. */
export function parseRemoteToken(token: string): RemoteTokenParts | undefined {
  const [, id, secret] = REMOTE_TOKEN.exec(token) ?? [];
  return id && secret ? { id, secret } : undefined;
}
