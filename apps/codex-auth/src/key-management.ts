import type { Sealer } from '@codex-gateways/crypto';
import type { Pool } from '@codex-gateways/database';
import type { Clock, Logger } from '@codex-gateways/service';
import type { RequestHandler, Router } from 'express';
import type { AuditLog } from './audit/audit-log.ts';
import { type Config, masterKeyDoesNotOpen } from './config.ts';
import { resealAll, WrongMasterKeyError } from './sealing/resealing.ts';
import { jwksRoutes } from './signing-keys/jwks-route.ts';
import { KeyRotation } from './signing-keys/key-rotation.ts';
import { KeyWatch } from './signing-keys/key-watch.ts';
import { signingKeyRoutes } from './signing-keys/signing-key-routes.ts';
import type { SigningKeys } from './signing-keys/signing-keys.ts';

export interface KeyManagementDeps {
  readonly pool: Pool;
  readonly clock: Clock;
  readonly log: Logger;
  readonly audit: AuditLog;
  readonly sealer: Sealer;
  readonly keys: SigningKeys;
}

export interface KeyManagement {
  /** The public keys. */
  readonly routes: Router;
  /** What administrators call. */
  adminRoutes(withUser: RequestHandler): Router;
  start(): Promise<void>;
  close(): Promise<void>;
}

/** The part of the composition root that publishes, changes and seals the keys of the installation. */
export function createKeyManagement(config: Config, deps: KeyManagementDeps): KeyManagement {
  const { keys, log, pool, sealer } = deps;
  const activationDelaySeconds = config.keyActivationDelaySeconds;
  const rotation = new KeyRotation({
    ...deps,
    activationDelaySeconds,
    intervalSeconds: config.keyRotationIntervalSeconds,
    accessTokenLifetimeSeconds: config.accessTokenLifetimeSeconds,
  });
  const { databaseUrl, keyCheckIntervalMs } = config;
  const watch = new KeyWatch({ databaseUrl, keys, rotation, log, intervalMs: keyCheckIntervalMs });
  return {
    routes: jwksRoutes({ keys, activationDelaySeconds, issuer: config.issuer }),
    adminRoutes: (withUser) => signingKeyRoutes({ rotation, withUser }),
    /** @throws {ConfigError} naming the variable when no configured master key opens what the database has */
    async start() {
      await resealAll({ db: pool, sealer, log }).catch((error: unknown) => {
        throw error instanceof WrongMasterKeyError ? masterKeyDoesNotOpen(error.what) : error;
      });
      await keys.ensureActiveKey();
      await watch.start();
    },
    close: () => watch.close(),
  };
}
