import { clientAddress } from './client-address.ts';

const request = (remoteAddress: string | undefined, forwarded?: string | string[]) => ({
  headers: forwarded === undefined ? {} : { 'x-forwarded-for': forwarded as string },
  socket: { remoteAddress },
});

describe('the address of a client', () => {
  it.each([
    ['the peer, when no proxy is trusted, whatever it says', request('192.0.2.1', '203.0.113.9'), 0, '192.0.2.1'],
    ['what the one trusted proxy saw', request('10.0.0.1', '6.6.6.6, 203.0.113.9'), 1, '203.0.113.9'],
    [
      'what the first of two trusted proxies saw',
      request('10.0.0.1', '6.6.6.6, 203.0.113.9, 10.0.0.2'),
      2,
      '203.0.113.9',
    ],
    [
      'the outermost that is known, with fewer proxies than were said',
      request('10.0.0.1', '203.0.113.9'),
      5,
      '203.0.113.9',
    ],
    ['the peer, when a trusted proxy says nothing', request('10.0.0.1'), 1, '10.0.0.1'],
    ['of IPv6', request('10.0.0.1', '2001:db8::1'), 1, '2001:db8::1'],
    ['IPv4 that is written as IPv6', request('::ffff:192.0.2.1'), 0, '192.0.2.1'],
    ['unknown, when it is none', request('10.0.0.1', 'unknown'), 1, undefined],
    ['unknown, when the client has left', request(undefined), 0, undefined],
  ])('is %s', (_what, req, hops, expected) => {
    expect(clientAddress(req, hops)).toBe(expected);
  });
});
