import type { Pool } from '@codex-gateways/database';
import type { Clock } from '@codex-gateways/service';
import { type RequestHandler, Router } from 'express';
import type { AuditLog } from './audit/audit-log.ts';
import type { CleanupTask } from './cleanup/cleanup.ts';
import { ClientRegistrations } from './client-registration/client-registrations.ts';
import { InitialAccessTokens } from './client-registration/initial-access-tokens.ts';
import { initialAccessTokenRoutes } from './client-registration/initial-access-tokens-route.ts';
import { registerRoutes } from './client-registration/register-route.ts';
import { registrationCleanupTasks } from './client-registration/unused-clients.ts';
import type { Config } from './config.ts';
import type { Clients } from './oauth/clients.ts';
import type { Grants } from './oauth/grants.ts';
import { createAddressRateLimit } from './rate-limits/address-rate-limit.ts';

export interface DynamicRegistrationDeps {
  readonly pool: Pool;
  readonly clock: Clock;
  readonly audit: AuditLog;
  readonly clients: Clients;
  readonly grants: Grants;
}

export interface DynamicRegistration {
  /** What clients call, with errors in the form of OAuth. */
  readonly routes: Router;
  readonly cleanupTasks: readonly CleanupTask[];
  /** What administrators call. */
  adminRoutes(withUser: RequestHandler): Router;
}

const HOUR_SECONDS = 3600;

/** The part of the composition root by which clients register themselves; without routes while it is off. */
export function createDynamicRegistration(config: Config, deps: DynamicRegistrationDeps): DynamicRegistration {
  const { pool, clock } = deps;
  const { issuer, maxBodyBytes } = config;
  const isOn = config.dynamicRegistration !== 'off';
  const initialAccessTokens = new InitialAccessTokens(deps);
  const registrations = new ClientRegistrations({
    ...deps,
    initialAccessTokens,
    isOpen: config.dynamicRegistration === 'open',
    maxClients: config.registeredClients,
    perAddress: createAddressRateLimit(pool, {
      name: 'registration',
      attempts: config.registrationsPerAddress,
      windowSeconds: HOUR_SECONDS,
    }),
  });
  const unusedLifetimeSeconds = config.unusedClientLifetimeSeconds;
  return {
    routes: isOn ? registerRoutes({ registrations, issuer, maxBodyBytes }) : Router(),
    adminRoutes: (withUser) => (isOn ? initialAccessTokenRoutes({ initialAccessTokens, withUser }) : Router()),
    cleanupTasks: registrationCleanupTasks({ db: pool, clock, unusedLifetimeSeconds }),
  };
}
