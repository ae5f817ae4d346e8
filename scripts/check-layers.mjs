import { readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { listFiles } from './lib/files.mjs';
import { runAsScript } from './lib/main.mjs';
import { root } from './lib/root.mjs';

/**
 * Which rooms of src/ (its folders, and the files beside them) a room may import. '*' is all.
 * An entry with a slash names one file instead of its room.
 */
export const allowedRooms = {
  index: ['*'],
  cli: ['*'],
  http: [
    'models',
    'handlers/handler',
    'security',
    'errors',
    'metrics',
    'logging',
    'config',
    'plans/plan-record',
    'native/shared-memory',
    'package-version',
    'collections',
  ],
  acceptors: [
    ...['http', 'models', 'handlers', 'workers', 'native', 'tensors'],
    ...['security', 'errors', 'metrics', 'logging', 'config', 'timers', 'collections'],
  ],
  grpc: ['models', 'handlers/handler', 'security', 'errors', 'metrics', 'logging', 'config'],
  snapshots: ['models', 'config', 'errors', 'logging'],
  models: [
    ...['batching', 'native', 'handlers', 'workers', 'archive', 'config'],
    ...['tensors', 'errors', 'metrics', 'logging', 'timers', 'process-alive', 'python'],
    ...['plans', 'package-version', 'collections'],
  ],
  plans: ['native', 'tensors'],
  batching: ['tensors', 'native', 'errors', 'timers', 'collections'],
  handlers: [
    ...['tensors', 'native', 'errors', 'metrics/custom-metrics', 'config/violation'],
    'collections',
  ],
  workers: [
    ...['archive', 'handlers', 'tensors', 'native', 'errors', 'timers', 'collections'],
    'metrics/custom-metrics',
  ],
  tensors: ['native', 'errors'],
  python: ['errors', 'metrics/specification', 'process-alive', 'timers'],
  archive: ['errors', 'config/allowed-urls'],
  native: ['errors'],
  config: ['errors', 'native/dtype'],
  metrics: ['errors', 'timers'],
  logging: ['errors'],
  security: ['errors'],
  'package-version': [],
  'process-alive': [],
  timers: [],
  collections: [],
  errors: [],
};

/** Packages that only some places of src/ may import: rooms, or single files. */
export const restrictedPackages = {
  fastify: ['http', 'acceptors', 'grpc', 'cli'],
  '@fastify/*': ['http', 'grpc', 'cli'],
  piscina: ['workers'],
  'prom-client': ['metrics'],
  'rotating-file-stream': ['logging'],
  selfsigned: ['security'],
  'node-gyp-build': ['native/binding'],
  'node:module#createRequire': ['native/binding'],
};

/** Headers that only some places of native/ may include, or that some may not. */
export const restrictedHeaders = {
  'torch/script.h': { only: /^engine\/torchscript\.cc$/ },
  'napi.h': { never: /^engine\// },
  'node_api.h': { never: /^engine\// },
  'napi_support.h': { never: /^engine\// },
};

/**
 * What breaks the layering of src/ and native/ under a folder, one sentence each.
 *
 * @param {string} folder
 * @returns {string[]}
 */
export function checkLayers(folder) {
  const src = join(folder, 'src');
  const native = join(folder, 'native');
  return [
    ...listFiles(src, ['.ts']).flatMap((path) => checkModule(src, path)),
    ...listFiles(native, ['.cc', '.h']).flatMap((path) => checkNative(native, path)),
  ];
}

function checkModule(src, path) {
  const module = withoutEnding(relative(src, path));
  const room = roomOf(module);
  const allowed = allowedRooms[room];
  const where = `src/${relative(src, path)}`;
  if (!allowed) return [`${where}: "${room}" has no row in scripts/check-layers.mjs`];
  return importsOf(readFileSync(path, 'utf8')).flatMap(({ specifier, names }) => {
    if (!specifier.startsWith('.')) return checkPackage(where, module, specifier, names);
    const target = withoutEnding(relative(src, join(dirname(path), specifier)));
    const targetRoom = roomOf(target);
    const fine =
      target.startsWith('..') ||
      targetRoom === room ||
      allowed.some((entry) => entry === '*' || entry === targetRoom || entry === target);
    return fine ? [] : [`${where}: ${room} may not import ${targetRoom} (${specifier})`];
  });
}

function checkPackage(where, module, specifier, names) {
  return Object.entries(restrictedPackages).flatMap(([pattern, places]) => {
    const [name, symbol] = pattern.split('#');
    const matches = name.endsWith('/*')
      ? specifier.startsWith(name.slice(0, -1))
      : specifier === name || specifier.startsWith(`${name}/`);
    if (!matches || (symbol && !names.includes(symbol))) return [];
    if (places.includes(module) || places.includes(roomOf(module))) return [];
    return [`${where}: only ${places.join(', ')} may import ${symbol ?? specifier}`];
  });
}

function checkNative(native, source) {
  const file = relative(native, source);
  const includes = readFileSync(source, 'utf8').matchAll(/^\s*#\s*include\s*[<"]([^>"]+)[>"]/gm);
  return [...includes].flatMap(([, path]) => {
    const header = path.replace(/^(\.\.\/)+/, '');
    const rule = restrictedHeaders[header];
    const fine = !rule || (rule.only ? rule.only.test(file) : !rule.never.test(file));
    return fine ? [] : [`native/${file}: may not include ${header}`];
  });
}

function importsOf(text) {
  const source = text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '');
  const fixed = source.matchAll(/^\s*(?:import|export)\b([^'";]*?)\bfrom\s*['"]([^'"]+)['"]/gm);
  const bare = source.matchAll(/^\s*import\s*()['"]([^'"]+)['"]/gm);
  const dynamic = source.matchAll(/\b(?:import|require)\s*(\()\s*['"]([^'"]+)['"]/g);
  return [...fixed, ...bare, ...dynamic].map(([, names, specifier]) => ({ names, specifier }));
}

function roomOf(module) {
  return module.split('/')[0];
}

function withoutEnding(path) {
  return path.replace(/(\.d)?\.[jt]s$/, '');
}

await runAsScript(import.meta.url, () => {
  const violations = checkLayers(root);
  for (const violation of violations) console.error(violation);
  console.log(violations.length === 0 ? 'Layers: ok' : `Layers: ${violations.length} violations`);
  return violations.length === 0 ? 0 : 1;
});
