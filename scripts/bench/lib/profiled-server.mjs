import { existsSync, readFileSync, rmSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { root } from '../../lib/root.mjs';
import { SetupError } from '../../lib/setup-error.mjs';

const agent = pathToFileURL(join(root, 'scripts/bench/lib/profile-agent.mjs')).href;

/** Milliseconds that a server may take to write a profile, and between two looks. */
const patience = 60_000;
const interval = 20;

/**
 * A context whose processes can be profiled: servers are started in it as in any other.
 *
 * @param {import('./context.mjs').BenchContext} context
 * @returns {import('./context.mjs').BenchContext}
 */
export function profiledContext(context) {
  const { children, folder } = context;
  const env = {
    ...process.env,
    NODE_OPTIONS: `${process.env.NODE_OPTIONS ?? ''} --import ${agent}`.trim(),
    BENCH_PROFILES: folder,
  };
  const start = (command, args, options) => children.start(command, args, { ...options, env });
  return { ...context, children: { start } };
}

/**
 * What a server's event loop did while `work` was done: of every two profiles the first is one of time
 * (`Profiler.stop`), the second one of allocations (`HeapProfiler.stopSampling`).
 *
 * @template Result
 * @param {import('./context.mjs').BenchContext} context
 * @param {import('./server.mjs').Server} server of a profiledContext()
 * @param {() => Promise<Result>} work
 * @returns {Promise<{ profile: object, result: Result }>}
 */
export async function profileWhile({ folder }, server, work) {
  const file = join(folder, `${server.pid}.json`);
  rmSync(file, { force: true });
  process.kill(server.pid, constants.signals.SIGURG);
  const result = await work();
  process.kill(server.pid, constants.signals.SIGURG);
  const deadline = performance.now() + patience;
  while (!existsSync(file)) {
    server.assertAlive();
    if (performance.now() > deadline) throw new SetupError('A server has written no profile.');
    await pause(interval);
  }
  return { profile: JSON.parse(readFileSync(file, 'utf8')), result };
}
