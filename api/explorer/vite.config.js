import { defineConfig } from 'vite';

export default defineConfig({
  base: '/explorer/',
  esbuild: { jsx: 'automatic' },
  // Monaco's language services run in module workers, which Vite bundles as files of our own.
  worker: { format: 'es' },
  build: {
    target: 'es2022',
    // A font or image in a data: URL would need a looser Content-Security-Policy than a file does.
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 6000,
    rollupOptions: {
      onwarn(warning, warn) {
        // "use client" means something to servers only.
        if (warning.code !== 'MODULE_LEVEL_DIRECTIVE') warn(warning);
      },
    },
  },
  // `npm run dev` beside a running Hale.
  server: { proxy: { '/graphql': 'http://127.0.0.1:8080' } },
});
