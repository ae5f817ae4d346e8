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
  settings: settingsTable,
  'model-config': modelConfigTable,
  errors: errorsTable,
  metrics: metricsTable,
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

async function settingsTable() {
  const { settingsSchema } = await load('config/settings.js');
  const { flagName } = await load('cli/flags.js');
  return table(
    ['Setting', 'Flag', 'Type', 'Default', 'Meaning'],
    Object.entries(settingsSchema.properties).map(([name, schema]) => [
      code(name),
      code(`--${flagName(name)}`),
      typeInWords(schema),
      defaultInWords(schema),
      schema.description,
    ]),
  );
}

async function modelConfigTable() {
  const { modelConfigSchema } = await load('config/model-config.js');
  const rows = Object.entries(modelConfigSchema.properties).flatMap(([name, schema]) => [
    [code(name), typeInWords(schema), schema.description],
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

function typeInWords(schema) {
  if (schema.enum) return schema.enum.map(code).join(', ');
  if (schema.enum) return schema.enum.map(code).join(', ');
  if (schema.type === 'array') return `list of ${itemsInWords(schema)}`;
  if (schema.type === 'string') return schema.pattern ? patternInWords(schema.pattern) : 'text';
  if (schema.type === 'boolean') return '`true` or `false`';
  return `${schema.type}, ${boundsInWords(schema)}`;
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

function defaultInWords({ default: value }) {
  if (value === undefined) return 'none';
  return Array.isArray(value) ? value.map(code).join(', ') || 'none' : code(String(value));
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
