import { defineConfig } from 'vite';

/** Every address is relative: the page works under whatever path a proxy gives it. Nothing is inlined: its policy forbids it. */
export default defineConfig({
  root: import.meta.dirname,
  base: './',
  build: {
    outDir: 'dist/site',
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    target: 'es2022',
  },
  server: { proxy: { '/graphql': 'http://127.0.0.1:4000' } },
});
