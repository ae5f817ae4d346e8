#!/usr/bin/env -S node --single-threaded-gc
// Tensors lie outside the JavaScript heap, which is small: collecting it with node's helper threads
// takes more of the cores from the instances than it saves.
import { prefetchAddon } from '../native/prefetch.js';

// Before anything else is read, which takes about as long.
if (process.argv[2] === 'serve') prefetchAddon();
await import('./sconce.js');
