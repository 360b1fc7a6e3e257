import { HttpError, requestIdOf } from '@codex-gateways/service';
import type { Request, RequestHandler, Response } from 'express';
import type { Duels } from '../duels/duels.ts';
import { executorIdOf, goneSignal, unknownExecutor } from '../reading.ts';
import { isPassingTrouble } from '../unavailable.ts';
import type { AgentserverValidator } from './agentserver-validator.ts';
import { authenticateExecutor, notOwner, readCredentials } from './authenticate-executor.ts';
import { clientMetadataOf } from './client-metadata.ts';
import { type Generation, NOISE_SECURITY_PROFILE } from './generation.ts';
import { holdThroughTrouble } from './hold-through-trouble.ts';
import { requiredWsUrl } from './public-ws-url.ts';
import { parseRegisterBody } from './register-body.ts';
import type { Registration, Registrations } from './registrations.ts';

type Registered = Extract<Registration, { kind: 'registered' }>;

export interface CloudRegisterServices {
  readonly validator: Pick<AgentserverValidator, 'validate'>;
  readonly registrations: Pick<Registrations, 'register'>;
  readonly duels: Pick<Duels, 'mayTakeOver'>;
  readonly counters: { registered(outcome: Generation | 'refused' | 'unavailable'): void };
  readonly publicWsBaseUrl: string | undefined;
  /** How long trouble that may pass is waited for, before it becomes the end of the executor's process. */
  readonly holdMs: number;
}

/**
 * `POST /cloud/environment/{id}/register` and `/cloud/executor/{id}/register` (0.132): an executor shows whose it is and gets
 * the address of its WebSocket, with a ticket in it.
 */
export function cloudRegisterRoute(services: CloudRegisterServices): RequestHandler {
  return async (req, res) => {
    try {
      const exeId = executorIdOf(req.params.id);
      const wsUrl = requiredWsUrl(req, services.publicWsBaseUrl);
      const registered = await register(exeId, { req, res }, services);
      services.counters.registered(registered.generation);
      res.set('Cache-Control', 'no-store').json(answer(exeId, wsUrl, registered));
    } catch (error) {
      services.counters.registered(isPassingTrouble(error) ? 'unavailable' : 'refused');
      throw error;
    }
  };
}

async function register(
  exeId: string,
  { req, res }: { req: Request; res: Response },
  { validator, registrations, duels, holdMs }: CloudRegisterServices,
): Promise<Registered> {
  const publicKey = parseRegisterBody(req.body);
  const credentials = readCredentials(req);
  const client = clientMetadataOf(req);
  const requestId = requestIdOf(req);
  return holdThroughTrouble(
    async (signal) => {
      const userId = await authenticateExecutor(validator, credentials, signal);
      const registered = accept(await registrations.register({ exeId, userId, publicKey, client, requestId }));
      if (registered.isInDuel) await duels.mayTakeOver({ exeId, registrationId: registered.registrationId }, 409);
      return registered;
    },
    { holdMs, isPassing: isPassingTrouble, callerGone: goneSignal(res) },
  );
}

function accept(registration: Registration): Registered {
  if (registration.kind === 'registered') return registration;
  if (registration.kind === 'unknown_executor') throw unknownExecutor();
  if (registration.kind === 'not_owner') throw notOwner();
  // Passes by itself, one registration a second, so the call is held as if something were away.
  throw new HttpError(
    503,
    'too_many_registrations',
    'this executor registers too often; is another process running with the same environment id?',
    { headers: { 'Retry-After': '5' } },
  );
}

function answer(exeId: string, wsUrl: string, { ticket, registrationId, generation }: Registered) {
  return {
    id: exeId,
    executor_id: exeId,
    environment_id: exeId,
    url: `${wsUrl}/codex-exec/${exeId}?token=${ticket}`,
    executor_registration_id: registrationId,
    ...(generation === 'noise' ? { security_profile: NOISE_SECURITY_PROFILE } : {}),
  };
}
