import { join } from 'node:path';
import { fixture, root, textModels } from '../support/paths.js';

const handlers = join(root, 'test/compat/archives');

/** An archive to be written. */
export interface Archive {
  /** File in the model store, without `.mar`. */
  file: string;
  manifest: Record<string, unknown>;
  /** Name in the archive to path. */
  files: Record<string, string>;
}

/** Members of the manifest's model and files besides those of every archive. */
interface More {
  members?: Record<string, string>;
  files?: Record<string, string>;
}

/** An archive with a handler that both servers bring, as `torch-model-archiver` writes it. */
function builtIn(file: string, handler: string, model: string, more: More = {}): Archive {
  const { manifest } = archive(file, 'double', handler);
  return {
    file,
    manifest: { ...manifest, model: { ...manifest.model, ...more.members } },
    files: { 'model.pt': model, ...more.files },
  };
}

/** A file in the folder of the archives. */
export const beside = (name: string) => join(handlers, name);
const bag = (name: string) => join(textModels, 'bag', name);

/** An archive with a handler in Python, and a model of make_models.py. */
export function archive(file: string, model: string, handler: string, version = '1.0') {
  return {
    file,
    manifest: {
      createdOn: '22/11/2024 12:00:00',
      runtime: 'python',
      model: {
        modelName: file.replace(/-.*/, ''),
        modelVersion: version,
        handler,
        serializedFile: 'model.pt',
      },
      archiverVersion: '0.12.0',
    },
    files: { 'model.pt': fixture(model), [`${handler}.py`]: join(handlers, `${handler}.py`) },
  };
}

/** Archives of the cases about handlers. */
export const handlerArchives: readonly Archive[] = [
  archive('unruly', 'double', 'unruly'),
  builtIn('base', 'base_handler', fixture('linear')),
  builtIn('classifier', 'image_classifier', beside('residual.pt'), {
    files: { 'index_to_name.json': beside('labels/names.json') },
  }),
  builtIn('listed', 'image_classifier', beside('residual.pt'), {
    files: { 'index_to_name.json': beside('labels/lists.json') },
  }),
  builtIn('typed', 'image_classifier', beside('residual.pt'), {
    files: { 'index_to_name.json': beside('labels/types.json') },
  }),
  builtIn('numbered', 'image_classifier', beside('residual.pt')),
  builtIn('missing', 'image_classifier', beside('residual.pt'), {
    files: { 'index_to_name.json': beside('labels/missing.json') },
  }),
  builtIn('small', 'image_classifier', beside('residual.pt'), {
    members: { configFile: 'model-config.yaml' },
    files: { 'model-config.yaml': beside('labels/small.yaml') },
  }),
  builtIn('converting', 'converting', beside('residual.pt'), {
    files: {
      'converting.py': beside('converting.py'),
      'index_to_name.json': beside('labels/names.json'),
    },
  }),
  builtIn('few', 'image_classifier', beside('few.pt')),
  builtIn('segmenter', 'image_segmenter', beside('segmenter.pt')),
  builtIn('detector', 'object_detector', beside('detector.pt'), {
    files: { 'index_to_name.json': beside('labels/names.json') },
  }),
  builtIn('text', 'text_classifier', bag('model.pt'), {
    members: { configFile: 'model-config.yaml' },
    files: {
      'model-config.yaml': beside('labels/text.yaml'),
      'source_vocab.pt': beside('source_vocab.pt'),
      'vocab.json': bag('vocab.json'),
      'index_to_name.json': bag('index_to_name.json'),
    },
  }),
];
