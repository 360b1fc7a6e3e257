import { chooseExecutor, mustMove } from './choose-executor.ts';

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

describe('a move to another executor', () => {
  const bound = [executor('a'), executor('b', { isOnline: false })];
  const withDefault = [executor('a'), executor('b', { isDefault: true })];
  it.each([
    ['when the executor is bound no more', bound, 'exe_gone', true],
    ['when none is bound any more', [], 'exe_a', true],
    ['when there is one at last', bound, undefined, true],
    ['when another one is the default', withDefault, 'exe_a', true],
    ['not while it has the default one', withDefault, 'exe_b', false],
    ['not because its executor is away and another is not', bound, 'exe_b', false],
    ['not when there never was one', [], undefined, false],
  ])('is made %s', (_when, executors, exeId, expected) => {
    expect(mustMove(executors, exeId)).toBe(expected);
  });
});
