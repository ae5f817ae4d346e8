import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { SystemProperties } from '../handlers/api/context.js';
import { packageVersion } from '../package-version.js';
import { firstDevice, gpuIndex } from './device.js';

/** What a handler's context is made of that is not asked of the model. */
interface ContextOptions {
  source: { folder: string };
  devices: readonly string[];
  batchSize: number;
  limitMaxImagePixels: boolean;
}

/** TorchServe's `system_properties`. */
export function systemProperties({
  source,
  devices,
  batchSize,
  limitMaxImagePixels,
}: ContextOptions): SystemProperties {
  return {
    model_dir: source.folder,
    gpu_id: gpuIndex(firstDevice(devices)),
    batch_size: batchSize,
    server_name: 'MMS',
    server_version: packageVersion(),
    limit_max_image_pixels: limitMaxImagePixels,
  };
}

/** MAR-INF/MANIFEST.json of a model's folder; an empty object without one. */
export async function readManifest(folder: string): Promise<Record<string, unknown>> {
  const text = await readFile(join(folder, 'MAR-INF', 'MANIFEST.json'), 'utf8').catch(() => '{}');
  return JSON.parse(text);
}
