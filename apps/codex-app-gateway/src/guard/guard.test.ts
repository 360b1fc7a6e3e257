import { call, errorOf, guard, inspect } from '../../test/guard-calls.ts';

describe('the guard, what passes', () => {
  it.each([
    { id: 'initialize', method: 'initialize', params: { clientInfo: { name: 'codex-tui' }, capabilities: null } },
    { method: 'initialized' },
    {
      id: 1,
      method: 'thread/start',
      params: { cwd: '/home/me', sandbox: 'danger-full-access', approvalPolicy: 'never' },
    },
    {
      id: 2,
      method: 'turn/start',
      params: { threadId: 't', input: [{ type: 'text', text: 'hi', text_elements: [] }] },
    },
    { id: 3, method: 'configRequirements/read' },
    { id: 4, method: 'account/read', params: {} },
    { id: 5, method: 'modelProvider/list', params: null },
    { id: 6, method: 'thread/list', params: { limit: 10 }, trace: { traceparent: null }, jsonrpc: '2.0' },
  ])('a call that threads are made of, byte for byte: %j', (message) => {
    expect(inspect(message)).toEqual({ kind: 'forward' });
  });

  it.each([
    { id: 7, result: { decision: 'accept' } },
    { id: 'a', result: null },
    { id: 8, error: { code: -1, message: 'no' } },
  ])('an answer to the app-server: %j', (message) => {
    expect(inspect(message)).toEqual({ kind: 'forward' });
  });

  it('the parameters that a client spells out and leaves empty', () => {
    const params = { selectedCapabilityRoots: [], history: null, config: {}, environments: null, modelProvider: null };
    expect(call('thread/start', params)).toMatchObject({ kind: 'forward' });
    expect(call('thread/resume', { threadId: 't', path: null, history: null })).toEqual({ kind: 'forward' });
    expect(call('thread/resume', { threadId: 't', path: '' })).toEqual({ kind: 'forward' });
  });
});

describe('the guard, methods', () => {
  it.each([
    'fs/readFile',
    'command/exec',
    'process/spawn',
    'thread/shellCommand',
    'config/value/write',
    'plugin/install',
    'marketplace/add',
    'account/login/start',
    'account/logout',
    'environment/add',
    'feedback/upload',
    'fuzzyFileSearch',
    'remoteControl/enable',
    'mcpServer/tool/call',
  ])('answers %s with an error that says why', (method) => {
    const verdict = call(method, {});
    expect(verdict).toMatchObject({ kind: 'answer', method, why: 'method' });
    const { id, code, message } = errorOf(verdict);
    expect({ id, code }).toEqual({ id: 1, code: -32601 });
    expect(message).toMatch(new RegExp(`^${method} is not available through this gateway: \\w+`));
  });

  it.each([
    'nobody/knowsThis',
    'constructor',
    '__proto__',
    'toString',
    '',
    'Thread/start',
    'thread/start ',
    'thread\0start',
  ])('refuses a method that nobody listed: %j', (method) => {
    expect(call(method, {})).toMatchObject({ kind: 'answer', method: 'unknown', why: 'method' });
  });

  it('does not repeat a method of any length', () => {
    expect(errorOf(call('x'.repeat(10_000))).message.length).toBeLessThan(300);
  });

  it('drops a notification that is not on the list, since nothing answers it', () => {
    expect(inspect({ method: 'command/exec', params: { command: ['id'] } })).toEqual({
      kind: 'drop',
      method: 'command/exec',
      why: 'method',
    });
    expect(inspect({ method: 'thread/start', params: {} })).toMatchObject({ kind: 'drop' });
  });
});

describe('the guard, what is no request', () => {
  it.each([
    ['not JSON', '{"id":1,', -32700],
    ['an empty frame', '', -32700],
    ['a byte order mark', '\ufeff{"id":1,"method":"model/list"}', -32700],
    ['a batch', '[{"id":1,"method":"model/list"}]', -32600],
    ['a number', '1', -32600],
    ['null', 'null', -32600],
    ['an object of nothing', '{}', -32600],
    ['an id alone', '{"id":1}', -32600],
    ['a method that is no text', '{"id":1,"method":["command/exec"]}', -32600],
    ['a method that is null, beside a result', '{"id":1,"method":null,"result":{}}', -32600],
    ['an id that is null', '{"id":null,"method":"model/list"}', -32600],
    ['an id that is an object', '{"id":{},"method":"model/list"}', -32600],
    ['an id that would come back as another', '{"id":9007199254740993,"method":"model/list"}', -32600],
    ['parameters that are a list', '{"id":1,"method":"model/list","params":[]}', -32602],
    ['parameters that are a text', '{"id":1,"method":"model/list","params":"x"}', -32602],
    ['too deep a nesting', `{"id":1,"method":"model/list","params":${'['.repeat(200)}${']'.repeat(200)}}`, -32600],
  ])('answers %s with an error and goes on', (_what, text, code) => {
    expect(errorOf(guard.inspect(Buffer.from(text))).code).toBe(code);
    expect(inspect({ method: 'initialized' })).toEqual({ kind: 'forward' });
  });

  it.each([
    '{"id":1,"method":"model/list","method":"command/exec"}',
    '{"id":1,"method":"command/exec","method":"model/list"}',
    '{"id":1,"method":"model/list","m\\u0065thod":"command/exec"}',
    '{"id":1,"method":"thread/start","params":{"config":{},"config":{"notify":["sh"]}}}',
    '{"id":1,"method":"thread/start","params":{},"params":{"config":{"notify":["sh"]}}}',
  ])('refuses what two parsers could read as two things: %s', (text) => {
    expect(errorOf(guard.inspect(Buffer.from(text))).message).toContain('same key twice');
  });
});
