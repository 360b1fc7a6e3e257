import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import type { ModelRequest } from './model-request.ts';
import { type ModelAction, type ModelScript, outputItem } from './model-script.ts';

const API_KEY_VARIABLE = 'MODEL_SERVER_KEY';

/** One `POST /v1/responses` as it came. */
export interface RecordedModelRequest {
  headers: IncomingHttpHeaders;
  body: ModelRequest;
}

/** A model that follows a script; see docs/protocol.md, "A model server". */
export interface ModelServer {
  /** Base URL, ends in `/v1`. */
  readonly url: string;
  /** Every request to the model so far. */
  readonly requests: readonly RecordedModelRequest[];
  close(): Promise<void>;
}

/**
 * Starts a model server on 127.0.0.1. A request beyond the end of the script, and one that the script throws at, is
 * answered 400 with the reason, which the CLI prints.
 */
export async function startModelServer({ script }: { script: ModelScript }): Promise<ModelServer> {
  const requests: RecordedModelRequest[] = [];
  const server = createServer(async (req, res) => {
    try {
      if (req.method === 'GET') return sendJson(res, 200, { models: [], data: [] });
      const body = JSON.parse(await text(req)) as ModelRequest;
      requests.push({ headers: req.headers, body });
      const number = requests.length;
      sendAction(res, nextAction(script, body, number), { body, number });
    } catch (error) {
      sendJson(res, 400, { error: { message: `model server: ${(error as Error).message}` } });
    }
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  server.unref();
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}/v1`, requests, close: () => closeServer(server) };
}

/**
 * The lines of `config.toml` that point a CLI at a model server, and the variable they name. They are top-level keys: put
 * them before the first table.
 */
export function codexModelConfig(url: string): { toml: string; env: Record<string, string> } {
  const provider = `name = "scripted", base_url = "${url}", env_key = "${API_KEY_VARIABLE}", wire_api = "responses"`;
  return {
    toml: `model = "scripted"\nmodel_provider = "scripted"\nmodel_providers.scripted = { ${provider} }\n`,
    env: { [API_KEY_VARIABLE]: 'not-checked' },
  };
}

function nextAction(script: ModelScript, body: ModelRequest, number: number): ModelAction {
  const turn = typeof script === 'function' ? script : script[number - 1];
  if (turn === undefined) throw new Error(`request ${number} came after the end of the script`);
  return typeof turn === 'function' ? turn(body) : turn;
}

function sendAction(
  res: ServerResponse,
  action: ModelAction,
  { body, number }: { body: ModelRequest; number: number },
): void {
  if (action.kind === 'refuse') {
    sendJson(res, action.status, { error: { message: action.message } });
    return;
  }
  const id = String(number);
  res.setHeader('content-type', 'text/event-stream');
  const send = (type: string, event: object) => {
    res.write(`event: ${type}\ndata: ${JSON.stringify({ type, ...event })}\n\n`);
  };
  send('response.created', { response: { id } });
  send('response.output_item.done', { item: outputItem(action, body, id) });
  const usage = { input_tokens: 1, input_tokens_details: null, output_tokens: 1, output_tokens_details: null };
  send('response.completed', { response: { id, usage: { ...usage, total_tokens: 2 } } });
  res.end();
}

function sendJson(res: ServerResponse, status: number, body: object): void {
  res.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

async function closeServer(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeAllConnections();
  await closed;
}
