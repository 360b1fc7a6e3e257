import type { ModelConfig } from '../config.ts';

// Off, whatever a version's default: each of these starts programs, fetches from elsewhere or opens another way in.
const DISABLED_FEATURES = ['apps', 'hooks', 'memories', 'plugins', 'remote_control', 'remote_plugin', 'shell_snapshot'];

/**
 * The `config.toml` of an app-server: the model and nothing that a workspace could change. It is written anew at each start,
 * so that what an app-server adds to it (trusted projects, for one) does not last.
 */
export function codexConfig(model: ModelConfig): string {
  const provider = [
    ['name', model.provider],
    ['base_url', model.baseUrl],
    ...(model.apiKey === undefined ? [] : [['env_key', model.envKey] as const]),
    ['wire_api', model.wireApi],
  ] as const;
  return [
    '# Written by codex-app-gateway at each start; changes do not last.',
    ...(model.name === undefined ? [] : [`model = ${tomlString(model.name)}`]),
    `model_provider = ${tomlString(model.provider)}`,
    'check_for_update_on_startup = false',
    '',
    `[model_providers.${tomlString(model.provider)}]`,
    ...provider.map(([key, value]) => `${key} = ${tomlString(value)}`),
    '',
    '[analytics]',
    'enabled = false',
    '',
    '[features]',
    ...DISABLED_FEATURES.map((feature) => `${feature} = false`),
    '',
  ].join('\n');
}

/** A basic string (TOML 1.0): quotation mark, backslash and every control character escaped. */
export function tomlString(text: string): string {
  const escaped = text.replace(/["\\\p{Cc}]/gu, (character) => {
    if (character === '"' || character === '\\') return `\\${character}`;
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
  return `"${escaped}"`;
}
