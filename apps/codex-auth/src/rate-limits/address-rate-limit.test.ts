import { networkOf } from './address-rate-limit.ts';

describe('what stands for one caller', () => {
  it.each([
    ['198.51.100.1', '198.51.100.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:DB8:1:2::', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['2001:0db8:0000:0000:ffff::9', '2001:db8:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['::ffff:198.51.100.1', '::ffff:c633:6401'],
    ['::ffff:198.51.100.2', '::ffff:c633:6402'],
    ['unknown', 'unknown'],
  ])('is for %s %s', (address, expected) => {
    expect(networkOf(address)).toBe(expected);
  });
});
