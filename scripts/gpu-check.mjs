import { join } from 'node:path';
import { checkNodeVersion } from './bootstrap.mjs';
import { runCheck } from './gpu/check.mjs';
import { visibleGpus } from './gpu/gpus.mjs';
import { parseOptions } from './gpu/options.mjs';
import { steps } from './gpu/steps.mjs';
import { runAsScript } from './lib/main.mjs';
import { root } from './lib/root.mjs';

/** See docs/gpu.md. */
await runAsScript(import.meta.url, async () => {
  checkNodeVersion();
  const options = parseOptions(process.argv.slice(2), join(root, 'build/gpu-check'));
  if (options === undefined) return 0;
  const { gpus, problem } = await visibleGpus();
  const index = Number(options.device.split(':')[1]);
  const there = index < gpus.length;
  if (!there && !options.allowCpu) {
    const reason = problem ?? `${options.device} is not there: ${gpus.length} GPUs`;
    console.error(`No GPU: ${reason}.\nNothing was run; --allow-cpu runs every step on the CPU.`);
    return 2;
  }
  const device = there ? options.device : 'cpu';
  const report = await runCheck(options, steps, device);
  console.log(`${report.verdict}\n${join(options.out, 'report.md')}`);
  return report.verdict === 'passed' ? 0 : 1;
});
