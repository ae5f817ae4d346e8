#!/usr/bin/env -S node --single-threaded-gc
// Tensors lie outside the JavaScript heap, which is small: collecting it with node's helper threads
// takes more of the cores from the instances than it saves.
import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { SconceError } from '../errors.js';
import { addSettingFlags, settingsFromFlags } from './flags.js';
import { serve } from './serve.js';

const packageFile = new URL('../../../package.json', import.meta.url);

function packageVersion(): string {
  const content: unknown = JSON.parse(readFileSync(packageFile, 'utf8'));
  return typeof content === 'object' && content !== null && 'version' in content
    ? String(content.version)
    : 'unknown';
}

/** Runs a command; what went wrong is one message, not a stack, unless it is our own mistake. */
async function attempt(run: () => Promise<void>): Promise<void> {
  try {
    await run();
  } catch (error) {
    const known = error instanceof SconceError && error.code !== 'INTERNAL';
    console.error(known ? error.message : error);
    process.exit(1);
  }
}

const program = new Command('sconce')
  .description('Serves TorchScript models over HTTP.')
  .version(packageVersion());

const serveCommand = program
  .command('serve', { isDefault: true })
  .description('Serve models until a signal comes.')
  .action((options: Record<string, unknown>) => attempt(() => serve(settingsFromFlags(options))));
addSettingFlags(serveCommand);

await program.parseAsync();
