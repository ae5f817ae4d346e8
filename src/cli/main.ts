#!/usr/bin/env -S node --single-threaded-gc
// Tensors lie outside the JavaScript heap, which is small: collecting it with node's helper threads
// takes more of the cores from the instances than it saves.
import { Command, Option } from 'commander';
import type { Profile } from '../config/resolve.js';
import { packageVersion } from '../package-version.js';
import { addArchiveCommand } from './archive.js';
import { attempt } from './attempt.js';
import { addConfigCommand } from './config.js';
import { printStatus, startInBackground, stopServer } from './daemon.js';
import { addSettingFlags, addTorchServeFlags } from './flags.js';
import { serve } from './serve.js';
import { addTokenCommand } from './token.js';

interface ServeOptions extends Record<string, unknown> {
  profile: Profile;
}

const program = new Command('sconce')
  .description('Serves TorchScript models over HTTP.')
  .version(packageVersion());

const serveCommand = program
  .command('serve', { isDefault: true })
  .description('Serve models until a signal comes.')
  .addOption(
    new Option('--profile <name>', 'Whose defaults are taken.')
      .choices(['sconce', 'torchserve'])
      .default('sconce')
      .hideHelp(),
  )
  .action((options: ServeOptions) => attempt(() => serve(options, options.profile)));
addSettingFlags(serveCommand);
addTorchServeFlags(serveCommand);

const startCommand = program
  .command('start')
  .description('Serve models in the background.')
  .action(async () => {
    const flags = process.argv.slice(process.argv.indexOf('start') + 1);
    process.exitCode = await startInBackground(flags, 'sconce');
  });
addSettingFlags(startCommand);
addTorchServeFlags(startCommand);

program
  .command('stop')
  .description('Stop the server that runs in the background; it answers what is in flight.')
  .action(async () => {
    process.exitCode = await stopServer('sconce');
  });

program
  .command('status')
  .description('Say whether a server runs in the background.')
  .action(() => {
    process.exitCode = printStatus();
  });

addArchiveCommand(program);
addConfigCommand(program);
addTokenCommand(program);

await program.parseAsync();
