import { fingerprint } from '@codex-gateways/crypto';
import { type Clock, HttpError } from '@codex-gateways/service';
import { verifyWsTicket } from '@codex-gateways/tokens';
import type { Duels } from '../duels/duels.ts';
import { isExecutorId } from '../executors/executor-id.ts';
import type { AgentserverValidator } from '../registration/agentserver-validator.ts';
import type { Registrations, TicketHolder } from '../registration/registrations.ts';
import type { UserConnections } from './user-connections.ts';

/** An executor whose ticket holds. */
export interface AdmittedExecutor extends TicketHolder {
  readonly exeId: string;
  readonly ticketExpiresAtSeconds: number;
  readonly ticketFingerprint: string;
}

export interface ExecutorAdmissionServices {
  readonly ticketSecret: string;
  readonly clock: Clock;
  readonly registrations: Pick<Registrations, 'ticketHolder'>;
  readonly validator: Pick<AgentserverValidator, 'isReachable'>;
  readonly duels: Pick<Duels, 'mayTakeOver'>;
  readonly userConnections: Pick<UserConnections, 'check'>;
}

/**
 * Decides about an executor's WebSocket before the 101. A ticket may be used again while it lives: from 0.145 on the CLI
 * comes back to the same url. Refused with 401 it registers anew, and if that fails its process ends (docs/protocol.md): so
 * 401 is said only while registering would get an answer, and 503 otherwise.
 * @throws {HttpError} 401 or 503; 403 while another process holds the place in a duel; the errors of a database that is away
 */
export async function admitExecutor(
  { exeId, ticket }: { exeId: string; ticket: string | undefined },
  services: ExecutorAdmissionServices,
): Promise<AdmittedExecutor> {
  const { registrations, validator, ticketSecret: secret, clock } = services;
  const verified =
    isExecutorId(exeId) && ticket !== undefined
      ? verifyWsTicket(ticket, { exeId, secret, nowSeconds: clock.nowSeconds() })
      : undefined;
  const holder = await registrations.ticketHolder({
    exeId: verified ? exeId : '', // asked in any case: a database that is away makes it 503
    ticketExpiresAtSeconds: verified?.ok ? verified.expiresAtSeconds : 0,
  });
  if (verified?.ok && holder && ticket !== undefined) {
    // 403 makes it register again, and there it is told why (docs/protocol.md).
    if (holder.isInDuel) await services.duels.mayTakeOver({ exeId, registrationId: holder.registrationId }, 403);
    await services.userConnections.check({ ownerUserId: holder.ownerUserId, exeId });
    const { expiresAtSeconds: ticketExpiresAtSeconds } = verified;
    return { exeId, ticketExpiresAtSeconds, ticketFingerprint: fingerprint(ticket), ...holder };
  }
  const reason = verified === undefined ? 'missing ticket' : verified.ok ? 'unknown executor' : verified.reason;
  if (!(await validator.isReachable())) throw registeringWouldFail(reason);
  throw new HttpError(401, 'invalid_ticket', 'the ticket is not valid any more; register again', { reason });
}

function registeringWouldFail(reason: string): HttpError {
  return new HttpError(503, 'registration_unavailable', 'the gateway cannot take registrations right now; try again', {
    reason: `${reason}, and registering would fail`,
    headers: { 'Retry-After': '2' },
  });
}
