/**
 * Three projects, told apart by the suffix of the file: `*.test.ts` needs nothing, `*.pg.test.ts` a Postgres,
 * `*.stack.test.ts` the whole stack. `stack/bootstrap.mjs test` says in which order they run.
 */
const base = {
  testEnvironment: 'node',
  // What ends late, after its file, may still set a global: jest's guard against that recurses without end.
  testEnvironmentOptions: { globalsCleanup: 'off' },
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        jsc: {
          target: 'es2022',
          parser: { syntax: 'typescript', decorators: true },
          transform: { legacyDecorator: true, decoratorMetadata: true, useDefineForClassFields: false },
        },
        module: { type: 'es6' },
        sourceMaps: 'inline',
      },
    ],
  },
  roots: [
    '<rootDir>/src',
    '<rootDir>/client',
    '<rootDir>/console/src',
    '<rootDir>/generator',
    '<rootDir>/lab',
    '<rootDir>/processing',
    '<rootDir>/stack',
    '<rootDir>/test',
    '<rootDir>/wire',
  ],
  testPathIgnorePatterns: ['/node_modules/'],
};

export default {
  projects: [
    {
      ...base,
      displayName: 'unit',
      testMatch: ['**/*.test.ts'],
      testPathIgnorePatterns: [...base.testPathIgnorePatterns, '\\.(pg|stack)\\.test\\.ts$'],
    },
    {
      ...base,
      displayName: 'pg',
      testMatch: ['**/*.pg.test.ts'],
      globalSetup: '<rootDir>/test/harness/postgres-setup.mjs',
      globalTeardown: '<rootDir>/test/harness/postgres-teardown.mjs',
    },
    { ...base, displayName: 'stack', testMatch: ['**/*.stack.test.ts'] },
  ],
};
