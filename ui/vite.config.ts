import { fileURLToPath } from 'node:url';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

// `--mode fake` puts src/dev in the shell's place, to work on the look in any browser. No other mode knows of it, and
// scripts/check-dist.mjs fails a build that holds any of it.
export default defineConfig(({ mode }) => ({
  plugins: [svelte()],
  clearScreen: false,
  server: { port: 1420, strictPort: true },
  resolve: {
    alias: {
      ...(mode === 'fake' ? { '@tauri-apps/api/core': here('src/dev/core.ts') } : {}),
      $lib: here('src/lib'),
    },
    ...(mode === 'test' ? { conditions: ['browser'] } : {}),
  },
  build: {
    target: ['es2022', 'safari16'],
    outDir: 'dist',
    sourcemap: false,
    chunkSizeWarningLimit: 500,
  },
  test: { include: ['src/**/*.test.ts'], environment: 'node' },
}));
