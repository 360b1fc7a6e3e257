import { call, errorOf, HOME, inspect } from '../../test/guard-calls.ts';
import { createGuard } from './guard.ts';

describe('the guard, parameters', () => {
  const text = { type: 'text', text: 'hi', text_elements: [] };

  it.each([
    ['an MCP server', 'thread/start', { config: { mcp_servers: { x: { command: 'sh' } } } }],
    ['an MCP server by dotted key', 'thread/start', { config: { 'mcp_servers.x.command': 'sh' } }],
    ['a notify program', 'thread/resume', { threadId: 't', config: { notify: ['sh'] } }],
    ['a model provider', 'thread/fork', { threadId: 't', config: { 'model_providers.x.base_url': 'http://evil' } }],
    ['hooks', 'thread/start', { config: { 'features.hooks': true } }],
    ['a permissions profile of the client', 'thread/start', { config: { default_permissions: 'mine' } }],
    ['a prototype as setting', 'thread/start', { config: { constructor: 'x' } }],
    ['settings that are a text', 'thread/start', { config: 'notify=["sh"]' }],
    ['another model provider', 'thread/start', { modelProvider: 'ollama' }],
    ['another model provider to list', 'model/list', { modelProvider: 'ollama' }],
    ['the local environment', 'thread/start', { environments: [{ environmentId: 'local', cwd: '/' }] }],
    [
      'the local environment after the remote one',
      'turn/start',
      {
        threadId: 't',
        input: [text],
        environments: [
          { environmentId: 'remote', cwd: '/' },
          { environmentId: 'local', cwd: '/' },
        ],
      },
    ],
    ['an environment without a name', 'turn/settings/update', { environments: [{ cwd: '/' }] }],
    ['environments that are no list', 'thread/settings/update', { environments: { environmentId: 'remote' } }],
    ['information on the local environment', 'environment/info', { environmentId: 'local' }],
    ['an image file', 'turn/start', { input: [text, { type: 'localImage', path: '/etc/shadow' }] }],
    ['an image file while a turn runs', 'turn/steer', { input: [{ type: 'localImage', path: '/etc/shadow' }] }],
    ['an image file for later', 'thread/queue/add', { input: [{ type: 'localImage', path: '/etc/shadow' }] }],
    ['a sound file', 'turn/start', { input: [{ type: 'localAudio', path: '/etc/shadow' }] }],
    ['an image to fetch', 'turn/start', { input: [{ type: 'image', url: 'http://169.254.169.254/' }] }],
    ['an image by file URL', 'turn/start', { input: [{ type: 'image', url: 'file:///etc/shadow' }] }],
    ['an image without anything', 'turn/start', { input: [{ type: 'image' }] }],
    ['a skill file elsewhere', 'turn/start', { input: [{ type: 'skill', name: 'x', path: '/etc/shadow' }] }],
    ['a skill file by detour', 'turn/start', { input: [{ type: 'skill', path: `${HOME}/skills/../config.toml` }] }],
    ['a mentioned file', 'turn/start', { input: [{ type: 'mention', name: 'x', path: '/etc/shadow' }] }],
    ['a mentioned file URL', 'turn/start', { input: [{ type: 'mention', name: 'x', path: 'file:///etc/shadow' }] }],
    ['an input of another kind', 'turn/start', { input: [{ type: 'local_image', path: '/etc/shadow' }] }],
    ['an input without a kind', 'turn/start', { input: [{ path: '/etc/shadow' }] }],
    ['inputs that are no list', 'turn/start', { input: { type: 'localImage', path: '/etc/shadow' } }],
    ['a rollout file elsewhere', 'thread/resume', { threadId: 't', path: '/etc/shadow' }],
    ['a rollout file of another workspace', 'thread/fork', { path: '/state/workspaces/ws_2/codex-home/sessions/a' }],
    ['a rollout file by detour', 'thread/fork', { path: `${HOME}/sessions/../../../ws_2/codex-home/sessions/a` }],
    ['a relative rollout file', 'thread/resume', { threadId: 't', path: 'sessions/a' }],
    ['a history of the client', 'thread/resume', { threadId: 't', history: [{ type: 'message' }] }],
    ['roots on the host', 'thread/start', { selectedCapabilityRoots: [{ id: 'x', location: '/' }] }],
    ['a plan file', 'thread/prepareApprovedPlan', { threadId: 't', markdown: '', attachmentPath: '/etc/cron.d/x' }],
    ['a change of how all sign in', 'initialize', { capabilities: { explicitGatewayOauth: true } }],
    ['a configuration file', 'config/batchWrite', { edits: [], filePath: '/etc/codex/config.toml' }],
    ['a setting', 'config/batchWrite', { edits: [{ keyPath: 'model', value: 'x', mergeStrategy: 'replace' }] }],
    [
      'a setting behind a trust',
      'config/batchWrite',
      {
        edits: [
          { keyPath: 'projects."/a".trust_level', value: 'trusted', mergeStrategy: 'replace' },
          { keyPath: 'notify', value: ['sh'], mergeStrategy: 'replace' },
        ],
      },
    ],
    [
      'a setting inside a trust',
      'config/batchWrite',
      {
        edits: [{ keyPath: 'projects."/a".trust_level', value: { notify: ['sh'] }, mergeStrategy: 'replace' }],
      },
    ],
    [
      'a setting in disguise',
      'config/batchWrite',
      {
        edits: [{ keyPath: 'projects."a".x."b".trust_level', value: 'trusted', mergeStrategy: 'replace' }],
      },
    ],
  ])('refuses %s', (_what, method, params) => {
    const verdict = call(method, params);
    expect(verdict).toMatchObject({ kind: 'answer', method, why: 'parameter' });
    expect(errorOf(verdict)).toMatchObject({ id: 1, code: -32602 });
  });

  it.each([
    ['the executor', 'turn/start', { threadId: 't', environments: [{ environmentId: 'remote', cwd: '/home/me' }] }],
    ['no environment', 'turn/start', { threadId: 't', environments: [] }],
    ['an image inline', 'turn/start', { input: [{ type: 'image', url: 'data:image/png;base64,AA==' }] }],
    [
      'a skill of the app-server',
      'turn/start',
      { input: [{ type: 'skill', name: 'x', path: `${HOME}/skills/x/SKILL.md` }] },
    ],
    ['a mentioned app', 'turn/start', { input: [{ type: 'mention', name: 'x', path: 'app://x' }] }],
    [
      'a rollout file of its own',
      'thread/resume',
      { threadId: 't', path: `${HOME}/sessions/2026/11/22/rollout-1.jsonl` },
    ],
    ['an archived one', 'thread/fork', { path: `${HOME}/archived_sessions/rollout-1.jsonl` }],
    ['the configured model provider', 'thread/start', { modelProvider: 'gateway' }],
    [
      'settings that switch things off',
      'thread/start',
      {
        config: { 'features.hooks': false, mcp_servers: {}, web_search: 'disabled', default_permissions: ':read-only' },
      },
    ],
    [
      'the trust in a folder',
      'config/batchWrite',
      {
        edits: [{ keyPath: 'projects."/home/me".trust_level', value: 'trusted', mergeStrategy: 'replace' }],
        filePath: null,
        expectedVersion: null,
        reloadUserConfig: true,
      },
    ],
  ])('passes %s', (_what, method, params) => {
    expect(call(method, params)).toEqual({ kind: 'forward' });
  });

  it('selects no environment at all for a workspace without an executor', () => {
    const none = createGuard({ codexHome: HOME, environmentIds: [], modelProvider: 'gateway' });
    const params = { environments: [{ environmentId: 'remote', cwd: '/' }] };
    const verdict = none.inspect(Buffer.from(JSON.stringify({ id: 1, method: 'thread/start', params })));
    expect(errorOf(verdict).code).toBe(-32602);
  });

  it('knows no file of an app-server that is not its own', () => {
    const dialled = createGuard({ codexHome: undefined, environmentIds: ['remote'], modelProvider: undefined });
    const resume = { id: 1, method: 'thread/resume', params: { path: `${HOME}/sessions/a.jsonl` } };
    expect(errorOf(dialled.inspect(Buffer.from(JSON.stringify(resume)))).code).toBe(-32602);
    const start = { id: 1, method: 'thread/start', params: { modelProvider: 'theirs' } };
    expect(dialled.inspect(Buffer.from(JSON.stringify(start)))).toEqual({ kind: 'forward' });
  });

  it('leaves out folders of the host, and parameters that nobody listed, under whatever alias', () => {
    expect(call('skills/list', { cwds: ['/etc'], forceReload: true })).toEqual({
      kind: 'forward',
      text: JSON.stringify({ id: 1, method: 'skills/list', params: { forceReload: true } }),
    });
    expect(inspect({ id: 'a', method: 'config/read', params: { cwd: '/etc' }, extra: { method: 'x' } })).toEqual({
      kind: 'forward',
      text: JSON.stringify({ id: 'a', method: 'config/read', params: {} }),
    });
    const aliased = call('thread/start', {
      model: 'm',
      mcp_servers: { x: {} },
      __proto__x: 1,
      local_environment: true,
    });
    expect(aliased).toEqual({
      kind: 'forward',
      text: JSON.stringify({ id: 1, method: 'thread/start', params: { model: 'm' } }),
    });
  });
});
