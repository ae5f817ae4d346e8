/**
 * Where the event loop's time and memory go, by part of the program.
 */

/** In the order of a request's way. What a function of no file does is its caller's. */
export const parts = [
  'Node: sockets and HTTP',
  'Fastify',
  'http/',
  'models/',
  'handlers/',
  'native: JSON to rows',
  'batching/',
  'native: batches',
  'native: rows to JSON',
  'metrics/',
  'elsewhere in Sconce',
  "the echo's own",
  'garbage collection',
];

const [node, fastify, http, models, handlers, reading, batching, batches, writing, metrics] = parts;
const [elsewhere, echo, collection] = parts.slice(10);

/** Calls of the addon, whose time V8 gives to the function that calls it. */
const nativeCalls = [
  { file: /\/handlers\/tensor\/tensor-codec\.js$/, names: ['read', 'store'], part: reading },
  { file: /\/handlers\/tensor\/tensor-reply\.js$/, names: ['write'], part: writing },
  { file: /\/models\/make-assembler\.js$/, names: ['ring', 'advance'], part: batches },
  { file: /\/native\/runtime\.js$/, names: [], part: batches },
];

const rooms = new Map([
  ['http', http],
  ['models', models],
  ['handlers', handlers],
  ['tensors', handlers],
  ['batching', batching],
  ['metrics', metrics],
]);

/** Microseconds; a thread that was not sampled for longer than that has waited for a core. */
const longestSample = 1000;

/** What the profiles themselves cost is nobody's. */
const isProfiler = ({ url }) => url === 'node:inspector' || url.endsWith('/profile-agent.mjs');

/** The part of a function; undefined where its caller tells. */
function partOf({ functionName, url }) {
  if (functionName === '(garbage collector)') return collection;
  if (functionName === '(program)' || url.startsWith('node:')) return node;
  if (url === '') return undefined;
  if (url.includes('/node_modules/')) return fastify;
  if (url.endsWith('/echo-server.mjs')) return echo;
  const native = nativeCalls.find(
    ({ file, names }) => file.test(url) && (names.length === 0 || names.includes(functionName)),
  );
  if (native !== undefined) return native.part;
  const room = /\/dist\/src\/([\w-]+)\//.exec(url)?.[1] ?? '';
  return rooms.get(room) ?? elsewhere;
}

/**
 * The share of each part in the time that the loop was busy; they add up to 1.
 *
 * @param {{ nodes: object[], samples: number[], timeDeltas: number[] }} profile of Profiler.stop
 */
export function sharesOfTime({ nodes, samples, timeDeltas }) {
  const time = new Map();
  for (const [i, id] of samples.entries()) {
    time.set(id, (time.get(id) ?? 0) + Math.min(timeDeltas[i], longestSample));
  }
  const byId = new Map(nodes.map((each) => [each.id, each]));
  const totals = sumByPart(byId.get(1) ?? nodes[0], ({ children = [] }) =>
    children.map((id) => byId.get(id)),
  )(({ id, callFrame }) => (callFrame.functionName === '(idle)' ? 0 : (time.get(id) ?? 0)));
  const sum = Object.values(totals).reduce((a, b) => a + b, 0);
  return Object.fromEntries(Object.entries(totals).map(([part, value]) => [part, value / sum]));
}

/**
 * Bytes that each part has allocated on the heap.
 *
 * @param {{ head: object }} profile of HeapProfiler.stopSampling
 */
export function bytesAllocated({ head }) {
  return sumByPart(head, ({ children }) => children)(({ selfSize }) => selfSize);
}

/** Adds up a number of each node of a tree of calls by the part it belongs to. */
function sumByPart(root, childrenOf) {
  return (amountOf) => {
    const totals = Object.fromEntries(parts.map((part) => [part, 0]));
    const visit = (each, callers) => {
      if (isProfiler(each.callFrame)) return;
      const part = partOf(each.callFrame) ?? callers;
      totals[part] += amountOf(each);
      for (const child of childrenOf(each)) visit(child, part);
    };
    visit(root, node);
    return totals;
  };
}
