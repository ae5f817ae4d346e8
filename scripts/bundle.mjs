import { chmodSync, existsSync, rmSync, statSync, utimesSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { build } from 'esbuild';
import { listFiles } from './lib/files.mjs';
import { withLock } from './lib/lock.mjs';
import { runAsScript } from './lib/main.mjs';
import { stopwatch } from './lib/progress.mjs';
import { root } from './lib/root.mjs';

const compiled = join(root, 'dist/src');
const bundled = join(root, 'dist/bundle');

/** What is started by its name. */
const programs = ['cli/main', 'cli/torchserve', 'cli/torch-model-archiver'];

/** Modules of dist/src that are loaded by their URL: what a thread runs, and what handlers import. */
export const entries = [
  ...programs,
  'index',
  ...['workers/entry', 'workers/handler-entry', 'workers/file-check-entry'],
  ...['acceptors/acceptor-entry', 'handlers/code/inspect-entry', 'handlers/code/resolve-hooks'],
  ...['image-classifier', 'image-segmenter', 'object-detector'].map(
    (name) => `handlers/vision/${name}`,
  ),
  ...['text-classifier', 'text-embedding'].map((name) => `handlers/text/${name}`),
];

/** Packages that find files of their own, or that few models need. */
const external = [
  ...['node-gyp-build', 'piscina', 'sharp', 'selfsigned'],
  ...['@huggingface/tokenizers', '@swc/wasm-typescript'],
];

/** A package of CommonJS calls require(), which ES modules do not have. */
const banner = `import { createRequire as requireFrom } from 'node:module';
const require = requireFrom(import.meta.url);`;

/** Whatever file a module's code ends up in, its URL is that of its place in dist/bundle. */
const urls = {
  name: 'urls of modules',
  setup({ onLoad }) {
    onLoad({ filter: /\/dist\/src\/.*\.js$/ }, async ({ path }) => {
      const place = relative(compiled, path).split(sep).join('/');
      const url = `import.meta.url.replace(/(.*\\/bundle\\/).*/, '$1${place}')`;
      const source = await readFile(path, 'utf8');
      return { contents: source.replaceAll('import.meta.url', url) };
    });
  },
};

/**
 * Makes dist/bundle of dist/src and the packages that it imports: the same modules, a start of which
 * reads a dozen files instead of 1,500. Does nothing when dist/src has not changed since.
 */
export async function bundle() {
  await withLock(join(root, 'build/bundle.lock'), 'Another bundle is being made', async () => {
    if (isNewest(join(bundled, 'index.js'))) return;
    const elapsed = stopwatch();
    const begin = new Date();
    rmSync(bundled, { recursive: true, force: true });
    await build({
      entryPoints: entries.map((name) => join(compiled, `${name}.js`)),
      ...{ outbase: compiled, outdir: bundled, chunkNames: 'chunks/[name]-[hash]' },
      ...{ bundle: true, splitting: true, format: 'esm', platform: 'node', target: 'node20' },
      ...{ external, banner: { js: banner }, plugins: [urls] },
      ...{ sourcemap: true, sourcesContent: false, logLevel: 'warning' },
    });
    for (const name of programs) chmodSync(join(bundled, `${name}.js`), 0o755);
    // What is compiled meanwhile is newer.
    utimesSync(join(bundled, 'index.js'), begin, begin);
    console.log(`Bundled in ${elapsed()}`);
  });
}

/** Whether a file is as new as all that the bundle is made of. */
function isNewest(file) {
  if (!existsSync(file)) return false;
  const sources = [...listFiles(compiled, ['.js']), import.meta.filename];
  const lock = join(root, 'package-lock.json');
  if (existsSync(lock)) sources.push(lock);
  const { mtimeMs } = statSync(file);
  return sources.every((path) => statSync(path).mtimeMs <= mtimeMs);
}

await runAsScript(import.meta.url, bundle);
