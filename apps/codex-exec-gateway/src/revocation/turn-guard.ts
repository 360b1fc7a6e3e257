import { type Clock, HttpError } from '@codex-gateways/service';
import {
  type BridgeTicketClaims,
  bridgeTicket,
  type CapabilityClaims,
  capabilityToken,
  type HarnessKeyAuthorizationClaims,
  type HmacTokenOutcome,
  harnessKeyAuthorization,
} from '@codex-gateways/tokens';
import type { RevokedTurns } from './revoked-turns.ts';

/** Verifies everything that speaks for a turn: signature, expiry, and that nobody has revoked the turn. */
export class TurnGuard {
  readonly #secret: string;
  readonly #clock: Clock;
  readonly #revokedTurns: Pick<RevokedTurns, 'isLoaded' | 'isRevoked'>;

  constructor({
    secret,
    clock,
    revokedTurns,
  }: {
    secret: string;
    clock: Clock;
    revokedTurns: Pick<RevokedTurns, 'isLoaded' | 'isRevoked'>;
  }) {
    this.#secret = secret;
    this.#clock = clock;
    this.#revokedTurns = revokedTurns;
  }

  /** @throws {HttpError} 401 for any token that does not hold, 503 while revocations are not known */
  capability(token: string | undefined): CapabilityClaims {
    return this.#accept(token === undefined ? undefined : this.#verify(capabilityToken, token));
  }

  /** What stands in a bridge's url: a ticket of `/connect`, or a capability token itself. @throws as `capability` */
  bridgePermission(
    token: string | undefined,
  ): { kind: 'ticket'; claims: BridgeTicketClaims } | { kind: 'capability'; claims: CapabilityClaims } {
    const ticket = token === undefined ? undefined : this.#verify(bridgeTicket, token);
    return ticket?.ok
      ? { kind: 'ticket', claims: this.#accept(ticket) }
      : { kind: 'capability', claims: this.capability(token) };
  }

  /** The claims of a harness key authorization that holds now, else undefined. @throws {HttpError} 503 as `capability` */
  harnessKey(authorization: string): HarnessKeyAuthorizationClaims | undefined {
    const outcome = this.#verify(harnessKeyAuthorization, authorization);
    return outcome.ok && !this.isRevoked(outcome.payload.turn_id) ? outcome.payload : undefined;
  }

  /** @throws {HttpError} 503 while revocations are not known: no turn can be vouched for */
  isRevoked(turnId: string): boolean {
    if (!this.#revokedTurns.isLoaded) {
      throw new HttpError(503, 'revocations_unknown', 'the gateway has not read its revocations yet; try again', {
        headers: { 'Retry-After': '1' },
      });
    }
    return this.#revokedTurns.isRevoked(turnId);
  }

  #verify<Claims>(
    format: { verify(token: string, secret: string, nowSeconds: number): HmacTokenOutcome<Claims> },
    token: string,
  ): HmacTokenOutcome<Claims> {
    return format.verify(token, this.#secret, this.#clock.nowSeconds());
  }

  #accept<Claims extends { turn_id: string }>(outcome: HmacTokenOutcome<Claims> | undefined): Claims {
    if (!outcome?.ok) throw unauthorized(outcome?.reason ?? 'missing');
    if (this.isRevoked(outcome.payload.turn_id)) throw unauthorized('revoked');
    return outcome.payload;
  }
}

/** One text for every reason, so that a prober learns nothing; the reason is for the log. */
export function unauthorized(reason: string): HttpError {
  return new HttpError(
    401,
    'unauthorized',
    'this call needs the capability token of a turn that is still running; start the turn again to get a new one',
    { reason, headers: { 'WWW-Authenticate': 'Bearer' } },
  );
}
