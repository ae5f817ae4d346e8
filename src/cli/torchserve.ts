#!/usr/bin/env -S node --single-threaded-gc
import { Command } from 'commander';
import { torchServeVersion } from '../http/torchserve-version.js';
import { packageVersion } from '../package-version.js';
import { attempt } from './attempt.js';
import { addSettingFlags, addTorchServeFlags } from './flags.js';
import { launch } from './launch.js';

/** Exit code for a command line that cannot be understood. */
const usageError = 2;

/** `torchserve` with TorchServe's flags and defaults, so that its start scripts work. */
const command = new Command('torchserve')
  .description('TorchServe’s command, served by Sconce.')
  .version(
    `TorchServe Version is ${torchServeVersion}\nSconce ${packageVersion()}`,
    '-v, --version',
    'Print the versions.',
  )
  // Python's argparse ends so when it does not know a flag.
  .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : usageError))
  .action((options: Record<string, unknown>) =>
    attempt(() => launch(options, process.argv.slice(2), 'torchserve')),
  );
addSettingFlags(command, 'torchserve');
addTorchServeFlags(command);

await command.parseAsync();
