import { readEvents } from './event-stream.ts';

async function eventsOf(...chunks: (string | Buffer)[]) {
  async function* stream() {
    for (const chunk of chunks) yield Buffer.from(chunk);
  }
  const events = [];
  for await (const event of readEvents(stream(), 100)) events.push(event);
  return events;
}

describe('a stream of events', () => {
  const TEXT =
    ':\n\nevent: ready\ndata: {"é":1}\n\n: a comment\n\ndata: one\ndata: two\n\nevent: none\n\nevent: cut\ndata: x\n';

  it('is read however it is cut into pieces, without comments, and without what has no end', async () => {
    const expected = [
      { name: 'ready', data: '{"é":1}' },
      { name: 'message', data: 'one\ntwo' },
    ];
    expect(await eventsOf(TEXT)).toEqual(expected);
    expect(await eventsOf(...Array.from(Buffer.from(TEXT), (byte) => Buffer.from([byte])))).toEqual(expected);
    expect(await eventsOf(TEXT.replaceAll('\n', '\r\n'))).toEqual(expected);
  });

  it('is given up when an event does not end', async () => {
    await expect(eventsOf('data: ', 'x'.repeat(200))).rejects.toThrow(RangeError);
  });
});
