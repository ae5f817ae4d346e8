import type { NativeField, NativeOutput, OutputStructure } from '../native/addon.js';

/** What the main loop asks a pool thread to do. Everything here is cloned or transferred. */
export type PoolTask = ReadJsonTask | WriteJsonTask;

export interface ReadJsonTask {
  kind: 'readJson';
  fields: NativeField[];
  body: Uint8Array;
}

export interface WriteJsonTask {
  kind: 'writeJson';
  outputs: NativeOutput[];
  structure: OutputStructure;
  names: string[] | null;
  /** The output block; over shared memory it is seen in place. */
  block: Uint8Array;
  batchRows: number;
  firstRow: number;
  rows: number;
  form: number;
}

/** An error's code does not survive cloning, so failures are values. */
export interface PoolFailure {
  code: string;
  message: string;
}

export interface ReadJsonResult {
  summary: Int32Array;
  memory: Uint8Array;
  offsets: Float64Array;
}
