import { bearerOf, continueTrace, parseInput } from '@codex-gateways/service';
import { noisePublicKeySchema } from '@codex-gateways/tokens';
import type { RequestHandler } from 'express';
import { z } from 'zod';
import { executorIdOf } from '../reading.ts';
import type { TurnGuard } from '../revocation/turn-guard.ts';
import { NOISE_SECURITY_PROFILE } from './generation.ts';
import type { HarnessRendezvous } from './harness-rendezvous.ts';
import { requiredWsUrl } from './public-ws-url.ts';

const bodySchema = z.object({ harness_public_key: noisePublicKeySchema });

/**
 * `POST /cloud/environment/{id}/connect`: a harness shows its capability token and key, and learns where to meet the executor, by
 * which key to know it, and what to show it. The environment id comes back as asked: it is part of the encryption.
 */
export function cloudConnectRoute({
  turnGuard,
  rendezvous,
  publicWsBaseUrl,
}: {
  turnGuard: Pick<TurnGuard, 'capability'>;
  rendezvous: Pick<HarnessRendezvous, 'arrange'>;
  publicWsBaseUrl: string | undefined;
}): RequestHandler {
  return async (req, res) => {
    const exeId = executorIdOf(req.params.id);
    const capability = turnGuard.capability(bearerOf(req.headers.authorization));
    const { harness_public_key: harnessPublicKey } = parseInput(bodySchema, req.body);
    const wsUrl = requiredWsUrl(req, publicWsBaseUrl);
    const met = await continueTrace(capability.traceparent, 'connect harness', () =>
      rendezvous.arrange({ exeId, capability, harnessPublicKey }),
    );
    res.set('Cache-Control', 'no-store').json({
      environment_id: exeId,
      url: `${wsUrl}/bridge/${exeId}?role=harness&token=${met.bridgeTicket}`,
      security_profile: NOISE_SECURITY_PROFILE,
      executor_registration_id: met.registrationId,
      executor_public_key: met.executorPublicKey,
      harness_key_authorization: met.harnessKeyAuthorization,
    });
  };
}
