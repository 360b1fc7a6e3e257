import type { ModelConfig } from '../config.ts';
import type { WorkspaceFolder } from './workspace-folder.ts';

/** What an app-server may run commands on: one executor, which it finds at a registry made for it; or nothing at all. */
export type Execution =
  | {
      readonly kind: 'executor';
      readonly exeId: string;
      /** `http://127.0.0.1:…`, and what opens it: both are this app-server's alone. */
      readonly registryUrl: string;
      readonly registryToken: string;
      /** http(s) or ws(s) base of the exec-gateway, as the app-server reaches it. */
      readonly execGatewayUrl: string;
      readonly workspaceId: string;
    }
  | {
      /** For a CLI without encryption. */
      readonly kind: 'legacy-executor';
      readonly exeId: string;
      /** `ws://127.0.0.1:…`, with what opens it: this app-server's alone. */
      readonly bridgeUrl: string;
      readonly execGatewayUrl: string;
      readonly workspaceId: string;
    }
  | { readonly kind: 'none' };

/**
 * The whole environment of an app-server; nothing of this process's own is in it.
 * @param path - where the app-server finds programs: a folder without any, see `programPath`
 */
export function childEnvironment({
  folder,
  model,
  execution,
  network,
  path,
  traceparent,
}: {
  folder: WorkspaceFolder;
  model: Pick<ModelConfig, 'envKey' | 'apiKey'>;
  execution: Execution;
  /** Proxies and trusted authorities. */
  network: Readonly<Record<string, string>>;
  path: string;
  /** The trace that it belongs to, for a CLI that traces what it does. */
  traceparent?: string | undefined;
}): Record<string, string> {
  return {
    ...network,
    ...withoutProxy(network, execution),
    ...(model.apiKey === undefined ? {} : { [model.envKey]: model.apiKey }),
    PATH: path,
    HOME: folder.home,
    CODEX_HOME: folder.codexHome,
    TMPDIR: folder.temporary,
    LANG: 'C.UTF-8',
    ...(traceparent === undefined ? {} : { TRACEPARENT: traceparent }),
    ...executionVariables(execution),
  };
}

// A CLI that prefers the variables of its executor is not changed by `none`; one that did not know them (0.140, were it taken for a
// current one) would run commands right here without it.
const NO_LOCAL_EXECUTION = { CODEX_EXEC_SERVER_URL: 'none' };

function executionVariables(execution: Execution): Record<string, string> {
  if (execution.kind === 'none') return NO_LOCAL_EXECUTION;
  if (execution.kind === 'legacy-executor') return { CODEX_EXEC_SERVER_URL: execution.bridgeUrl };
  return {
    ...NO_LOCAL_EXECUTION,
    CODEX_EXEC_SERVER_NOISE_REGISTRY_URL: execution.registryUrl,
    CODEX_EXEC_SERVER_NOISE_ENVIRONMENT_ID: execution.exeId,
    CODEX_EXEC_SERVER_NOISE_AUTH_TOKEN: execution.registryToken,
    CODEX_EXEC_SERVER_NOISE_CHATGPT_ACCOUNT_ID: execution.workspaceId,
  };
}

/** The exec-gateway and this host are reached directly, whatever proxy leads to the model. */
function withoutProxy(network: Readonly<Record<string, string>>, execution: Execution): Record<string, string> {
  if (!Object.keys(network).some((name) => /_proxy$/i.test(name))) return {};
  const direct = ['127.0.0.1', 'localhost', '::1'];
  if (execution.kind !== 'none') direct.push(new URL(execution.execGatewayUrl).hostname);
  const list = [network.NO_PROXY ?? network.no_proxy ?? [], direct].flat().join(',');
  return { NO_PROXY: list, no_proxy: list };
}

/** The http(s) form of a ws(s) base URL. */
export function httpBaseOf(wsUrl: string): string {
  return wsUrl.replace(/^ws/, 'http');
}
