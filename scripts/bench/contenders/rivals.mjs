import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../../lib/root.mjs';
import { alpha, jsonAnswer, jsonRequest } from '../lib/alpha-model.mjs';
import { rivalPythonPath } from '../lib/rivals-python.mjs';
import { freePort, untilAnswer } from '../lib/start-step.mjs';

/**
 * A server of the subject rivals: its program in rivals/, and how a row is sent and answered.
 *
 * @typedef {object} Rival
 * @property {string} name
 * @property {string} requirement package and version
 * @property {string} program
 * @property {string} path of predictions
 * @property {(row: number[]) => { body: Buffer, headers: Record<string, string> }} request
 * @property {(reply: Buffer) => number[]} answer
 */

/** @type {Rival[]} */
export const rivals = [
  {
    ...{
      name: 'LitServe',
      requirement: 'litserve==0.2.19',
      program: 'litserve_server.py',
      path: '/predict',
    },
    ...{ request: jsonRequest, answer: jsonAnswer },
  },
  {
    ...{
      name: 'Ray Serve',
      requirement: 'ray[serve]==2.60.0',
      program: 'ray_server.py',
      path: '/predict',
    },
    ...{ request: jsonRequest, answer: jsonAnswer },
  },
  {
    ...{ name: 'MLServer', requirement: 'mlserver==1.7.1', program: 'mlserver_server.py' },
    path: `/v2/models/${alpha.name}/infer`,
    request: (row) => {
      const input = { name: 'features', shape: [1, row.length], datatype: 'FP32', data: row };
      return {
        body: Buffer.from(JSON.stringify({ inputs: [input] })),
        headers: { 'Content-Type': 'application/json' },
      };
    },
    answer: (reply) => JSON.parse(reply).outputs[0].data,
  },
];

/**
 * @param {import('../lib/context.mjs').BenchContext} context
 * @param {Rival} rival
 * @param {number[]} row that it must answer
 * @returns {Promise<import('../lib/server.mjs').Server | { skipped: string }>}
 */
export async function startRival({ children }, rival, row) {
  const python = rivalPythonPath(rival.requirement, process.env);
  if (!existsSync(python)) return { skipped: 'see `node scripts/bench/rivals.mjs`' };
  const port = await freePort();
  const program = join(root, 'scripts/bench/rivals', rival.program);
  const child = children.start(python, [program, join(root, alpha.modelFile), String(port)], {
    env: { ...process.env, OMP_NUM_THREADS: '1' },
  });
  child.stdout.resume();
  const url = `http://127.0.0.1:${port}`;
  await untilAnswer(child, `${url}${rival.path}`, rival.request(row));
  const assertAlive = () => {
    if (child.exitCode !== null) throw new Error(`${rival.name} ended: ${child.errorText}`);
  };
  return { pid: child.pid, url, output: '', assertAlive };
}
