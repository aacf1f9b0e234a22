/** ESM through SWC; Node 24 runs it with --experimental-vm-modules (see the `jest` script). */
const base = {
  rootDir: '.',
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      { jsc: { parser: { syntax: 'typescript' }, target: 'es2024' }, module: { type: 'es6' } },
    ],
  },
  injectGlobals: false,
};

export default {
  testTimeout: 20_000,
  testSequencer: '<rootDir>/scripts/slow-first.mjs',
  reporters: ['default', '<rootDir>/scripts/closing-line.mjs'],
  // Tests wait for processes more than they compute; the default on two cores is one worker.
  maxWorkers: 2,
  projects: [
    { ...base, displayName: 'unit', testMatch: ['<rootDir>/test/unit/**/*.test.ts'] },
    { ...base, displayName: 'compat', testMatch: ['<rootDir>/test/compat/**/*.test.ts'] },
    { ...base, displayName: 'integration', testMatch: ['<rootDir>/test/integration/**/*.test.ts'] },
    {
      ...base,
      displayName: 'e2e',
      testMatch: ['<rootDir>/test/e2e/**/*.test.ts'],
      globalSetup: '<rootDir>/test/e2e/stack/start.ts',
      globalTeardown: '<rootDir>/test/e2e/stack/end.ts',
    },
    {
      ...base,
      displayName: 'keycloak',
      testMatch: ['<rootDir>/test/keycloak/**/*.test.ts'],
      globalSetup: '<rootDir>/test/keycloak/stage/start.ts',
      globalTeardown: '<rootDir>/test/keycloak/stage/end.ts',
    },
    {
      ...base,
      displayName: 'browser',
      testMatch: ['<rootDir>/test/browser/**/*.test.ts'],
      globalSetup: '<rootDir>/test/browser/stage/start.ts',
      globalTeardown: '<rootDir>/test/browser/stage/end.ts',
    },
    { ...base, displayName: 'slow', testMatch: ['<rootDir>/test/slow/**/*.test.ts'] },
  ],
};
