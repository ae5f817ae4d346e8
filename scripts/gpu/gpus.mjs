import { join } from 'node:path';
import { run } from '../lib/process.mjs';
import { root } from '../lib/root.mjs';

/**
 * The names of the GPUs that programs see on this machine, or why there are none.
 *
 * @returns {Promise<{ gpus: string[], problem?: string }>}
 */
export async function visibleGpus() {
  const script = join(root, 'scripts/gpu/visible_gpus.py');
  const { code, stdout, stderr } = await run('python3', [script]);
  if (code === 127) return { gpus: [], problem: 'there is no python3' };
  if (code !== 0) return { gpus: [], problem: `python3 failed: ${stderr.trim().slice(-300)}` };
  return { gpus: [], ...JSON.parse(stdout) };
}
