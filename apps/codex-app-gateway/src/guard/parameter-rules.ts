import { isAbsolute, join, normalize, sep } from 'node:path';
import { isJsonObject, type JsonObject } from './json-object.ts';

/** What the rules need to know of the app-server behind the guard. */
export interface GuardContext {
  /** The app-server's own folder; undefined when it is not ours to know. */
  readonly codexHome: string | undefined;
  /** What may be named as environment; never the gateway's host. */
  readonly environmentIds: readonly string[];
  /** The one that is configured; undefined when it is not ours to know. */
  readonly modelProvider: string | undefined;
}

/** Looks at the value of one parameter, never null. @returns why it is refused, or undefined */
export type ParameterRule = (value: unknown, context: GuardContext) => string | undefined;

const HOST_FILE = "it would read a file of the gateway's host";

export const environmentId: ParameterRule = (value, { environmentIds }) =>
  typeof value === 'string' && environmentIds.includes(value) ? undefined : 'there is no such environment here';

/** Threads and turns may select the workspace's executor, or nothing. */
export const environments: ParameterRule = (value, context) => {
  if (!Array.isArray(value)) return 'it is a list';
  for (const each of value) {
    const problem = isJsonObject(each) ? environmentId(each.environmentId, context) : 'it is a list of objects';
    if (problem) return problem;
  }
  return undefined;
};

export const modelProvider: ParameterRule = (value, context) =>
  context.modelProvider === undefined || value === context.modelProvider
    ? undefined
    : 'this gateway has one model provider';

/** Text, and what carries its data itself; nothing that names a file. */
export const userInput: ParameterRule = (value, context) => {
  if (!Array.isArray(value)) return 'it is a list';
  for (const each of value) {
    const problem = isJsonObject(each) ? inputItemProblem(each, context) : 'it is a list of objects';
    if (problem) return problem;
  }
  return undefined;
};

function inputItemProblem(item: JsonObject, context: GuardContext): string | undefined {
  switch (item.type) {
    case 'text':
      return undefined;
    case 'image':
    case 'audio':
      return isInline(item) ? undefined : 'images and audio are sent inline, as data URL';
    case 'localImage':
    case 'localAudio':
      return `${HOST_FILE}; send it inline, as data URL`;
    case 'skill':
      return isInside(item.path, context, 'skills') ? undefined : HOST_FILE;
    case 'mention':
      return typeof item.path === 'string' && /^[a-z]+:\/\//.test(item.path) && !item.path.startsWith('file:')
        ? undefined
        : HOST_FILE;
    default:
      return 'it has an input of a kind that this gateway does not know';
  }
}

function isInline(item: JsonObject): boolean {
  if (!Object.hasOwn(item, 'url')) return typeof item.fileId === 'string';
  return typeof item.url === 'string' && /^data:/i.test(item.url);
}

/** A rollout file that the app-server itself wrote. */
export const rolloutPath: ParameterRule = (value, context) =>
  value === '' || isInside(value, context, 'sessions') || isInside(value, context, 'archived_sessions')
    ? undefined
    : HOST_FILE;

function isInside(path: unknown, { codexHome }: GuardContext, folder: string): boolean {
  return (
    codexHome !== undefined &&
    typeof path === 'string' &&
    !path.includes('\0') &&
    isAbsolute(path) &&
    normalize(path) === path &&
    path.startsWith(join(codexHome, folder) + sep)
  );
}

/** One client may not change how the app-server signs in for all. */
export const clientCapabilities: ParameterRule = (value) => {
  if (!isJsonObject(value)) return 'it is an object';
  return value.explicitGatewayOauth ? 'explicitGatewayOauth is not available' : undefined;
};

const isText = (value: unknown) => typeof value === 'string';
const isSwitch = (value: unknown) => typeof value === 'boolean';
const isOff = (value: unknown) => value === false;

// Settings of one thread that make nothing run and reach nothing; `features.<name>` may only be switched off.
const HARMLESS_OVERRIDES: ReadonlyMap<string, (value: unknown) => boolean> = new Map([
  ['approval_policy', isText],
  ['cloud.skills.enabled', isOff],
  ['default_permissions', (value: unknown) => isText(value) && /^:[a-z-]+$/.test(String(value))],
  ['hide_agent_reasoning', isSwitch],
  ['mcp_servers', (value: unknown) => isJsonObject(value) && Object.keys(value).length === 0],
  ['model_reasoning_effort', isText],
  ['model_reasoning_summary', isText],
  ['model_verbosity', isText],
  ['personality', isText],
  ['sandbox_mode', isText],
  ['service_tier', isText],
  ['show_raw_agent_reasoning', isSwitch],
  ['skills.include_instructions', isSwitch],
  ['thread_unload_delay_secs', (value: unknown) => typeof value === 'number'],
  ['tools.experimental_request_user_input.enabled', isSwitch],
  ['tools.update_plan.enabled', isSwitch],
  ['web_search', isText],
]);
const FEATURE = /^features\.[a-z0-9_]+$/;

/** Overrides of `config.toml` for one thread: only those known to be harmless. */
export const configOverrides: ParameterRule = (value) => {
  if (!isJsonObject(value)) return 'it is an object';
  const bad = Object.entries(value).find(([key, each]) => each !== null && !isHarmless(key, each));
  return bad === undefined ? undefined : `the setting ${JSON.stringify(bad[0].slice(0, 100))} is the gateway's`;
};

function isHarmless(key: string, value: unknown): boolean {
  const check = FEATURE.test(key) ? isOff : HARMLESS_OVERRIDES.get(key);
  return check?.(value) ?? false;
}

const EDIT_KEYS = new Set(['keyPath', 'value', 'mergeStrategy']);
const PROJECT_TRUST = /^projects\."(?:[^"\\]|\\.)*"\.trust_level$/;

/** What the TUI writes when its person trusts the folder they work in; no other setting. */
export const projectTrust: ParameterRule = (value) => {
  const isTrust = (edit: unknown) =>
    isJsonObject(edit) &&
    Object.keys(edit).every((key) => EDIT_KEYS.has(key)) &&
    typeof edit.keyPath === 'string' &&
    PROJECT_TRUST.test(edit.keyPath) &&
    (edit.value === 'trusted' || edit.value === 'untrusted');
  return Array.isArray(value) && value.every(isTrust) ? undefined : "the configuration is the gateway's";
};
