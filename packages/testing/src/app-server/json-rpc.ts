/** What travels in one text frame; the app-server leaves the `jsonrpc` member out. See docs/protocol.md, "The app-server". */
export interface JsonRpcMessage {
  id?: string | number;
  method?: string;
  params?: unknown;
  result?: unknown;
  error?: { code: number; message: string; data?: unknown };
}

/** A message of the server that wants no answer. */
export interface Notification<Params = unknown> {
  method: string;
  params: Params;
}

/** JSON-RPC 2.0 §5.1. */
export const METHOD_NOT_FOUND = -32601;

/** JSON-RPC 2.0 §5.1. */
export const INTERNAL_ERROR = -32603;
