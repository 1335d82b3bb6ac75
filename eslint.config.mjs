import js from '@eslint/js';
import importX from 'eslint-plugin-import-x';
import tseslint from 'typescript-eslint';
import { IMPORT_RULES } from './import-rules.mjs';

/** import-x knows zones by what is forbidden: everything, except the rooms that are allowed. */
const directions = IMPORT_RULES.map(({ from, may }) => ({ target: `./${from}`, allowed: [from, ...may] })).map(
  ({ target, allowed }) => ({
    files: [target.endsWith('.ts') ? target.slice(2) : `${target.slice(2)}/**/*.{ts,tsx}`],
    ignores: ['**/*.test.ts', '**/test-support/**', '**/conformance*.ts'],
    rules: {
      'import-x/no-restricted-paths': [
        'error',
        {
          zones: [
            {
              target,
              from: '.',
              except: [...allowed.map((room) => `./${room}`), './node_modules'],
              message: 'not in the import directions: see import-rules.mjs and docs/ARCHITECTURE.md',
            },
          ],
        },
      ],
    },
  }),
);

export default tseslint.config(
  { ignores: ['node_modules', '**/dist', 'coverage', '**/target'] },
  js.configs.recommended,
  {
    files: ['**/*.ts', '**/*.tsx'],
    extends: [...tseslint.configs.recommendedTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    plugins: { 'import-x': importX },
    settings: {
      'import-x/resolver-next': [
        importX.createNodeResolver({
          extensions: ['.ts', '.tsx', '.js'],
          extensionAlias: { '.js': ['.ts', '.tsx', '.js'] },
        }),
      ],
    },
    rules: {
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      // Ports are async by contract, whether an implementation waits or not.
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/unbound-method': 'off',
      'max-lines': ['error', { max: 400 }],
      'no-console': 'error',
    },
  },
  {
    files: ['**/*.test.ts', 'test/**/*.ts'],
    rules: { '@typescript-eslint/no-unsafe-assignment': 'off', '@typescript-eslint/no-unsafe-member-access': 'off' },
  },
  {
    // The MongoDB driver speaks `any` (Document); what comes out is checked by the conformance suite.
    files: ['src/stores/*/**/*.ts', 'stack/servers/mongodb.ts'],
    rules: Object.fromEntries(
      ['assignment', 'member-access', 'argument', 'return', 'call'].map((what) => [
        `@typescript-eslint/no-unsafe-${what}`,
        'off',
      ]),
    ),
  },
  {
    files: ['**/*.mjs'],
    languageOptions: { globals: { process: 'readonly', console: 'readonly', URL: 'readonly' } },
    rules: { 'no-console': 'off' },
  },
  ...directions,
);
