#!/usr/bin/env node
// Writes the .env of docker-compose.yml with new secrets: `generate-env.mjs [file]`, by default .env in the current folder. A file
// that exists is left alone: its secrets open the database that they belong to.
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';

const file = process.argv[2] ?? '.env';
const secret = () => randomBytes(32).toString('base64url');

const text = `# Made by packages/packaging/bin/generate-env.mjs. Keep a copy in a safe place: without CODEX_AUTH_MASTER_KEY the signing keys in
# the database cannot be opened any more.

# Secrets.
POSTGRES_PASSWORD=${secret()}
CODEX_AUTH_MASTER_KEY=${randomBytes(32).toString('base64')}
INTERNAL_API_SECRET=${secret()}
EXEC_GATEWAY_SHARED_SECRET=${secret()}
CAPABILITY_TOKEN_SECRET=${secret()}

# The first user, made at the first start.
FIRST_USER_EMAIL=admin@localhost
FIRST_USER_PASSWORD=${randomBytes(15).toString('base64url')}

# Where people and executors reach the services. Behind a proxy with TLS: https://auth.example.com and so on.
CODEX_AUTH_ISSUER_URL=http://127.0.0.1:8081
EXEC_GATEWAY_PUBLIC_URL=http://127.0.0.1:8083
# Proxies in front that may be believed about the caller's address (X-Forwarded-For).
TRUSTED_PROXY_HOPS=0

# What is published on this machine.
BIND_ADDRESS=127.0.0.1
CODEX_AUTH_PORT=8081
CODEX_APP_GATEWAY_PORT=8082
CODEX_EXEC_GATEWAY_PORT=8083

# The model that app-servers use.
#CXG_MODEL=gpt-5.1-codex
#CXG_MODEL_PROVIDER_BASE_URL=https://api.openai.com/v1
#CXG_CODEX_API_KEY=
`;

try {
  writeFileSync(file, text, { flag: 'wx', mode: 0o600 });
  console.log(`wrote ${file}`);
} catch (error) {
  const reason = error.code === 'EEXIST' ? 'exists already: move it away if you want new secrets' : error.message;
  console.error(`${file} ${reason}`);
  process.exitCode = 1;
}
