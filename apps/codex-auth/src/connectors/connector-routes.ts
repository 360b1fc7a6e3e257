import express, { type RequestHandler, Router } from 'express';
import { type AddConnectorDeps, addConnectorRoute } from './add-connector-route.ts';
import type { Connectors } from './connectors.ts';
import { listConnectorsRoute } from './list-connectors-route.ts';
import { removeConnectorRoute } from './remove-connector-route.ts';

export interface ConnectorRoutesDeps extends AddConnectorDeps {
  readonly connectors: Connectors;
  readonly withUser: RequestHandler;
}

const MAX_BODY_BYTES = 8192;

/** Everything below `/api/codex/connectors`. */
export function connectorRoutes({ creation, connectors, publicUrls, withUser }: ConnectorRoutesDeps): Router {
  const router = Router();
  router
    .route('/api/codex/connectors')
    .post(withUser, express.json({ limit: MAX_BODY_BYTES }), addConnectorRoute({ creation, publicUrls }))
    .get(withUser, listConnectorsRoute({ connectors }));
  router.delete('/api/codex/connectors/:exeId', withUser, removeConnectorRoute({ connectors }));
  return router;
}
