import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { frame, readReset } from '../../test/support/frames.ts';
import { useExecGateway } from '../../test/support/gateway.ts';
import { connect, type Peer } from '../../test/support/peer.ts';

describe('the relay: routing by stream', () => {
  const gateway = useExecGateway({ CXG_MAX_STREAMS_PER_HARNESS: '3' });

  const pair = async () => {
    const exeId = await gateway.bound();
    const { peer: executor } = await gateway.online(exeId);
    const harness = await gateway.harness(exeId);
    return { exeId, executor, harness };
  };

  it('passes frames on as the bytes they came in, both ways', async () => {
    const { executor, harness } = await pair();
    const odd = Buffer.concat([frame('data', 's-1', randomBytes(1000)), Buffer.from([0xf8, 0x07, 0x05])]); // unknown field 127
    const there = [frame('resume', 's-1'), odd, frame('ack', 's-1'), frame('heartbeat', 's-1')];
    for (const each of there) harness.send(each);
    expect(await executor.receive(4)).toEqual(there);
    const back = [frame('handshake', 's-1', 'hello'), frame('data', 's-1', randomBytes(200_000))];
    for (const each of back) executor.send(each);
    const received = await harness.receive(2);
    expect(received.map((bytes, index) => back[index]?.equals(bytes))).toEqual([true, true]);
  });

  it('delivers what each of two harnesses opened to that one alone', async () => {
    const { exeId, executor, harness: first } = await pair();
    const second = await gateway.harness(exeId);
    first.send(frame('resume', 'one'));
    second.send(frame('resume', 'two'));
    await executor.receive(2);
    executor.send(frame('data', 'two', 'for the second'));
    executor.send(frame('data', 'one', 'for the first'));
    expect(await first.receive(1)).toEqual([frame('data', 'one', 'for the first')]);
    expect(await second.receive(1)).toEqual([frame('data', 'two', 'for the second')]);
  });

  it('does not let another harness send into a stream, reset it or take it over', async () => {
    const { exeId, executor, harness: owner } = await pair();
    const hijacker = await gateway.harness(exeId, { turnId: 'turn-of-another' });
    owner.send(frame('resume', 'mine'));
    await executor.receive(1);
    for (const kind of ['data', 'resume', 'handshake', 'reset'] as const) hijacker.send(frame(kind, 'mine', 'x'));
    const refusals = (await hijacker.receive(3)).map(readReset);
    expect(refusals).toEqual(Array(3).fill({ streamId: 'mine', reason: 'stream_belongs_to_another_connection' }));
    executor.send(frame('data', 'mine', 'still yours'));
    expect(await owner.receive(1)).toEqual([frame('data', 'mine', 'still yours')]);
    expect(executor.frames).toHaveLength(1);
    expect(hijacker.frames).toHaveLength(3);
    expect(await gateway.metric('codex_exec_dropped_frames_total{reason="foreign_stream"}')).toBe(4);
  });

  it('answers a frame of an unknown stream with a reset, to the sender alone', async () => {
    const { executor, harness } = await pair();
    harness.send(frame('ack', 'never-opened'));
    expect((await harness.receive(1)).map(readReset)).toEqual([{ streamId: 'never-opened', reason: 'unknown_stream' }]);
    executor.send(frame('data', 'nobody', 'hello?'));
    expect((await executor.receive(1)).map(readReset)).toEqual([{ streamId: 'nobody', reason: 'unknown_stream' }]);
  });

  it('never answers a reset', async () => {
    const { executor, harness } = await pair();
    harness.send(frame('reset', 'nothing', 'why'));
    executor.send(frame('reset', 'nothing', 'why'));
    harness.send(frame('resume', 'later'));
    expect(await executor.receive(1)).toEqual([frame('resume', 'later')]);
    expect(harness.frames).toEqual([]);
  });

  it('forgets a stream that either side has reset', async () => {
    const { executor, harness } = await pair();
    harness.send(frame('resume', 'a'));
    harness.send(frame('resume', 'b'));
    harness.send(frame('reset', 'a', 'done'));
    await executor.receive(3);
    executor.send(frame('reset', 'b', 'refused'));
    expect((await harness.receive(1)).map(readReset)).toEqual([{ streamId: 'b', reason: 'refused' }]);
    executor.send(frame('data', 'a', 'too late'));
    expect((await executor.receive(4)).slice(3).map(readReset)).toEqual([{ streamId: 'a', reason: 'unknown_stream' }]);
  });

  it('resets the streams of a harness that has gone, at the executor', async () => {
    const { executor, harness } = await pair();
    harness.send(frame('resume', 'x'));
    harness.send(frame('resume', 'y'));
    await executor.receive(2);
    harness.ws.terminate(); // as the CLI ends: no close frame
    const resets = (await executor.receive(4)).slice(2).map(readReset);
    expect(resets).toEqual([
      { streamId: 'x', reason: 'harness_disconnected' },
      { streamId: 'y', reason: 'harness_disconnected' },
    ]);
  });

  it('closes the bridges of an executor that has gone', async () => {
    const { executor, harness } = await pair();
    harness.send(frame('resume', 'x'));
    await executor.receive(1);
    executor.ws.terminate();
    expect(await harness.waitForClose()).toEqual({ code: 4404, reason: 'the executor has disconnected' });
  });

  it('refuses more streams than the limit, and takes a new one for one that ended', async () => {
    const { executor, harness } = await pair();
    for (const id of ['1', '2', '3', '4']) harness.send(frame('resume', id));
    expect((await harness.receive(1)).map(readReset)).toEqual([{ streamId: '4', reason: 'too_many_streams' }]);
    harness.send(frame('reset', '1', 'done'));
    harness.send(frame('resume', '4'));
    expect((await executor.receive(5)).at(-1)).toEqual(frame('resume', '4'));
  });

  it('closes with 1003 whoever sends text', async () => {
    const { executor, harness } = await pair();
    harness.ws.send('{"jsonrpc":"2.0"}');
    expect(await harness.waitForClose()).toMatchObject({ code: 1003 });
    executor.ws.send('hello');
    expect(await executor.waitForClose()).toMatchObject({ code: 1003 });
    expect(await gateway.metric('codex_exec_dropped_frames_total{reason="text_frame"}')).toBe(2);
  });

  it('takes a Noise frame of 262,144 bytes and closes with 1009 on one more', async () => {
    const { executor, harness } = await pair();
    harness.send(frame('resume', 's'));
    const overhead = frame('data', 's', Buffer.alloc(262_000)).length - 262_000;
    const largest = frame('data', 's', Buffer.alloc(262_144 - overhead));
    expect(largest).toHaveLength(262_144);
    harness.send(largest);
    expect((await executor.receive(2))[1]?.equals(largest)).toBe(true);
    harness.send(frame('data', 's', Buffer.alloc(262_145 - overhead)));
    expect(await harness.waitForClose()).toMatchObject({ code: 1009 });
    executor.send(Buffer.alloc(262_145));
    expect(await executor.waitForClose()).toMatchObject({ code: 1009 });
  });

  it('takes legacy frames of several megabytes', async () => {
    const exeId = await gateway.bound();
    const { peer: executor } = await gateway.online(exeId, { legacy: true });
    const harness = await connect(gateway.legacyBridgeUrl(exeId));
    harness.send(frame('resume', 's'));
    await executor.receive(1);
    const large = frame('data', 's', randomBytes(12 * 1024 * 1024));
    executor.send(large);
    expect((await harness.receive(1))[0]?.equals(large)).toBe(true);
  });

  it('drops frames that are none and stays up', async () => {
    const { executor, harness } = await pair();
    const garbage = [
      Buffer.alloc(0),
      Buffer.from([0xff]),
      Buffer.from('hello'),
      Buffer.concat([frame('data', 'a', 'x'), Buffer.from([0x12, 1, 0x62])]), // names a second stream
      Buffer.concat([frame('data', 'a', 'x'), frame('reset', 'a')]),
      frame('data', 's'.repeat(129)),
      frame('data', ''),
    ];
    for (const each of garbage) {
      harness.send(each);
      executor.send(each);
    }
    harness.send(frame('resume', 'fine'));
    expect(await executor.receive(1)).toEqual([frame('resume', 'fine')]);
    expect(harness.frames).toEqual([]);
    expect(await gateway.metric('codex_exec_dropped_frames_total{reason="repeated_field"}')).toBe(4);
  });

  it('has a counter for every reason from the start', async () => {
    for (const reason of ['truncated', 'harness_buffer_full', 'executor_buffer_full', 'peer_closing']) {
      expect(await gateway.metric(`codex_exec_dropped_frames_total{reason="${reason}"}`)).toBeGreaterThanOrEqual(0);
    }
  });

  it('delivers nothing to a stranger, whatever is sent', async () => {
    const { exeId, executor, harness: attacker } = await pair();
    const bystander = await gateway.harness(exeId);
    bystander.send(frame('resume', 'safe'));
    await executor.receive(1);
    const kinds = fc.constantFrom('data', 'ack', 'resume', 'reset', 'heartbeat', 'handshake' as const);
    const mutated = fc
      .tuple(
        kinds,
        fc.constantFrom('safe', 'other', 'saf', 'safe2'),
        fc.uint8Array({ maxLength: 60 }),
        fc.nat(),
        fc.nat(255),
      )
      .map(([kind, id, payload, at, byte]) => {
        const bytes = frame(kind, id, Buffer.from(payload));
        bytes[at % bytes.length] = byte;
        return bytes;
      });
    const any = fc.oneof(
      mutated,
      fc.uint8Array({ maxLength: 100 }).map((bytes) => Buffer.from(bytes)),
    );
    const sent = fc.sample(any, { numRuns: 20_000, seed: 7 });
    for (const each of sent) attacker.send(each);
    attacker.ws.close();
    await attacker.waitForClose();
    executor.send(frame('data', 'safe', 'the end'));
    const [first] = await bystander.receive(1);
    expect(first).toEqual(frame('data', 'safe', 'the end'));
    expect(bystander.frames).toHaveLength(1);
    expect(intoStream(executor, 'safe')).toHaveLength(1);
  });

  const intoStream = (peer: Peer, streamId: string) =>
    peer.frames.filter((bytes) =>
      bytes.includes(Buffer.from(`\x12${String.fromCharCode(streamId.length)}${streamId}`)),
    );
});
