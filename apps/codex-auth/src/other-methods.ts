import { otherMethods as refusingOtherMethods } from '@codex-gateways/service';
import type { Router } from 'express';

/** As the shared one, with the code that RFC 6749 §5.2 has for a request that is not as it should be. */
export function otherMethods(routers: readonly Router[]): Router {
  return refusingOtherMethods(routers, 'invalid_request');
}
