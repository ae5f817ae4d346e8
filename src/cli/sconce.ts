import { Command, Option } from 'commander';
import type { Profile } from '../config/resolve.js';
import { packageVersion } from '../package-version.js';
import { addArchiveCommand } from './archive.js';
import { attempt } from './attempt.js';
import { addConfigCommand } from './config.js';
import { printStatus, stopServer } from './daemon.js';
import { addDescribeCommand } from './describe.js';
import { addSettingFlags, addTorchServeFlags, commandFlags, profileOption } from './flags.js';
import { launch } from './launch.js';
import { serve } from './serve.js';
import { addTokenCommand } from './token.js';

interface ServeOptions extends Record<string, unknown> {
  profile: Profile;
  background?: boolean;
}

const program = new Command('sconce')
  .description('Serves TorchScript models over HTTP.')
  .version(packageVersion());

const serveCommand = program
  .command('serve', { isDefault: true })
  .description('Serve models until a signal comes.')
  .addOption(profileOption().hideHelp())
  .addOption(new Option('--background', 'A command waits for the ports.').hideHelp())
  .action((options: ServeOptions) => attempt(() => runServe(options)));
addSettingFlags(serveCommand);
addTorchServeFlags(serveCommand);

const startCommand = program
  .command('start')
  .description('Serve models in the background.')
  .action((options: Record<string, unknown>) => {
    const flags = process.argv.slice(process.argv.indexOf('start', 2) + 1);
    return attempt(() => launch(options, flags, 'sconce'));
  });
addSettingFlags(startCommand);
addTorchServeFlags(startCommand);

program
  .command('stop')
  .description('Stop the server that runs in the background; it answers what is in flight.')
  .action(() => attempt(() => stop()));

program
  .command('status')
  .description('Say whether a server runs in the background.')
  .action(() => {
    process.exitCode = printStatus();
  });

addArchiveCommand(program);
addConfigCommand(program);
addDescribeCommand(program);
addTokenCommand(program);

async function runServe(options: ServeOptions): Promise<void> {
  const { profile, background = false } = options;
  if (commandFlags(options).stop) await stop();
  else await serve(options, { profile, stoppable: background, background });
}

async function stop(): Promise<void> {
  process.exitCode = await stopServer('sconce');
}

await program.parseAsync();
