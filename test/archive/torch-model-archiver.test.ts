import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Workspace } from './workspace.js';

const space = new Workspace();
const python = process.env.SCONCE_PYTHON ?? '/usr/bin/python3';
const packaging = 'model_archiver.model_packaging';
const probe = spawnSync(python, ['-c', `import ${packaging}`], { encoding: 'utf8' });
const skip = probe.status === 0 ? false : `${python} cannot import torch-model-archiver`;

for (const [format, file] of [
  ['default', 'alpha.mar'],
  ['zip-store', 'alpha.mar'],
  ['tgz', 'alpha.tar.gz'],
  ['no-archive', 'alpha'],
] as const) {
  test(`opens what torch-model-archiver writes as ${format}`, { skip }, async () => {
    const model = space.write('in/model.pt', 'weights');
    const config = space.write('in/model-config.yaml', 'minWorkers: 1\n');
    const extra = space.write('in/extra/index_to_name.json', '{}');
    const exportPath = space.path('out');
    mkdirSync(exportPath);
    const flags = {
      'model-name': 'alpha',
      version: '3.0',
      'serialized-file': model,
      handler: 'image_classifier',
      'config-file': config,
      'extra-files': extra,
      'export-path': exportPath,
      'archive-format': format,
    };
    const parameters = Object.entries(flags).map(([flag, value]) => `--${flag}=${value}`);
    const run = `from ${packaging} import generate_model_archive; generate_model_archive()`;
    const { status, stderr } = spawnSync(python, ['-c', run, ...parameters], { encoding: 'utf8' });
    assert.equal(status, 0, stderr);

    const archive = await space.open(join(exportPath, file));
    const { createdOn, archiverVersion, ...manifest } = archive.manifest ?? {};
    assert.match(createdOn ?? '', /^\d\d\/\d\d\/\d{4} \d\d:\d\d:\d\d$/);
    assert.match(archiverVersion ?? '', /^\d+\.\d+\.\d+$/);
    assert.deepEqual(manifest, {
      runtime: 'python',
      model: {
        modelName: 'alpha',
        serializedFile: 'model.pt',
        handler: 'image_classifier',
        modelVersion: '3.0',
        configFile: 'model-config.yaml',
      },
    });
    assert.equal(readFileSync(join(archive.folder, 'model.pt'), 'utf8'), 'weights');
    assert.equal(readFileSync(join(archive.folder, 'index_to_name.json'), 'utf8'), '{}');
    await archive.dispose();
    space.assertClean();
  });
}
