import { chooseExecutor } from './choose-executor.ts';

const executor = (name: string, options: { isDefault?: boolean; isOnline?: boolean } = {}) => ({
  exeId: `exe_${name}`,
  name,
  isDefault: false,
  isOnline: true,
  ...options,
});

describe('the choice of an executor', () => {
  it.each([
    ['the default one', [executor('a'), executor('b', { isDefault: true })], 'exe_b'],
    [
      'the default one also while it is offline, rather than send commands to another machine',
      [executor('a'), executor('b', { isDefault: true, isOnline: false })],
      'exe_b',
    ],
    ['without a default the only connected one', [executor('a', { isOnline: false }), executor('b')], 'exe_b'],
    [
      'without a default the first connected one by name',
      [executor('c'), executor('b'), executor('a', { isOnline: false })],
      'exe_b',
    ],
    [
      'the first by name when none is connected',
      [executor('b', { isOnline: false }), executor('a', { isOnline: false })],
      'exe_a',
    ],
  ])('is %s', (_what, executors, expected) => {
    expect(chooseExecutor(executors)?.exeId).toBe(expected);
    expect(chooseExecutor([...executors].reverse())?.exeId).toBe(expected);
  });

  it('is by id between equal names, so that it does not depend on the order', () => {
    const twins = [
      { ...executor('a'), exeId: 'exe_2' },
      { ...executor('a'), exeId: 'exe_1' },
    ];
    expect(chooseExecutor(twins)?.exeId).toBe('exe_1');
  });

  it('is nothing without executors', () => {
    expect(chooseExecutor([])).toBeUndefined();
  });
});
