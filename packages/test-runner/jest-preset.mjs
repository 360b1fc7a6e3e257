/**
 * Tests run as native ES modules on the TypeScript sources: `source` is the export condition under which every package
 * here names its src/index.ts, so that a test never sees a stale build.
 */
export default {
  testEnvironment: 'node',
  testEnvironmentOptions: { customExportConditions: ['source', 'node', 'node-addons'] },
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      { jsc: { target: 'es2023', parser: { syntax: 'typescript' } }, module: { type: 'es6' }, sourceMaps: 'inline' },
    ],
  },
  testMatch: ['<rootDir>/{src,test}/**/*.test.ts'],
  testTimeout: 300_000, // for what hangs: a slow machine takes its time
};
