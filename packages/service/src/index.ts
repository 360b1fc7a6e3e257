export { createBareApp } from './bare-app.ts';
export { type Clock, systemClock } from './clock.ts';
export { CLOSE_CODES, type CloseCodeName, closeReason } from './close-codes.ts';
export { ConfigError, type Environment, EnvReader } from './env-reader.ts';
export { NotReadyError, type Readiness, type ReadinessCheck } from './health.ts';
export { type HotRequest, type HotRoute, hotRoutesBefore, raiseHotFailure } from './hot-routes.ts';
export {
  asHttpError,
  codeErrorForm,
  type ErrorForm,
  errorMiddleware,
  HttpError,
  notFound,
  objectErrorForm,
} from './http-error.ts';
export { createApp, type HttpServer, ListenError, listen, type UpgradeListener } from './http-server.ts';
export {
  type CallObserver,
  createInternalClient,
  type InternalAnswer,
  type InternalClient,
  type InternalRequest,
  ServiceUnavailableError,
} from './internal-client.ts';
export { createLogger, LOG_LEVELS, type Logger, type LogLevel } from './logger.ts';
export { createMetrics, type HttpMetrics, type Metrics, observePool } from './metrics.ts';
export { otherMethods } from './other-methods.ts';
export { isSecretRefusal, OwnSecret, type OwnSecretDeps } from './own-secret.ts';
export { identifier, lineOfText, pageLimit, parseInput, queryFlag } from './parse-input.ts';
export { requestIdOf } from './request-log.ts';
export { splitTarget } from './request-target.ts';
export { PARENT_PIPE_VARIABLE, runProcess, type Service } from './run-process.ts';
export { bearerOf, hasInternalSecret, requireInternalSecret, requireSharedSecret } from './secrets.ts';
export { type ServedRoute, servedRoutes } from './served-routes.ts';
export { databaseSpans } from './tracing/database-spans.ts';
export {
  continueTrace,
  currentRequestId,
  currentTraceparent,
  inSpan,
  propagationHeaders,
  recordedTraceparent,
  runOutsideRequests,
} from './tracing/request-context.ts';
export { openRequest, type RequestScope } from './tracing/request-scope.ts';
export type { Span, SpanAttributes } from './tracing/span.ts';
export { createTracing, noTracing, type Tracing } from './tracing/tracing.ts';
export { readTracing, type TracingSettings } from './tracing/tracing-settings.ts';
export { refuseUpgrade } from './upgrade.ts';
