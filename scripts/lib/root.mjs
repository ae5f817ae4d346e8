import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder of the package: where package.json and CMakeLists.txt lie. */
export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
