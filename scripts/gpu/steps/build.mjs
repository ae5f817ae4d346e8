import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { root } from '../../lib/root.mjs';

/** @type {import('../steps.mjs').Step} */
export const build = {
  name: 'build',
  title: 'Build with the torch of python3',
  ...{ least: 30, most: 280, needsBuild: false },
  run: async ({ execute, device }) => {
    const built = await execute(process.execPath, ['scripts/bootstrap.mjs']);
    if (built.code !== 0) {
      const summary = built.timedOut ? 'not built within its time' : 'the build failed';
      return { outcome: 'failed', summary, failures: [{ title: summary, text: built.output }] };
    }
    const loaded = await execute(process.execPath, ['--input-type=module', '--eval', loadAddon()]);
    const json = loaded.output.split('\n').findLast((line) => line.startsWith('{'));
    if (loaded.code !== 0 || json === undefined) {
      const summary = 'the addon was built and cannot be loaded';
      return { outcome: 'failed', summary, failures: [{ title: summary, text: loaded.output }] };
    }
    return judge(JSON.parse(json), device, built.output);
  },
};

/** A program that prints what the built addon says of itself. */
function loadAddon() {
  const binding = pathToFileURL(join(root, 'dist/src/native/binding.js')).href;
  return `
    import { addon } from ${JSON.stringify(binding)};
    const { libtorchVersion, cudaBuild, cudaDeviceCount } = addon();
    console.log(JSON.stringify({ libtorchVersion, cudaBuild, gpus: cudaDeviceCount() }));
  `;
}

function judge({ libtorchVersion, cudaBuild, gpus }, device, output) {
  const kind = cudaBuild ? `for CUDA, ${gpus} usable GPUs` : 'for the CPU';
  const facts = { Addon: `LibTorch ${libtorchVersion}, ${kind}` };
  // What bootstrap.mjs says of its parts: `Built build/Release/sconce.node in 12 s`.
  for (const [, what, time] of output.matchAll(/^(Built .+?|TypeScript compiled) in (.+)$/gm)) {
    facts[what] = time;
  }
  if (device === 'cpu' || gpus > Number(device.split(':')[1])) {
    return { outcome: 'passed', summary: facts.Addon, facts };
  }
  const title = `${device} is not among the GPUs of the addon: ${facts.Addon}`;
  return { outcome: 'failed', summary: title, facts, failures: [{ title, text: output }] };
}
