import { join } from 'node:path';
import { root } from '../lib/root.mjs';

/** Where the examples lie, each in a folder of its own. */
export const examplesFolder = join(root, 'examples');
