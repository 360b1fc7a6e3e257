import fc from 'fast-check';
import { codexConfig, tomlString } from './codex-config.ts';

const MODEL = {
  name: 'a-model',
  provider: 'gateway',
  baseUrl: 'http://127.0.0.1:9/v1',
  envKey: 'KEY',
  wireApi: 'responses',
  apiKey: 'the key itself',
} as const;

describe('the configuration of an app-server', () => {
  it('is the model, and everything switched off that runs or fetches something', () => {
    expect(codexConfig(MODEL)).toBe(`# Written by codex-app-gateway at each start; changes do not last.
model = "a-model"
model_provider = "gateway"
check_for_update_on_startup = false

[model_providers."gateway"]
name = "gateway"
base_url = "http://127.0.0.1:9/v1"
env_key = "KEY"
wire_api = "responses"

[analytics]
enabled = false

[features]
apps = false
hooks = false
memories = false
plugins = false
remote_control = false
remote_plugin = false
shell_snapshot = false
`);
  });

  it('never holds the key', () => {
    expect(codexConfig(MODEL)).not.toContain(MODEL.apiKey);
  });

  it('asks for no key when there is none, and leaves the model to the CLI when none is named', () => {
    const toml = codexConfig({ ...MODEL, apiKey: undefined, name: undefined });
    expect(toml).not.toMatch(/env_key|^model =/m);
  });

  it('cannot be broken out of by a value', () => {
    const toml = codexConfig({ ...MODEL, name: 'x"\nnotify = ["sh"]\n#\\' });
    expect(toml.split('\n')[1]).toBe('model = "x\\"\\u000anotify = [\\"sh\\"]\\u000a#\\\\"');
  });

  it('writes every text as a string of one line that reads back as itself', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const toml = tomlString(text);
        expect(toml).not.toMatch(/\p{Cc}/u);
        // A basic string with these escapes is a JSON string too.
        expect(JSON.parse(toml)).toBe(text);
      }),
    );
  });
});
