#!/usr/bin/env -S node --single-threaded-gc
import { Command } from 'commander';
import { torchServeVersion } from '../http/torchserve-version.js';
import { packageVersion } from '../package-version.js';
import { attempt } from './attempt.js';
import { refuseSecond, startInBackground, stopServer } from './daemon.js';
import { addSettingFlags, addTorchServeFlags, commandFlags } from './flags.js';
import { removePidFile, writePidFile } from './pid-file.js';
import { serve } from './serve.js';

/** `torchserve` with TorchServe's flags and defaults, so that its start scripts work. */
const command = new Command('torchserve')
  .description('TorchServe’s command, served by Sconce.')
  .version(
    `TorchServe Version is ${torchServeVersion}\nSconce ${packageVersion()}`,
    '-v, --version',
    'Print the versions.',
  )
  .action((options: Record<string, unknown>) => attempt(() => run(options)));
addSettingFlags(command);
addTorchServeFlags(command);

async function run(options: Record<string, unknown>): Promise<void> {
  const { stop, foreground } = commandFlags(options);
  if (stop) {
    process.exitCode = await stopServer('torchserve');
  } else if (foreground) {
    if (refuseSecond('torchserve')) {
      process.exitCode = 1;
      return;
    }
    writePidFile(process.pid);
    process.once('exit', () => removePidFile(process.pid));
    await serve(options, 'torchserve');
  } else {
    process.exitCode = await startInBackground(process.argv.slice(2), 'torchserve');
  }
}

await command.parseAsync();
