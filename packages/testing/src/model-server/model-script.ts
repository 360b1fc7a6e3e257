import { type ModelRequest, toolNames } from './model-request.ts';

/** What the model does with one request. */
export type ModelAction =
  | { kind: 'runCommand'; command: string }
  | { kind: 'say'; text: string }
  | { kind: 'refuse'; status: number; message: string };

type ActionOf<Kind extends ModelAction['kind']> = Extract<ModelAction, { kind: Kind }>;

/** One turn of a script: an action, or a function that decides when the request is there. */
export type ModelTurn = ModelAction | ((request: ModelRequest) => ModelAction);

/**
 * The turns in order, one for each request, whichever conversation it belongs to; or one function for all requests, when
 * several conversations go on at the same time.
 */
export type ModelScript = readonly ModelTurn[] | ((request: ModelRequest) => ModelAction);

/** The model asks the CLI to run a shell command. */
export function runCommand(command: string): ActionOf<'runCommand'> {
  return { kind: 'runCommand', command };
}

/** The model answers, which ends the turn. */
export function say(text: string): ActionOf<'say'> {
  return { kind: 'say', text };
}

/** The model's server answers with an HTTP error; the CLI tries 5xx and 429 again. */
export function refuse(status: number, message: string): ActionOf<'refuse'> {
  return { kind: 'refuse', status, message };
}

/** The action as an item of the Responses API; the id is unique within a conversation. */
export function outputItem(
  action: ActionOf<'runCommand' | 'say'>,
  request: ModelRequest,
  id: string,
): Record<string, unknown> {
  if (action.kind === 'say') {
    return {
      type: 'message',
      role: 'assistant',
      id: `msg_${id}`,
      content: [{ type: 'output_text', text: action.text }],
    };
  }
  const { name, args } = commandCall(action.command, toolNames(request));
  return { type: 'function_call', id: `fc_${id}`, call_id: `call_${id}`, name, arguments: JSON.stringify(args) };
}

// A model is told no more than that a command still runs when it takes longer, and may end the turn without its output. The CLI waits no longer.
const LONGEST_WAIT_MS = 30_000;

/**
 * The call that this generation of the CLI understands. Where no command tool is on offer the model asks for one anyway,
 * as a real one might: what the CLI does then is worth a test.
 */
function commandCall(command: string, offered: Set<string>): { name: string; args: Record<string, unknown> } {
  if (!offered.has('exec_command')) {
    if (offered.has('shell_command')) return { name: 'shell_command', args: { command } };
    if (offered.has('shell')) return { name: 'shell', args: { command: ['/bin/sh', '-c', command] } };
  }
  return { name: 'exec_command', args: { cmd: command, yield_time_ms: LONGEST_WAIT_MS } };
}
