import { type Static, Type } from 'typebox';
import { Value } from 'typebox/value';
import { messageOf, SconceError } from '../errors.js';
import { entryPath, pathProblem } from './entry-name.js';

/** Where an archive says what it holds. */
export const manifestName = 'MAR-INF/MANIFEST.json';

/** The runtimes that a manifest may name; letter case counts. */
export const runtimes = ['python', 'python3', 'LSP'] as const;

const text = Type.Optional(Type.String());

/**
 * The manifest of an archive, as `parseManifest` gives it. Members that are not named here are
 * kept.
 */
export const manifestSchema = Type.Object({
  createdOn: text,
  description: text,
  runtime: Type.Enum([...runtimes]),
  model: Type.Object({
    /** Absent when the registration or the archive's file name is to name the model. */
    modelName: text,
    modelVersion: Type.String({ minLength: 1 }),
    description: text,
    /** A built-in handler's name, or `file.py` or `file.py:function`. */
    handler: text,
    envelope: text,
    serializedFile: text,
    modelFile: text,
    extensions: text,
    requirementsFile: text,
    configFile: text,
    sourceVocab: text,
  }),
  archiverVersion: text,
});

export type Manifest = Static<typeof manifestSchema>;

/** Members that name a file of the archive, which a reader joins to the archive's folder. */
const fileMembers = ['serializedFile', 'modelFile', 'requirementsFile', 'configFile'] as const;

/**
 * Reads the text of MAR-INF/MANIFEST.json. What is absent gets TorchServe's defaults: runtime
 * `python`, version `1.0`. A null stands for an absent member, except for the model and the
 * runtime; so does an empty text, except for the version.
 *
 * @throws {SconceError} INVALID_ARCHIVE with TorchServe's message, and a reason where that message
 *   does not say what is wrong.
 */
export function parseManifest(text: string): Manifest {
  const document = parseObject(text);
  const { model, runtime = 'python' } = document;
  if (model === undefined || model === null) throw invalid('Missing Model entry in manifest file.');
  if (!runtimes.some((known) => known === runtime)) {
    throw invalid('Runtime is not defined or invalid.');
  }
  if (!isObject(model)) throw unparsable('model must be object');
  if (model.modelVersion === '') throw invalid('Model version is not defined.');
  const manifest: unknown = {
    ...withoutAbsent(document),
    runtime,
    model: { modelVersion: '1.0', ...withoutAbsent(model) },
  };
  if (!Value.Check(manifestSchema, manifest)) throw unparsable(violation(manifest));
  checkFiles(manifest);
  return manifest;
}

function parseObject(text: string): Record<string, unknown> {
  let document: unknown;
  try {
    // Editors of another time begin a file with a byte order mark.
    document = JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch (error) {
    throw unparsable(messageOf(error));
  }
  if (!isObject(document)) throw unparsable('the manifest must be an object');
  return document;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function withoutAbsent(members: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(members).filter(([, value]) => value !== null && value !== ''),
  );
}

function violation(manifest: unknown): string {
  const [error] = Value.Errors(manifestSchema, manifest);
  if (error === undefined) return 'not a manifest';
  return `${error.instancePath.slice(1).replaceAll('/', '.')} ${error.message}`;
}

/** Refuses files outside the archive: whoever reads the manifest opens what it names. */
function checkFiles({ model }: Manifest): void {
  for (const member of fileMembers) {
    const file = model[member];
    const problem = file === undefined ? undefined : pathProblem(entryPath(file));
    if (problem !== undefined) {
      throw invalid(`The manifest's ${member} "${file}" ${problem}.`);
    }
  }
}

/** TorchServe calls the manifest `signature.json`; clients may know the message. */
function unparsable(reason: string): SconceError {
  return invalid('Failed to parse signature.json.').because(reason);
}

function invalid(message: string): SconceError {
  return new SconceError('INVALID_ARCHIVE', message);
}
