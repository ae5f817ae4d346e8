import { Command } from 'commander';
import { addArchiveCommand } from '../../src/cli/archive.js';

// A program whose other command is the default, as `serve` is, with a version of its own.
const program = new Command('sconce').version('9.9.9');
program
  .command('serve', { isDefault: true })
  .option('--batch-size <value>')
  .action(({ batchSize }: Record<string, unknown>) => console.log(`serve ${batchSize}`));
addArchiveCommand(program);
await program.parseAsync();
