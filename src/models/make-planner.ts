import { loadavg } from 'node:os';
import { join } from 'node:path';
import type { Settings } from '../config/settings.js';
import { addon } from '../native/binding.js';
import { packageVersion } from '../package-version.js';
import { processorName } from '../plans/plan.js';
import { PlanCache, userCacheFolder } from '../plans/plan-cache.js';
import { Planner } from '../plans/planner.js';
import { openTrials } from '../plans/trials.js';

/** What chooses the plans of a server's models. */
export function makePlanner({ planCache }: Pick<Settings, 'planCache'>, cores: number): Planner {
  return new Planner({
    machine: () => {
      const native = addon();
      return {
        cores,
        cpu: processorName(),
        libtorch: native.libtorchVersion,
        bfloat16: (device) => native.bfloat16Supported(device),
      };
    },
    cache: new PlanCache(planCache ?? join(userCacheFolder(), 'plans')),
    openTrials,
    version: packageVersion(),
    load: {
      cpuMicroseconds: () => {
        const { user, system } = process.cpuUsage();
        return user + system;
      },
      isBusy: () => (loadavg()[0] ?? 0) > cores,
    },
  });
}
