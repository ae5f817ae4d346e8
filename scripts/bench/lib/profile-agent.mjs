/**
 * Preloaded into a server (`NODE_OPTIONS=--import`): each SIGURG begins or ends a profile of its event
 * loop, first one of time, then one of allocations, and so on in turn. What has ended is written to
 * `$BENCH_PROFILES/PID.json`, whole or not at all.
 */
import { renameSync, writeFileSync } from 'node:fs';
import { Session } from 'node:inspector';
import { join } from 'node:path';
import { isMainThread } from 'node:worker_threads';

/** Microseconds between two samples of time, and mean bytes between two of allocations. */
const samplingInterval = 200;
const allocationInterval = 4096;

if (isMainThread) listen(process.env.BENCH_PROFILES);

function listen(folder) {
  const session = new Session();
  session.connect();
  const call = (method, parameters) => {
    let answer;
    // Answers come before post() returns.
    session.post(method, parameters, (error, result) => {
      if (error) throw new Error(`${method}: ${error.message}`);
      answer = result;
    });
    return answer;
  };
  const write = ({ profile }) => {
    const file = join(folder, `${process.pid}.json`);
    writeFileSync(`${file}.part`, JSON.stringify(profile));
    renameSync(`${file}.part`, file);
  };
  const turns = [
    () => {
      call('Profiler.enable');
      call('Profiler.setSamplingInterval', { interval: samplingInterval });
      call('Profiler.start');
    },
    () => {
      write(call('Profiler.stop'));
      call('Profiler.disable');
    },
    () =>
      call('HeapProfiler.startSampling', {
        samplingInterval: allocationInterval,
        includeObjectsCollectedByMajorGC: true,
        includeObjectsCollectedByMinorGC: true,
      }),
    () => write(call('HeapProfiler.stopSampling')),
  ];
  let turn = 0;
  process.on('SIGURG', () => {
    turns[turn % turns.length]();
    turn += 1;
  });
}
