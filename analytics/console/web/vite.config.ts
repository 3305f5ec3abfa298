import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';

/** The folder of the output is given by scripts/setup/build.mjs. */
// biome-ignore lint/style/noDefaultExport: Vite reads the default export
export default defineConfig({
  // Pages may only load files of their own (pages.ts): nothing inline, no data URLs.
  build: {
    target: 'es2022',
    // The console, and the customer portal.
    rollupOptions: {
      input: ['index.html', 'portal.html'].map((name) => fileURLToPath(new URL(name, import.meta.url))),
    },
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    cssCodeSplit: true,
    reportCompressedSize: false,
  },
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
});
