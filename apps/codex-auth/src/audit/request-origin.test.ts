import { hotRequestOrigin } from './request-origin.ts';

describe('where a request came from', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['192.0.2.1:50000', '192.0.2.1'],
    ['[2001:db8::1]:50000', '2001:db8::1'],
    ['[2001:db8::1]', '2001:db8::1'],
    ['2001:db8::1', '2001:db8::1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['fe80::1%eth0', 'fe80::1'],
    ['192.0.2.1:port', undefined],
    ['[192.0.2.1', undefined],
    ['unknown', undefined],
    [undefined, undefined],
  ])('is, written as %s, %s', (ip, expected) => {
    expect(hotRequestOrigin({ ip, requestId: 'r', headers: {} }).ip).toBe(expected);
  });
});
