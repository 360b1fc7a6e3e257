import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createLogger } from '@codex-gateways/service';
import { codexBinary, createCodexHome, useCleanup } from '@codex-gateways/testing';
import { type ApprovalDecision, type ApprovalPolicy, createApprovalDesk } from './approval-desk.ts';
import { APPROVAL_ANSWERS, APPROVAL_METHODS, APPROVAL_NAME, PERMISSIONS_METHOD } from './approval-methods.ts';

function deskWith(policy: ApprovalPolicy) {
  const seen: [string, ApprovalDecision][] = [];
  const observer = { approval: (method: string, decision: ApprovalDecision) => void seen.push([method, decision]) };
  const lines: string[] = [];
  const log = createLogger({ service: 'test', level: 'info' }, { write: (line) => void lines.push(line) });
  const desk = createApprovalDesk({ policy, observer, log });
  const answer = (message: object | string) => {
    const text = desk.answer(Buffer.from(typeof message === 'string' ? message : JSON.stringify(message)));
    return text === undefined ? undefined : JSON.parse(text);
  };
  const clientSays = (message: object | string) =>
    desk.clientSaid(Buffer.from(typeof message === 'string' ? message : JSON.stringify(message)));
  /** What is written down of answers. */
  const answered = () => lines.map((line) => JSON.parse(line)).filter(({ msg }) => msg === 'approval answered');
  return { answer, seen, clientSays, answered, lines };
}

const permissions = { network: { enabled: true }, fileSystem: null };
const request = (method: string) => ({ id: 7, method, params: { threadId: 't', turnId: 'u', permissions } });

describe('requests for approval', () => {
  it.each([...APPROVAL_METHODS.keys()])('of the kind %s are answered for this once', (method) => {
    const accept = deskWith('accept').answer(request(method));
    const deny = deskWith('deny').answer(request(method));
    expect([accept.id, deny.id]).toEqual([7, 7]);
    expect(['accept', 'approved', undefined]).toContain(accept.result.decision);
    expect(['decline', 'abort', undefined]).toContain(deny.result.decision);
    expect(deskWith('client').answer(request(method))).toBeUndefined();
  });

  it('of more permissions are given as they were asked for, for the turn, or not at all', () => {
    const method = 'item/permissions/requestApproval';
    expect(deskWith('accept').answer(request(method)).result).toEqual({ permissions, scope: 'turn' });
    expect(deskWith('deny').answer(request(method)).result).toEqual({ permissions: {}, scope: 'turn' });
  });

  it('of a kind that nobody knows are denied with an error, and never accepted', () => {
    const unknown = request('item/moonLanding/requestApproval');
    const deny = deskWith('deny');
    expect(deny.answer(unknown)).toEqual({ id: 7, error: { code: -32601, message: expect.any(String) } });
    expect(deny.seen).toEqual([['unknown', 'denied']]);
    const accept = deskWith('accept');
    expect(accept.answer(unknown)).toBeUndefined();
    expect(accept.seen).toEqual([['unknown', 'asked_client']]);
  });

  it('are found whatever their id, and nothing else is taken for one', () => {
    const [method] = APPROVAL_METHODS.keys();
    const { answer, seen } = deskWith('deny');
    expect(answer({ method, id: 'a "b"', params: {} })).toMatchObject({ id: 'a "b"' });
    expect(answer({ jsonrpc: '2.0', id: 1, method })).toMatchObject({ id: 1 });
    for (const other of [
      { method, params: {} },
      { id: 1, result: { method } },
      { id: 1, method: 'item/tool/call', params: { name: 'requestApproval' } },
      { method: 'item/agentMessage/delta', params: { delta: '"requestApproval"' } },
      { id: {}, method },
      `{"id":1,"method":"${method}","params":`,
    ]) {
      expect(answer(other)).toBeUndefined();
    }
    expect(seen).toHaveLength(2);
  });

  it('are found wherever the method begins, as far as frames are looked at', () => {
    const deny = deskWith('deny');
    for (const [method] of APPROVAL_METHODS) {
      for (let length = 0; length < 256; length += 1) {
        const id = 'approva'.repeat(40).slice(0, length);
        const end = JSON.stringify({ id, method }).length - 1; // without the brace
        expect(deny.answer({ id, method, params: {} })?.id).toBe(end <= 256 ? id : undefined);
      }
    }
  });
});

describe('what clients answer to requests for approval', () => {
  const COMMAND = 'item/commandExecution/requestApproval';
  const amendment = (action: string) => ({
    applyNetworkPolicyAmendment: { network_policy_amendment: { action, host: 'a.b' } },
  });

  it.each<[string, object, string, string | undefined]>([
    [COMMAND, { decision: 'accept' }, 'client_accepted', 'accept'],
    [COMMAND, { decision: 'acceptForSession' }, 'client_accepted', 'acceptForSession'],
    [
      ...[COMMAND, { decision: { acceptWithExecpolicyAmendment: { execpolicy_amendment: ['shred'] } } }],
      ...['client_accepted', 'acceptWithExecpolicyAmendment'],
    ] as [string, object, string, string],
    [COMMAND, { decision: amendment('allow') }, 'client_accepted', 'applyNetworkPolicyAmendment'],
    [COMMAND, { decision: amendment('deny') }, 'client_declined', 'applyNetworkPolicyAmendment'],
    [COMMAND, { decision: amendment('else') }, 'client_unclear', 'applyNetworkPolicyAmendment'],
    [COMMAND, { decision: 'decline' }, 'client_declined', 'decline'],
    [COMMAND, { decision: 'shred /' }, 'client_unclear', undefined],
    [COMMAND, {}, 'client_unclear', undefined],
    ['execCommandApproval', { decision: 'abort' }, 'client_declined', 'abort'],
    [PERMISSIONS_METHOD, { permissions, scope: 'session' }, 'client_accepted', 'session'],
    [PERMISSIONS_METHOD, { permissions }, 'client_accepted', 'turn'],
    [PERMISSIONS_METHOD, { permissions: {}, scope: 'turn' }, 'client_declined', undefined],
    [PERMISSIONS_METHOD, { permissions: { network: null } }, 'client_declined', undefined],
  ])('is written down by its meaning: %s, %j', (method, result, decision, answer) => {
    const desk = deskWith('client');
    desk.answer(request(method));
    desk.clientSays({ id: 7, result });
    desk.clientSays({ id: 7, result });
    expect(desk.answered()).toEqual([
      expect.objectContaining({ event: 'approval', method, decision, thread_id: 't', turn_id: 'u' }),
    ]);
    expect(desk.answered()[0].answer).toBe(answer);
    expect(desk.lines.join('')).not.toMatch(/shred|a\.b/);
    expect(desk.seen).toEqual([[method, 'asked_client']]);
  });

  it('may be an error', () => {
    const desk = deskWith('client');
    desk.answer(request(COMMAND));
    desk.clientSays({ id: 7, error: { code: -1, message: 'shred' } });
    expect(desk.answered()).toEqual([expect.objectContaining({ decision: 'client_error' })]);
  });

  it('is told from everything else that clients say', () => {
    const desk = deskWith('client');
    desk.clientSays({ id: 7, result: { decision: 'accept' } }); // nobody asked
    desk.answer(request(COMMAND));
    for (const other of [
      { id: 8, result: { decision: 'accept' } },
      { id: '7', result: { decision: 'accept' } },
      { id: 7, method: 'turn/start', params: {} },
      { method: 'initialized' },
      [{ id: 7, result: { decision: 'accept' } }],
      '{"id":7,"result":',
      JSON.stringify({ id: 7, result: { decision: 'accept', padding: 'x'.repeat(65_536) } }),
    ]) {
      desk.clientSays(other);
    }
    expect(desk.answered()).toEqual([]);
    desk.clientSays({ id: 7, result: { decision: 'accept' } });
    expect(desk.answered()).toHaveLength(1);
  });

  it('is waited for a hundred questions long', () => {
    const desk = deskWith('client');
    for (let id = 0; id < 101; id += 1) desk.answer({ ...request(COMMAND), id });
    for (let id = 0; id < 101; id += 1) desk.clientSays({ id, result: { decision: 'accept' } });
    expect(desk.answered()).toHaveLength(100);
  });
});

interface Schema {
  readonly oneOf?: readonly { properties: { method: { enum: [string] } } }[];
  readonly definitions?: Readonly<Record<string, { readonly oneOf?: readonly object[] }>>;
}

describe.each([
  ['the bundled version', undefined],
  ['0.140.0', '0.140.0'],
])('the list of requests for approval against the protocol of the real CLI, %s', (_name, version) => {
  const cleanup = useCleanup();
  let read: (name: string) => Promise<Schema>;

  beforeAll(async () => {
    const [binary, home] = await Promise.all([codexBinary(version), createCodexHome()]);
    cleanup.after(() => home.remove());
    const args = ['app-server', 'generate-json-schema', '--experimental', '--out', home.workFolder];
    await promisify(execFile)(binary, args, { env: { CODEX_HOME: home.path, HOME: home.path } });
    read = async (name) => JSON.parse(await readFile(join(home.workFolder, name), 'utf8')) as Schema;
  }, 300_000);

  it('has all of them, and no other', async () => {
    const { oneOf = [] } = await read('ServerRequest.json');
    const methods = oneOf.map(({ properties }) => properties.method.enum[0]);
    expect(methods.filter((method) => APPROVAL_NAME.test(method)).sort()).toEqual([...APPROVAL_METHODS.keys()].sort());
  });

  it.each([
    ['CommandExecutionRequestApproval', 'CommandExecutionApprovalDecision', 'item/commandExecution/requestApproval'],
    ['FileChangeRequestApproval', 'FileChangeApprovalDecision', 'item/fileChange/requestApproval'],
    ['ExecCommandApproval', 'ReviewDecision', 'execCommandApproval'],
    ['ApplyPatchApproval', 'ReviewDecision', 'applyPatchApproval'],
  ])('answers %s with words that it knows', async (name, definition, method) => {
    const { definitions } = await read(`${name}Response.json`);
    const words = (definitions?.[definition]?.oneOf ?? []).flatMap((each) => ('enum' in each ? each.enum : []));
    const answers = APPROVAL_METHODS.get(method);
    expect(words).toEqual(expect.arrayContaining([answers?.accept({}).decision, answers?.decline().decision]));
    const objects = (definitions?.[definition]?.oneOf ?? []).flatMap((each) =>
      'required' in each ? each.required : [],
    );
    expect([...APPROVAL_ANSWERS.keys()]).toEqual(expect.arrayContaining([...words, ...(objects as string[])]));
  });
});
