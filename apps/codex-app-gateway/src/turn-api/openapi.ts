import { z } from 'zod';
import { turnError, turnRequest, turnResult, usage } from './turn-schemas.ts';

const REFUSALS: Readonly<Record<string, string>> = {
  400: 'The request is malformed.',
  401: 'The bearer or the secret is missing or not valid; an access token also when it lacks the scope, or its user is no member of the workspace.',
  403: 'The bearer is of another workspace.',
  404: 'There is no such thread.',
  413: 'The request is too large.',
  429: 'The workspace has as many turns or connections as it may have.',
  502: 'The app-server refused the turn, or ended.',
  503: 'A service that is needed does not answer, or this gateway is full or ends; see Retry-After.',
};

/** The OpenAPI 3.1 document of this service's HTTP interface. */
export function openApiDocument(): Readonly<Record<string, unknown>> {
  const { schemas } = z.toJSONSchema(registryOf(), {
    target: 'draft-2020-12',
    io: 'input',
    uri: (id) => `#/components/schemas/${id}`,
  });
  const errorContent = { 'application/json': { schema: ref('Error') } };
  const refusals = Object.entries(REFUSALS).map(([status, description]) => [
    status,
    { description, content: errorContent },
  ]);
  return {
    openapi: '3.1.0',
    info: { title: 'codex-app-gateway', version: '1', description: 'Turns without a WebSocket.' },
    paths: {
      '/api/turns': {
        post: {
          operationId: 'runTurn',
          summary: 'Runs one turn and answers with how it ended.',
          description:
            'With Accept: text/event-stream the answer is a stream of events: turn.started, message.delta, item.completed, warning, ' +
            'and at the end turn.completed with a TurnResult, or error with an Error. A client that leaves interrupts the turn.',
          security: [{ remoteToken: [] }, { accessToken: ['api.connectors.invoke'] }, { internalSecret: [] }],
          requestBody: { required: true, content: { 'application/json': { schema: ref('TurnRequest') } } },
          responses: {
            200: {
              description: 'The turn has ended; status says how.',
              content: {
                'application/json': { schema: ref('TurnResult') },
                'text/event-stream': { schema: { type: 'string' } },
              },
            },
            ...Object.fromEntries(refusals),
          },
        },
      },
    },
    components: {
      schemas: Object.fromEntries(Object.entries(schemas).map(([id, schema]) => [id, withoutIds(schema)])),
      securitySchemes: {
        remoteToken: { type: 'http', scheme: 'bearer', description: 'A remote token.' },
        accessToken: {
          type: 'http',
          scheme: 'bearer',
          bearerFormat: 'JWT',
          description:
            'An OAuth access token of codex-auth: of the Codex CLI, or with the scope api.connectors.invoke or codex.api; workspace_id names a ' +
            'workspace of its user.',
        },
        internalSecret: { type: 'apiKey', in: 'header', name: 'X-Internal-Secret' },
      },
    },
  };
}

function ref(id: string): { $ref: string } {
  return { $ref: `#/components/schemas/${id}` };
}

function registryOf() {
  const registry = z.registry<{ id: string }>();
  registry.add(turnRequest, { id: 'TurnRequest' });
  registry.add(turnResult, { id: 'TurnResult' });
  registry.add(usage, { id: 'Usage' });
  registry.add(turnError, { id: 'Error' });
  return registry;
}

/** A document inside a document has no address of its own. */
function withoutIds({ $schema: _, $id: __, ...schema }: Record<string, unknown>): Record<string, unknown> {
  return schema;
}
