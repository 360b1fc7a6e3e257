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

/** From the end of the prefix, where most frames differ. */
function startsWith(frame: Buffer, prefix: Buffer): boolean {
  if (frame.length < prefix.length) return false;
  for (let index = prefix.length - 1; index >= 0; index -= 1) if (frame[index] !== prefix[index]) return false;
  return true;
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
