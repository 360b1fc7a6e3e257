import type { LocalStack } from './start-local-stack.ts';

/**
 * What a person can type now. The first line starts with `stack ready`.
 * @param issuer - as people reach codex-auth
 */
export function describeStack({ urls, devUser, logsFolder }: LocalStack, issuer: string): string[] {
  const hidden = 'the password was shown at the first start, or is the one you chose';
  const api = (path: string, body: string) =>
    `curl -s -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' -d "${body}" ${issuer}${path}`;
  return [
    `stack ready: codex-auth ${urls.auth}, codex-app-gateway ${urls.app}, codex-exec-gateway ${urls.exec}`,
    '',
    `Sign in      ${issuer}/login`,
    `  user       ${devUser.email}`,
    `  password   ${devUser.isNew ? devUser.password : `(${hidden})`}`,
    `Logs         ${logsFolder}`,
    '',
    '1. Log in with the Codex CLI, and approve the code it shows in the browser:',
    `  codex login --device-auth --experimental_issuer ${issuer}`,
    '',
    '2. Make this machine an executor (needs jq):',
    '  TOKEN=$(jq -r .tokens.access_token ~/.codex/auth.json)',
    `  WORKSPACE=$(curl -s -H "Authorization: Bearer $TOKEN" ${issuer}/api/workspaces | jq -r '.[0].id')`,
    `  ${api('/api/codex/connectors', '{\\"workspace_id\\":\\"$WORKSPACE\\",\\"name\\":\\"laptop\\",\\"is_default\\":true}')} > connector.json`,
    `  eval "$(jq -r '.environment | to_entries[] | "export \\(.key)=\\(.value|@sh)"' connector.json)"`,
    `  codex exec-server --remote ${urls.exec} --environment-id "$(jq -r .exe_id connector.json)" --use-agent-identity-auth`,
    '',
    '3. Work on it, from another terminal with the same TOKEN and WORKSPACE:',
    `  export CODEX_REMOTE_TOKEN=$(${api('/api/codex/tokens', '{\\"workspace_id\\":\\"$WORKSPACE\\",\\"name\\":\\"terminal\\"}')} | jq -r .token)`,
    `  codex --remote ${urls.app.replace(/^http/, 'ws')} --remote-auth-token-env CODEX_REMOTE_TOKEN`,
    '',
    'Ctrl-C stops the stack and keeps its state.',
  ];
}
