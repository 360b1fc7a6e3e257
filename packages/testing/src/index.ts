export type { Browser, BrowserContext, Page } from 'playwright-core';
export {
  type AppServerClient,
  type CloseEvent,
  connectAppServer,
  type ServerRequestHandlers,
} from './app-server/app-server-client.ts';
export { AppServerError, UpgradeRefusedError } from './app-server/app-server-errors.ts';
export { type ConnectOptions, connectWebSocket } from './app-server/connect-websocket.ts';
export type { Notification } from './app-server/json-rpc.ts';
export { type CompletedTurn, runTurn, type TurnItem, type TurnOptions } from './app-server/run-turn.ts';
export { startAppServer } from './app-server/start-app-server.ts';
export { type BrowserProgram, findBrowser } from './browser/find-browser.ts';
export { startBrowser, type TestBrowser, useBrowser } from './browser/start-browser.ts';
export { cachedFolder, userCacheFolder } from './cache/cached-folder.ts';
export { bundledCodexVersion, codexBinary } from './codex/codex-binary.ts';
export { type CodexAuth, type CodexHome, createCodexHome, QUIET_CONFIG } from './codex/codex-home.ts';
export { type CodexOptions, runCodex, startCodex } from './codex/run-codex.ts';
export { createSignedInHome } from './codex/signed-in-home.ts';
export { configurationProblems } from './documentation/configuration-problems.ts';
export { differingMetrics, documentedMetrics } from './documentation/documented-metrics.ts';
export { undocumentedVariables } from './documentation/documented-variables.ts';
export {
  type InputItem,
  lastToolOutput,
  lastUserText,
  type ModelRequest,
  toolNames,
} from './model-server/model-request.ts';
export {
  type ModelAction,
  type ModelScript,
  type ModelTurn,
  refuse,
  runCommand,
  say,
} from './model-server/model-script.ts';
export {
  codexModelConfig,
  type ModelServer,
  type RecordedModelRequest,
  startModelServer,
} from './model-server/model-server.ts';
export { DatabaseProxy } from './network/database-proxy.ts';
export { startRoundRobin } from './network/round-robin.ts';
export { startTestPostgres, type TestDatabase, type TestPostgres } from './postgres/test-postgres.ts';
export { createTestDatabase, useTestDatabase } from './postgres/use-test-database.ts';
export { cpuMsOf } from './processes/cpu-time.ts';
export { freeze } from './processes/freeze.ts';
export { isAlive } from './processes/is-alive.ts';
export { whenThisProcessIsGone } from './processes/process-guard.ts';
export { describeWith, findProgram } from './processes/programs.ts';
export { type ProcessExit, type ProcessOptions, RunningProcess, startProcess } from './processes/running-process.ts';
export { type Cleanup, useCleanup } from './processes/use-cleanup.ts';
export { startTerminal, type Terminal, type TerminalOptions } from './terminal/start-terminal.ts';
export { type ReceivedSpan, startTraceCollector, type TraceCollector } from './traces/trace-collector.ts';
export { collectGarbage } from './waiting/collect-garbage.ts';
export { freePort } from './waiting/free-port.ts';
export { type WaitForOptions, waitFor } from './waiting/wait-for.ts';
