import { type Static, Type } from 'typebox';
import { forgivingToggle, integer, optionalText, secondsOrNone, toggle } from './forms.js';

/** TorchServe passes over numbers that are not positive, hence no lower bounds. */
export const modelEntrySchema = Type.Object({
  defaultVersion: Type.Optional(Type.Boolean()),
  marName: Type.Optional(Type.String()),
  minWorkers: Type.Optional(Type.Integer({ maximum: 256 })),
  maxWorkers: Type.Optional(Type.Integer({ maximum: 256 })),
  batchSize: Type.Optional(Type.Integer({ maximum: 65_536 })),
  maxBatchDelay: Type.Optional(Type.Integer({ maximum: 3_600_000 })),
  responseTimeout: Type.Optional(Type.Number({ maximum: 86_400 })),
  startupTimeout: Type.Optional(Type.Number({ maximum: 86_400 })),
  runtimeType: Type.Optional(Type.String()),
  parallelLevel: Type.Optional(Type.Integer()),
});

/** What the setting `models` says of one version of a model. */
export type ModelEntry = Static<typeof modelEntrySchema>;

/** Which models are served, and from where. */
export const modelSettings = {
  modelStore: optionalText('Folder that model paths are relative to, and that `all` serves.'),
  loadModels: Type.Array(Type.String({ minLength: 1 }), {
    default: [],
    flag: '--models',
    description:
      'Models to serve: `name=path` or `path` of an archive, a TorchScript file or a folder with one; `all` for everything in the model store.',
  }),
  models: Type.Record(Type.String(), Type.Record(Type.String(), modelEntrySchema), {
    default: {},
    flag: false,
    override: false,
    description:
      'Values of single models in JSON: `{"name": {"version": {"minWorkers": 1, "batchSize": 8}}}`.',
  }),
  modelSnapshot: Type.Optional(
    Type.String({
      minLength: 1,
      flag: false,
      override: false,
      description: 'Models of an earlier run in JSON, served instead of `load_models`.',
    }),
  ),
  configSnapshots: toggle(false, 'Write a snapshot of the configuration after every change.'),
  allowedUrls: Type.Array(Type.String({ minLength: 1 }), {
    default: [],
    expressions: true,
    description:
      'Regular expressions of the URLs that models may be fetched from, matched whole and in either case; none allows nothing remote.',
  }),
  archiveLimit: integer(1, 16_777_216, 65_536, 'MiB that an archive may unpack to.'),
  downloadTimeout: Type.Number({
    exclusiveMinimum: 0,
    maximum: 86_400,
    default: 60,
    description: 'Seconds without progress after which a download is given up.',
  }),
  unregisterModelTimeout: secondsOrNone(
    120,
    'Seconds that the removal of a model waits for its instances.',
  ),
  enableModelApi: forgivingToggle(false, 'Let the management API register and remove models.'),
};
