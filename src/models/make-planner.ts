import { loadavg } from 'node:os';
import { join } from 'node:path';
import type { Settings } from '../config/settings.js';
import type { NativeAddon, Precision } from '../native/addon.js';
import { addon } from '../native/binding.js';
import { packageVersion } from '../package-version.js';
import { processorName } from '../plans/plan.js';
import { PlanCache, userCacheFolder } from '../plans/plan-cache.js';
import { Planner } from '../plans/planner.js';
import { openTrials } from '../plans/trials.js';
import { gpuIndex } from './device.js';

/** What chooses the plans of a server's models. */
export function makePlanner({ planCache }: Pick<Settings, 'planCache'>, cores: number): Planner {
  return new Planner({
    machine: () => {
      const native = addon();
      return {
        cores,
        cpu: processorName(),
        libtorch: native.libtorchVersion,
        gpu: (device) => native.gpuName(gpuIndex(device) ?? 0),
        computesIn: (device, precision) => computesIn(native, device, precision),
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

/** On a GPU the generation with bfloat16 is the first with tf32; float16 is older than both. */
function computesIn(
  native: Pick<NativeAddon, 'bfloat16Supported'>,
  device: string,
  precision: Precision,
): boolean {
  if (precision === 'float32') return true;
  if (precision === 'float16') return device !== 'cpu';
  if (precision === 'tf32' && device === 'cpu') return false;
  return native.bfloat16Supported(device);
}
