/** The body of `POST /v1/responses`, as far as a script looks at it. */
export interface ModelRequest {
  model: string;
  input: readonly InputItem[];
  tools?: readonly Tool[];
}

/** One entry of the conversation that a request carries; members depend on `type`. */
export interface InputItem {
  type: string;
  role?: string;
  content?: unknown;
  output?: unknown;
  tools?: readonly Tool[];
}

/** A tool that the CLI offers to the model; built-in ones have a type and no name. */
export interface Tool {
  type: string;
  name?: string;
}

/** The names of the tools on offer: in `tools`, or [0.169, on some runs] in an `additional_tools` item of `input`. */
export function toolNames(request: ModelRequest): Set<string> {
  const additional = request.input
    .filter(({ type }) => type === 'additional_tools')
    .flatMap(({ tools }) => tools ?? []);
  return new Set([...(request.tools ?? []), ...additional].flatMap(({ name }) => name ?? []));
}

/** What the person typed last. */
export function lastUserText(request: ModelRequest): string {
  return textOf(request.input.findLast(({ role }) => role === 'user')?.content);
}

/**
 * The output of the tool call that this request answers, or undefined when the person spoke after the last one, that is
 * when the request opens a turn.
 */
export function lastToolOutput(request: ModelRequest): string | undefined {
  const last = request.input.findLast(({ type, role }) => type === 'function_call_output' || role === 'user');
  return last?.type === 'function_call_output' ? textOf(last.output) : undefined;
}

function textOf(content: unknown): string {
  if (typeof content === 'string') return content;
  if (!Array.isArray(content)) return '';
  return content.map((part: { text?: string }) => part.text ?? '').join('');
}
