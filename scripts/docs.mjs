import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ensureDependencies, ensureTypeScript } from './bootstrap.mjs';
import { runAsScript } from './lib/main.mjs';
import { root } from './lib/root.mjs';
import { SetupError } from './lib/setup-error.mjs';

/** Documents that hold blocks made from the code. The text around the blocks is written by hand. */
const documents = ['docs/configuration.md', 'docs/errors.md', 'docs/metrics.md'];

/** What stands in each block, by the name in its first line. */
const blocks = {
  settings: settingsTables,
  'environment-names': environmentTable,
  'torchserve-keys': torchserveKeysTable,
  'model-config': modelConfigTable,
  'torchserve-model-config': torchserveModelConfigTable,
  errors: errorsTable,
  metrics: metricsTable,
  'torchserve-metrics': torchserveMetricsTable,
};

/**
 * The documents that differ from what the code says of itself, with the text they should have.
 * Needs the compiled src/.
 *
 * @returns {Promise<Map<string, string>>} by path from the root
 */
export async function staleDocuments() {
  const made = new Map();
  for (const [name, make] of Object.entries(blocks)) made.set(name, await make());
  const stale = new Map();
  const used = new Set();
  for (const path of documents) {
    const text = readFileSync(join(root, path), 'utf8');
    const fresh = fillBlocks(text, path, made, used);
    if (fresh !== text) stale.set(path, fresh);
  }
  const unused = Object.keys(blocks).filter((name) => !used.has(name));
  if (unused.length > 0) throw new SetupError(`No document has the block ${unused.join(', ')}.`);
  return stale;
}

/**
 * Puts each block's text between its marks.
 *
 * @param {string} text
 * @param {string} path for messages
 * @param {Map<string, string>} made
 * @param {Set<string>} used receives the names that were found
 */
export function fillBlocks(text, path, made, used = new Set()) {
  const marks = /(<!-- begin generated: ([\w-]+) -->\n)[\s\S]*?(<!-- end generated -->)/g;
  return text.replace(marks, (_whole, begin, name, end) => {
    const content = made.get(name);
    if (content === undefined) throw new SetupError(`${path}: nothing makes the block "${name}".`);
    used.add(name);
    return `${begin}\n${content}\n\n${end}`;
  });
}

const load = (path) => import(pathToFileURL(join(root, 'dist/src', path)).href);

async function settingsTables() {
  const { allSettings } = await load('config/setting.js');
  const groups = [...new Set(allSettings.map(({ group }) => group))];
  return groups
    .map((group) => {
      const rows = allSettings
        .filter((setting) => setting.group === group)
        .map(({ name, key, flag, schema, fallback, description }) => [
          code(name),
          [key, flag ?? []].flat().map(code).join(', '),
          typeInWords(schema),
          fallback === undefined ? 'none' : defaultInWords(fallback),
          description,
        ]);
      return `### ${group}\n\n${table(['Setting', 'Key, flag', 'Type', 'Default', 'Meaning'], rows)}`;
    })
    .join('\n\n');
}

/** Environment variables that are not `TS_` and the key in capitals. */
async function environmentTable() {
  const { allSettings } = await load('config/setting.js');
  const rows = allSettings.flatMap(({ name, key, override, environment }) => [
    ...(override === `TS_${key.toUpperCase()}` ? [] : [[code(name), overrideInWords(override)]]),
    ...(environment === undefined ? [] : [[code(name), `${code(environment)}, always read`]]),
  ]);
  return table(['Setting', 'Variable'], rows);
}

function overrideInWords(override) {
  return override === undefined ? 'none' : code(override);
}

async function torchserveKeysTable() {
  const { meaninglessKeys } = await load('config/torchserve-keys.js');
  const keysByReason = new Map();
  for (const [key, { why }] of meaninglessKeys) {
    keysByReason.set(why, [...(keysByReason.get(why) ?? []), code(key)]);
  }
  return table(
    ['Keys', 'Why they have no effect'],
    [...keysByReason].map(([why, keys]) => [keys.join(', '), why]),
  );
}

async function modelConfigTable() {
  const { ownModelKeys } = await load('config/schemas/own-model-keys.js');
  return keysTable(ownModelKeys);
}

async function torchserveModelConfigTable() {
  const { torchserveModelKeys } = await load('config/schemas/torchserve-model-keys.js');
  return keysTable(torchserveModelKeys);
}

function keysTable(properties) {
  const rows = Object.entries(properties).flatMap(([name, schema]) => [
    [
      code(name),
      typeInWords(schema),
      schema.unused ? `${schema.description} No effect: ${schema.unused}.` : schema.description,
    ],
    ...Object.entries(schema.items?.properties ?? {}).map(([key, inner]) => [
      code(`${name}[].${key}`),
      typeInWords(inner),
      inner.description ?? 'Name of the output in JSON.',
    ]),
  ]);
  return table(['Key', 'Type', 'Meaning'], rows);
}

async function errorsTable() {
  const { errorTable } = await load('errors.js');
  return table(
    ['Code', 'HTTP', 'gRPC', '`type`', '`message`'],
    Object.entries(errorTable).map(([name, { status, grpc, type, template }]) => [
      code(name),
      String(status),
      code(grpc),
      code(type),
      code(template.replaceAll('\n', ' ').replaceAll('%s', '…')),
    ]),
  );
}

async function metricsTable() {
  const { metricDefinitions } = await load('metrics/definitions.js');
  const rows = Object.values(metricDefinitions).map(({ name, kind, labels, help, buckets }) => [
    code(name),
    kind,
    labels.map(code).join(', ') || 'none',
    `${help}.${buckets ? ` Buckets: ${buckets.join(', ')}.` : ''}`,
  ]);
  return table(['Metric', 'Kind', 'Labels', 'Meaning'], rows);
}

async function torchserveMetricsTable() {
  const { torchServeMetrics } = await load('metrics/torchserve-table.js');
  const rows = Object.entries(torchServeMetrics).map(
    ([name, { kind, unit, dimensions, meaning }]) => [
      code(name),
      kind,
      unit,
      dimensions.map(code).join(', '),
      meaning,
    ],
  );
  return table(['Metric', 'Kind', 'Unit', 'Labels', 'Meaning'], rows);
}

function typeInWords(schema) {
  if (schema.enum) return schema.enum.map(code).join(', ');
  if (schema.address) return 'address';
  if (schema.expressions) return 'list of regular expressions';
  switch (schema.type) {
    case undefined:
      return 'anything';
    case 'array':
      return `list of ${itemsInWords(schema)}`;
    case 'boolean':
      return '`true` or `false`';
    case 'object':
      return 'object';
    case 'string':
      return schema.pattern ? patternInWords(schema.pattern) : 'text';
    default:
      return `${schema.type}, ${boundsInWords(schema)}`;
  }
}

/** `^(auto|cuda:[0-9]+)$` as a list of what it takes. */
function patternInWords(pattern) {
  const choices = /^\^\(([^()]*)\)\$$/.exec(pattern)?.[1];
  if (choices === undefined) return `text like ${code(pattern)}`;
  return choices
    .split('|')
    .map((choice) => code(choice.replaceAll('[0-9]+', 'N')))
    .join(', ');
}

function itemsInWords({ items, minItems, maxItems }) {
  const what = items.type === 'object' ? 'objects' : items.type === 'string' ? 'texts' : 'integers';
  const bounds = items.type === 'integer' ? `, each ${boundsInWords(items)}` : '';
  const length = maxItems === undefined ? '' : `, ${minItems ?? 0} to ${maxItems} of them`;
  return `${what}${bounds}${length}`;
}

function boundsInWords({ minimum, exclusiveMinimum, maximum }) {
  const from =
    exclusiveMinimum === undefined ? `${minimum} to` : `more than ${exclusiveMinimum}, up to`;
  return `${from} ${maximum}`;
}

function defaultInWords(value) {
  if (Array.isArray(value)) return value.map(code).join(', ') || 'none';
  return code(typeof value === 'object' ? JSON.stringify(value) : String(value));
}

function code(text) {
  return `\`${text}\``;
}

function table(head, rows) {
  const line = (cells) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

await runAsScript(import.meta.url, async () => {
  const checkOnly = process.argv.includes('--check');
  await ensureDependencies();
  await ensureTypeScript();
  const stale = await staleDocuments();
  for (const [path, text] of stale) {
    if (!checkOnly) writeFileSync(join(root, path), text);
    console.log(checkOnly ? `${path} is out of date: run npm run docs` : `${path} written`);
  }
  if (stale.size === 0) console.log('The documents are up to date');
  return checkOnly && stale.size > 0 ? 1 : 0;
});
