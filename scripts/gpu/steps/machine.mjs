import { availableParallelism, cpus, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { root } from '../../lib/root.mjs';

/** The first line of what a program says of its version. */
const programs = {
  'C++ compiler': ['c++', '--version'],
  CMake: ['cmake', '--version'],
  Ninja: ['ninja', '--version'],
  nvcc: ['nvcc', '--version'],
  'compute-sanitizer': ['compute-sanitizer', '--version'],
};

/** @type {import('../steps.mjs').Step} */
export const machine = {
  name: 'machine',
  title: 'What is there',
  ...{ least: 5, most: 90, needsBuild: false },
  run: async ({ execute, device }) => {
    const facts = {
      CPU: cpus()[0]?.model ?? 'unknown',
      Cores: String(availableParallelism()),
      Memory: `${Math.round(totalmem() / 2 ** 30)} GiB`,
      // What follows the numbers may name whose kernel it is.
      Kernel: `Linux ${/^[\d.]+/.exec(release())?.[0] ?? 'unknown'}`,
      Node: process.versions.node,
    };
    for (const [name, [command, ...args]] of Object.entries(programs)) {
      const { code, output } = await execute(command, args);
      facts[name] = code === 0 ? versionIn(output) : 'none';
    }
    const problems = [
      ...(device === 'cpu' ? [] : await addDriver(execute, facts)),
      ...(await addTorch(execute, facts)),
    ];
    if (problems.length === 0) return { outcome: 'passed', summary: summaryOf(facts), facts };
    const failures = problems.map(({ title, output }) => ({ title, text: output }));
    return { outcome: 'failed', summary: problems[0].title, facts, failures };
  },
};

async function addDriver(execute, facts) {
  const query = ['--query-gpu=name,driver_version,memory.total', '--format=csv,noheader'];
  const { code, output } = await execute('nvidia-smi', query);
  if (code !== 0) return [{ title: 'nvidia-smi does not answer', output }];
  const rows = output.trim().split('\n');
  for (const [index, row] of rows.entries()) {
    const [name, driver, memory] = row.split(',').map((text) => text.trim());
    facts[`GPU ${index}`] = `${name}, ${memory}`;
    facts.Driver = driver ?? 'unknown';
  }
  return [];
}

async function addTorch(execute, facts) {
  const script = join(root, 'scripts/gpu/describe_machine.py');
  const { code, output } = await execute('python3', [script]);
  const json = output.split('\n').findLast((line) => line.startsWith('{'));
  if (code !== 0 || json === undefined)
    return [{ title: 'python3 has no torch that works', output }];
  Object.assign(facts, JSON.parse(json));
  return [];
}

function summaryOf(facts) {
  const gpu = facts['GPU 0'] ?? 'no GPU';
  return `${gpu}; ${facts.Cores} cores; torch ${facts.torch}`;
}

function versionIn(output) {
  const lines = output.split('\n').filter((line) => line.trim() !== '');
  return (lines.find((line) => /\d+\.\d+/.test(line)) ?? lines[0] ?? 'unknown').trim();
}
