import { identifier } from '@codex-gateways/service';
import { z } from 'zod';

const MAX_LEASE_SECONDS = 300;

/** What every call of an app-gateway about homes says of the gateway. */
export const gatewaySchema = z.object({
  gateway_name: identifier,
  gateway_url: z.url({ protocol: /^https?$/ }).max(256),
  lease_seconds: z.number().int().min(1).max(MAX_LEASE_SECONDS),
});

export const epochSchema = z.int().min(1);
