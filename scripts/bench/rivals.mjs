import { runAsScript } from '../lib/main.mjs';
import { rivals } from './contenders/rivals.mjs';
import { makeRivalPython } from './lib/rivals-python.mjs';

/** Installs the servers of the subject rivals, where they are not. */
await runAsScript(import.meta.url, async () => {
  for (const { requirement } of rivals) {
    console.log(await makeRivalPython(requirement, process.env));
  }
});
