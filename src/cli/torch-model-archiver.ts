#!/usr/bin/env node
import { archiveFlags, archiveOptions } from './archive-flags.js';
import { runArchive } from './archive-run.js';
import { parseArguments, UsageError } from './argparse.js';
import { helpText, usage } from './torch-model-archiver-help.js';

/** torch-model-archiver without Python: what it reads, writes and says is what the original does. */
async function main(): Promise<void> {
  const values = parseArguments(process.argv.slice(2), archiveFlags);
  if (values === undefined) {
    process.stdout.write(helpText);
    return;
  }
  const warn = (message: string) => console.error(`WARNING - ${message}`);
  await runArchive({ ...archiveOptions((long) => values.get(long)), warn }, (message) =>
    console.error(`ERROR - ${message}`),
  );
}

try {
  await main();
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  process.stderr.write(`${usage}torch-model-archiver: error: ${error.message}\n`);
  process.exitCode = 2;
}
