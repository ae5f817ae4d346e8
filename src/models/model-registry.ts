import { SconceError } from '../errors.js';
import type { ModelVersion } from './model-version.js';

/** The versions of one name. */
export interface Model {
  /** Oldest registration first. */
  readonly versions: ReadonlyMap<string, ModelVersion>;
  readonly defaultVersion: string;
}

/** A page of the list of models. */
export interface ModelPage {
  models: ModelVersion[];
  /** Where the next page begins, when there is one. */
  nextPageToken: number | undefined;
}

interface OpenModel {
  versions: Map<string, ModelVersion>;
  defaultVersion: string;
}

const largestPage = 100;

/** Which versions there are, and which of them a name means. */
export class ModelRegistry {
  readonly #models = new Map<string, OpenModel>();

  has(name: string): boolean {
    return this.#models.has(name);
  }

  /** @throws {SconceError} MODEL_VERSION_CONFLICT when the version is registered already. */
  checkFree(name: string, version: string): void {
    if (this.#models.get(name)?.versions.has(version)) {
      throw new SconceError('MODEL_VERSION_CONFLICT', version, name);
    }
  }

  /** The first version of a name is its default. */
  add(version: ModelVersion): void {
    const model = this.#models.get(version.name);
    if (model === undefined) {
      this.#models.set(version.name, {
        versions: new Map([[version.version, version]]),
        defaultVersion: version.version,
      });
    } else {
      model.versions.set(version.version, version);
    }
  }

  /** @throws {SconceError} DEFAULT_VERSION_IN_USE for the default of several versions. */
  checkRemovable({ name, version }: ModelVersion): void {
    const { versions, defaultVersion } = this.model(name);
    if (version === defaultVersion && versions.size > 1) {
      throw new SconceError('DEFAULT_VERSION_IN_USE', name);
    }
  }

  /** With its last version a name is gone. */
  remove(version: ModelVersion): void {
    const model = this.#models.get(version.name);
    if (model?.versions.get(version.version) !== version) return;
    model.versions.delete(version.version);
    const [next] = model.versions.keys();
    if (next === undefined) this.#models.delete(version.name);
    else if (model.defaultVersion === version.version) model.defaultVersion = next;
  }

  /** @throws {SconceError} MODEL_NOT_FOUND, DEFAULT_VERSION_NOT_FOUND */
  setDefault(name: string, version: string): void {
    const model = this.#models.get(name);
    if (model === undefined) throw new SconceError('MODEL_NOT_FOUND', name);
    if (!model.versions.has(version)) {
      throw new SconceError('DEFAULT_VERSION_NOT_FOUND', version, name);
    }
    model.defaultVersion = version;
  }

  /** @throws {SconceError} MODEL_NOT_FOUND */
  model(name: string): Model {
    const model = this.#models.get(name);
    if (model === undefined) throw new SconceError('MODEL_NOT_FOUND', name);
    return model;
  }

  /**
   * A version by name, the default one when none is named.
   *
   * @throws {SconceError} MODEL_NOT_FOUND or MODEL_VERSION_NOT_FOUND
   */
  version(name: string, version?: string): ModelVersion {
    const model = this.model(name);
    const found = model.versions.get(version ?? model.defaultVersion);
    if (found === undefined) {
      throw new SconceError('MODEL_VERSION_NOT_FOUND', version ?? model.defaultVersion, name);
    }
    return found;
  }

  /** Every version. */
  all(): ModelVersion[] {
    return [...this.#models.values()].flatMap(({ versions }) => [...versions.values()]);
  }

  /** The default version of every name, by name. */
  defaults(): ModelVersion[] {
    return [...this.#models.keys()].sort().map((name) => this.version(name));
  }

  /**
   * Default versions by name, a page at a time. As in TorchServe a limit out of 0..100 means 100,
   * and a page that is exactly full names a next one even when that is empty.
   */
  list(limit: number, token: number): ModelPage {
    const size = limit < 0 || limit > largestPage ? largestPage : limit;
    const start = Math.max(0, token);
    const models = this.defaults();
    const end = start + size;
    return {
      models: models.slice(start, end),
      nextPageToken: end <= models.length ? end : undefined,
    };
  }
}
