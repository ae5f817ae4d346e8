import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { archiveLimits } from '../../src/archive/limits.js';
import type { ModelSource, SourceOptions } from '../../src/models/model-source.js';
import { openTrusted } from '../../src/models/model-source.js';

/** What a model of a test is, beside the code of its handler. */
export interface PythonModel {
  /** As the manifest names it; the module's function `handle` by default. */
  handler?: string;
  /** Members of model-config.yaml. */
  config?: Record<string, unknown>;
  /** More members of the manifest's model. */
  manifest?: Record<string, string>;
  /** More files: name to content. */
  files?: Record<string, string | Uint8Array>;
}

const options: SourceOptions = {
  modelStore: undefined,
  allowedUrls: [],
  downloadTimeout: 1000,
  limits: archiveLimits(1 << 30),
  defaultHandler: undefined,
};

/** Models with Python handlers, unpacked; gone at the end of the scope. */
export class PythonModels implements Disposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'sconce-python-'));

  /** Writes a model with this handler.py. */
  add(name: string, code: string, given: PythonModel = {}): string {
    const folder = join(this.folder, name);
    const { handler = 'handler.py', config = {}, manifest = {}, files = {} } = given;
    const model = { modelName: name, handler, configFile: 'model-config.yaml', ...manifest };
    const all = {
      'handler.py': code,
      'model-config.yaml': JSON.stringify(config),
      'MAR-INF/MANIFEST.json': JSON.stringify({ runtime: 'python', model }),
      ...files,
    };
    mkdirSync(join(folder, 'MAR-INF'), { recursive: true });
    for (const [file, content] of Object.entries(all)) writeFileSync(join(folder, file), content);
    return folder;
  }

  /** The same, as a source to register. */
  source(name: string, code: string, given: PythonModel = {}): Promise<ModelSource> {
    const path = this.add(name, code, given);
    return openTrusted(path, { url: path }, options);
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
