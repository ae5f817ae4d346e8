export type { Settings } from './config/settings.js';
export { parseSettings } from './config/settings.js';
export { type ErrorCode, SconceError } from './errors.js';
