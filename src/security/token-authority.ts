import { randomBytes } from 'node:crypto';
import { resolve } from 'node:path';
import { messageOf, SconceError } from '../errors.js';
import { holdsKey } from './bearer.js';
import { invalid } from './failure.js';
import {
  type Key,
  type KeySet,
  keyFileText,
  removeIfUnchanged,
  writePrivateFile,
} from './key-file.js';
import { SharedKey } from './shared-key.js';

/** The APIs that have a key of their own. */
export const tokenKinds = ['inference', 'management'] as const;

export type TokenKind = (typeof tokenKinds)[number];

export interface TokenOptions {
  /** Where the keys are written for those who may use them. */
  keyFile: string;
  /** Minutes that the inference and the management key are valid: more than 0, at most ten years. */
  expirationMinutes: number;
  now?: () => Date;
}

/** TorchServe's length: 48 bits, eight characters. */
const keyBytes = 6;

/** Minutes. */
const longestValidity = 5_256_000;

/** The keys of a running server: makes them, writes their file, checks and renews them. */
export class TokenAuthority {
  /** Absolute path. */
  readonly keyFile: string;
  /** Milliseconds. */
  readonly #validity: number;
  readonly #now: () => Date;
  #keys: KeySet;
  /** What the key file holds if nobody else has written it. */
  #text: string;
  /** Ends with the last change of the key file. */
  #changes: Promise<unknown> = Promise.resolve();
  #closed = false;
  /** Keys that other threads see, by their kind. */
  readonly #shared = new Map<TokenKind, SharedKey>();

  /**
   * Makes new keys; nobody can know them before their file is written.
   *
   * @throws {SconceError} INVALID_CONFIGURATION when the validity is out of bounds
   */
  constructor({ keyFile, expirationMinutes, now = () => new Date() }: TokenOptions) {
    if (!(expirationMinutes > 0 && expirationMinutes <= longestValidity)) {
      throw invalid(
        `token_expiration_min ${expirationMinutes} must be more than 0 and at most ${longestValidity} minutes`,
      );
    }
    this.keyFile = resolve(keyFile);
    this.#validity = expirationMinutes * 60_000;
    this.#now = now;
    this.#keys = {
      management: this.#newKey(),
      inference: this.#newKey(),
      api: { key: randomKey(), expires: undefined },
    };
    this.#text = keyFileText(this.#keys);
  }

  /**
   * Makes new keys and writes their file.
   *
   * @throws {SconceError} INVALID_CONFIGURATION as the constructor and writeKeyFile()
   */
  static async create(options: TokenOptions): Promise<TokenAuthority> {
    const authority = new TokenAuthority(options);
    await authority.writeKeyFile();
    return authority;
  }

  /**
   * Writes the key file, over one that is there. A server does so once it has its ports: a start
   * that fails because another one runs would else take that one's file away. Does nothing once the
   * file has been removed.
   *
   * @throws {SconceError} INVALID_CONFIGURATION when it cannot be written
   */
  async writeKeyFile(): Promise<void> {
    try {
      await this.#change(async () => {
        if (!this.#closed) await writePrivateFile(this.keyFile, this.#text);
      });
    } catch (error) {
      throw invalid(
        `the key file ${this.keyFile} cannot be written: ${messageOf(error)}. Start in a folder that may be written to, or set disable_token_authorization=true`,
      );
    }
  }

  /**
   * Checks the value of an Authorization header.
   *
   * @throws {SconceError} TOKEN_REFUSED when it is not the key of this kind, or that has expired
   */
  authorize(kind: TokenKind, authorization: string | undefined): void {
    if (!this.#holds(this.#keys[kind], authorization)) throw new SconceError('TOKEN_REFUSED');
  }

  /** Memory of a SharedKey by which other threads check the key of a kind, whenever it changes. */
  share(kind: TokenKind): SharedArrayBuffer {
    const shared = this.#shared.get(kind) ?? new SharedKey();
    this.#shared.set(kind, shared);
    shared.set(this.#keys[kind]);
    return shared.memory;
  }

  /**
   * Replaces the key of a kind and writes the file. Until that has succeeded the old key counts.
   * Renewals run one after the other.
   *
   * @param authorization must hold the API key
   * @throws {SconceError} TOKEN_RENEWAL_REFUSED when it does not; SHUTTING_DOWN when the file has
   *   been removed; INTERNAL when it cannot be written
   */
  async renew(kind: TokenKind, authorization: string | undefined): Promise<void> {
    if (!this.#holds(this.#keys.api, authorization)) {
      throw new SconceError('TOKEN_RENEWAL_REFUSED');
    }
    await this.#change(() => this.#replace(kind));
  }

  /**
   * Removes the key file, unless another server has written it since; for when the server stops.
   * Keys cannot be renewed from here on.
   *
   * @throws {Error} of the file system
   */
  async removeKeyFile(): Promise<void> {
    this.#closed = true;
    await this.#change(() => removeIfUnchanged(this.keyFile, this.#text));
  }

  async #replace(kind: TokenKind): Promise<void> {
    if (this.#closed) throw new SconceError('SHUTTING_DOWN');
    const keys = { ...this.#keys, [kind]: this.#newKey() };
    const text = keyFileText(keys);
    try {
      await writePrivateFile(this.keyFile, text);
    } catch (error) {
      throw new SconceError('INTERNAL', `the key file cannot be written: ${messageOf(error)}`);
    }
    this.#keys = keys;
    this.#text = text;
    this.#shared.get(kind)?.set(keys[kind]);
  }

  #change(work: () => Promise<void>): Promise<void> {
    const done = this.#changes.then(work);
    this.#changes = done.catch(() => {});
    return done;
  }

  #holds(key: Key, authorization: string | undefined): boolean {
    return holdsKey(key, authorization, this.#now());
  }

  #newKey(): Key {
    return { key: randomKey(), expires: new Date(this.#now().getTime() + this.#validity) };
  }
}

function randomKey(): string {
  return randomBytes(keyBytes).toString('base64url');
}
