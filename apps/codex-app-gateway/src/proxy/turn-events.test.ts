import { turnEventOf } from './turn-events.ts';

const frame = (value: unknown) => Buffer.from(JSON.stringify(value));

describe('the turns that frames of an app-server tell of', () => {
  it('begin and end', () => {
    const params = { threadId: 't', turn: { id: 'turn-1', status: 'inProgress' } };
    expect(turnEventOf(frame({ method: 'turn/started', params }))).toEqual({ kind: 'started', turnId: 'turn-1' });
    expect(turnEventOf(frame({ method: 'turn/completed', params }))).toEqual({ kind: 'completed', turnId: 'turn-1' });
  });

  it.each([
    ['another notification', frame({ method: 'turn/diff/updated', params: { turn: { id: 'x' } } })],
    ['an answer that has the words', frame({ id: 1, result: '{"method":"turn/started"' })],
    ['a turn without id', frame({ method: 'turn/started', params: {} })],
    ['a broken frame', Buffer.from('{"method":"turn/started",')],
    ['nothing', Buffer.alloc(0)],
  ])('are not told of by %s', (_what, data) => {
    expect(turnEventOf(data)).toBeUndefined();
  });
});
