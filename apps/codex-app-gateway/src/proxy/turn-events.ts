export type TurnEvent = { readonly kind: 'started' | 'completed'; readonly turnId: string };

// An app-server writes the method of a notification first (docs/protocol.md), so that most frames are told apart by a few bytes.
const STARTED = Buffer.from('{"method":"turn/started"');
const COMPLETED = Buffer.from('{"method":"turn/completed"');

/**
 * The beginning or end of a turn that a frame of the app-server announces. A frame of another form is none: what depends on
 * it is when an app-server may be restarted, not what a client may do.
 */
export function turnEventOf(frame: Buffer): TurnEvent | undefined {
  const kind = startsWith(frame, STARTED) ? 'started' : startsWith(frame, COMPLETED) ? 'completed' : undefined;
  const turnId = kind && turnIdOf(frame);
  return kind && turnId ? { kind, turnId } : undefined;
}

function startsWith(frame: Buffer, prefix: Buffer): boolean {
  return frame.length >= prefix.length && frame.compare(prefix, 0, prefix.length, 0, prefix.length) === 0;
}

function turnIdOf(frame: Buffer): string | undefined {
  try {
    const { params } = JSON.parse(frame.toString('utf8')) as { params?: { turn?: { id?: unknown } } };
    const id = params?.turn?.id;
    return typeof id === 'string' ? id : undefined;
  } catch {
    return undefined;
  }
}
