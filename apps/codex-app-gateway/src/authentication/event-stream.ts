/** One event of a text/event-stream. */
export interface StreamEvent {
  readonly name: string;
  readonly data: string;
}

/**
 * The events of a stream as they arrive (HTML standard §9.2.6, without `id` and `retry`). Comments are passed over.
 * @throws {RangeError} when an event is larger than `maxEventCharacters`
 */
export async function* readEvents(
  chunks: AsyncIterable<Buffer>,
  maxEventCharacters = 16 * 1024,
): AsyncGenerator<StreamEvent> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of chunks) {
    rest = (rest + decoder.decode(chunk, { stream: true })).replace(/\r\n?/g, '\n');
    const blocks = rest.split('\n\n');
    rest = blocks.pop() ?? '';
    if (rest.length > maxEventCharacters) throw new RangeError(`an event may have ${maxEventCharacters} characters`);
    for (const block of blocks) {
      const event = parseEvent(block);
      if (event) yield event;
    }
  }
}

function parseEvent(block: string): StreamEvent | undefined {
  let name = 'message';
  const data: string[] = [];
  for (const line of block.split('\n')) {
    const [, field, value = ''] = /^([^:]+)(?:: ?(.*))?$/.exec(line) ?? [];
    if (field === 'event') name = value;
    if (field === 'data') data.push(value);
  }
  return data.length === 0 ? undefined : { name, data: data.join('\n') };
}
