import js from '@eslint/js';
import svelte from 'eslint-plugin-svelte';
import globals from 'globals';
import ts from 'typescript-eslint';
import svelteConfig from './svelte.config.js';

const DOMAINS = ['overview', 'clients', 'traffic', 'charts', 'certificates', 'sessions', 'settings', 'frame'];

/** The arrows of docs/architecture.md: who may import what. */
const arrows = [
  {
    files: ['src/**/*.{ts,svelte}'],
    ignores: ['src/lib/backend/**', 'src/dev/**'],
    rules: {
      'no-restricted-imports': [
        'error',
        { patterns: [{ group: ['@tauri-apps/*'], message: 'Only lib/backend speaks to the shell.' }] },
      ],
    },
  },
  ...DOMAINS.map((domain) => ({
    files: [`src/lib/${domain}/**/*.{ts,svelte}`],
    rules: {
      'no-restricted-imports': [
        'error',
        {
          patterns: [
            { group: ['@tauri-apps/*'], message: 'Only lib/backend speaks to the shell.' },
            {
              group: DOMAINS.filter((other) => other !== domain).flatMap((other) => [
                `$lib/${other}/*`,
                `../${other}/*`,
              ]),
              message: 'A domain imports backend and shared; routes compose.',
            },
          ],
        },
      ],
    },
  })),
];

export default ts.config(
  { ignores: ['dist/', 'node_modules/', 'src/lib/backend/bindings/'] },
  js.configs.recommended,
  ...ts.configs.strict,
  ...svelte.configs.recommended,
  ...svelte.configs.prettier,
  { languageOptions: { globals: { ...globals.browser, ...globals.node } } },
  {
    files: ['**/*.svelte', '**/*.svelte.ts'],
    languageOptions: { parserOptions: { parser: ts.parser, extraFileExtensions: ['.svelte'], svelteConfig } },
    rules: {
      'svelte/no-at-html-tags': 'error',
      'prefer-const': 'off',
      'svelte/prefer-const': ['error', { destructuring: 'all' }],
    },
  },
  {
    rules: {
      '@typescript-eslint/no-non-null-assertion': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': 'off',
      eqeqeq: 'error',
    },
  },
  ...arrows,
);
