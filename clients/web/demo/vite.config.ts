// The demo page, as the server serves it under /demo/. `npm run demo` serves it by itself and sends what
// concerns the server on to it (SEACHANGE_URL, by default where `cargo run` listens).

import { createHash } from 'node:crypto';
import { fileURLToPath } from 'node:url';

import { defineConfig, type Plugin } from 'vite';

const BASE = '/demo/';
const SERVER = process.env.SEACHANGE_URL ?? 'http://127.0.0.1:8080';
const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const proxy = { '/graphql': { target: SERVER, ws: true } };

/** Only what is of the same origin; nothing inline, nothing evaluated. */
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
  "manifest-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'";

/** Files that Vite copies as they are: no bundle names them. */
const COPIED = ['icon.svg', 'board.webmanifest'];

function offline(): Plugin {
  return {
    name: 'offline',
    apply: 'build',
    transformIndexHtml: () => [
      { tag: 'meta', attrs: { 'http-equiv': 'Content-Security-Policy', content: POLICY }, injectTo: 'head-prepend' },
    ],
    // When the page itself is in the bundle.
    generateBundle: { order: 'post', handler: (_options, bundle) => tell(bundle) },
  };
}

type Bundle = Record<string, { type: 'asset'; source: string | Uint8Array } | { type: 'chunk'; code: string }>;

/** Tells the service worker what there is to keep. Its text then changes with any of it, by which the
 *  browser knows that there is a new version. */
function tell(bundle: Bundle): void {
  const { 'sw.js': worker, 'index.html': page, ...assets } = bundle;
  if (worker?.type !== 'chunk' || !page) throw new Error('there is no service worker, or no page');
  const hash = createHash('sha256');
  for (const [name, part] of Object.entries({ ...assets, page })) {
    hash.update(name).update(part.type === 'chunk' ? part.code : part.source);
  }
  const files = ['', ...Object.keys(assets), ...COPIED].map((name) => BASE + name);
  worker.code = worker.code
    .replace('__FILES__', JSON.stringify(files))
    .replace('__VERSION__', JSON.stringify(hash.digest('hex').slice(0, 16)));
}

export default defineConfig({
  root: here('.'),
  base: BASE,
  plugins: [offline()],
  resolve: { alias: { '@seachange/web': here('../src/index.ts') } },
  server: { proxy },
  preview: { proxy },
  build: {
    target: 'es2022',
    outDir: here('dist'),
    emptyOutDir: true,
    rolldownOptions: {
      input: { index: here('index.html'), sw: here('worker/sw.ts') },
      output: { entryFileNames: ({ name }) => (name === 'sw' ? 'sw.js' : 'assets/[name]-[hash].js') },
    },
  },
});
