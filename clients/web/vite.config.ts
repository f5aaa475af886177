// The library: ES modules; what it depends on stays outside, so that a page has one RxDB.

import { defineConfig } from 'vite';

export default defineConfig({
  build: {
    target: 'es2022',
    minify: false,
    lib: { entry: { index: 'src/index.ts', cli: 'src/cli.ts' }, formats: ['es'] },
    rolldownOptions: { external: [/^rxdb(\/|$)/, /^rxjs(\/|$)/, /^graphql-ws(\/|$)/, /^node:/] },
  },
});
