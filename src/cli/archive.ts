import { type Command, Option } from 'commander';
import type { ArchiveOptions } from '../archive/write.js';
import { resolveHandler, tensorHandler } from '../archive/write-handler.js';
import { looksLikeTorchScript } from '../archive/write-torchscript.js';
import { builtInHandlers } from '../handlers/registry.js';
import { type ArchiveFlag, archiveFlags, archiveOptions, toOption } from './archive-flags.js';
import { runArchive, type WrittenArchive } from './archive-run.js';

/**
 * Adds `archive`: torch-model-archiver with Sconce's own handler as the default. The program's
 * options count before the name of a command only from then on: `--version` after `archive` is the
 * model's.
 */
export function addArchiveCommand(program: Command): void {
  program.enablePositionalOptions();
  const command = program
    .command('archive')
    .description('Write a model archive: a model file with what its server needs to know.')
    .allowExcessArguments(false);
  for (const flag of archiveFlags) command.addOption(optionOf(flag));
  command.action((values: Record<string, unknown>) =>
    archive(archiveOptions((long) => values[new Option(long).attributeName()])),
  );
}

function optionOf(flag: ArchiveFlag): Option {
  const option = toOption(flag);
  if (flag.choices !== undefined) option.choices(flag.choices);
  if (flag.long === '--handler') return option.default(tensorHandler);
  return flag.required === true ? option.makeOptionMandatory() : option;
}

async function archive(options: ArchiveOptions): Promise<void> {
  const warn = (message: string) => console.error(`Warning: ${message}`);
  const written = await runArchive({ ...options, warn }, (message) => console.error(message));
  if (written === undefined) return;
  for (const message of await doubts(options, written)) warn(message);
  const handler = written.handler === undefined ? '' : `, whose handler is ${written.handler}`;
  console.log(`Wrote ${written.path}${handler}`);
}

/** What would keep Sconce from serving the archive as it may be meant. */
async function doubts(options: ArchiveOptions, written: WrittenArchive): Promise<string[]> {
  const { handler, runtime = 'python', serializedFile, modelFile } = options;
  const { name, file } = resolveHandler(handler, runtime);
  if (runtime === 'LSP')
    return [
      `Sconce cannot serve this archive: its handler ${name} is for TorchServe's C++ backend.`,
    ];
  const python =
    modelFile ||
    (written.handler === undefined && !builtInHandlers.has(name) ? (file ?? name) : '');
  if (python) {
    return [
      `${python} is Python: Sconce runs the model in TorchServe's worker processes, and its setting python names an interpreter that has torchserve and torch.`,
    ];
  }
  if (!serializedFile || (await looksLikeTorchScript(serializedFile))) return [];
  return [
    `${serializedFile} does not look like a TorchScript file, which the handler ${name} runs: write it with torch.jit.save.`,
  ];
}
