import { defineConfig } from 'vite'

// Two builds share this file. The product (`vite build`) goes to dist/app, from
// where the Go binary embeds it and serves it below /assets/. The test page
// (`vite build --mode harness`) goes to .harness, which no binary contains.
export default defineConfig(({ mode }) => ({
  // tsconfig.json says the same to tsc; the bundler is told here.
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  publicDir: false as const,
  ...(mode === 'harness' ? harness : product),
}))

// Safari 15 is the oldest browser that both engines and the page's CSS reach.
const target = ['es2022', 'safari15', 'chrome100', 'firefox100']

const product = {
  base: '/assets/',
  build: {
    outDir: 'dist/app',
    assetsDir: '',
    emptyOutDir: true,
    manifest: 'manifest.json',
    // The page's policy allows no data: URL, so nothing is inlined.
    assetsInlineLimit: 0,
    // dash.js is one file of a megabyte; it loads only where DASH is chosen.
    chunkSizeWarningLimit: 1200,
    target,
    rolldownOptions: { input: 'src/main.tsx' },
  },
}

const harness = {
  root: 'harness',
  base: './',
  build: {
    outDir: '../.harness',
    emptyOutDir: true,
    chunkSizeWarningLimit: 1200,
    target,
  },
}
