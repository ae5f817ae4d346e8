import { type TestContext, test } from 'node:test';
import { addon } from '../../src/native/binding.js';

/**
 * The device of tests that run on any: what SCONCE_TEST_DEVICE names, else `cpu`. `cuda` is the first
 * GPU.
 */
export const testDevice: string = deviceNamed(process.env.SCONCE_TEST_DEVICE);

/** The device of tests that need a GPU. */
export const gpuDevice: string = testDevice === 'cpu' ? 'cuda:0' : testDevice;

/** For node:test: false, or why tests that need so many GPUs are left out. */
export function withoutGpu(count = 1): string | false {
  const { cudaBuild, libtorchVersion, cudaDeviceCount } = addon();
  if (!cudaBuild) return `no GPU: LibTorch ${libtorchVersion} is a build for the CPU`;
  const present = cudaDeviceCount();
  if (present >= count) return false;
  return present === 0 ? 'no usable GPU' : `needs ${count} GPUs; there are ${present}`;
}

export function hasGpu(): boolean {
  return withoutGpu() === false;
}

export interface GpuTestOptions {
  /** How many it needs. */
  gpus?: number;
  /** Milliseconds. */
  timeout?: number;
}

type TestBody = (t: TestContext) => void | Promise<void>;

/** A test for machines with GPUs; elsewhere it is skipped, and says why. */
export function gpuTest(name: string, body: TestBody): void;
export function gpuTest(name: string, options: GpuTestOptions, body: TestBody): void;
export function gpuTest(name: string, given: GpuTestOptions | TestBody, body?: TestBody): void {
  const { gpus = 1, timeout = 120_000 } = typeof given === 'function' ? {} : given;
  test(name, { skip: withoutGpu(gpus), timeout }, typeof given === 'function' ? given : body);
}

function deviceNamed(name = 'cpu'): string {
  return name === 'cuda' ? 'cuda:0' : name;
}
