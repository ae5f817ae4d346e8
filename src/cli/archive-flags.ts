import { Option } from 'commander';
import { runtimes } from '../archive/manifest.js';
import type { ArchiveFormat, ArchiveOptions } from '../archive/write.js';
import type { ArgparseFlag } from './argparse.js';

/** One flag of torch-model-archiver. */
export interface ArchiveFlag extends ArgparseFlag {
  description: string;
}

export const archiveFormats = [
  'tgz',
  'no-archive',
  'zip-store',
  'default',
] as const satisfies readonly ArchiveFormat[];

/** The flags in the order in which torch-model-archiver shows them. */
export const archiveFlags: readonly ArchiveFlag[] = [
  {
    long: '--model-name',
    metavar: 'MODEL_NAME',
    required: true,
    description: 'name of the model, and of its archive without the ending',
  },
  {
    long: '--serialized-file',
    metavar: 'SERIALIZED_FILE',
    description: 'the TorchScript file; for other handlers than tensor any weights (.pt, .pth)',
  },
  {
    long: '--model-file',
    metavar: 'MODEL_FILE',
    description: "Python file with the model's class, for weights without TorchScript",
  },
  {
    long: '--handler',
    metavar: 'HANDLER',
    required: true,
    description:
      'name of a built-in handler, or path of a handler file (.ts, .js, .py) or npm package',
  },
  {
    long: '--extra-files',
    metavar: 'EXTRA_FILES',
    description: 'more files, folders and patterns, with commas between them',
  },
  {
    long: '--runtime',
    metavar: 'RUNTIME',
    choices: runtimes,
    fallback: 'python',
    description: 'what TorchServe runs the handler with',
  },
  {
    long: '--export-path',
    metavar: 'EXPORT_PATH',
    description: 'folder that the archive is written to (default: the working folder)',
  },
  {
    long: '--archive-format',
    metavar: 'ARCHIVE_FORMAT',
    choices: archiveFormats,
    fallback: 'default',
    description:
      'default: compressed .mar; zip-store: .mar without compression; tgz: .tar.gz; no-archive: a folder',
  },
  { long: '--force', short: '-f', description: 'replace an archive that is there' },
  {
    long: '--version',
    short: '-v',
    metavar: 'VERSION',
    required: true,
    description: "the model's version",
  },
  {
    long: '--requirements-file',
    short: '-r',
    metavar: 'REQUIREMENTS_FILE',
    description: 'requirements.txt with the Python packages that the model needs',
  },
  {
    long: '--config-file',
    short: '-c',
    metavar: 'CONFIG_FILE',
    description: "YAML file with the model's configuration, such as batchSize",
  },
];

/** A flag for commander. That it must be given, and its choices, are for the caller to add. */
export function toOption({ long, short, metavar, fallback, description }: ArchiveFlag): Option {
  const names = short === undefined ? long : `${short}, ${long}`;
  const value = metavar === undefined ? '' : ` <${metavar}>`;
  const option = new Option(`${names}${value}`, description);
  return fallback === undefined ? option : option.default(fallback);
}

/** What the values of the flags say; `valueFor` gives one by its long flag. */
export function archiveOptions(valueFor: (long: string) => unknown): ArchiveOptions {
  const text = (long: string) => {
    const value = valueFor(long);
    return typeof value === 'string' ? value : undefined;
  };
  return {
    modelName: text('--model-name') ?? '',
    version: text('--version') ?? '',
    handler: text('--handler') ?? '',
    serializedFile: text('--serialized-file'),
    modelFile: text('--model-file'),
    extraFiles: text('--extra-files'),
    requirementsFile: text('--requirements-file'),
    configFile: text('--config-file'),
    runtime: runtimes.find((runtime) => runtime === text('--runtime')),
    exportPath: text('--export-path'),
    archiveFormat: archiveFormats.find((format) => format === text('--archive-format')),
    force: valueFor('--force') === true,
  };
}
