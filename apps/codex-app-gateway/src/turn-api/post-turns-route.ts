import { type Logger, parseInput, requestIdOf } from '@codex-gateways/service';
import type { Request, RequestHandler, Response } from 'express';
import type { Caller } from '../authentication/authenticator.ts';
import type { ClientWatch } from '../client-watch.ts';
import type { InnerDoor } from './inner-door.ts';
import { runTurn, type TurnListener } from './run-turn.ts';
import type { RunningTurns } from './running-turns.ts';
import type { TurnCallers } from './turn-callers.ts';
import { TurnEventStream } from './turn-event-stream.ts';
import type { TurnPlaces } from './turn-places.ts';
import { type TurnRequest, type TurnResult, turnRequest } from './turn-schemas.ts';

export interface PostTurnsDeps {
  readonly callers: Pick<TurnCallers, 'whoAsks' | 'callerOf'>;
  readonly jsonBody: RequestHandler;
  readonly places: Pick<TurnPlaces, 'take'>;
  readonly running: Pick<RunningTurns, 'add'>;
  readonly door: Pick<InnerDoor, 'enter'>;
  readonly watch: Pick<ClientWatch, 'keep'>;
  /** Of events that a client does not read. */
  readonly maxUnsentBytes: number;
  readonly log: Logger;
}

/** `POST /api/turns`: runs one turn, and answers when it has ended or, as a stream of events, while it runs. */
export function postTurnsRoute(deps: PostTurnsDeps): RequestHandler {
  return async (req, res) => {
    const asking = await deps.callers.whoAsks(req);
    await readBody(deps.jsonBody, req, res); // the bodies of strangers are not worth the memory
    const request = parseInput(turnRequest, req.body);
    const caller = await deps.callers.callerOf(asking, request);
    if (res.destroyed) return; // the client left meanwhile: no close will follow
    const giveBack = deps.places.take(caller.workspaceId);
    const interruption = new AbortController();
    const isOver = deps.running.add(interruption);
    const after = (why: string) => () => interruption.abort(why);
    const timer = setTimeout(after(`it took longer than ${request.timeout_seconds} s`), request.timeout_seconds * 1000);
    res.once('close', after('the client left'));
    if (asking.kind === 'remote_token') {
      const closed = new Promise((resolve) => res.once('close', resolve));
      deps.watch.keep({ closed, close: ({ reason }) => interruption.abort(reason) }, asking);
    }
    try {
      const run = (listener: TurnListener) =>
        start(deps, { req, request, caller, signal: interruption.signal, ...listener });
      if (req.accepts(['application/json', 'text/event-stream']) === 'text/event-stream')
        await stream(run, { req, res, maxUnsentBytes: deps.maxUnsentBytes });
      else res.set('Cache-Control', 'no-store').json(await run({ onEvent: () => undefined }));
    } finally {
      clearTimeout(timer);
      giveBack();
      isOver();
    }
  };
}

function readBody(jsonBody: RequestHandler, req: Request, res: Response): Promise<void> {
  return new Promise((resolve, reject) => {
    void jsonBody(req, res, (error?: unknown) => (error === undefined ? resolve() : reject(error)));
  });
}

interface Run extends TurnListener {
  readonly req: Request;
  readonly request: TurnRequest;
  readonly caller: Caller;
  readonly signal: AbortSignal;
}

async function start({ door, log }: PostTurnsDeps, { req, caller, ...run }: Run): Promise<TurnResult> {
  const socket = await door.enter(caller, { requestId: requestIdOf(req), signal: run.signal });
  const result = await runTurn({ ...run, socket });
  const who = { workspace_id: caller.workspaceId, user_id: caller.userId };
  log.info({ ...who, thread_id: result.thread_id, status: result.status }, 'turn run for a caller');
  return result;
}

/** What is refused before the first event is refused with a status. */
async function stream(
  run: (listener: TurnListener) => Promise<TurnResult>,
  { req, res, maxUnsentBytes }: { req: Request; res: Response; maxUnsentBytes: number },
): Promise<void> {
  let events: TurnEventStream | undefined;
  try {
    const result = await run({
      onEvent: ({ event, data }) => {
        events ??= new TurnEventStream(res, { maxUnsentBytes });
        events.send(event, data);
      },
      whenRoom: () => events?.whenRoom(),
    });
    events ??= new TurnEventStream(res, { maxUnsentBytes });
    events.send('turn.completed', result);
    events.end();
  } catch (error) {
    if (!events) throw error;
    events.fail(error, req);
  }
}
