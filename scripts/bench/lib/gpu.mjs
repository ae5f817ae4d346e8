import { findExecutable, run } from '../../lib/process.mjs';
import { isGpu } from './device-figures.mjs';

const columns = { GPU: 'name', 'GPU memory': 'memory.total', 'GPU driver': 'driver_version' };

/**
 * What figures of a GPU depend on, as far as nvidia-smi tells; nothing of the CPU.
 *
 * @param {string} device as CUDA_VISIBLE_DEVICES lets this process count
 * @returns {Promise<Record<string, string>>}
 */
export async function describeGpu(device, env = process.env) {
  if (!isGpu(device)) return {};
  const program = findExecutable('nvidia-smi');
  if (program === null) return {};
  const query = `--query-gpu=${Object.values(columns).join(',')}`;
  const id = physicalId(device, env.CUDA_VISIBLE_DEVICES);
  const { code, stdout } = await run(program, [query, '--format=csv,noheader', '-i', id]);
  if (code !== 0) return {};
  const values = stdout.trim().split(/, */);
  return Object.fromEntries(Object.keys(columns).map((column, i) => [column, values[i] ?? '–']));
}

/**
 * nvidia-smi counts all devices, a process those that it is to see.
 *
 * @param {string} device
 * @param {string | undefined} visible indices or identifiers
 */
export function physicalId(device, visible) {
  const index = Number(device.split(':')[1] ?? 0);
  return visible?.split(',')[index]?.trim() || String(index);
}
